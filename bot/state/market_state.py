"""V2 and V3 pools at one block, moved block by block: applied whole or not at all, and taken back exactly. Pure.

A V3 pool whose logs contradict what we hold of it has diverged (law 10): it is stopped, its part of the block is not
applied, and it is not followed until it was read afresh. A stopped V2 pair is still followed: its logs are absolute.
"""

from collections.abc import Iterable, Sequence

import msgspec

from bot.core.identity import Address, BlockRef, to_checksum
from bot.core.messages import BlockArrived, RolledBack
from bot.core.profile import Venue
from bot.protocols.uniswap_v3 import V3LiquidityChange, V3Swap
from bot.protocols.v3_pool import ConcentratedPool
from bot.state.block_changes import (
    BlockChanges,
    BlockReader,
    BlockRefused,
    ConcentratedEvent,
    Initialized,
    v2_pool,
)
from bot.state.history import (
    BlockUndo,
    ConcentratedChange,
    LiquidityChanged,
    PriceBefore,
    ReservesBefore,
    UndoRing,
)
from bot.state.pool_table import Pool, PoolTable, V2Pool
from bot.state.rotation import AuditRotation

__all__ = ["BlockRefused", "Divergence", "MarketState", "v2_pool"]


class Divergence(msgspec.Struct, frozen=True):
    """The logs of a block contradict what we hold of a pool."""

    pool: Address
    at: BlockRef
    reason: str

    def __str__(self) -> str:
        return f"pool {to_checksum(self.pool)} at block {self.at.number}: {self.reason}; stopped until read afresh"


class MarketState:
    """Owns its PoolTable's pools. `listed` None: every pool of the venues is taken in (discovery "all")."""

    def __init__(
        self,
        table: PoolTable,
        venues: Iterable[Venue],
        ref: BlockRef,
        listed: frozenset[Address] | None = None,
    ) -> None:
        self.table = table
        self.ref = ref
        """The block the table's pools are of."""
        self.audit_rotation = AuditRotation(seed=ref.hash)
        self._reader = BlockReader(venues, listed)
        self._ring = UndoRing()
        self._refetched_at: dict[int, int] = {}
        self._divergences: list[Divergence] = []

    def apply(self, block: BlockArrived) -> tuple[int, ...]:
        """Indices of the pools it changed, added or stopped, ascending. Raises BlockRefused, with nothing changed."""
        head = block.head
        if head.parent_hash != self.ref.hash or head.number != self.ref.number + 1:
            raise BlockRefused(
                f"block {head.number} stands on 0x{head.parent_hash.hex()}, "
                f"the state is at {self.ref.number} 0x{self.ref.hash.hex()}"
            )
        changes = self._reader.read(block.logs, self._in_service)
        created = tuple(self._put_into_service(pool) for pool in changes.created.values())
        overwritten = tuple(self._sync(address, *reserves) for address, reserves in changes.synced.items())
        concentrated, diverged = self._play_all(changes, head.ref)
        undo = BlockUndo(head.ref, self.ref, overwritten, concentrated, created)
        self._ring.push(undo)
        self.ref = head.ref
        return tuple(sorted(undo.touched | diverged))

    def roll_back(self, event: RolledBack) -> tuple[int, ...]:
        """Indices of the pools it changed, ascending. Raises BlockRefused, with nothing changed.

        Pools created in the blocks left are taken out of service. A pool whose stop ended in them is stopped again.
        """
        undos = self._ring.newest(len(event.left))
        self._check_rollback(event, undos)
        touched = set(self._distrust_after(event.to.number))
        for undo in undos:
            self._ring.pop()
            for before in undo.overwritten:
                self.table.set_reserves(before.index, before.reserve0, before.reserve1)
            for change in reversed(undo.concentrated):
                if not self.table.is_stopped(change.index):
                    _take_back(self.table.concentrated_at(change.index), change)
            for index in undo.created:
                self.table.take_out_of_service(index)
            touched |= undo.touched
            self.ref = undo.parent
        for index in touched:
            if self.table.concentrated[index] is not None:
                self.table.note_changed(index)
        return tuple(sorted(touched))

    def stop(self, index: int) -> None:
        """Law 10: the pool disagrees with the chain; not traded on until read afresh."""
        self.table.stop(index)
        self._refetched_at.pop(index, None)

    def refetched(self, index: int, reserve0: int, reserve1: int, at: BlockRef) -> None:
        """Put fresh reserves, read at `at`, into a stopped pair and resume it.

        Raises BlockRefused when the state has moved on from `at` meanwhile: read again.
        """
        self._check_fresh(at)
        self.table.set_reserves(index, reserve0, reserve1)
        self._resume(index, at)

    def refetched_concentrated(self, index: int, pool: ConcentratedPool, at: BlockRef) -> None:
        """As `refetched`, for a V3 pool: price, liquidity and all ticks."""
        self._check_fresh(at)
        self.table.replace_concentrated(index, pool)
        self._resume(index, at)

    def take_divergences(self) -> tuple[Divergence, ...]:
        """What was found in applied blocks since this was last asked; the pools are stopped."""
        found, self._divergences = tuple(self._divergences), []
        return found

    def _in_service(self, address: Address) -> Pool | None:
        table = self.table
        index = table.index(address)
        return table.pools[index] if index is not None and table.in_service(index) else None

    def _put_into_service(self, pool: Pool) -> int:
        index = self.table.index(pool.address)
        if index is not None:
            self.table.put_into_service(index)
            return index
        if isinstance(pool, V2Pool):
            return self.table.add(pool, 0, 0)
        return self.table.add_concentrated(pool, ConcentratedPool(pool.fee, pool.tick_spacing))

    def _sync(self, address: Address, reserve0: int, reserve1: int) -> ReservesBefore:
        index = self._index(address)
        before = ReservesBefore(index, self.table.reserve0[index], self.table.reserve1[index])
        self.table.set_reserves(index, reserve0, reserve1)
        return before

    def _play_all(
        self, changes: BlockChanges, at: BlockRef
    ) -> tuple[tuple[ConcentratedChange, ...], set[int]]:
        """What was changed, in order within each pool, and the pools that diverged."""
        played: list[ConcentratedChange] = []
        diverged: set[int] = set()
        for address, events in changes.concentrated.items():
            index = self._index(address)
            if self.table.is_stopped(index):
                continue
            try:
                played += self._play(index, events)
            except ValueError as error:
                self._divergences.append(Divergence(address, at, str(error)))
                self.stop(index)
                diverged.add(index)
        return tuple(played), diverged

    def _play(self, index: int, events: Sequence[ConcentratedEvent]) -> list[ConcentratedChange]:
        """All events of one pool. Raises ValueError, with the pool as it was."""
        pool = self.table.concentrated_at(index)
        played: list[ConcentratedChange] = []
        try:
            for event in events:
                played.append(_play_one(index, pool, event))  # noqa: PERF401  # what was played before an error counts
        except ValueError:
            for change in reversed(played):
                _take_back(pool, change)
            raise
        if all([type(event) is V3Swap for event in events]):  # noqa: C419  # a list is faster: one event, mostly
            self.table.note_moved(index)
        else:
            self.table.note_changed(index)
        return played

    def _index(self, address: Address) -> int:
        index = self.table.index(address)
        assert index is not None, "changed pools are followed"
        return index

    def _check_fresh(self, at: BlockRef) -> None:
        if at != self.ref:
            raise BlockRefused(f"a pool of block {at.number} came, the state is at {self.ref.number}")

    def _resume(self, index: int, at: BlockRef) -> None:
        self.table.resume(index)
        self._refetched_at[index] = at.number

    def _check_rollback(self, event: RolledBack, undos: Sequence[BlockUndo]) -> None:
        known = tuple(undo.block for undo in undos)
        if known != event.left:
            raise BlockRefused(
                f"{len(event.left)} blocks are to be taken back, the newest {len(known)} here are others or fewer"
            )
        end = undos[-1].parent if undos else self.ref
        if end != event.to:
            raise BlockRefused(f"taking back ends at block {end.number}, not at {event.to.number}")

    def _distrust_after(self, number: int) -> tuple[int, ...]:
        """Below the refetch of a stopped pool stand the values that were wrong."""
        wrong = tuple(index for index, at in self._refetched_at.items() if at > number)
        for index in wrong:
            self.stop(index)
        return wrong


def _play_one(index: int, pool: ConcentratedPool, event: ConcentratedEvent) -> ConcentratedChange:
    """Raises ValueError, with nothing changed, where the pool we hold could not have done it."""
    before = PriceBefore(index, pool.sqrt_price, pool.tick, pool.liquidity)
    if isinstance(event, Initialized) == (pool.sqrt_price > 0):
        state = "initialised already" if pool.sqrt_price else "not initialised"
        raise ValueError(f"{type(event).__name__} of a pool that is {state}")
    match event:
        case Initialized(sqrt_price=sqrt_price, tick=tick):
            pool.set_price(sqrt_price, tick, 0)
        case V3Swap():
            pool.set_price(event.sqrt_price, event.tick, event.liquidity)
        case V3LiquidityChange(tick_lower=tick_lower, tick_upper=tick_upper, delta=delta):
            pool.change_liquidity(tick_lower, tick_upper, delta)
            return LiquidityChanged(index, tick_lower, tick_upper, delta)
    return before


def _take_back(pool: ConcentratedPool, change: ConcentratedChange) -> None:
    match change:
        case PriceBefore(sqrt_price=sqrt_price, tick=tick, liquidity=liquidity):
            pool.set_price(sqrt_price, tick, liquidity)
        case LiquidityChanged(tick_lower=tick_lower, tick_upper=tick_upper, delta=delta):
            pool.change_liquidity(tick_lower, tick_upper, -delta)
