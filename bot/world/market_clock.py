"""When the next block is sealed: at a wall pace for people, or in lockstep with the bot.

Block timestamps do not come from here: block N is always at genesis + 12 N seconds of chain time.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from bot.core.identity import BlockHash, BlockRef
from bot.core.units import Nanoseconds


class MarketClock(Protocol):
    async def until_next(self, head: BlockRef, *, announced: bool) -> None:
        """Return when the block after `head` is to be sealed. `announced`: subscribers were told of `head`."""
        ...

    def tick_done(self, head: BlockRef, number: int, block_hash: bytes) -> bool:
        """The bot has finished block (number, hash); whether that is `head`."""
        ...

    def slot_fraction(self, building: int) -> float:
        """How much of the slot of block `building`, the one after the head, is over: 0 to 1; 0 where time does not pass."""
        ...


class WallClock:
    """A block every `pace`; a late one does not push the following ones back."""

    def __init__(self, pace: Nanoseconds) -> None:
        self._pace = pace / 1e9
        self._next: float | None = None
        self._awaited = 0

    async def until_next(self, head: BlockRef, *, announced: bool) -> None:  # noqa: ARG002  # time alone decides
        self._awaited = head.number + 1
        now = asyncio.get_running_loop().time()
        self._next = now + self._pace if self._next is None else max(self._next + self._pace, now)
        await asyncio.sleep(self._next - now)

    def slot_fraction(self, building: int) -> float:
        if self._next is None:
            return 0.0
        # Once the awaited block is sealed, the next slot is open though nobody has asked for its end yet.
        end = self._next + (building - self._awaited) * self._pace
        left = (end - asyncio.get_running_loop().time()) / self._pace
        return min(max(1.0 - left, 0.0), 1.0)

    def tick_done(self, head: BlockRef, number: int, block_hash: bytes) -> bool:
        return head == BlockRef(number, BlockHash(block_hash))


class Lockstep:
    """The next block follows `market_tickDone` of the head; a head nobody was told of is followed at once."""

    def __init__(self) -> None:
        self._done: BlockRef | None = None
        self._changed = asyncio.Event()

    async def until_next(self, head: BlockRef, *, announced: bool) -> None:
        while announced and self._done != head:
            self._changed.clear()
            await self._changed.wait()

    def slot_fraction(self, building: int) -> float:  # noqa: ARG002  # time does not pass
        return 0.0

    def tick_done(self, head: BlockRef, number: int, block_hash: bytes) -> bool:
        done = BlockRef(number, BlockHash(block_hash))
        if done != head:
            return False
        self._done = done
        self._changed.set()
        return True
