"""What happens from one block to the next: pending transactions, one after the other, each followed or passed over.

The last block that was hunted in is what they are judged on. As soon as that is not the newest any more, or what is
believed of the chain is in doubt, nothing is followed until the next tick has ended.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from bot.carry_out import WalletAtHead
from bot.core.funnel import Funnel
from bot.core.messages import BlockArrived
from bot.core.pending import PendingSeen
from bot.opportunities.search import ArbitrageSearch
from bot.state.market_state import MarketState


class PendingSource(Protocol):
    """Every source of pending transactions as one."""

    async def arrived(self) -> None:
        """Returns when there is something to take; at once where there is already."""
        ...

    def take(self) -> PendingSeen | None:
        """The oldest that was not taken yet."""
        ...

    async def before(self, block: int) -> Sequence[PendingSeen]:
        """Lockstep: all that is meant for `block`, in the order in which it came. Elsewhere nothing."""
        ...


class Following(msgspec.Struct, frozen=True):
    """On what a pending transaction is followed."""

    block: BlockArrived
    wallets: Sequence[WalletAtHead]
    state: MarketState
    search: ArbitrageSearch


Follow = Callable[[PendingSeen, Following, Funnel], Awaitable[None]]
"""Raises StopTheBot for what must not go on."""


class BetweenBlocks:
    """Of one loop. Without a source nothing ever comes."""

    def __init__(
        self, source: PendingSource | None, follow: Follow | None, halted: Callable[[], str | None]
    ) -> None:
        """`halted`: why nothing may be sent; asked before each."""
        self._halted = halted
        self._source = source if follow is not None else None
        self._follow = follow
        self._following: Following | None = None
        self._arrival: asyncio.Task[None] | None = None
        self._funnel: Funnel | None = None

    def begin(self, following: Following) -> None:
        """The tick of this block is over; it is the newest."""
        self._following = following

    def end(self) -> None:
        """A newer block is there, or the state is in doubt."""
        self._following = None

    def into(self, funnel: Funnel) -> None:
        """What was counted since the last block's record goes into this one's (law 14)."""
        if self._funnel is not None:
            funnel.absorb(self._funnel)
            self._funnel = None

    def arrival(self) -> set[asyncio.Task[None]]:
        """To be waited for beside other things; empty where nothing is to be followed."""
        if self._source is None or self._following is None:
            return set()
        if self._arrival is None or self._arrival.done():
            self._arrival = asyncio.create_task(self._source.arrived())
        return {self._arrival}

    def take(self) -> PendingSeen | None:
        if self._source is None or self._following is None:
            return None
        return self._source.take()

    async def follow(self, seen: PendingSeen) -> None:
        """One that came since the last block."""
        if self._follow is None or self._following is None:
            return
        if self._funnel is None:
            self._funnel = Funnel(self._following.block, 0)
        self._funnel.pending += 1
        await self._follow(seen, self._following, self._funnel)

    async def follow_all(self, funnel: Funnel) -> None:
        """Lockstep: all that is meant for the next block, before it is sealed."""
        if self._source is None or self._follow is None or self._following is None:
            return
        for seen in await self._source.before(self._following.block.head.number + 1):
            if self._halted() is not None:
                return
            funnel.pending += 1
            await self._follow(seen, self._following, funnel)

    def close(self) -> None:
        if self._arrival is not None:
            self._arrival.cancel()
