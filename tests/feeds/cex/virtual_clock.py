"""core.ports.Clock that stands still until it is advanced, over a real loop: sockets run, time-outs wait for the test."""

import asyncio
import heapq
import itertools

from bot.core.result import Ok, Unknown

SECOND = 10**9
MILLISECOND = 10**6
START = 10**15
UTC_AHEAD = 17 * 10**17


class VirtualClock:
    """`advance(d)` lets everything happen that is due on the way, in order, with the sockets given time at each step."""

    def __init__(self):
        self.now = START
        self._waiting = []
        self._order = itertools.count()
        self.is_busy = []
        """Asked before time goes on: whether something of the real world is still under way."""

    def monotonic(self):
        return self.now

    def utc(self):
        return self.now + UTC_AHEAD

    async def sleep(self, duration):
        if duration <= 0:
            await asyncio.sleep(0)
            return
        await self._timer(duration)

    async def within(self, limit, work):
        doing = asyncio.ensure_future(work)
        timer = self._timer(limit)
        try:
            await asyncio.wait({doing, timer}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await _cancel(doing)
            raise
        finally:
            timer.cancel()
        if doing.done():
            return Ok(doing.result())
        await _cancel(doing)
        return Unknown(f"no answer within {limit / SECOND:g} s")

    async def advance(self, duration, each=None):
        """`each` is called after every step of time."""
        until = self.now + duration
        await self._settle()
        while (moment := self._next()) is not None and moment <= until:
            self.now = max(self.now, moment)
            self._fire()
            await self._settle()
            if each is not None:
                each()
        self.now = until
        await self._settle()
        if each is not None:
            each()

    async def _settle(self):
        await settle()
        if any(busy() for busy in self.is_busy):
            await until(lambda: not any(busy() for busy in self.is_busy), "quiet on the wire")
            await settle()

    def _timer(self, duration):
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (self.now + max(duration, 0), next(self._order), future))
        return future

    def _next(self):
        while self._waiting and self._waiting[0][2].done():
            heapq.heappop(self._waiting)
        return self._waiting[0][0] if self._waiting else None

    def _fire(self):
        while self._waiting and self._waiting[0][0] <= self.now:
            future = heapq.heappop(self._waiting)[2]
            if not future.done():
                future.set_result(None)


async def _cancel(task):
    task.cancel()
    await asyncio.wait([task])


async def settle():
    """Long enough for a message to go over loopback and be read; a test that needs more waits with `until`."""
    for _ in range(3):
        await asyncio.sleep(0)
    await asyncio.sleep(0.001)


async def until(condition, what="the condition", seconds=5):
    """In real time: what sockets do takes as long as it takes."""
    for _ in range(seconds * 500):
        if condition():
            return
        await asyncio.sleep(0.002)
    raise AssertionError(f"{what} did not come true within {seconds} s")
