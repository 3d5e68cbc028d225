"""A flood of announcements: so many a window are read, the newest, the rest are dropped unread and counted."""

import asyncio
import contextlib
import json
from collections import Counter
from itertools import pairwise

import msgspec
import pytest
from structlog.testing import capture_logs

from bot.core.result import Ok
from bot.feeds.mev_share import HintFeed
from bot.feeds.pending import PendingFeed
from bot.feeds.pending_events import HintsComplete, PendingConfig
from bot.feeds.unread_announcements import WINDOW, UnreadAnnouncements
from tests.feeds.cex.virtual_clock import START, VirtualClock, until
from tests.feeds.hint_server import HintServer, stay
from tests.feeds.pending_samples import bodies

MOST = 20
CONFIG = PendingConfig(announcements_per_window=MOST, hashes_waiting=100)


class Windows:
    """What was read, by the window in which it was, and by the turn of the loop."""

    def __init__(self, most=MOST):
        self.clock, self.read, self.dropped, self.at = VirtualClock(), [], [], Counter()
        self.unread = UnreadAnnouncements(self.clock, most, self._take, self.dropped.append)

    def _take(self, item, came_at):
        self.read.append((item, came_at - START))
        self.at[(self.clock.now - START) // WINDOW] += 1

    @property
    def items(self):
        return [item for item, _ in self.read]


async def test_what_fits_is_read_at_once():
    windows = Windows()
    for item in range(10 * MOST):
        if item % MOST == 0 and item:
            await windows.clock.advance(WINDOW)
        windows.unread.announced(item)
        assert windows.items == list(range(item + 1))
    assert windows.dropped == []


async def test_of_a_flood_the_newest_are_read_in_order_and_no_window_holds_more():
    windows = Windows()
    for item in range(1_000):
        windows.unread.announced(item)
    assert windows.items == list(range(MOST))
    await windows.clock.advance(WINDOW - 1)
    assert windows.items == list(range(MOST))
    await windows.clock.advance(1)
    assert windows.read == [(item, 0) for item in [*range(MOST), *range(1_000 - MOST, 1_000)]]
    assert windows.dropped == list(range(MOST, 1_000 - MOST))
    windows.unread.announced("one more")
    assert windows.items[-1] == 999, "that window is full"
    await windows.clock.advance(WINDOW)
    assert windows.read[-1] == ("one more", WINDOW), "it keeps the time at which it came"
    await windows.clock.advance(5 * WINDOW)
    windows.unread.announced("at ease")
    assert windows.items[-1] == "at ease"


async def test_a_flood_that_lasts():
    windows = Windows()
    for step in range(100):
        for item in range(100):
            windows.unread.announced((step, item))
        await windows.clock.advance(WINDOW // 10)
    await windows.clock.advance(WINDOW)
    assert set(windows.at.values()) == {MOST}
    assert len(windows.at) == 11
    assert windows.items == sorted(windows.items)
    assert len(windows.items) + len(windows.dropped) == 10_000
    assert set(windows.items).isdisjoint(windows.dropped)
    assert windows.items[-1] == (99, 99)


async def test_others_get_their_turns_while_a_window_is_read():
    windows = Windows(most=300)
    for item in range(600):
        windows.unread.announced(item)
    turns = []

    async def others():
        while len(windows.items) < 600:
            turns.append(len(windows.items))
            await asyncio.sleep(0)
        turns.append(len(windows.items))

    other = asyncio.create_task(others())
    await windows.clock.advance(WINDOW)
    await other
    assert max(after - before for before, after in pairwise(turns)) <= 32


async def test_a_defect_in_reading_is_not_swallowed_and_closing_ends_all():
    clock = VirtualClock()

    def read(item, _):
        if item == "bad":
            raise ZeroDivisionError

    unread = UnreadAnnouncements(clock, 1, read, lambda _: None)
    unread.announced("good")
    unread.announced("bad")
    await clock.advance(WINDOW)
    with pytest.raises(ZeroDivisionError):
        unread.announced("good")
    await clock.advance(WINDOW)
    unread.announced("good")
    unread.announced("bad")
    await unread.close()
    await clock.advance(10 * WINDOW)
    assert len(asyncio.all_tasks()) == 1


class Pushing:
    """core.ports.RpcSession of a node that pushes as told."""

    def __init__(self):
        self.deliver = None
        self.asked = []

    async def subscribe(self, params, deliver):
        self.deliver = deliver
        return Ok("0x1")

    async def batch(self, calls):
        self.asked += [tx_hash for _, [tx_hash] in calls]
        return [Ok(None)] * len(calls)

    async def closed(self):
        await asyncio.sleep(3600)

    async def close(self):
        pass


async def drained(events, into):
    async for event in events:
        into.append(event)


@contextlib.asynccontextmanager
async def following(feed):
    got, events = [], feed.events()
    reader = asyncio.create_task(drained(events, got))
    try:
        yield got
    finally:
        reader.cancel()
        await asyncio.wait([reader])
        await events.aclose()
        await feed.close()


async def test_a_flood_of_bodies():
    clock, session, pool = VirtualClock(), Pushing(), bodies(30)
    flood = [{"hash": "0x12"}] * 970 + pool  # what is dropped is not even looked at
    feed = PendingFeed(lambda: asyncio.sleep(0, session), clock, CONFIG, lambda: 0.5)
    with capture_logs() as logs:
        async with following(feed) as got:
            await until(lambda: session.deliver)
            for value in flood:
                session.deliver(value)
            await clock.advance(2 * WINDOW)
            assert [one.transaction.nonce for one in got] == list(range(10, 30))
            assert {one.seen_at for one in got} == {START}
            counters = feed.counters
            assert (counters.seen, counters.malformed, counters.dropped) == (MOST, MOST, 1_000 - 2 * MOST)
            for value in flood:
                session.deliver(value)
    assert [line["event"] for line in logs] == ["pending.dropped"]


async def test_a_flood_of_hashes_asks_for_no_more_bodies_than_are_read():
    clock, session = VirtualClock(), Pushing()
    feed = PendingFeed(lambda: asyncio.sleep(0, session), clock, CONFIG, lambda: 0.5)
    async with following(feed):
        await until(lambda: session.deliver)
        for number in range(10_000):
            session.deliver(f"0x{number:064x}")
        await clock.advance(2 * WINDOW)
        assert [int(one, 16) for one in session.asked] == [*range(MOST), *range(10_000 - MOST, 10_000)]
        assert feed.counters.dropped == 10_000 - 2 * MOST


async def test_a_flood_of_hints_in_which_every_block_is_still_ended():
    log = {"address": "0x" + "ab" * 20, "topics": []}
    hints = [json.dumps({"hash": f"0x{n:064x}", "logs": [log]}).encode() for n in range(2_000)]
    script_done = asyncio.Event()

    async def script(_, write):
        for number, hint in enumerate(hints):
            await write(b"data: " + hint + b"\n\n" + (b": block 7\n\n" if number == 1_000 else b""))
        await write(b": block 8\n\n")
        script_done.set()
        await stay()

    server, clock = HintServer(script), VirtualClock()
    feed = HintFeed(await server.start(), clock, msgspec.structs.replace(CONFIG), lambda: 0.5)
    with capture_logs() as logs:
        async with following(feed) as got:
            await until(lambda: HintsComplete(7) in got and script_done.is_set())
            counters = feed.counters
            await until(lambda: counters.dropped == 2_000 - 2 * MOST + 1)
            await clock.advance(WINDOW)
            await until(lambda: HintsComplete(8) in got)
    await server.stop()
    told = [int.from_bytes(one.hash) for one in got if not isinstance(one, HintsComplete)]
    assert told == [*range(MOST), *range(2_000 - MOST + 1, 2_000)]
    assert (counters.seen, counters.dropped + counters.seen) == (2 * MOST - 1, 2_000)
    assert got.index(HintsComplete(7)) == MOST
    assert got[-1] == HintsComplete(8)
    assert [line["event"] for line in logs] == ["pending.dropped"]


async def test_hints_that_tell_nothing_are_counted_and_cost_no_event():
    async def script(_, write):
        for number in range(3):
            await write(b'data: {"hash":"0x%064x","logs":null,"txs":null}\n\n' % number)
        await write(b'data: {"hash":"0x%064x","logs":[{"address":"0x%040x"}]}\n\n' % (9, 5))
        await stay()

    server, clock = HintServer(script), VirtualClock()
    feed = HintFeed(await server.start(), clock, CONFIG, lambda: 0.5)
    async with following(feed) as got:
        await until(lambda: got)
    await server.stop()
    assert [one.hash[-1] for one in got] == [9]
    assert (feed.counters.seen, feed.counters.empty) == (1, 3)
