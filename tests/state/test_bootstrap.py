"""What bootstrap asks, and what it makes of good, missing and lying answers. Pure: the chain is a dictionary."""

import pytest

from bot.core.identity import ZERO_ADDRESS
from bot.core.profile import ChainProfile, SlotRule, Token
from bot.core.result import Ok, Reverted, Unknown
from bot.protocols.uniswap_v2 import (
    all_pairs_calldata,
    all_pairs_length_calldata,
    get_pair_calldata,
    reserves_calldata,
    token0_calldata,
    token1_calldata,
)
from bot.state.bootstrap import DiscoveryFailed, plan_bootstrap
from tests.state.blocks import GENESIS, OTHER_VENUE, TOKENS, VENUE, address_of, word

A, B, C, D = TOKENS[:4]
PAIRS = {VENUE: [(A, B), (B, C), (A, D)], OTHER_VENUE: [(A, B)]}


def profile(discovery, tokens=(A, B, C)):
    listed = tuple(Token(f"T{place}", token, 18) for place, token in enumerate(tokens))
    return ChainProfile(
        "test",
        1,
        SlotRule(0, 12),
        "osaka",
        listed[0],
        listed[:1],
        listed,
        b"\x0c" * 20,
        (VENUE, OTHER_VENUE),
        discovery,
        {},
        True,
    )


def chain():
    """(address, calldata) -> answer."""
    answers = {}
    for venue, pairs in PAIRS.items():
        answers[venue.factory, all_pairs_length_calldata()] = word(len(pairs))
        for place, (token0, token1) in enumerate(pairs):
            pair = address_of(token0, token1, venue)
            answers[venue.factory, all_pairs_calldata(place)] = word(pair)
            answers[venue.factory, get_pair_calldata(token0, token1)] = word(pair)
            answers[pair, token0_calldata()] = word(token0)
            answers[pair, token1_calldata()] = word(token1)
            answers[pair, reserves_calldata()] = word(1000 + place) + word(2000 + place) + word(7)
    return answers


def bootstrap(wanted, answers):
    plan = plan_bootstrap(wanted, GENESIS)
    reads = next(plan)
    try:
        while True:
            found = [answers.get((read.to, read.data), word(ZERO_ADDRESS)) for read in reads]
            reads = plan.send([Ok(one) if isinstance(one, bytes) else one for one in found])
    except StopIteration as end:
        return end.value


def pools(result):
    table = result.state.table
    return {
        (pool.venue, pool.token0, pool.token1): (table.reserve0[index], table.reserve1[index])
        for index, pool in enumerate(table.pools)
    }


def test_all_takes_every_pair_of_every_factory():
    result = bootstrap(profile("all"), chain())
    assert pools(result) == {
        ("venue", A, B): (1000, 2000),
        ("venue", B, C): (1001, 2001),
        ("venue", A, D): (1002, 2002),
        ("other", A, B): (1000, 2000),
    }
    assert (result.left_out, result.state.ref) == ((), GENESIS)
    assert result.state.table.live.all()
    assert [pool.fee_numerator for pool in result.state.table.pools] == [997, 997, 997, 998]


def test_listed_takes_pairs_between_listed_tokens_and_no_zero_address():
    result = bootstrap(profile("listed"), chain())
    assert set(pools(result)) == {("venue", A, B), ("venue", B, C), ("other", A, B)}
    assert result.left_out == ()


BROKEN = {
    "reserves unknown": (reserves_calldata(), Unknown("time-out"), "getReserves()"),
    "reserves reverted": (reserves_calldata(), Reverted("no"), "getReserves()"),
    "no code there": (reserves_calldata(), b"", "getReserves()"),
    "token unknown": (token1_calldata(), Unknown("time-out"), "token1()"),
    "token a lie": (token0_calldata(), word(D), "CREATE2"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_pool_that_cannot_be_read_is_left_out_by_name_and_never_zero(name):
    data, answer, reason = BROKEN[name]
    answers = chain() | {(address_of(B, C), data): answer}
    result = bootstrap(profile("all"), answers)
    assert set(pools(result)) == {("venue", A, B), ("venue", A, D), ("other", A, B)}
    [left_out] = result.left_out
    assert left_out.venue == "venue"
    assert bytes.fromhex(left_out.pool[2:]) == address_of(B, C)
    assert reason in left_out.reason


@pytest.mark.parametrize(
    ("discovery", "data"), [("all", all_pairs_calldata(1)), ("listed", get_pair_calldata(B, C))]
)
def test_a_pair_that_could_not_be_looked_up_is_left_out_by_what_was_asked(discovery, data):
    result = bootstrap(profile(discovery), chain() | {(VENUE.factory, data): Unknown("time-out")})
    assert ("venue", B, C) not in pools(result)
    [left_out] = result.left_out
    assert left_out.pool.startswith("allPairs(1)" if discovery == "all" else "getPair(0x")


@pytest.mark.parametrize("answer", [Unknown("time-out"), Reverted("no"), b""])
def test_a_factory_that_does_not_answer_is_no_empty_market(answer):
    answers = chain() | {(VENUE.factory, all_pairs_length_calldata()): answer}
    with pytest.raises(DiscoveryFailed, match="venue"):
        bootstrap(profile("all"), answers)


def test_a_pair_that_was_created_and_never_filled_is_known_and_not_live():
    answers = chain() | {(address_of(A, B), reserves_calldata()): bytes(96)}
    result = bootstrap(profile("all"), answers)
    assert result.state.table.live.tolist() == [False, True, True, True]
    assert result.left_out == ()
