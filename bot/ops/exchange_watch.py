"""Looks at the exchanges once a second while the bot runs: for the live view, the plain lines and `bot status`."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import structlog

from bot.core.ports import Clock
from bot.core.result import Unknown
from bot.core.units import Nanoseconds
from bot.feeds.cex.exchange_feeds import ExchangeFeeds
from bot.ops.exchange_file import remove_board, write_board
from bot.ops.exchange_view import exchange_board, unseen_board
from bot.ops.run_progress import RunProgress
from bot.state.joined_price import ReferenceConfig

log = structlog.get_logger()

EVERY: Final = Nanoseconds(10**9)
LAST_WRITE_LIMIT: Final = Nanoseconds(2 * 10**9)
"""What a slow disk may hold up the end of a run."""


class ExchangeWatch:
    """`clock` is the feeds' own. Neither a look that fails nor a folder that cannot be written ends the watch or the
    run: each such reason is logged once, and a failed look is a board that says so.
    """

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
        self._said: set[str] = set()
        self._writing: asyncio.Task[None] | None = None

    async def run(self, progress: RunProgress) -> None:
        """Until cancelled, when the last look has been written; at once where no exchange is followed."""
        if not self._feeds.feeds:
            await self._file(lambda: remove_board(self._folder))
            return
        try:
            while True:
                self._look(progress)
                if self._writing is None or self._writing.done():
                    self._writing = asyncio.create_task(self._write(progress))
                await self._clock.sleep(EVERY)
        finally:
            self._look(progress)
            if isinstance(await self._clock.within(LAST_WRITE_LIMIT, self._write_last(progress)), Unknown):
                self._say_once(
                    "exchanges.not_written", f"no answer of the disk within {LAST_WRITE_LIMIT / 10**9:g} s"
                )

    def _look(self, progress: RunProgress) -> None:
        now = self._clock.monotonic()
        try:
            statuses, quotes = self._feeds.statuses(now), self._feeds.quotes(now)
            progress.exchanges = exchange_board(statuses, quotes, self._assets, self._config, now)
        except Exception as error:  # noqa: BLE001  # a defect in one look must neither end the next ones nor leave the last board standing as if it were this one
            reason = f"{type(error).__name__}: {error}"
            self._say_once("exchanges.not_seen", reason)
            progress.exchanges = unseen_board(progress.exchanges, self._assets, reason, now)

    async def _write(self, progress: RunProgress) -> None:
        board, utc = progress.exchanges, self._clock.utc()
        if board is not None:
            await self._file(lambda: write_board(self._folder, board, utc))

    async def _write_last(self, progress: RunProgress) -> None:
        """After the one under way: two at once would write into one file."""
        if self._writing is not None:
            await self._writing
        await self._write(progress)

    async def _file(self, write: Callable[[], None]) -> None:
        try:
            await _in_own_thread(write)
        except Exception as error:  # noqa: BLE001  # a full disk (OSError) or a board that cannot be encoded: a file for `bot status` is no reason to stop looking
            self._say_once("exchanges.not_written", str(error) or type(error).__name__)

    def _say_once(self, event: str, reason: str) -> None:
        if reason not in self._said:
            self._said.add(reason)
            log.warning(event, folder=str(self._folder), reason=reason)


async def _in_own_thread(work: Callable[[], None]) -> None:
    """As asyncio.to_thread, in a thread that the end of the program does not wait for: a disk may hang."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def tell(error: Exception | None) -> None:
        if done.done():  # nobody waits any longer
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def run() -> None:
        error: Exception | None = None
        try:
            work()
        except Exception as caught:  # noqa: BLE001  # raised where it is awaited
            error = caught
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(tell, error)

    threading.Thread(target=run, name="exchanges.json", daemon=True).start()
    await done
