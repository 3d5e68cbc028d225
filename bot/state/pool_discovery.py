"""Which pools there are: by the factory's own list or logs, or for couples of the listed tokens. Pure.

A V2 pair says itself which tokens it holds, and its CREATE2 address proves it; so does the address of a V3 pool.
"""

from collections.abc import Sequence
from itertools import combinations

import msgspec

from bot.core.errors import RetryLater
from bot.core.identity import ZERO_ADDRESS, Address, to_checksum
from bot.core.messages import Log
from bot.core.profile import ChainProfile, Venue
from bot.core.result import Ok
from bot.protocols.uniswap_v2 import (
    all_pairs_calldata,
    all_pairs_length_calldata,
    decode_address,
    decode_length,
    get_pair_calldata,
    pair_address,
    token0_calldata,
    token1_calldata,
)
from bot.protocols.uniswap_v3 import POOL_CREATED_TOPIC, get_pool_calldata, pool_address
from bot.state.block_changes import created_pool, v2_pool
from bot.state.pool_table import Pool, V2Pool, V3Pool
from bot.state.reads import LogsRead, Read, ReadAnswer, ReadPlan, value_of


class DiscoveryFailed(RetryLater):
    """A factory did not say how many pairs it has: there is nothing to start from."""


class LeftOut(msgspec.Struct, frozen=True):
    """A pool that is on the chain and not in the state."""

    venue: str
    pool: str
    """Its checksummed address, or what it was looked for by: `allPairs(7)`, `getPair(0x..., 0x...)`."""
    reason: str


def find_pools(profile: ChainProfile, venue: Venue, left_out: list[LeftOut]) -> ReadPlan[list[Pool]]:
    """In the factory's order, or that of the listed tokens. Raises DiscoveryFailed."""
    tokens = [token.address for token in profile.tokens]
    if venue.protocol == "uniswap_v2":
        if profile.discovery == "all":
            pairs = yield from _all_pairs(venue, left_out)
        else:
            pairs = yield from _listed_pairs(venue, tokens, left_out)
        return (yield from _with_tokens(venue, pairs, left_out))
    if profile.discovery == "all":
        logged = yield from _logged_pools(venue, left_out)
        if logged is not None:
            return logged
    return (yield from _listed_pools(venue, tokens, left_out))


def _all_pairs(venue: Venue, left_out: list[LeftOut]) -> ReadPlan[list[Address]]:
    [length] = yield [Read(venue.factory, all_pairs_length_calldata())]
    count = value_of(length, decode_length)
    if isinstance(count, str):
        raise DiscoveryFailed(f"{venue.name}: allPairsLength() of {to_checksum(venue.factory)}: {count}")
    answers = yield [Read(venue.factory, all_pairs_calldata(place)) for place in range(count)]
    pairs = _addresses(venue, [f"allPairs({place})" for place in range(count)], answers, left_out)
    return [pair for pair in pairs if pair != ZERO_ADDRESS]


def _listed_pairs(
    venue: Venue, tokens: Sequence[Address], left_out: list[LeftOut]
) -> ReadPlan[list[Address]]:
    wanted = list(combinations(sorted(set(tokens)), 2))
    answers = yield [Read(venue.factory, get_pair_calldata(token0, token1)) for token0, token1 in wanted]
    names = [f"getPair({to_checksum(token0)}, {to_checksum(token1)})" for token0, token1 in wanted]
    # getPair answers the zero address for a pair that was never created: that is no pool, and none left out.
    return [pair for pair in _addresses(venue, names, answers, left_out) if pair != ZERO_ADDRESS]


def _addresses(
    venue: Venue, names: Sequence[str], answers: Sequence[ReadAnswer], left_out: list[LeftOut]
) -> list[Address]:
    """The address of each answer, the zero address where there is none; a factory that is silent is named once."""
    found = [value_of(answer, decode_address) for answer in answers]
    failed = [(name, reason) for name, reason in zip(names, found, strict=True) if isinstance(reason, str)]
    if len(failed) == len(names) > 1:
        first, reason = failed[0]
        failed = [(f"{first} and {len(names) - 1} others", reason)]
    left_out += [LeftOut(venue.name, name, reason) for name, reason in failed]
    return [ZERO_ADDRESS if isinstance(address, str) else address for address in found]


def _with_tokens(venue: Venue, pairs: Sequence[Address], left_out: list[LeftOut]) -> ReadPlan[list[Pool]]:
    answers = yield [Read(pair, data) for pair in pairs for data in (token0_calldata(), token1_calldata())]
    found: list[Pool] = []
    for place, pair in enumerate(pairs):
        pool = _pair(venue, pair, answers[2 * place], answers[2 * place + 1])
        if isinstance(pool, str):
            left_out.append(LeftOut(venue.name, to_checksum(pair), pool))
        else:
            found.append(pool)
    return found


def _pair(venue: Venue, pair: Address, answer0: ReadAnswer, answer1: ReadAnswer) -> V2Pool | str:
    token0 = value_of(answer0, decode_address)
    if isinstance(token0, str):
        return f"token0(): {token0}"
    token1 = value_of(answer1, decode_address)
    if isinstance(token1, str):
        return f"token1(): {token1}"
    expected = pair_address(venue.factory, token0, token1, venue.init_code_hash)
    if expected != pair:
        return f"its CREATE2 address would be {to_checksum(expected)}: not a pair of this venue's code"
    return v2_pool(venue, pair, token0, token1)


def _logged_pools(venue: Venue, left_out: list[LeftOut]) -> ReadPlan[list[Pool] | None]:
    """None, and said so, where the node does not give the logs: it may refuse so many blocks at once."""
    [answer] = yield [LogsRead(venue.factory, POOL_CREATED_TOPIC, venue.first_block)]
    if not isinstance(answer, Ok) or isinstance(answer.value, bytes):
        reason = f"{answer}; looked for by getPool between the listed tokens instead"
        left_out.append(LeftOut(venue.name, f"pools created since block {venue.first_block}", reason))
        return None
    found: dict[Address, Pool] = {}
    for log in answer.value:
        pool = _logged_pool(venue, log)
        if isinstance(pool, str):
            left_out.append(LeftOut(venue.name, f"log {log.log_index} of 0x{log.tx_hash.hex()}", pool))
        else:
            found[pool.address] = pool
    return list(found.values())


def _logged_pool(venue: Venue, log: Log) -> V3Pool | str:
    try:
        return created_pool(venue, log)
    except ValueError as error:
        return str(error)


def _listed_pools(venue: Venue, tokens: Sequence[Address], left_out: list[LeftOut]) -> ReadPlan[list[Pool]]:
    wanted = [
        (token0, token1, fee, spacing)
        for token0, token1 in combinations(sorted(set(tokens)), 2)
        for fee, spacing in venue.fee_tiers
    ]
    names = [f"getPool({to_checksum(key[0])}, {to_checksum(key[1])}, {key[2]})" for key in wanted]
    answers = yield [Read(venue.factory, get_pool_calldata(*key[:3])) for key in wanted]
    found: list[Pool] = []
    addresses = _addresses(venue, names, answers, left_out)
    for (token0, token1, fee, spacing), name, address in zip(wanted, names, addresses, strict=True):
        expected = pool_address(venue.deployer, token0, token1, fee, venue.init_code_hash)
        if address == expected:
            found.append(V3Pool(address, venue.name, token0, token1, fee, spacing, venue.protocol))
        elif address != ZERO_ADDRESS:
            reason = f"{to_checksum(address)} is not at its CREATE2 address {to_checksum(expected)}"
            left_out.append(LeftOut(venue.name, name, reason))
    return found
