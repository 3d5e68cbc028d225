"""What a block's logs say of the pools we follow, decoded and checked before anything is touched. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from bot.core.errors import RetryLater
from bot.core.identity import Address, to_checksum
from bot.core.messages import Log
from bot.core.profile import Venue
from bot.protocols.uniswap_v2 import (
    PAIR_CREATED_TOPIC,
    SYNC_TOPIC,
    decode_pair_created,
    decode_sync,
    pair_address,
)
from bot.protocols.uniswap_v3 import (
    BURN_TOPIC,
    FORKS,
    INITIALIZE_TOPIC,
    MINT_TOPIC,
    POOL_CREATED_TOPIC,
    V3LiquidityChange,
    V3Swap,
    decode_burn,
    decode_initialize,
    decode_mint,
    decode_pool_created,
    decode_swap,
    pool_address,
)
from bot.state.pool_table import Pool, V2Pool, V3Pool


class BlockRefused(RetryLater):
    """The event does not fit the state, which stays where it was: bootstrap afresh."""


class Initialized(msgspec.Struct, frozen=True):
    sqrt_price: int
    tick: int


ConcentratedEvent = Initialized | V3Swap | V3LiquidityChange


class BlockChanges(msgspec.Struct, frozen=True):
    created: dict[Address, Pool]
    synced: dict[Address, tuple[int, int]]
    """Reserves by the last Sync of each pair."""
    concentrated: dict[Address, list[ConcentratedEvent]]
    """Every event of each V3 pool, in log order: the active liquidity depends on the price at that moment."""


def _initialized(log: Log) -> Initialized:
    return Initialized(*decode_initialize(log))


_COMMON: Final[Mapping[bytes, Callable[[Log], ConcentratedEvent]]] = {
    INITIALIZE_TOPIC: _initialized,
    MINT_TOPIC: decode_mint,
    BURN_TOPIC: decode_burn,
}
_EVENTS: Final = {protocol: {**_COMMON, fork.swap_topic: decode_swap} for protocol, fork in FORKS.items()}
"""By topic, of each V3 protocol. Collect, Flash and SetFeeProtocol change nothing a taker sees."""


class BlockReader:
    """`listed` None: every pool of the venues is taken in (discovery "all")."""

    def __init__(self, venues: Iterable[Venue], listed: frozenset[Address] | None) -> None:
        self._by_factory = {venue.factory: venue for venue in venues}
        self._listed = listed

    def read(self, logs: Sequence[Log], in_service: Callable[[Address], Pool | None]) -> BlockChanges:
        """`in_service`: the pool that is followed at an address. Raises BlockRefused."""
        changes = BlockChanges({}, {}, {})
        created, synced, factories = changes.created, changes.synced, self._by_factory
        last_index = -1
        for log in logs:
            address = log.address
            if log.log_index <= last_index:
                raise BlockRefused(f"log {log.log_index} comes after log {last_index}")
            last_index = log.log_index
            if address in factories:
                self._read_creation(log, changes, in_service)
                continue
            pool = created.get(address) or in_service(address)
            if isinstance(pool, V2Pool):
                if log.topics and log.topics[0] == SYNC_TOPIC:
                    try:
                        synced[address] = decode_sync(log)
                    except ValueError as error:
                        raise _refused(log, "a Sync", error) from error
            elif pool is not None:
                self._read_event(log, pool, changes)
        return changes

    def _read_event(self, log: Log, pool: V3Pool, changes: BlockChanges) -> None:
        decode = _EVENTS[pool.protocol].get(log.topics[0] if log.topics else b"")
        if decode is None:
            return
        try:
            event = decode(log)
        except ValueError as error:
            raise _refused(log, f"an event of a {pool.venue} pool", error) from error
        if isinstance(event, V3LiquidityChange) and event.delta == 0:
            return  # a burn of nothing credits fees: no taker sees it
        changes.concentrated.setdefault(log.address, []).append(event)

    def _read_creation(
        self, log: Log, changes: BlockChanges, in_service: Callable[[Address], Pool | None]
    ) -> None:
        venue = self._by_factory[log.address]
        creation, decode = (
            (PAIR_CREATED_TOPIC, created_pair)
            if venue.protocol == "uniswap_v2"
            else (POOL_CREATED_TOPIC, created_pool)
        )
        if log.topics[:1] != (creation,):
            return
        try:
            pool: Pool = decode(venue, log)
        except ValueError as error:
            raise _refused(log, f"a creation by {venue.name}", error) from error
        if self._listed is not None and not self._is_listed(pool, venue):
            return
        if pool.address in changes.created or in_service(pool.address) is not None:
            raise BlockRefused(
                f"{venue.name} created {to_checksum(pool.address)}, which is in service already"
            )
        changes.created[pool.address] = pool

    def _is_listed(self, pool: Pool, venue: Venue) -> bool:
        if self._listed is None or not {pool.token0, pool.token1} <= self._listed:
            return False
        return isinstance(pool, V2Pool) or (pool.fee, pool.tick_spacing) in venue.fee_tiers


def created_pair(venue: Venue, log: Log) -> V2Pool:
    """Raises ValueError for no PairCreated, or a pair that is not at its CREATE2 address."""
    token0, token1, pair = decode_pair_created(log)
    _check_address(venue, pair, pair_address(venue.factory, token0, token1, venue.init_code_hash))
    return v2_pool(venue, pair, token0, token1)


def created_pool(venue: Venue, log: Log) -> V3Pool:
    """Raises ValueError for no PoolCreated, or a pool that is not at its CREATE2 address."""
    made = decode_pool_created(log)
    token0, token1, fee = made.token0, made.token1, made.fee
    _check_address(venue, made.pool, pool_address(venue.deployer, token0, token1, fee, venue.init_code_hash))
    return V3Pool(made.pool, venue.name, token0, token1, fee, made.tick_spacing, venue.protocol)


def v2_pool(venue: Venue, address: Address, token0: Address, token1: Address) -> V2Pool:
    return V2Pool(
        address=address,
        venue=venue.name,
        token0=token0,
        token1=token1,
        fee_numerator=venue.fee_numerator,
        fee_denominator=venue.fee_denominator,
    )


def _check_address(venue: Venue, found: Address, expected: Address) -> None:
    if found != expected:
        raise ValueError(
            f"{to_checksum(found)} is not at its CREATE2 address {to_checksum(expected)}: "
            f"the profile's init code hash of {venue.name} is of another pool"
        )


def _refused(log: Log, what: str, error: ValueError) -> BlockRefused:
    return BlockRefused(f"log {log.log_index} of {to_checksum(log.address)}: not {what}: {error}")
