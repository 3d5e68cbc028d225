"""The feeds that run beside the chain's, put together: exchanges, pending transactions and recorder. Part of compose.py, which it would overfill."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from bot.backrun_tick import BackrunDeps, Backruns
from bot.between_blocks import Follow, Following
from bot.carry_out import TickDeps
from bot.chain.hinted_pools import HintStandIns
from bot.clock import SystemClock
from bot.compose import Adapters, node_connection
from bot.core.errors import BadConfiguration
from bot.core.funnel import Funnel
from bot.core.loopback import is_loopback
from bot.core.pending import PendingSeen
from bot.core.units import Nanoseconds
from bot.exchange_settings import ExchangeSettings
from bot.feeds.cex.config import CexConfig
from bot.feeds.cex.exchange_feed import ExchangeFeed
from bot.feeds.cex.exchange_feeds import ExchangeFeeds
from bot.feeds.cex.rest import RestClient
from bot.feeds.cex.venues import VENUES
from bot.feeds.cex.websocket import picows_connect
from bot.feeds.mev_share import HintFeed
from bot.feeds.pending import PendingFeed, pending_for
from bot.feeds.pending_events import PendingConfig
from bot.feeds.pending_intake import PendingIntake
from bot.feeds.recorder import Recorder
from bot.feeds.recording_files import RecorderConfig
from bot.settings import Settings

MEV_SHARE_URL: Final = "https://mev-share.flashbots.net"


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


@asynccontextmanager
async def open_pending(settings: Settings, adapters: Adapters) -> AsyncIterator[PendingIntake | None]:
    """What BOT_BACKRUNS asks for, running until left; None where nothing would be done with it."""
    wanted = settings.variables.backruns
    if wanted == "off" or settings.mode == "observe":
        yield None
        return
    clock, config, lockstep = adapters.clock, PendingConfig(), settings.variables.lockstep
    jitter = random.SystemRandom().random
    connect = node_connection(settings, clock, settings.variables.rpc_timeout)
    public = wanted in ("public", "all")
    hints = None
    if wanted in ("hints", "all"):
        url = settings.variables.hints_url or MEV_SHARE_URL
        if settings.chain.is_throwaway and not is_loopback(urlsplit(url).hostname or ""):
            raise BadConfiguration(
                f"BOT_HINTS_URL={url}: on a market or fork only a stream on this machine is followed"
            )
        hints = HintFeed(url, clock, config, jitter)
    intake = PendingIntake(
        [PendingFeed(connect, clock, config, jitter)] if public and not lockstep else [],
        clock,
        (lambda block: pending_for(adapters.rpc, block, clock)) if public and lockstep else None,
        in_lockstep=lockstep,
        hints=hints,
    )
    running = asyncio.create_task(intake.run(), name="pending transactions")
    try:
        yield intake
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def following(settings: Settings, adapters: Adapters, deps: TickDeps) -> Follow:
    """What is done with each pending transaction."""
    backruns = Backruns(
        BackrunDeps(
            runner=adapters.simulator,
            stand_ins=HintStandIns(adapters.rpc),
            most_simulations=settings.variables.backrun_simulations,
        ),
        settings.chain.weth.address,
    )

    async def follow(seen: PendingSeen, believed: Following, funnel: Funnel) -> None:
        await backruns.backrun(seen, believed.block, believed, believed.wallets, deps, funnel)

    return follow
