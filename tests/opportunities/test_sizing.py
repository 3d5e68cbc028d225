"""Sizing against 60-digit arithmetic, against every integer, and against its own promises.

BOT_SIZING_CASES=200000 makes the seeded sweep longer; the seed is printed and taken from BOT_SIZING_SEED if set.
"""

import os
import random
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mpmath import mp
from real_optimum import DIGITS, real_optimum

from bot.core.units import UINT112_MAX
from bot.opportunities.exact_legs import OrientedPool
from bot.opportunities.sizing import _last_rising, best_two_pool_trade
from bot.protocols.uniswap_v2 import amount_out_down

CASES = int(os.environ.get("BOT_SIZING_CASES", "3000"))
FEES = [(997, 1000), (998, 1000), (9975, 10000), (9970, 10000), (1, 1)]


def quote(pool, amount_in):
    return amount_out_down(
        amount_in, pool.reserve_in, pool.reserve_out, pool.fee_numerator, pool.fee_denominator
    )


def check(first, second):
    """Every promise of the docstring; "trade" or "silence", for counting."""
    trade = best_two_pool_trade(first, second)
    profit = trade.profit if trade else 0
    with mp.workdps(DIGITS):  # comparing rounds too
        optimum, bound = real_optimum(first, second)
        assert profit > optimum - bound, (first, second, trade, optimum, bound)
        assert profit <= optimum or trade is None
    if trade is None:
        return "silence"
    assert profit > 0
    assert trade.amount_out == quote(second, trade.amount_between)
    assert quote(first, trade.amount_in) >= trade.amount_between
    assert quote(first, trade.amount_in - 1) < trade.amount_between, "the input is not snapped"
    assert first.reserve_in + trade.amount_in <= UINT112_MAX
    assert second.reserve_in + trade.amount_between <= UINT112_MAX
    return "trade"


@st.composite
def reserves(draw):
    """From dust to uint112, every magnitude alike."""
    bits = draw(st.integers(1, 112))
    return draw(st.integers(max(1, 1 << (bits - 1)), (1 << bits) - 1))


@st.composite
def pools(draw):
    return OrientedPool(draw(reserves()), draw(reserves()), *draw(st.sampled_from(FEES)))


@settings(max_examples=400)
@given(pools(), pools())
@example(OrientedPool(UINT112_MAX, UINT112_MAX, 997, 1000), OrientedPool(1, UINT112_MAX, 997, 1000))
@example(OrientedPool(1, UINT112_MAX, 997, 1000), OrientedPool(1, UINT112_MAX, 1, 1))
@example(OrientedPool(UINT112_MAX - 1, UINT112_MAX, 997, 1000), OrientedPool(10, UINT112_MAX, 997, 1000))
@example(OrientedPool(10, UINT112_MAX, 997, 1000), OrientedPool(UINT112_MAX - 3, UINT112_MAX, 998, 1000))
def test_any_two_pools(first, second):
    check(first, second)


def market_like(draw):
    """Two pools of one pair of tokens of 6, 8 or 18 decimals, their prices up to a factor of eight apart."""
    base_unit, other_unit = (10 ** draw.choice([6, 8, 18]) for _ in range(2))
    price = 10 ** draw.uniform(-6, 6)
    sides = []
    for _ in range(2):
        depth = 10 ** draw.uniform(-2, 6)
        tilt = 2 ** draw.choice([draw.uniform(-0.01, 0.01), draw.uniform(-1.5, 1.5)])
        base, other = depth * base_unit * tilt, depth * price * other_unit / tilt
        sides.append(tuple(min(max(1, int(amount)), UINT112_MAX) for amount in (base, other)))
    (base1, other1), (base2, other2) = sides
    return (
        OrientedPool(base1, other1, *draw.choice(FEES[:4])),
        OrientedPool(other2, base2, *draw.choice(FEES[:4])),
    )


def test_seeded_sweep_of_market_like_pools():
    seed = int(os.environ.get("BOT_SIZING_SEED") or random.randrange(2**32))
    print(f"\nseed {seed}, {CASES} cases")
    draw = random.Random(seed)
    seen = Counter(check(*market_like(draw)) for _ in range(CASES))
    print(dict(seen))
    assert seen["trade"] > CASES // 5
    assert seen["silence"] > CASES // 20


def rises(first, second, between):
    """G' >= 0 at `between`, by exact rational slopes: what one more brings against what it costs, at the margin."""
    g1 = Fraction(first.fee_numerator, first.fee_denominator)
    g2 = Fraction(second.fee_numerator, second.fee_denominator)
    brings = g2 * second.reserve_out * second.reserve_in / (second.reserve_in + g2 * between) ** 2
    costs = first.reserve_in * first.reserve_out / (g1 * (first.reserve_out - between) ** 2)
    return brings >= costs


@given(pools(), pools())
@example(OrientedPool(2, 16, 1, 2), OrientedPool(2, 7, 1, 2))  # here the rounded root is one too far
@example(OrientedPool(27, 48, 1, 1), OrientedPool(7, 26, 1, 1))
def test_the_last_rising_amount_is_exact(first, second):
    last = _last_rising(first, second)
    if last < 0:
        assert not rises(first, second, 0) or not rises(first, second, Fraction(1, 10**40))
        return
    assert rises(first, second, last)
    assert last + 1 == first.reserve_out or not rises(first, second, last + 1)


def brute_force(first, second, most):
    """The best profit over every integer input to `most`."""
    return max(quote(second, quote(first, x)) - x for x in range(most))


@pytest.mark.parametrize("seed", range(3))
def test_every_integer_of_small_pools(seed):
    """No input earns over one unit more than the answer; most answers are the very best."""
    draw = random.Random(seed)
    behind = Counter()
    for _ in range(300):
        scale = draw.choice([8, 60, 1000])
        first = OrientedPool(draw.randint(1, scale), draw.randint(1, scale), *draw.choice(FEES))
        second = OrientedPool(draw.randint(1, scale), draw.randint(1, scale), *draw.choice(FEES))
        # Beyond `second`'s whole reserve no input can earn.
        best = brute_force(first, second, second.reserve_out + 2)
        trade = best_two_pool_trade(first, second)
        behind[best - (trade.profit if trade else 0)] += best > 0
    print(dict(behind))
    assert set(behind) <= {0, 1}
    assert behind[0] > 50
    assert behind[0] > 4 * behind[1]


def test_a_sawtooth_is_climbed_by_the_amount_between():
    """One unit of the token between costs about 1e10 of base: any input but the least is lost to rounding."""
    first = OrientedPool(10**22, 10**12, 997, 1000)
    second = OrientedPool(10**12, 11 * 10**21, 998, 1000)
    trade = best_two_pool_trade(first, second)
    lost = [quote(second, quote(first, trade.amount_in + step)) - trade.amount_in - step for step in (-1, 1)]
    assert lost[0] < trade.profit - 10**9
    assert lost[1] == trade.profit - 1


def test_a_coarse_base_token_brings_more_than_was_asked():
    """One unit of base (6 decimals) buys 1e12 of the other (18): all that it buys is sold."""
    first = OrientedPool(2 * 10**9, 2 * 10**21, 997, 1000)
    second = OrientedPool(10**21, 11 * 10**8, 997, 1000)
    trade = best_two_pool_trade(first, second)
    assert trade.profit > 0
    assert trade.amount_between == quote(first, trade.amount_in)


def test_equal_prices_and_wrong_ways_are_silent():
    pool = OrientedPool(10**20, 10**20, 997, 1000)
    assert best_two_pool_trade(pool, pool) is None
    dear, cheap = OrientedPool(11 * 10**19, 10**20, 997, 1000), OrientedPool(10**20, 10**20, 997, 1000)
    assert best_two_pool_trade(dear, cheap) is None
    assert (
        best_two_pool_trade(cheap, dear) is None
    )  # out of `dear` comes the other token: this is base in again


def test_a_full_pool_takes_no_more():
    """At uint112 the pair reverts with OVERFLOW: there is no trade, however good the price."""
    full = OrientedPool(UINT112_MAX, UINT112_MAX, 997, 1000)
    assert best_two_pool_trade(full, OrientedPool(10, UINT112_MAX, 997, 1000)) is None
    assert best_two_pool_trade(OrientedPool(10, UINT112_MAX, 997, 1000), full) is None
