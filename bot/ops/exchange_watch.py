"""Looks at the exchanges once a second while the bot runs: for the live view, the plain lines and `bot status`."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import structlog

from bot.core.ports import Clock
from bot.core.units import Nanoseconds
from bot.feeds.cex.exchange_feeds import ExchangeFeeds
from bot.ops.exchange_file import remove_board, write_board
from bot.ops.exchange_view import exchange_board
from bot.ops.run_progress import RunProgress
from bot.state.joined_price import ReferenceConfig

log = structlog.get_logger()

EVERY: Final = Nanoseconds(10**9)


class ExchangeWatch:
    """`clock` is the feeds' own. A folder that cannot be written is said once and does not end the run."""

    def __init__(
        self,
        feeds: ExchangeFeeds,
        assets: Sequence[str],
        config: ReferenceConfig,
        folder: Path,
        clock: Clock,
    ) -> None:
        self._feeds = feeds
        self._assets = assets
        self._config = config
        self._folder = folder
        self._clock = clock
        self._problem: str | None = None

    async def run(self, progress: RunProgress) -> None:
        """Until cancelled, when the last look has been written; at once where no exchange is followed."""
        if not self._feeds.feeds:
            await self._file(lambda: remove_board(self._folder))
            return
        try:
            while True:
                await self._look(progress)
                await self._clock.sleep(EVERY)
        finally:
            await self._look(progress)

    async def _look(self, progress: RunProgress) -> None:
        now, utc = self._clock.monotonic(), self._clock.utc()
        board = exchange_board(
            self._feeds.statuses(now), self._feeds.quotes(now), self._assets, self._config, now
        )
        progress.exchanges = board
        await self._file(lambda: write_board(self._folder, board, utc))

    async def _file(self, write: Callable[[], None]) -> None:
        """In a thread: a slow disk must not hold up a block."""
        try:
            await asyncio.to_thread(write)
        except OSError as error:
            if str(error) != self._problem:
                self._problem = str(error)
                log.warning("exchanges.not_written", folder=str(self._folder), reason=self._problem)
