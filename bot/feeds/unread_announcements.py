"""A flood of announcements costs no more than so many a window: the newest are read, the rest are dropped unread.

What reads them shares its loop with heads, bundles and answers of relays.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from bot.core.ports import Clock
from bot.core.units import Nanoseconds
from bot.feeds.config import MILLISECOND

WINDOW: Final = Nanoseconds(100 * MILLISECOND)
_AT_ONCE: Final = 16
"""Read between two turns of the loop."""

T = TypeVar("T")


class UnreadAnnouncements(Generic[T]):
    """Read as they come while the window has room; what is more waits for the next one, pushed out by what is newer.

    `read` is given each with the time at which it came, in the order in which they came; `most` of them in a window
    of 100 ms, and as many wait. `pushed_out` is given what is not read.
    """

    def __init__(
        self,
        clock: Clock,
        most: int,
        read: Callable[[T, Nanoseconds], None],
        pushed_out: Callable[[T], None],
    ) -> None:
        self._clock = clock
        self._most = most
        self._read = read
        self._pushed_out = pushed_out
        self._unread: deque[tuple[T, Nanoseconds]] = deque()
        self._window_ends = Nanoseconds(0)
        self._left = 0
        self._reading: asyncio.Task[None] | None = None

    def announced(self, item: T) -> None:
        """Raises what reading one of those before it raised."""
        now = self._clock.monotonic()
        if self._reading is not None and self._reading.done():
            self._end_reading()
        if self._reading is None:
            self._renew(now)
            if self._left > 0:
                self._left -= 1
                self._read(item, now)
                return
            self._reading = asyncio.create_task(self._read_later(), name="announcements of a flood")
        if len(self._unread) >= self._most:
            self._pushed_out(self._unread.popleft()[0])
        self._unread.append((item, now))

    async def close(self) -> None:
        """What is unread stays so."""
        self._unread.clear()
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading

    def _end_reading(self) -> None:
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.result()

    def _renew(self, now: Nanoseconds) -> None:
        if now >= self._window_ends:
            self._window_ends = Nanoseconds(now + WINDOW)
            self._left = self._most

    async def _read_later(self) -> None:
        while self._unread:
            await self._clock.sleep(Nanoseconds(self._window_ends - self._clock.monotonic()))
            self._renew(self._clock.monotonic())
            while self._unread and self._left > 0:
                for _ in range(min(_AT_ONCE, self._left, len(self._unread))):
                    self._left -= 1
                    self._read(*self._unread.popleft())
                await self._clock.sleep(Nanoseconds(0))
