"""A MarketState from nothing: which reads to make at one block hash, and what their answers make. Pure.

First the pools of every venue are found, then what is in them is read: V2 reserves, and price, liquidity and ticks of
V3. What cannot be read or is not what it should be is left out, counted and named.
"""

from collections.abc import Sequence

import msgspec

from bot.core.identity import Address, BlockRef, to_checksum
from bot.core.profile import ChainProfile
from bot.protocols import pool_lens
from bot.protocols.uniswap_v2 import decode_reserves, reserves_calldata
from bot.protocols.v3_pool import ConcentratedPool
from bot.state.market_state import MarketState
from bot.state.pool_discovery import DiscoveryFailed, LeftOut, find_pools
from bot.state.pool_table import Pool, PoolTable, V2Pool, V3Pool
from bot.state.reads import LensRead, Read, ReadPlan, value_of
from bot.state.tick_maps import read_concentrated

__all__ = ["BootstrapResult", "DiscoveryFailed", "LeftOut", "plan_bootstrap"]

_NO_RESERVES = "the lens got no reserves from it"


class BootstrapResult(msgspec.Struct, frozen=True):
    state: MarketState
    left_out: tuple[LeftOut, ...]


def plan_bootstrap(
    profile: ChainProfile, at: BlockRef, *, has_lens: bool = False
) -> ReadPlan[BootstrapResult]:
    """Every read at `at`; `has_lens`: a LensRead can be answered, and is tried before single reads.

    Raises DiscoveryFailed. A pool's index follows its venue's place, then its factory's order.
    """
    left_out: list[LeftOut] = []
    found: list[Pool] = []
    for venue in profile.venues:
        found += yield from find_pools(profile, venue, left_out)
    pairs = [pool for pool in found if isinstance(pool, V2Pool)]
    pools = [pool for pool in found if isinstance(pool, V3Pool)]
    reserves = yield from read_reserves([pair.address for pair in pairs], has_lens=has_lens)
    concentrated = yield from read_concentrated(pools, has_lens=has_lens)
    contents: dict[Address, tuple[int, int] | ConcentratedPool | str] = {}
    contents |= {pair.address: read for pair, read in zip(pairs, reserves, strict=True)}
    contents |= {pool.address: read for pool, read in zip(pools, concentrated, strict=True)}
    table = PoolTable()
    for pool in found:
        _add(table, pool, contents[pool.address], left_out)
    listed = None if profile.discovery == "all" else frozenset(token.address for token in profile.tokens)
    return BootstrapResult(MarketState(table, profile.venues, at, listed), tuple(left_out))


def read_reserves(pairs: Sequence[Address], *, has_lens: bool) -> ReadPlan[list[tuple[int, int] | str]]:
    """Of each pair, or why they could not be read."""
    found: list[tuple[int, int] | str] = []
    while has_lens and len(found) < len(pairs):
        asked = pairs[len(found) : len(found) + pool_lens.MOST_POOLS]
        [answer] = yield [LensRead(pool_lens.reserves_calldata(asked))]
        read = value_of(answer, pool_lens.decode_reserves)
        if isinstance(read, str) or not 0 < len(read) <= len(asked):
            break
        found += [_NO_RESERVES if reserves is None else reserves for reserves in read]
    if len(found) < len(pairs):
        answers = yield [Read(pair, reserves_calldata()) for pair in pairs[len(found) :]]
        for answer in answers:
            reserves = value_of(answer, decode_reserves)
            found.append(f"getReserves(): {reserves}" if isinstance(reserves, str) else reserves)
    return found


def _add(
    table: PoolTable,
    pool: Pool,
    contents: tuple[int, int] | ConcentratedPool | str,
    left_out: list[LeftOut],
) -> None:
    if isinstance(contents, str):
        left_out.append(LeftOut(pool.venue, to_checksum(pool.address), contents))
    elif isinstance(pool, V2Pool) and isinstance(contents, tuple):
        table.add(pool, *contents)
    elif isinstance(pool, V3Pool) and isinstance(contents, ConcentratedPool):
        table.add_concentrated(pool, contents)
