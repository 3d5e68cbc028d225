"""The float screen against 60-digit arithmetic, and what it must not let through."""

import math
import random

import numpy as np
import pytest
from mpmath import mp
from real_optimum import DIGITS, real_optimum

from bot.core.units import UINT112_MAX
from bot.opportunities.screen_kernel import optimal_profit
from bot.opportunities.sizing import OrientedPool


def screened(first, second, least_depth=0.0):
    fees = [pool.fee_numerator / pool.fee_denominator for pool in (first, second)]
    return optimal_profit(
        float(first.reserve_in),
        float(first.reserve_out),
        fees[0],
        float(second.reserve_in),
        float(second.reserve_out),
        fees[1],
        least_depth,
    )


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


@pytest.mark.parametrize("place", range(6))
@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, 0.0])
def test_no_number_is_no_profit(place, value):
    arguments = [1e20, 2e20, 0.997, 1e20, 2e20, 0.997]
    assert optimal_profit(*arguments, 0.0) > 0
    arguments[place] = value
    found = optimal_profit(*arguments, 0.0)
    assert math.isfinite(found)
    assert found == 0 or value == math.inf


def test_both_pools_must_be_deep_enough():
    first, second = OrientedPool(10**9, 10**20, 997, 1000), OrientedPool(10**20, 10**12, 997, 1000)
    assert screened(first, second) > 0
    assert screened(first, second, 1e9) > 0
    assert screened(first, second, 1e9 + 1) == 0
    deep, shallow = OrientedPool(10**9, 10**22, 997, 1000), OrientedPool(10**20, 10**8, 997, 1000)
    assert screened(deep, shallow, 1e8) > 0
    assert screened(deep, shallow, 1e8 + 1) == 0


def test_the_largest_reserves_stay_finite():
    huge = OrientedPool(1, UINT112_MAX, 997, 1000), OrientedPool(1, UINT112_MAX, 997, 1000)
    assert np.isfinite(screened(*huge))
    assert screened(*huge) > 0
