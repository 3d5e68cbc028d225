"""All followed exchanges side by side: what one does, or a defect in its feed, is never felt by another."""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec
import structlog

from bot.core.market_data import ExchangeStatus, Quote
from bot.core.ports import Clock
from bot.core.units import Nanoseconds
from bot.feeds.cex.exchange_feed import ExchangeFeed

log = structlog.get_logger()

AFTER_DEFECT: Final = Nanoseconds(60 * 10**9)
"""Before a feed that ended is started again: a feed that stays away for good would be a silent one."""


class ExchangeFeeds:
    """`run()` it as a task; ask it at any time."""

    def __init__(self, feeds: Sequence[ExchangeFeed], clock: Clock) -> None:
        self.feeds = tuple(feeds)
        self._clock = clock
        self._defects: dict[str, str] = {}

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for feed in self.feeds:
                group.create_task(self._run_one(feed), name=f"feed of {feed.venue.name}")

    def quotes(self, now: Nanoseconds) -> list[Quote]:
        """Of every pair of every exchange that has one, fresh or not. `now` is the monotonic clock."""
        return [quote for feed in self.feeds for quote in feed.quotes(now)]

    def statuses(self, now: Nanoseconds) -> tuple[ExchangeStatus, ...]:
        """In the order of BOT_EXCHANGES."""
        return tuple(self._status(feed, now) for feed in self.feeds)

    async def _run_one(self, feed: ExchangeFeed) -> None:
        name = feed.venue.name
        while True:
            try:
                await feed.run()
            except Exception as error:  # a defect of ours in one feed is said loudly, and the others go on
                log.exception("exchange.defect", exchange=name)
                self._defects[name] = f"a defect of the bot ({type(error).__name__}: {error}); see its log"
            await self._clock.sleep(AFTER_DEFECT)
            self._defects.pop(name, None)

    def _status(self, feed: ExchangeFeed, now: Nanoseconds) -> ExchangeStatus:
        status, defect = feed.status(now), self._defects.get(feed.venue.name)
        return status if defect is None else msgspec.structs.replace(status, state="stopped", reason=defect)
