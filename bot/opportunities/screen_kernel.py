"""Float64 screen of two-pool cycles, compiled: what each would earn at its optimum, and which would earn at all.

With first (r1 in, s1 out, fee g1) and second (r2 in, s2 out, g2), an input x comes back as a·x / (b + c·x) where
a = g1·g2·s1·s2, b = r1·r2, c = g1·(r2 + g2·s1); for a > b the best profit is (sqrt(a) - sqrt(b))² / c. The products
stay below 2**225, far inside a double. Floats screen here and decide nothing.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True)
def optimal_profit(
    r1: float, s1: float, g1: float, r2: float, s2: float, g2: float, least_depth: float
) -> float:
    """In base units; 0 where there is none, where a pool holds less base token than `least_depth`, or for no number."""
    # "not >=" rather than "<": a NaN is shallow too. `first` takes base in (r1), `second` pays it out (s2).
    if not (r1 >= least_depth and s2 >= least_depth and s1 > 0.0 and r2 > 0.0 and r1 > 0.0):
        return 0.0
    a = g1 * g2 * s1 * s2
    b = r1 * r2
    if not a > b:
        return 0.0
    gap = np.sqrt(a) - np.sqrt(b)
    profit = gap * gap / (g1 * (r2 + g2 * s1))
    return profit if np.isfinite(profit) else 0.0


@njit(cache=True)
def _value(
    cycle: int,
    first: NDArray[np.int32],
    second: NDArray[np.int32],
    base_is_token0: NDArray[np.bool_],
    fee: NDArray[np.float64],
    reserve0: NDArray[np.float64],
    reserve1: NDArray[np.float64],
    least_depth: float,
) -> float:
    one, two = first[cycle], second[cycle]
    if base_is_token0[cycle]:
        return optimal_profit(
            reserve0[one], reserve1[one], fee[one], reserve1[two], reserve0[two], fee[two], least_depth
        )
    return optimal_profit(
        reserve1[one], reserve0[one], fee[one], reserve0[two], reserve1[two], fee[two], least_depth
    )


@njit(cache=True)
def _keep(
    cycle: int, profitable: bool, promising: NDArray[np.int32], place: NDArray[np.int32], size: int
) -> int:
    """Put the cycle into the sparse set, or take it out (the last one moves into its place). The new size."""
    if profitable and place[cycle] < 0:
        promising[size] = cycle
        place[cycle] = size
        return size + 1
    if not profitable and place[cycle] >= 0:
        last = promising[size - 1]
        promising[place[cycle]] = last
        place[last] = place[cycle]
        place[cycle] = -1
        return size - 1
    return size


@njit(cache=True)
def screen_pools(
    touched: NDArray[np.int32],
    is_touched: NDArray[np.bool_],
    offsets: NDArray[np.int64],
    incident: NDArray[np.int32],
    first: NDArray[np.int32],
    second: NDArray[np.int32],
    base_is_token0: NDArray[np.bool_],
    fee: NDArray[np.float64],
    reserve0: NDArray[np.float64],
    reserve1: NDArray[np.float64],
    least_depth: float,
    values: NDArray[np.float64],
    promising: NDArray[np.int32],
    place: NDArray[np.int32],
    size: int,
) -> tuple[int, int]:
    """Screen every cycle of the `touched` pools (each pool once) afresh, and keep the sparse set of the promising.

    `is_touched`, one a pool, comes and goes all False. `values[id]` is the profit; `promising[:size]` are the ids with
    a profit, `place[id]` where in it an id stands or -1. Returns how many cycles were screened and the new size.
    """
    screened = 0
    for pool in touched:
        is_touched[pool] = True
    for pool in touched:
        for at in range(offsets[pool], offsets[pool + 1]):
            cycle = incident[at]
            other = second[cycle] if first[cycle] == pool else first[cycle]
            if is_touched[other] and other < pool:
                continue  # both its pools are touched: screened once, from the lower one
            values[cycle] = _value(cycle, first, second, base_is_token0, fee, reserve0, reserve1, least_depth)
            size = _keep(cycle, values[cycle] > 0.0, promising, place, size)
            screened += 1
    for pool in touched:
        is_touched[pool] = False
    return screened, size


def warm_screen() -> None:
    """Compile, or load from the cache, for the argument types of the hot path: a market of two equal pools."""
    int32: Any = np.int32
    screen_pools(
        np.array([0], int32),
        np.zeros(2, np.bool_),
        np.array([0, 2, 4], np.int64),
        np.array([0, 1, 0, 1], int32),
        np.array([0, 1], int32),
        np.array([1, 0], int32),
        np.array([True, True], np.bool_),
        np.array([0.997, 0.998]),
        np.array([1e18, 1e18]),
        np.array([2e18, 1e18]),
        0.0,
        np.zeros(2),
        np.zeros(2, int32),
        np.full(2, -1, int32),
        0,
    )
