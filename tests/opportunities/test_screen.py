"""The float walk against 60-digit arithmetic for two V2 pools, against exact integers for all kinds, and what it must
not let through.
"""

import math
import random

import numpy as np
import pytest
from mpmath import mp
from real_optimum import DIGITS, real_optimum
from slow_optimum import profit, slow_best, walks
from synthetic_market import WETH, draw_table

from bot.core.units import UINT112_MAX
from bot.opportunities.exact_legs import OrientedPool, exact_leg
from bot.opportunities.screen_kernel import MOST_LEGS, Market, walk
from bot.opportunities.screened import market_of

INT32 = np.int32


def walked(market, edges, least_depth=0.0):
    """(profit, input)"""
    return walk(
        np.array([*edges, -1], INT32),
        len(edges),
        market,
        least_depth,
        np.zeros((MOST_LEGS, 6)),
        np.zeros(MOST_LEGS, np.int64),
    )


def pairs_only(numbers):
    """A market of V2 pools of (in, out, gamma), traded from token 0 to token 1."""
    count = len(numbers)
    ins, outs, gammas = (np.array(column, np.float64) for column in zip(*numbers, strict=True))
    nothing = np.zeros(count, INT32)
    return Market(
        gammas, ins, outs, np.zeros(2 * count), np.zeros(count), nothing.astype(np.int64), nothing, nothing,
        np.zeros(1), np.zeros(1),
    )  # fmt: skip


def screened(first, second, least_depth=0.0):
    numbers = [
        (float(pool.reserve_in), float(pool.reserve_out), pool.fee_numerator / pool.fee_denominator)
        for pool in (first, second)
    ]
    return walked(pairs_only(numbers), [0, 2], least_depth)[0]


def test_screen_equals_the_real_optimum():
    """To 1e-12 of the depth and nine digits of the profit, at reserves of any size."""
    draw, compared = random.Random(3), 0
    for _ in range(3000):
        base, other = 10 ** draw.uniform(6, 26), 10 ** draw.uniform(6, 26)
        tilt = 1 + draw.uniform(-0.3, 0.3)
        first = OrientedPool(int(base), int(other), 997, 1000)
        second = OrientedPool(int(other * 10 ** draw.uniform(-1, 0.2)), int(base * tilt), 9975, 10000)
        with mp.workdps(DIGITS):
            exact, _ = real_optimum(first, second)
            assert abs(screened(first, second) - exact) <= mp.mpf(10) ** -12 * base + mp.mpf(10) ** -9 * exact
            compared += exact > 0
    assert compared > 500


def test_any_cycle_is_worth_what_exact_integers_find():
    """Two and three pools of either kind: six digits of what pays, and no value where exact integers lose."""
    table = draw_table(5, pools=26, tokens=5, concentrated=0.7)
    market, seen = market_of(table.screen), {"pays": 0, "crosses": 0, "loses": 0, "near": 0}
    for edges in walks(table, WETH):
        value, amount = walked(market, edges)
        legs = [exact_leg(table, edge) for edge in edges]
        best = slow_best(legs)
        gain = max(0, profit(best))
        units = 10 * max((best[0] / one for one in best), default=1) if gain else 0
        assert abs(value - gain) <= 1e-6 * gain + units + 1e7, (edges, value, gain)
        seen["loses" if gain == 0 else "pays"] += 1
        if gain:
            seen["near"] += 0.999 * best[0] <= amount <= 1.001 * best[0]
            seen["crosses"] += any(leg.buy(out)[1] for leg, out in zip(legs, best[1:], strict=True))
    print(seen)
    assert min(seen.values()) > 1


@pytest.mark.parametrize("place", range(6))
@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, 0.0])
def test_no_number_is_no_profit(place, value):
    numbers = [1e20, 2e20, 0.997, 1e20, 2e20, 0.997]
    assert walked(pairs_only([numbers[:3], numbers[3:]]), [0, 2])[0] > 0
    numbers[place] = value
    found, amount = walked(pairs_only([numbers[:3], numbers[3:]]), [0, 2])
    assert math.isfinite(found)
    assert math.isfinite(amount)
    assert found == 0 or value == math.inf


def test_both_pools_must_be_deep_enough():
    first, second = OrientedPool(10**9, 10**20, 997, 1000), OrientedPool(10**20, 10**12, 997, 1000)
    assert screened(first, second) > 0
    assert screened(first, second, 1e9) > 0
    assert screened(first, second, 1e9 + 1) == 0
    deep, shallow = OrientedPool(10**9, 10**22, 997, 1000), OrientedPool(10**20, 10**8, 997, 1000)
    assert screened(deep, shallow, 1e8) > 0
    assert screened(deep, shallow, 1e8 + 1) == 0


def test_the_pool_between_counts_by_either_token_at_its_neighbour_s_price():
    """A thousand base units a unit of the second token, ten a unit of the third."""
    ends = (1e9, 1e6, 0.997), (1e8, 1e9, 0.997)
    for middle, depth in (((1e3, 2e5, 0.997), 1e6), ((2e3, 1.9e5, 0.997), 1.9e6), ((1e3, 4e5, 0.997), 1e6)):
        market = pairs_only([ends[0], middle, ends[1]])
        assert walked(market, [0, 2, 4])[0] > 0 or middle[1] < 2e5
        if walked(market, [0, 2, 4])[0] > 0:
            assert walked(market, [0, 2, 4], depth * 0.999)[0] > 0
            assert walked(market, [0, 2, 4], depth * 1.001)[0] == 0


def test_the_largest_reserves_stay_finite():
    huge = OrientedPool(1, UINT112_MAX, 997, 1000), OrientedPool(1, UINT112_MAX, 997, 1000)
    assert np.isfinite(screened(*huge))
    assert screened(*huge) > 0
