"""An event loop whose time is that of a recording: it stands still while anything can run, then leaps to what is next.

Sleeps, time-outs and recorded frames happen in the order they happened in, by the recording's own clock, however fast
the machine is: the code under replay cannot tell. Paced, the leaps are waited for in real time.
"""

import asyncio
import math
import selectors
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple, Unpack

from bot.core.result import Ok, Unknown
from bot.core.units import Nanoseconds
from bot.feeds.recording_format import Record

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

NS_PER_S = 1_000_000_000
IDLE_S = 0.001
"""Real time between looks at the sockets when the recording is over and no timer is set."""


class ReplayLoop(asyncio.SelectorEventLoop):
    """Hands each record to `deliver` at its time, on the loop; `ended` is called once after the last one.

    `records` come in the order of their time (one earlier than the one before it is delivered at once).
    """

    def __init__(
        self,
        records: Iterator[Record],
        deliver: Callable[[Record], None],
        ended: Callable[[], None],
        *,
        is_paced: bool,
    ) -> None:
        self._selecting = _Leaping(self._advance)
        self._records = records
        self._next = next(records, None)
        self._deliver = deliver
        self._ended: Callable[[], None] | None = ended
        self._is_paced = is_paced
        self._is_stirred = False
        self._begun = self.now = Nanoseconds(0 if self._next is None else self._next.received)
        self.utc_offset = 0 if self._next is None else self._next.utc - self._next.received
        self._real_begun = time.monotonic_ns()
        super().__init__(self._selecting)

    def time(self) -> float:
        # From the beginning of the recording: a float of seconds since a boot long ago has no nanoseconds left.
        return (self.now - self._begun) / NS_PER_S

    def call_soon(
        self,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:
        self._is_stirred = True
        return super().call_soon(callback, *args, context=context)

    def _advance(self, timeout: float | None) -> None:
        """Nothing can run. Deliver records until something can, or the time of the next timer has come."""
        until = None if timeout is None else self.now + math.ceil(timeout * NS_PER_S)
        self._is_stirred = False
        while not self._is_stirred:
            record = self._next
            at = None if record is None else max(record.received, self.now)
            if record is None and self._ended is not None:
                ended, self._ended = self._ended, None
                ended()
            elif record is None or at is None or (until is not None and at > until):
                if until is not None:
                    self._leap(until)
                elif record is None:
                    self._selecting.wait(IDLE_S)
                return
            elif self._leap(at):
                self.utc_offset = record.utc - record.received
                self._next = next(self._records, None)
                self._deliver(record)
            else:
                return

    def _leap(self, to: int) -> bool:
        """Whether it is `to` now; paced, a signal may come first."""
        if self._is_paced:
            left = to - self._begun - (time.monotonic_ns() - self._real_begun)
            if left > 0 and self._selecting.wait(left / NS_PER_S):
                return False
        self.now = Nanoseconds(to)
        return True


class _Leaping(selectors.DefaultSelector):
    def __init__(self, advance: Callable[[float | None], None]) -> None:
        super().__init__()
        self._advance = advance

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if not events and (timeout is None or timeout > 0):
            self._advance(timeout)
        return events

    def wait(self, seconds: float) -> bool:
        """Whether something came within so many seconds of real time; it stays to be read."""
        return bool(super().select(seconds))


class ReplayClock:
    """core.ports.Clock by a ReplayLoop."""

    def __init__(self, loop: ReplayLoop) -> None:
        self._loop = loop
        self._shown: Nanoseconds | None = None

    def utc(self) -> Nanoseconds:
        return Nanoseconds(self._loop.now + self._loop.utc_offset)

    def monotonic(self) -> Nanoseconds:
        return self._loop.now if self._shown is None else self._shown

    @contextmanager
    def showing(self, earlier: Nanoseconds) -> Iterator[None]:
        """The time reads so meanwhile: for what came then and is told now."""
        self._shown = earlier
        try:
            yield
        finally:
            self._shown = None

    async def sleep(self, duration: Nanoseconds) -> None:
        await asyncio.sleep(duration / NS_PER_S)

    async def within(self, limit: Nanoseconds, work: Awaitable[T]) -> Ok[T] | Unknown:
        try:
            async with asyncio.timeout(limit / NS_PER_S):
                return Ok(await work)
        except TimeoutError:
            return Unknown(f"no answer within {limit / NS_PER_S:g} s")


def replay(
    records: Iterator[Record],
    deliver: Callable[[Record], None],
    follow: Callable[[ReplayClock, asyncio.Event], Coroutine[Any, Any, T]],
    *,
    is_paced: bool,
) -> T:
    """What `follow` returns; its event is set when the last record was delivered. Blocks: there must be no running loop."""
    is_over = asyncio.Event()
    loop = ReplayLoop(records, deliver, is_over.set, is_paced=is_paced)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(follow(ReplayClock(loop), is_over))
