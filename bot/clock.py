"""The one Clock of a running bot: UTC for records, the monotonic clock for ages and time-outs."""

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

from bot.core.result import Ok, Unknown
from bot.core.units import Nanoseconds

T = TypeVar("T")

NS_PER_S = 1_000_000_000


class SystemClock:
    """core.ports.Clock on the machine's clocks and the running event loop."""

    def utc(self) -> Nanoseconds:
        return Nanoseconds(time.time_ns())

    def monotonic(self) -> Nanoseconds:
        return Nanoseconds(time.monotonic_ns())

    async def sleep(self, duration: Nanoseconds) -> None:
        await asyncio.sleep(duration / NS_PER_S)

    async def within(self, limit: Nanoseconds, work: Awaitable[T]) -> Ok[T] | Unknown:
        try:
            # Not wait_for: it makes a task of the work, which costs the hot path a turn of the loop each time.
            async with asyncio.timeout(limit / NS_PER_S):
                return Ok(await work)
        except TimeoutError:
            return Unknown(f"no answer within {limit / NS_PER_S:g} s")


class LockstepClock(SystemClock):
    """The market's time: UTC is the newest block's timestamp, and patience is long, because a slow machine must not
    change what is decided. Two runs of a seed then write equal records.
    """

    PATIENCE = 30

    def __init__(self) -> None:
        self._utc = Nanoseconds(0)

    def utc(self) -> Nanoseconds:
        return self._utc

    def reached(self, block_timestamp: int) -> None:
        """A block of this timestamp (seconds) was seen."""
        self._utc = Nanoseconds(block_timestamp * NS_PER_S)

    async def within(self, limit: Nanoseconds, work: Awaitable[T]) -> Ok[T] | Unknown:
        return await super().within(Nanoseconds(limit * self.PATIENCE), work)
