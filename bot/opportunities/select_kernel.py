"""Which of the promising cycles are sized, compiled: best after their own gas, a few for every pool."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


@njit(cache=True)
def _sink(ids: NDArray[np.int64], nets: Floats, at: int, size: int) -> None:
    """Restore the heap of the best net (of equal ones the lowest id) below `at`."""
    while True:
        best = at
        for child in (2 * at + 1, 2 * at + 2):
            if child < size and (
                nets[child] > nets[best] or (nets[child] == nets[best] and ids[child] < ids[best])
            ):
                best = child
        if best == at:
            return
        ids[at], ids[best] = ids[best], ids[at]
        nets[at], nets[best] = nets[best], nets[at]
        at = best


@njit(cache=True)
def select(  # noqa: C901, PLR0912  # nested loops over flat arrays: a call a row would cost more than the row
    promising: Ints,
    values: Floats,
    legs: Ints,
    four_promising: Ints,
    four_values: Floats,
    four_legs: Ints,
    hop_gas: Floats,
    gas_price: float,
    cycle_cost: float,
    per_pool: int,
    most: int,
    used: Ints,
    selected: NDArray[np.int64],
) -> tuple[int, int, float]:
    """Into `selected`: up to `most` ids, a row of `four_legs` counted on from the last of `legs`; how many.

    An id goes in when it earns over its own hops and cycle, and while no pool of it is in `per_pool` better ones. Equal
    ones by id: how the sparse sets came to their order does not show. `used`, one a pool, comes and goes all 0. Also
    returned: how many earn, and the sum of what they earn, which no disjoint set of them can exceed.
    """
    ids, nets = (
        np.empty(len(promising) + len(four_promising), np.int64),
        np.empty(len(promising) + len(four_promising)),
    )
    earning, total = 0, 0.0
    for at in range(len(ids)):
        of_four = at >= len(promising)
        row = four_promising[at - len(promising)] if of_four else promising[at]
        net = (four_values[row] if of_four else values[row]) - cycle_cost
        for edge in four_legs[row] if of_four else legs[row]:
            if edge >= 0:
                net -= gas_price * hop_gas[edge >> 1]
        if net > 0.0:
            ids[earning], nets[earning] = row + (len(legs) if of_four else 0), net
            earning += 1
            total += net
    for at in range(earning // 2 - 1, -1, -1):
        _sink(ids, nets, at, earning)
    size, left = 0, earning
    while left > 0 and size < most:
        cycle = ids[0]
        left -= 1
        ids[0], nets[0] = ids[left], nets[left]
        _sink(ids, nets, 0, left)
        edges = four_legs[cycle - len(legs)] if cycle >= len(legs) else legs[cycle]
        busiest = 0
        for edge in edges:
            if edge >= 0:
                busiest = max(busiest, used[edge >> 1])
        if busiest < per_pool:
            selected[size] = cycle
            size += 1
            for edge in edges:
                if edge >= 0:
                    used[edge >> 1] += 1
    for at in range(size):
        cycle = selected[at]
        edges = four_legs[cycle - len(legs)] if cycle >= len(legs) else legs[cycle]
        for edge in edges:
            if edge >= 0:
                used[edge >> 1] = 0
    return size, earning, total


def warm_select() -> None:
    """Compile, or load from the cache, for the argument types of the hot path."""
    int32: Any = np.int32
    select(
        np.array([0], int32),
        np.ones(1),
        np.array([[0, 2, -1]], int32),
        np.array([0], int32),
        np.ones(1),
        np.array([[0, 2, 4, 6]], int32),
        np.zeros(4),
        0.0,
        0.0,
        1,
        1,
        np.zeros(4, int32),
        np.zeros(1, np.int64),
    )
