"""The heart of the market: block after block, from what people and searchers sent to a sealed block and its news.

One block: wait for the clock, let the competitor act, plan, seal, tell the subscribers, let the crowd send for the
next one. All of it is one task; only what arrives over sockets comes in between.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

import msgspec

from bot.core.identity import Address, hex_bytes, keccak, to_checksum
from bot.core.messages import Head
from bot.costs.base_fee import next_base_fee
from bot.world.anvil import Anvil
from bot.world.block_simulation import BuildingBlock
from bot.world.block_story import BlockStory, CompetitorStory, JsonLines, TransactionStory
from bot.world.builder import BlockPlan
from bot.world.competitor import Competitor
from bot.world.crowd import Crowd
from bot.world.exchanges.mover import Mover
from bot.world.json_rpc import RpcError
from bot.world.market_clock import MarketClock
from bot.world.mempool import Mempool
from bot.world.node_front import NodeFront
from bot.world.raw_transaction import RawTransaction
from bot.world.relay import Relay
from bot.world.sealing import MarketBrokenError, SealedBlock, seal
from bot.world.shocks import Shock
from bot.world.transaction_checks import read_accounts
from bot.world.two_builders import BuilderRace

REMEMBERED_BLOCKS = 65
"""A reorg goes at most one block less deep than this."""


class ChainTip:
    """The head, and the block being built on it."""

    def __init__(self, head: Head, coinbase: Address, block_seconds: int) -> None:
        self.head = head
        self._coinbase = coinbase
        self._block_seconds = block_seconds

    def next_block(self) -> BuildingBlock:
        return BuildingBlock(
            parent=self.head.ref,
            number=self.head.number + 1,
            timestamp=self.head.timestamp + self._block_seconds,
            base_fee=next_base_fee(self.head),
            gas_limit=self.head.gas_limit,
            coinbase=self._coinbase,
        )


class MarketEngine:
    """Runs the market on an anvil that nobody else makes mine. The optional parts are absent on a fork."""

    def __init__(
        self,
        anvil: Anvil,
        tip: ChainTip,
        mempool: Mempool,
        relay: Relay,
        builder: BuilderRace,
        front: NodeFront,
        clock: MarketClock,
        stories: JsonLines,
        crowd: Crowd | None = None,
        competitor: Competitor | None = None,
        shocks: Callable[[int], tuple[Shock, ...]] = lambda _number: (),
        exchanges: Mover | None = None,
    ) -> None:
        self._anvil = anvil
        self._tip = tip
        self._mempool = mempool
        self._relay = relay
        self._builder = builder
        self._front = front
        self._clock = clock
        self._stories = stories
        self._crowd = crowd
        self._competitor = competitor
        self._shocks = shocks
        self._exchanges = exchanges
        self._chain: deque[SealedBlock] = deque([_founding(tip.head)], maxlen=REMEMBERED_BLOCKS)
        self._lock = asyncio.Lock()
        self._announced = True
        self._withhold_next = False
        self._reorgs = 0

    @property
    def head(self) -> Head:
        return self._tip.head

    async def run(self) -> None:
        """Until cancelled. Raises MarketBrokenError, AnvilError."""
        await self.open()
        while True:
            await self._clock.until_next(self.head.ref, announced=self._announced)
            moved = [await self._strike(shock) for shock in self._shocks(self.head.number)]
            if not any(moved):  # a reorg's new head wants to be seen first
                await self.seal_next()

    async def open(self) -> None:
        """Let the crowd send for the first block."""
        if self._crowd is not None:
            await self._crowd.submit(self.head, self._tip.next_block().base_fee, self._mempool)

    async def seal_next(self) -> SealedBlock:
        """Build the next block, seal it and tell of it; then let the crowd send for the one after."""
        async with self._lock:
            if self._exchanges is not None:
                self._exchanges.sealing()
            block = self._tip.next_block()
            story = None if self._competitor is None else await self._competitor.act(block)
            sealed = await self._build(block, story)
            self._announced, self._withhold_next = not self._withhold_next, False
            if self._announced:
                self._front.publish_block(sealed.header, sealed.logs)
            if self._exchanges is not None:
                self._exchanges.sealed(sealed.head.number)
            await self.open()
            return sealed

    async def reorg(self, depth: int, *, leaks: bool = False) -> list[SealedBlock]:
        """Abandon the last `depth` blocks for one more than that, built by another builder.

        Public transactions of the abandoned blocks come back to the mempool, those of bundles are gone, or where it
        `leaks` become public behind the new branch: they can be mined in the block after it. Subscribers get the
        removed logs, then every new block. Raises ValueError beyond what is remembered.
        """
        async with self._lock:
            if not 1 <= depth < len(self._chain):
                raise ValueError(f"reorg of {depth} blocks: 1 to {len(self._chain) - 1} are possible")
            abandoned = [self._chain.pop() for _ in range(depth)]
            await self._anvil.rpc("anvil_rollback", [depth])
            self._tip.head = self._chain[-1].head
            await self._bring_back(abandoned)
            self._reorgs += 1
            new = [await self._rebuild(is_first=step == 0) for step in range(depth + 1)]
            for old in abandoned:
                self._front.publish_removed(old.logs)
            for sealed in new:
                self._front.publish_block(sealed.header, sealed.logs)
            if leaks:
                await self._leak(abandoned)
            self._announced = True
            await self.open()
            return new

    def withhold_next_head(self) -> None:
        """The next block is sealed without a word to subscribers."""
        self._withhold_next = True

    async def _strike(self, shock: Shock) -> bool:
        """Whether the head has moved."""
        if shock.kind == "drop_sockets":
            self._front.drop_connections()
        elif shock.kind == "miss_head":
            self.withhold_next_head()
        elif depth := min(shock.depth, len(self._chain) - 1):
            await self.reorg(depth, leaks=shock.leaks)
            return True
        return False

    async def _rebuild(self, *, is_first: bool) -> SealedBlock:
        """A block of the new branch. Its coinbase is its own: with equal transactions its hash differs all the same."""
        rival = Address(keccak(b"builder of branch %d of the local market" % self._reorgs)[12:])
        block = msgspec.structs.replace(self._tip.next_block(), coinbase=rival)
        return await self._build(block, None, is_reorg=True, state_base_fee=is_first)

    async def _build(
        self,
        block: BuildingBlock,
        competitor: CompetitorStory | None,
        *,
        is_reorg: bool = False,
        state_base_fee: bool = False,
    ) -> SealedBlock:
        plan = await (self._builder.plan_branch(block) if is_reorg else self._builder.plan(block))
        sealed = await seal(self._anvil, plan, state_base_fee=state_base_fee)
        if sealed.head.parent_hash != self.head.hash:
            raise MarketBrokenError(f"block {block.number} is not on {hex_bytes(self.head.hash)}")
        self._tip.head = sealed.head
        self._chain.append(sealed)
        await self._settle(sealed)
        self._stories.append(_story(plan, sealed, competitor, len(self._mempool), is_reorg))
        return sealed

    async def _settle(self, sealed: SealedBlock) -> None:
        self._relay.book.settle(sealed.head.number, sealed.hashes)
        accounts = await read_accounts(self._anvil, self._relay.pools.senders())
        for pool, _ in self._relay.pools.in_order():
            pool.settle(accounts)

    async def _bring_back(self, abandoned: list[SealedBlock]) -> None:
        for old in reversed(abandoned):
            for tx, origin in old.transactions:
                if (pool := self._relay.pools.of(origin)) is not None:
                    await self._put_back(tx, pool)

    async def _leak(self, abandoned: list[SealedBlock]) -> None:
        """Whoever saw the abandoned blocks has their transactions, and hands them on."""
        for old in reversed(abandoned):
            for tx, origin in old.transactions:
                if origin == "bundle":
                    await self._put_back(tx, self._mempool)

    async def _put_back(self, tx: RawTransaction, pool: Mempool) -> None:
        accounts = await read_accounts(self._anvil, [tx.sender])
        with contextlib.suppress(RpcError):  # as on a real node: what no longer fits the state is forgotten
            pool.add(tx, accounts[tx.sender])


def _founding(head: Head) -> SealedBlock:
    return SealedBlock(head, {}, (), ())


def _story(
    plan: BlockPlan,
    sealed: SealedBlock,
    competitor: CompetitorStory | None,
    waiting: int,
    is_reorg: bool,
) -> BlockStory:
    head = sealed.head
    return BlockStory(
        number=head.number,
        hash=hex_bytes(head.hash),
        parent_hash=hex_bytes(head.parent_hash),
        timestamp=head.timestamp,
        base_fee_wei=str(head.base_fee),
        coinbase=to_checksum(head.coinbase),
        gas_used=head.gas_used,
        is_reorg=is_reorg,
        bundles=plan.bundles,
        transactions=tuple(
            TransactionStory(
                hash=hex_bytes(p.transaction.hash),
                sender=to_checksum(p.transaction.sender),
                origin=p.origin,
                succeeded=p.expected.succeeded,
                gas_used=p.expected.gas_used,
            )
            for p in plan.transactions
        ),
        competitor=competitor,
        public_waiting=waiting,
        builder=plan.builder,
        value_wei=str(plan.value),
        bid_wei=None if plan.bid is None else str(plan.bid),
        losing=plan.losing,
    )
