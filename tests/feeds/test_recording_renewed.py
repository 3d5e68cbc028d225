"""What a recording needs to stand without its first files: whole books in later ones, by a second connection."""

import asyncio
import itertools

import msgspec
import pytest

from bot.core.units import Nanoseconds
from bot.feeds.recorder import Recorder
from tests.chain.waiting import until
from tests.feeds.cex.cex_stage import stage
from tests.feeds.cex.virtual_clock import SECOND, VirtualClock
from tests.feeds.recorder_stage import SMALL


async def turns(recorder, clock, tap, seconds):
    """A frame each second, the recorder's own round after it."""
    for _ in range(seconds):
        tap.frame(1, bytes(100), clock.monotonic())
        await clock.advance(SECOND)
        await until(lambda: recorder._handed == recorder._done)
        tap.renew_books(clock.monotonic())


async def closed(recorder, clock):
    closing = asyncio.create_task(recorder.close())
    while not closing.done():
        await clock.advance(SECOND // 100)


async def test_whole_books_are_asked_for_after_a_new_file_and_not_more_often_than_allowed(tmp_path):
    clock = VirtualClock()
    asked = []
    config = msgspec.structs.replace(
        SMALL, file_age=Nanoseconds(10 * SECOND), renew_every=Nanoseconds(25 * SECOND), block_bytes=1
    )
    recorder = Recorder(tmp_path, config, clock)
    tap = recorder.source("kraken", ["ETH/USD"])
    tap.renew = lambda: asked.append((clock.monotonic() - began) // SECOND)
    began = clock.monotonic()
    await turns(recorder, clock, tap, 90)
    assert recorder.counters.files >= 8
    assert len(asked) == 3, "at the 25th second, then each time a file was begun that has none"
    assert all(later - earlier >= 25 for earlier, later in itertools.pairwise(asked))
    await closed(recorder, clock)


async def test_one_file_alone_asks_for_nothing(tmp_path):
    clock = VirtualClock()
    recorder = Recorder(tmp_path, msgspec.structs.replace(SMALL, renew_every=Nanoseconds(0)), clock)
    tap = recorder.source("kraken", ["ETH/USD"])
    tap.renew = pytest.fail
    await turns(recorder, clock, tap, 10)
    await closed(recorder, clock)


@pytest.mark.parametrize("venue", ["kraken", "binance"])
async def test_a_second_connection_is_opened_on_request_and_costs_no_quote(venue):
    async with stage(venue) as on:
        on.feed.renew("nobody serves yet")
        await on.live()
        assert on.feed.counters.hand_overs == 0
        first, seen = on.feed.connection, []
        on.feed.renew("whole books")
        on.feed.renew("asked twice")
        await on.run_for(5, lambda: seen.append(on.fresh))
        assert on.feed.connection is not first
        assert first.reason == "handed over: whole books"
        assert on.feed.counters.hand_overs == 1
        assert len(seen) >= 20
        assert all(seen)
        assert on.agrees()
