"""An event loop whose time is that of a recording: it stands still while anything can run, then leaps to what is next.

Sleeps, time-outs and recorded frames happen in the order they happened in, by the recording's own clock, however fast
the machine is: the code under replay cannot tell. Paced, the leaps are waited for in real time.
"""

import asyncio
import math
import selectors
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context
from heapq import merge
from typing import Any, Generic, TypeVar, TypeVarTuple, Unpack

import msgspec

from bot.core.result import Ok, Unknown
from bot.core.units import Nanoseconds
from bot.feeds.recording_format import Kind, Record

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
Deliver = Callable[[Record], None]

NS_PER_S = 1_000_000_000
IDLE_S = 0.001
"""Real time between looks at the sockets when the recording is over and no timer is set."""


class ReplayLoop(asyncio.SelectorEventLoop):
    """Hands each record to whom it is for at its time, on the loop; `ended` is called once after the last one.

    `records` come in the order of their time (one earlier than the one before it is delivered at once).
    """

    def __init__(
        self,
        records: Iterator[tuple[Record, Deliver]],
        ended: Callable[[], None],
        *,
        is_paced: bool,
    ) -> None:
        self._selecting = _Leaping(self._advance)
        self._records = records
        self._next = next(records, None)
        self._ended: Callable[[], None] | None = ended
        self._is_paced = is_paced
        self._is_stirred = False
        first = None if self._next is None else self._next[0]
        self._begun = self.now = Nanoseconds(0 if first is None else first.received)
        self.utc_offset = 0 if first is None else first.utc - first.received
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
            if self._next is None:
                self._over(until)
                return
            record, deliver = self._next
            at = max(record.received, self.now)
            if until is not None and at > until:
                self._leap(until)
                return
            if not self._leap(at):
                return
            self.utc_offset = record.utc - record.received
            self._next = next(self._records, None)
            deliver(record)

    def _over(self, until: int | None) -> None:
        """There is no record any more: say so once, then time goes on from timer to timer."""
        if self._ended is not None:
            ended, self._ended = self._ended, None
            ended()
        elif until is not None:
            self._leap(until)
        else:
            self._selecting.wait(IDLE_S)

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


class Part(Generic[T]):
    """One source in a replay: its records, who takes them, and the code that follows them."""

    def __init__(
        self,
        records: Iterable[Record],
        deliver: Deliver,
        follow: Callable[[ReplayClock, asyncio.Event], Coroutine[Any, Any, T]],
    ) -> None:
        """`follow` gets an event that is set when the last record of all sources was delivered."""
        self.records = records
        self.deliver = deliver
        self.follow = follow

    def addressed(self) -> Iterator[tuple[Record, Deliver]]:
        return ((record, self.deliver) for record in _while_it_ran(self.records))


class TimeLimit:
    """Bounds how long a replay lasts by what is in it: times in a file may be anything, and each second costs work.

    Beyond two hours, and ten seconds for each record so far, the silence before a record is cut out.
    """

    def __init__(self) -> None:
        self.cut = 0
        """Nanoseconds."""
        self._left = 7_200 * NS_PER_S

    def keep(self, records: Iterable[tuple[Record, Deliver]]) -> Iterator[tuple[Record, Deliver]]:
        now: int | None = None
        for record, deliver in records:
            at = record.received - self.cut
            now = at if now is None else now
            if at - now > self._left:
                self.cut += at - now - self._left
                at = now + self._left
            self._left += 10 * NS_PER_S - max(at - now, 0)
            now = max(at, now)
            kept = msgspec.structs.replace(record, received=Nanoseconds(at)) if self.cut else record
            yield kept, deliver


def replay(parts: Sequence[Part[T]], *, is_paced: bool, limit: TimeLimit | None = None) -> list[T]:
    """What each `follow` returns; the records of all come in the order of their time, which must be one clock's.

    Blocks: there must be no running loop. Raises what the first `follow` raises. `limit` says what time was cut.
    """
    is_over = asyncio.Event()
    merged = merge(*(part.addressed() for part in parts), key=lambda pair: pair[0].received)
    records = (limit or TimeLimit()).keep(merged)
    loop = ReplayLoop(records, is_over.set, is_paced=is_paced)
    clock = ReplayClock(loop)

    async def follow_all() -> list[T]:
        return await asyncio.gather(*(part.follow(clock, is_over) for part in parts))

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(follow_all())


def _while_it_ran(records: Iterable[Record]) -> Iterator[Record]:
    """Without the ends of connections after which nothing came: the bot was stopped, and what it held is of interest."""
    ends: list[Record] = []
    for record in records:
        if record.kind is Kind.CLOSED:
            ends.append(record)
        elif record.kind is not Kind.DESCRIBED:
            yield from ends
            ends.clear()
            yield record
