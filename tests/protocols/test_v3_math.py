"""Tick and step maths against the contract's text, at the ends and over the edges of uint256."""

import random

import pytest
import v3_contract as contract
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.protocols.v3_swap_math import (
    fee_up,
    paid_down,
    price_after_input,
    price_after_output,
    taken_up,
)
from bot.protocols.v3_tick_math import (
    MAX_SQRT_PRICE,
    MAX_TICK,
    MIN_SQRT_PRICE,
    MIN_TICK,
    max_liquidity_per_tick,
    sqrt_price_at_tick,
    tick_at_sqrt_price,
)

PUBLISHED = {
    MIN_TICK: MIN_SQRT_PRICE,
    -60: 78990846045029531151608375686,
    -1: 79224201403219477170569942574,
    0: 1 << 96,
    1: 79232123823359799118286999568,
    60: 79466191966197645195421774833,
    200000: 1744244129640337381386292603617838,
    MAX_TICK: MAX_SQRT_PRICE,
}
PRICES = st.integers(MIN_SQRT_PRICE, MAX_SQRT_PRICE - 1) | st.integers(MIN_SQRT_PRICE, 1 << 100)
LIQUIDITY = st.integers(0, 128).flatmap(lambda bits: st.integers(0, (1 << bits) - 1))
AMOUNTS = st.integers(0, 255).flatmap(lambda bits: st.integers(0, (1 << bits) - 1))


def test_published_prices():
    assert {tick: sqrt_price_at_tick(tick) for tick in PUBLISHED} == PUBLISHED


def test_ticks_there_and_back():
    """At each tick's price, one under it and one over it: where the float estimate is least sure."""
    draw = random.Random(3)
    ticks = [*range(MIN_TICK, MIN_TICK + 3000), *range(MAX_TICK - 3000, MAX_TICK), *range(-1500, 1500)]
    ticks += draw.sample(range(MIN_TICK, MAX_TICK), 6_000)
    for tick in ticks:
        price = sqrt_price_at_tick(tick)
        assert price == contract.get_sqrt_ratio_at_tick(tick)
        assert tick_at_sqrt_price(price) == tick
        if tick > MIN_TICK:
            assert tick_at_sqrt_price(price - 1) == tick - 1
        assert tick_at_sqrt_price(price + 1) == tick


@given(PRICES)
def test_the_tick_of_any_price(price):
    assert tick_at_sqrt_price(price) == contract.get_tick_at_sqrt_ratio(price)


@pytest.mark.parametrize("tick", [MIN_TICK - 1, MAX_TICK + 1])
def test_ticks_there_are_not(tick):
    with pytest.raises(ValueError, match=f"tick {tick} is outside"):
        sqrt_price_at_tick(tick)


@pytest.mark.parametrize("price", [0, MIN_SQRT_PRICE - 1, MAX_SQRT_PRICE])
def test_prices_there_are_not(price):
    with pytest.raises(ValueError, match=f"price {price} is not within"):
        tick_at_sqrt_price(price)


def test_most_liquidity_a_tick_may_have():
    """As Uniswap's own tests of Tick.sol state it."""
    published = {
        10: 1917569901783203986719870431555990,
        60: 11505743598341114571880798222544994,
        200: 38350317471085141830651933667504588,
        887272: 113427455640312821154458202477256070485,
    }
    assert {spacing: max_liquidity_per_tick(spacing) for spacing in published} == published


def both(ours, theirs):
    """The two results, None where it raised or reverted."""
    try:
        our_result = ours()
    except ValueError:
        our_result = None
    try:
        their_result = theirs()
    except contract.Reverted:
        their_result = None
    return our_result, their_result


@settings(max_examples=300)
@given(PRICES, LIQUIDITY, AMOUNTS, st.booleans())
@example(MAX_SQRT_PRICE - 1, 1 << 127, 1 << 100, True)
@example(MAX_SQRT_PRICE - 1, (1 << 128) - 1, (1 << 255) - 1, True)
@example(1 << 96, 1, (1 << 255) - 1, True)
@example(1 << 96, 1, 1 << 65, False)
@example(MIN_SQRT_PRICE, 1, 0, True)
def test_prices_after_an_amount(price, liquidity, amount, zero_for_one):
    arguments = price, liquidity, amount, zero_for_one
    ours, theirs = both(lambda: price_after_input(*arguments), lambda: contract.next_from_input(*arguments))
    assert ours == theirs
    ours, theirs = both(lambda: price_after_output(*arguments), lambda: contract.next_from_output(*arguments))
    assert ours == theirs


def test_the_overflow_branch_rounds_otherwise():
    """Where amount * price + liquidity * 2**96 is over uint256 the contract divides first, and so do we."""
    price, liquidity, amount = MAX_SQRT_PRICE - 12345, (1 << 127) + 1, (1 << 97) + 7
    exact = -(-(liquidity << 96) * price // ((liquidity << 96) + amount * price))
    ours = price_after_input(price, liquidity, amount, zero_for_one=True)
    assert ours == contract.next_from_amount0(price, liquidity, amount, add=True)
    assert ours > exact


@given(PRICES, PRICES, LIQUIDITY, st.sampled_from([0, 1, 100, 500, 2500, 3000, 10000, 999_999]))
def test_amounts_of_a_move(one, other, liquidity, fee):
    low, high = sorted((one, other))
    assert taken_up(high, low, liquidity, True) == contract.amount0_delta(low, high, liquidity, up=True)
    assert paid_down(high, low, liquidity, True) == contract.amount1_delta(low, high, liquidity, up=False)
    assert taken_up(low, high, liquidity, False) == contract.amount1_delta(low, high, liquidity, up=True)
    assert paid_down(low, high, liquidity, False) == contract.amount0_delta(low, high, liquidity, up=False)
    taken = taken_up(high, low, liquidity, True)
    assert fee_up(taken, fee) == contract.mul_div_rounding_up(taken, fee, 1_000_000 - fee)
