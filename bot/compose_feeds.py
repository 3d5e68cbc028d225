"""The feeds that run beside the chain's, put together: exchanges and recorder. Part of compose.py, which it would overfill."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from bot.clock import SystemClock
from bot.core.units import Nanoseconds
from bot.feeds.cex.config import CexConfig
from bot.feeds.cex.exchange_feed import ExchangeFeed
from bot.feeds.cex.exchange_feeds import ExchangeFeeds
from bot.feeds.cex.rest import RestClient
from bot.feeds.cex.venues import VENUES
from bot.feeds.cex.websocket import picows_connect
from bot.feeds.recorder import Recorder
from bot.feeds.recording_files import RecorderConfig
from bot.settings import ExchangeSettings, Settings


@asynccontextmanager
async def open_recorder(settings: Settings) -> AsyncIterator[Recorder | None]:
    """What BOT_RECORD asks for, written out until left; None where it is off."""
    variables = settings.variables
    if variables.record == "off":
        yield None
        return
    config = RecorderConfig(cap=variables.recording_cap)
    recorder = Recorder(settings.data_dir / "recordings", config, SystemClock())
    running = asyncio.create_task(recorder.run(), name="recorder")
    try:
        yield recorder
    finally:
        running.cancel()
        await recorder.close()


@asynccontextmanager
async def open_exchanges(settings: Settings, recorder: Recorder | None) -> AsyncIterator[ExchangeFeeds]:
    """The feeds of BOT_EXCHANGES, running until left. Their clock is the machine's in lockstep too: exchanges do not wait."""
    rest = RestClient()
    rows = [_exchange_feed(settings, row, rest, recorder) for row in settings.exchanges]
    feeds = ExchangeFeeds(rows, SystemClock())
    running = asyncio.create_task(feeds.run(), name="exchange feeds")
    try:
        yield feeds
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await rest.close()


def _exchange_feed(
    settings: Settings, row: ExchangeSettings, rest: RestClient, recorder: Recorder | None
) -> ExchangeFeed:
    variables, venue = settings.variables, VENUES[row.name]
    usual = (pair for asset in variables.quote_assets for pair in venue.default_pairs(asset))
    pairs = tuple(dict.fromkeys(row.pairs or usual))
    bases = row.ws_url or venue.ws_url, row.rest_url or venue.rest_url
    tap = None
    if recorder is not None and settings.records_exchanges:
        tap = recorder.source(row.name, [str(pair) for pair in pairs], bases)
    feed = ExchangeFeed(
        venue,
        pairs,
        *bases,
        CexConfig(quote_age=Nanoseconds(variables.quote_age), quote_lag=Nanoseconds(variables.quote_lag)),
        picows_connect,
        rest.fetch,
        SystemClock(),
        random.SystemRandom().random,
        tap,
    )
    if tap is not None:
        tap.renew = partial(feed.renew, "a new file of the recording begins with whole books")
    return feed
