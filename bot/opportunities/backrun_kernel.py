"""Screen values of listed cycles, compiled: nothing is kept between calls."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from bot.opportunities.screen_kernel import MOST_LEGS, WORK_COLUMNS, Market, walk, warm_market

Floats = NDArray[np.float64]


@njit(cache=True)
def value_cycles(rows: NDArray[np.int32], market: Market, least_depth: float) -> tuple[Floats, Floats]:
    """(profit, input) of each row of edges, -1 after the last, as bot.opportunities.screen_kernel values a cycle.

    0 where the rates of the pools as they stand do not multiply to more than one.
    """
    work, place = np.zeros((MOST_LEGS, WORK_COLUMNS)), np.zeros(MOST_LEGS, np.int64)
    values, inputs = np.zeros(len(rows)), np.zeros(len(rows))
    for row in range(len(rows)):
        rate, count = 0.0, 0
        for edge in rows[row]:
            if edge >= 0:
                rate += market.log_rate[edge]
                count += 1
        if rate > 0.0:
            values[row], inputs[row] = walk(rows[row], count, market, least_depth, work, place)
    return values, inputs


def warm_backrun() -> None:
    """Compile, or load from the cache, for the argument types of the program."""
    int32: Any = np.int32
    value_cycles(np.array([[0, 3, -1, -1]], int32), warm_market(), 0.0)
