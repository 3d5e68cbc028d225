"""Every source of pending transactions as one queue; in lockstep, all that is meant for a block before it is sealed."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from bot.core.pending import PendingSeen
from bot.core.ports import Clock
from bot.core.result import Ok, Reverted, Unknown, in_words
from bot.core.units import Nanoseconds
from bot.feeds.backoff import delay
from bot.feeds.pending_events import HintsComplete, PendingEvent, PendingEvents

log = structlog.get_logger()

MOST_WAITING: Final = 4_096
"""Announcements; the oldest go when there are more: what is old is most likely followed by somebody else."""
HINTS_LIMIT: Final = Nanoseconds(5 * 10**9)
"""Lockstep: how long the last hint of a block is waited for."""

FIRST_PAUSE: Final = Nanoseconds(2 * 10**9)
LONGEST_PAUSE: Final = Nanoseconds(120 * 10**9)
"""After a source raised: at least half of these."""

PublicPool = Callable[[int], Awaitable[Ok[tuple[PendingSeen, ...]] | Reverted | Unknown]]


class PendingIntake:
    """`run` beside the loop. `public_pool`: lockstep alone, instead of a feed of the node."""

    def __init__(
        self,
        feeds: Sequence[PendingEvents],
        clock: Clock,
        public_pool: PublicPool | None = None,
        *,
        in_lockstep: bool = False,
        hints: PendingEvents | None = None,
    ) -> None:
        self._feeds = (*feeds, hints) if hints is not None else tuple(feeds)
        self._clock = clock
        self._public_pool = public_pool
        self._in_lockstep = in_lockstep
        self._hints = hints
        self._waiting: deque[PendingSeen] = deque(maxlen=MOST_WAITING)
        self._stirred = asyncio.Event()
        self._completed = 0
        """Lockstep: the hints of this block and all before it have come."""

    async def run(self) -> None:
        """Until cancelled; closes the feeds then."""
        readers = [asyncio.create_task(self._read(feed)) for feed in self._feeds]
        try:
            await asyncio.gather(*readers)
        finally:
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)
            await asyncio.gather(*(feed.close() for feed in self._feeds), return_exceptions=True)

    async def arrived(self) -> None:
        """Never in lockstep, where nothing may come between."""
        while self._in_lockstep or not self._waiting:
            self._stirred.clear()
            await self._stirred.wait()

    def take(self) -> PendingSeen | None:
        if self._in_lockstep or not self._waiting:
            return None
        return self._waiting.popleft()

    async def before(self, block: int) -> Sequence[PendingSeen]:
        """Public ones first, then hints, each in the order in which they came. Empty out of lockstep."""
        if not self._in_lockstep:
            return ()
        seen: list[PendingSeen] = []
        if self._public_pool is not None:
            answer = await self._public_pool(block)
            if isinstance(answer, Ok):
                seen += answer.value
            else:
                log.warning("pending.not_read", block=block, answer=in_words(answer))
        if self._hints is not None:
            done = await self._clock.within(HINTS_LIMIT, self._hints_of(block))
            if not isinstance(done, Ok):
                log.warning("pending.hints_incomplete", block=block, complete_to=self._completed)
            seen += self._waiting
            self._waiting.clear()
        return seen

    async def _hints_of(self, block: int) -> None:
        while self._completed < block:
            self._stirred.clear()
            await self._stirred.wait()

    async def _read(self, feed: PendingEvents) -> None:
        """What it raises is a defect of ours, and costs this source alone a pause: twice as long each time."""
        failures = 0
        while True:
            try:
                async for event in feed.events():
                    self._take_in(event)
                    failures = 0
            except Exception as error:  # a source more or less is not worth the run
                log.exception("pending.reader_failed", source=type(feed).__name__, error=repr(error))
            else:
                log.warning("pending.reader_ended", source=type(feed).__name__)
                return
            await self._clock.sleep(delay(failures, FIRST_PAUSE, LONGEST_PAUSE, jitter=0))
            failures += 1

    def _take_in(self, event: PendingEvent) -> None:
        if isinstance(event, HintsComplete):
            self._completed = max(self._completed, event.number)
        else:
            self._waiting.append(event)
        self._stirred.set()
