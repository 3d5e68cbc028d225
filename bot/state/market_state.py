"""Uniswap V2 reserves at one block, moved block by block: applied whole or not at all, and taken back exactly. Pure."""

from collections.abc import Iterable, Sequence

import msgspec

from bot.core.errors import RetryLater
from bot.core.identity import Address, BlockRef, to_checksum
from bot.core.messages import BlockArrived, Log, RolledBack
from bot.core.profile import Venue
from bot.protocols.uniswap_v2 import (
    PAIR_CREATED_TOPIC,
    SYNC_TOPIC,
    decode_pair_created,
    decode_sync,
    pair_address,
)
from bot.state.history import BlockUndo, ReservesBefore, UndoRing
from bot.state.pool_table import PoolTable, V2Pool
from bot.state.rotation import AuditRotation


class BlockRefused(RetryLater):
    """The event does not fit the state, which stays where it was: bootstrap afresh."""


class _Changes(msgspec.Struct, frozen=True):
    """What a block's logs say, read and checked before anything is touched."""

    created: dict[Address, V2Pool]
    synced: dict[Address, tuple[int, int]]


class MarketState:
    """Owns its PoolTable's reserves. `listed` None: every pool of the venues is taken in (discovery "all")."""

    def __init__(
        self,
        table: PoolTable,
        venues: Iterable[Venue],
        ref: BlockRef,
        listed: frozenset[Address] | None = None,
    ) -> None:
        self.table = table
        self.ref = ref
        """The block the table's reserves are of."""
        self.audit_rotation = AuditRotation(seed=ref.hash)
        self._venues = {venue.factory: venue for venue in venues if venue.protocol == "uniswap_v2"}
        self._listed = listed
        self._ring = UndoRing()
        self._refetched_at: dict[int, int] = {}

    def apply(self, block: BlockArrived) -> tuple[int, ...]:
        """Indices of the pools it changed or added, ascending. Raises BlockRefused, with nothing changed."""
        head = block.head
        if head.parent_hash != self.ref.hash or head.number != self.ref.number + 1:
            raise BlockRefused(
                f"block {head.number} stands on 0x{head.parent_hash.hex()}, "
                f"the state is at {self.ref.number} 0x{self.ref.hash.hex()}"
            )
        changes = self._read(block.logs)
        created = tuple(self._put_into_service(pool) for pool in changes.created.values())
        overwritten = tuple(self._sync(address, *reserves) for address, reserves in changes.synced.items())
        self._ring.push(BlockUndo(head.ref, self.ref, overwritten, created))
        self.ref = head.ref
        return _ascending(created, overwritten)

    def roll_back(self, event: RolledBack) -> tuple[int, ...]:
        """Indices of the pools it changed, ascending. Raises BlockRefused, with nothing changed.

        Pools created in the blocks left are taken out of service. A pool whose stop ended in them is stopped again.
        """
        undos = self._ring.newest(len(event.left))
        self._check_rollback(event, undos)
        touched: set[int] = set()
        for undo in undos:
            self._ring.pop()
            for before in undo.overwritten:
                self.table.set_reserves(before.index, before.reserve0, before.reserve1)
            for index in undo.created:
                self.table.take_out_of_service(index)
            touched.update(_ascending(undo.created, undo.overwritten))
            self.ref = undo.parent
        touched.update(self._distrust_after(event.to.number))
        return tuple(sorted(touched))

    def stop(self, index: int) -> None:
        """Law 10: the pool's reserves disagree with the chain; not traded on until `refetched`."""
        self.table.stop(index)
        self._refetched_at.pop(index, None)

    def refetched(self, index: int, reserve0: int, reserve1: int, at: BlockRef) -> None:
        """Put fresh reserves, read at `at`, into a stopped pool and resume it.

        Raises BlockRefused when the state has moved on from `at` meanwhile: read again.
        """
        if at != self.ref:
            raise BlockRefused(f"reserves of block {at.number} came, the state is at {self.ref.number}")
        self.table.set_reserves(index, reserve0, reserve1)
        self.table.resume(index)
        self._refetched_at[index] = at.number

    def _read(self, logs: Sequence[Log]) -> _Changes:
        changes = _Changes({}, {})
        last_index = -1
        for log in logs:
            if log.log_index <= last_index:
                raise BlockRefused(f"log {log.log_index} comes after log {last_index}")
            last_index = log.log_index
            topic = log.topics[0] if log.topics else b""
            if topic == SYNC_TOPIC and self._follows(log.address, changes):
                changes.synced[log.address] = _reserves(log)
            elif topic == PAIR_CREATED_TOPIC and log.address in self._venues:
                self._read_creation(log, changes)
        return changes

    def _read_creation(self, log: Log, changes: _Changes) -> None:
        venue = self._venues[log.address]
        try:
            token0, token1, pair = decode_pair_created(log)
        except ValueError as error:
            raise BlockRefused(f"log {log.log_index}: not a PairCreated of {venue.name}: {error}") from error
        if self._listed is not None and not {token0, token1} <= self._listed:
            return
        if pair != pair_address(venue.factory, token0, token1, venue.init_code_hash):
            raise BlockRefused(
                f"{venue.name} created {to_checksum(pair)}, which is not at its CREATE2 address: "
                "the profile's init code hash is of another pair"
            )
        if self._follows(pair, changes):
            raise BlockRefused(f"{venue.name} created {to_checksum(pair)}, which is in service already")
        changes.created[pair] = v2_pool(venue, pair, token0, token1)

    def _follows(self, address: Address, changes: _Changes) -> bool:
        index = self.table.index(address)
        return address in changes.created or (index is not None and self.table.in_service(index))

    def _put_into_service(self, pool: V2Pool) -> int:
        index = self.table.index(pool.address)
        if index is None:
            return self.table.add(pool, 0, 0)
        self.table.put_into_service(index)
        return index

    def _sync(self, address: Address, reserve0: int, reserve1: int) -> ReservesBefore:
        index = self.table.index(address)
        assert index is not None, "synced pools are followed"
        before = ReservesBefore(index, self.table.reserve0[index], self.table.reserve1[index])
        self.table.set_reserves(index, reserve0, reserve1)
        return before

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


def v2_pool(venue: Venue, address: Address, token0: Address, token1: Address) -> V2Pool:
    return V2Pool(
        address=address,
        venue=venue.name,
        token0=token0,
        token1=token1,
        fee_numerator=venue.fee_numerator,
        fee_denominator=venue.fee_denominator,
    )


def _reserves(log: Log) -> tuple[int, int]:
    try:
        return decode_sync(log)
    except ValueError as error:
        raise BlockRefused(
            f"log {log.log_index} of {to_checksum(log.address)}: not a Sync: {error}"
        ) from error


def _ascending(created: Sequence[int], overwritten: Sequence[ReservesBefore]) -> tuple[int, ...]:
    return tuple(sorted({*created, *(before.index for before in overwritten)}))
