"""A recording whose first files are gone, of every exchange: books come all the same, and end as the live ones did."""

import asyncio
from functools import partial

import pytest

from bot.clock import SystemClock
from bot.core.units import Nanoseconds
from bot.feeds.cex.config import CexConfig
from bot.feeds.cex.exchange_feed import ExchangeFeed
from bot.feeds.cex.replay import exchange_part
from bot.feeds.cex.rest import RestClient
from bot.feeds.cex.venues import VENUES
from bot.feeds.cex.websocket import picows_connect
from bot.feeds.recorder import Recorder
from bot.feeds.recording_files import RecorderConfig
from bot.feeds.recording_reader import read_recording
from bot.feeds.replay_loop import replay
from bot.world.exchanges.server import EXCHANGES, ExchangeServer

SECOND = Nanoseconds(10**9)
CONFIG = RecorderConfig(
    kept_free=0, file_age=SECOND, renew_every=SECOND, flush_every=Nanoseconds(10**8), block_bytes=4096
)


async def follow(folder):
    clock, server, rest = SystemClock(), ExchangeServer(seed=3, steps=1), RestClient()
    await server.start(pulse=False)
    recorder = Recorder(folder, CONFIG, clock)
    feeds = []
    for name in EXCHANGES:
        venue, bases = VENUES[name], (server.url(name).ws, server.url(name).rest)
        pairs = venue.default_pairs("ETH")
        tap = recorder.source(name, [str(pair) for pair in pairs], bases)
        feed = ExchangeFeed(
            venue, pairs, *bases, CexConfig(), picows_connect, rest.fetch, clock, lambda: 0.5, tap
        )
        tap.renew = partial(feed.renew, "a new file")
        feeds.append(feed)
    tasks = [asyncio.create_task(work) for work in (recorder.run(), *(feed.run() for feed in feeds))]
    try:
        for _ in range(130):
            server.move()
            await asyncio.sleep(0.025)
        await asyncio.sleep(0.2)
        return {feed.venue.name: [feed.book(pair).best() for pair in feed.pairs] for feed in feeds}
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await recorder.close()
        await rest.close()
        await server.stop()


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    live = asyncio.run(follow(folder))
    for first in folder.glob("*-000001.rec"):
        first.unlink()
    return live, {run.source: run for run in read_recording(folder)}


@pytest.mark.parametrize("name", EXCHANGES)
def test_the_books_of_the_later_files_end_as_the_live_ones_did(followed, name):
    live, runs = followed
    assert runs[name].first_number == 2
    pairs = VENUES[name].default_pairs("ETH")
    [result] = replay([exchange_part(VENUES[name], pairs, runs[name].records(), CexConfig())], is_paced=False)
    assert [top.best for top in result.tops] == live[name]
    assert None not in live[name]
