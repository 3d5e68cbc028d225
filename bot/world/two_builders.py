"""Who builds the next block: one builder alone, or two with different books of which the better bid wins.

Each builder keeps a seeded part of what his block pays him, and offers the rest; the law by which he chooses that part
is his own, and so is the moment at which he closes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import msgspec

from bot.core.identity import Address, to_checksum
from bot.core.units import BPS_WHOLE, Bps, Wei, share_down
from bot.world.block_simulation import BuildingBlock
from bot.world.block_story import BundleStory, LosingStory
from bot.world.builder import BlockPlan, Builder
from bot.world.bundle_book import BundleBook
from bot.world.relay_kinds import Endpoint
from bot.world.transaction_pools import TransactionPools

_MOST_KEPT = Bps(1_500)

ClosesAt = Callable[[int, int], float]
"""(block number, builder's place) -> part of the slot after which a bundle misses it."""


class Contender(msgspec.Struct, frozen=True):
    name: str
    coinbase: Address
    feeds: frozenset[Endpoint] | None
    """Endpoints whose bundles reach him; None: all."""


class BuilderRace:
    """Plans blocks for one contender or two. `closes_at` None: no bundle comes too late for the block being built."""

    def __init__(
        self,
        builder: Builder,
        book: BundleBook,
        pools: TransactionPools,
        contenders: Sequence[Contender],
        seed: int,
        closes_at: ClosesAt | None = None,
    ) -> None:
        self._builder = builder
        self._book = book
        self._pools = pools
        self._contenders = tuple(contenders)
        self._seed = seed
        self._closes_at = closes_at

    async def plan(self, block: BuildingBlock) -> BlockPlan:
        """The block of who offers most; equal offers go to the one named first. Raises AnvilError."""
        late = tuple(self._builder.tell_late(one, block.number) for one in self._book.take_late(block.number))
        plans = [await self._plan_of(place, block) for place in range(len(self._contenders))]
        winner = max(plans, key=lambda plan: plan.bid or 0)
        losing = next((_losing(plan) for plan in plans if plan is not winner), None)
        return msgspec.structs.replace(winner, bundles=winner.bundles + late, losing=losing)

    async def plan_branch(self, block: BuildingBlock) -> BlockPlan:
        """A block of another branch: its builder has no rival, and gets what any relay holds."""
        late = tuple(self._builder.tell_late(one, block.number) for one in self._book.take_late(block.number))
        plan = await self._builder.plan(block, self._book.due(block.number), self._pools)
        return msgspec.structs.replace(plan, builder="branch", bundles=plan.bundles + late)

    async def _plan_of(self, place: int, block: BuildingBlock) -> BlockPlan:
        contender = self._contenders[place]
        number = block.number
        closes = None if self._closes_at is None else self._closes_at(number, place)
        plan = await self._builder.plan(
            msgspec.structs.replace(block, coinbase=contender.coinbase),
            self._book.due(number, contender.feeds, closes),
            self._pools,
        )
        missed = () if closes is None else self._missed(number, place, closes)
        bid = self._bid(place, number, plan.value) if len(self._contenders) > 1 else None
        return msgspec.structs.replace(plan, builder=contender.name, bid=bid, bundles=plan.bundles + missed)

    def _missed(self, number: int, place: int, closes: float) -> tuple[BundleStory, ...]:
        feeds = self._contenders[place].feeds
        return tuple(
            self._builder.tell_missed(one, closes, place) for one in self._book.missed(number, feeds, closes)
        )

    def _bid(self, place: int, number: int, value: Wei) -> Wei:
        draw = random.Random(f"builder {place} {self._seed} {number}")  # noqa: S311  # a seeded market
        return Wei(share_down(value, Bps(BPS_WHOLE - draw.randint(0, _MOST_KEPT))))


def _losing(plan: BlockPlan) -> LosingStory:
    return LosingStory(
        builder=plan.builder,
        coinbase=to_checksum(plan.block.coinbase),
        value_wei=str(plan.value),
        bid_wei=str(plan.bid),
        bundles=plan.bundles,
    )
