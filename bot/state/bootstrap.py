"""A MarketState from nothing: which calls to make at one block hash, and what their answers make. Pure.

Round 1 finds the pairs (allPairsLength then allPairs, or getPair over the listed tokens), round 2 reads token0,
token1 and reserves of each. What cannot be read or is not what it should be is left out, counted and named.
"""

from collections.abc import Callable, Generator, Sequence
from itertools import combinations
from typing import TypeVar

import msgspec

from bot.core.errors import RetryLater
from bot.core.identity import ZERO_ADDRESS, Address, BlockRef, to_checksum
from bot.core.profile import ChainProfile, Venue
from bot.core.result import Ok
from bot.protocols.uniswap_v2 import (
    all_pairs_calldata,
    all_pairs_length_calldata,
    decode_address,
    decode_length,
    decode_reserves,
    get_pair_calldata,
    pair_address,
    reserves_calldata,
    token0_calldata,
    token1_calldata,
)
from bot.state.market_state import MarketState, v2_pool
from bot.state.pool_table import PoolTable, V2Pool
from bot.state.reads import Read, ReadAnswer, ReadPlan

T = TypeVar("T")

_READS_A_POOL = 3


class DiscoveryFailed(RetryLater):
    """A factory did not say how many pairs it has: there is nothing to start from."""


class LeftOut(msgspec.Struct, frozen=True):
    """A pool that is on the chain and not in the state."""

    venue: str
    pool: str
    """Its checksummed address, or what it was looked for by: `allPairs(7)`, `getPair(0x..., 0x...)`."""
    reason: str


class BootstrapResult(msgspec.Struct, frozen=True):
    state: MarketState
    left_out: tuple[LeftOut, ...]


class _Found(msgspec.Struct, frozen=True):
    venue: Venue
    pair: Address


def plan_bootstrap(profile: ChainProfile, at: BlockRef) -> ReadPlan[BootstrapResult]:
    """Every read at `at`. Raises DiscoveryFailed. A pool's index follows its venue's place, then its factory's order."""
    venues = [venue for venue in profile.venues if venue.protocol == "uniswap_v2"]
    left_out: list[LeftOut] = []
    found: list[_Found] = []
    for venue in venues:
        if profile.discovery == "all":
            found += yield from _all_pairs(venue, left_out)
        else:
            found += yield from _listed_pairs(venue, [token.address for token in profile.tokens], left_out)
    table = PoolTable()
    yield from _fill(table, found, left_out)
    listed = None if profile.discovery == "all" else frozenset(token.address for token in profile.tokens)
    return BootstrapResult(MarketState(table, venues, at, listed), tuple(left_out))


def _all_pairs(venue: Venue, left_out: list[LeftOut]) -> ReadPlan[list[_Found]]:
    [length] = yield [Read(venue.factory, all_pairs_length_calldata())]
    count = _value(length, decode_length)
    if isinstance(count, str):
        raise DiscoveryFailed(f"{venue.name}: allPairsLength() of {to_checksum(venue.factory)}: {count}")
    answers = yield [Read(venue.factory, all_pairs_calldata(place)) for place in range(count)]
    return _pairs(venue, [f"allPairs({place})" for place in range(count)], answers, left_out)


def _listed_pairs(venue: Venue, tokens: Sequence[Address], left_out: list[LeftOut]) -> ReadPlan[list[_Found]]:
    wanted = list(combinations(sorted(set(tokens)), 2))
    answers = yield [Read(venue.factory, get_pair_calldata(token0, token1)) for token0, token1 in wanted]
    names = [f"getPair({to_checksum(token0)}, {to_checksum(token1)})" for token0, token1 in wanted]
    # getPair answers the zero address for a pair that was never created: that is no pool, and none left out.
    return [pair for pair in _pairs(venue, names, answers, left_out) if pair.pair != ZERO_ADDRESS]


def _pairs(
    venue: Venue, names: Sequence[str], answers: Sequence[ReadAnswer], left_out: list[LeftOut]
) -> list[_Found]:
    found: list[_Found] = []
    for name, answer in zip(names, answers, strict=True):
        pair = _value(answer, decode_address)
        if isinstance(pair, str):
            left_out.append(LeftOut(venue.name, name, pair))
        else:
            found.append(_Found(venue, pair))
    return found


def _fill(
    table: PoolTable, found: Sequence[_Found], left_out: list[LeftOut]
) -> Generator[Sequence[Read], Sequence[ReadAnswer], None]:
    calls = (token0_calldata(), token1_calldata(), reserves_calldata())
    answers = yield [Read(one.pair, data) for one in found for data in calls]
    for place, one in enumerate(found):
        pool = _pool(one, answers[place * _READS_A_POOL : (place + 1) * _READS_A_POOL])
        if isinstance(pool, str):
            left_out.append(LeftOut(one.venue.name, to_checksum(one.pair), pool))
        else:
            table.add(*pool)


def _pool(found: _Found, answers: Sequence[ReadAnswer]) -> tuple[V2Pool, int, int] | str:
    token0 = _value(answers[0], decode_address)
    if isinstance(token0, str):
        return f"token0(): {token0}"
    token1 = _value(answers[1], decode_address)
    if isinstance(token1, str):
        return f"token1(): {token1}"
    reserves = _value(answers[2], decode_reserves)
    if isinstance(reserves, str):
        return f"getReserves(): {reserves}"
    expected = pair_address(found.venue.factory, token0, token1, found.venue.init_code_hash)
    if expected != found.pair:
        return f"its CREATE2 address would be {to_checksum(expected)}: not a pair of this venue's code"
    return v2_pool(found.venue, found.pair, token0, token1), *reserves


def _value(answer: ReadAnswer, decode: Callable[[bytes], T]) -> T | str:
    """The decoded value, or why there is none."""
    if not isinstance(answer, Ok):
        return str(answer)
    try:
        return decode(answer.value)
    except ValueError as error:
        return str(error)
