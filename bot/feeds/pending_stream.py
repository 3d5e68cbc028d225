"""Events of a connection that is opened again whenever it ends: buffered, newest first to stay, each hash once."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import msgspec
import structlog

from bot.core.pending import PendingSeen
from bot.core.ports import Clock
from bot.core.raw_transaction_codec import HashMismatch
from bot.core.units import Nanoseconds
from bot.feeds.backoff import delay
from bot.feeds.config import SECOND
from bot.feeds.pending_events import PendingConfig, PendingCounters, PendingEvent
from bot.feeds.unread_announcements import UnreadAnnouncements

log = structlog.get_logger()

LONGEST_WAIT: Final = Nanoseconds(600 * SECOND)
"""However long a server says that it wants to be left alone."""


class Ended(msgspec.Struct, frozen=True):
    """How one connection, or the attempt to open it, ended."""

    reason: str
    """One line, without the URL."""
    was_good: bool = False
    """It served: the next attempt is not held against it."""
    at_least: Nanoseconds = Nanoseconds(0)
    """Not before this long: the server said so."""


class PendingStream:
    """`serve` opens one connection, puts what it hears, and returns when that has ended. `jitter` gives [0, 1).

    `unread` is where `serve` leaves what it hears; it is closed with the stream.
    """

    def __init__(
        self,
        source: str,
        serve: Callable[[], Awaitable[Ended]],
        clock: Clock,
        config: PendingConfig,
        jitter: Callable[[], float],
        unread: UnreadAnnouncements[Any] | None = None,
    ) -> None:
        self.counters = PendingCounters()
        self._source = source
        self._serve = serve
        self._clock = clock
        self._config = config
        self._jitter = jitter
        self._unread = unread
        self._events: deque[PendingEvent] = deque()
        self._known: dict[bytes, None] = {}
        self._stirred = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._is_closed = False
        self._next_complaint = self._next_loss = Nanoseconds(0)
        self._last_loss = ""

    async def events(self) -> AsyncIterator[PendingEvent]:
        """By one consumer. A defect of ours is raised here, after which it may be iterated anew; nothing that a peer sends
        ends it.
        """
        if self._running is None and not self._is_closed:
            self._running = asyncio.create_task(self._run(), name=f"pending transactions of {self._source}")
            self._running.add_done_callback(lambda _: self._stirred.set())
        has_failed = False
        try:
            while not self._is_closed:
                if self._events:
                    yield self._events.popleft()
                    continue
                if self._running is not None and self._running.done():
                    running, self._running, has_failed = self._running, None, True
                    running.result()
                self._stirred.clear()
                await self._stirred.wait()
        finally:
            if not has_failed:
                await self.close()

    async def close(self) -> None:
        self._is_closed = True
        self._stirred.set()
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
        if self._unread is not None:
            await self._unread.close()

    def knows(self, tx_hash: bytes) -> bool:
        """Announced before, which is counted."""
        is_known = tx_hash in self._known
        self.counters.duplicates += is_known
        return is_known

    def put_seen(self, seen: PendingSeen) -> None:
        """Unless it is known."""
        if self.knows(seen.hash):
            return
        self._known[seen.hash] = None
        if len(self._known) > self._config.remembered:
            del self._known[next(iter(self._known))]
        self.counters.seen += 1
        self.put(seen)

    def put(self, event: PendingEvent) -> None:
        if len(self._events) >= self._config.buffer_size:
            self._events.popleft()
            self.drop("the consumer is behind: the oldest event was dropped")
        self._events.append(event)
        self._stirred.set()

    def drop_unread(self) -> None:
        self.drop(
            f"a flood: of more than {self._config.announcements_per_window} in 100 ms the newest are read"
        )

    def drop(self, reason: str) -> None:
        """Something was pushed out by what is newer."""
        self.counters.dropped += 1
        self.complain(reason)

    def refuse(self, error: ValueError) -> None:
        """One announcement that cannot be believed."""
        if isinstance(error, HashMismatch):
            self.counters.hash_mismatches += 1
        else:
            self.counters.malformed += 1
        self.complain(str(error))

    def complain(self, reason: str) -> None:
        """At most one line a minute, with all that was counted until then."""
        now = self._clock.monotonic()
        if now < self._next_complaint:
            return
        self._next_complaint = Nanoseconds(now + self._config.log_every)
        counted = {name: count for name, count in msgspec.structs.asdict(self.counters).items() if count}
        log.warning("pending.dropped", source=self._source, reason=reason[:300], **counted)

    async def _run(self) -> None:
        failures = 0
        while True:
            ended = await self._serve()
            failures = 0 if ended.was_good else failures + 1
            self._say_lost(ended.reason)
            wait = delay(
                max(failures - 1, 0), self._config.first_backoff, self._config.longest_backoff, self._jitter()
            )
            await self._clock.sleep(max(wait, min(ended.at_least, LONGEST_WAIT)))

    def _say_lost(self, reason: str) -> None:
        """A source that stays away for one reason is one line a minute."""
        now = self._clock.monotonic()
        if reason == self._last_loss and now < self._next_loss:
            return
        self._last_loss, self._next_loss = reason, Nanoseconds(now + self._config.log_every)
        log.warning("pending.connection_lost", source=self._source, reason=reason)
