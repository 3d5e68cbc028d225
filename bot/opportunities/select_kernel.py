"""Which of the promising cycles are sized, compiled: those that earn, best after their own gas first, are gathered once
a block; `take` keeps a few of every pool, bot.opportunities.choose_kernel the disjoint set that earns most.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Floats = NDArray[np.float64]


class Earning(NamedTuple):
    """Cycles whose screen value covers the gas of their own hops, best net first; equal ones by id."""

    ids: Longs
    """A row of `four_legs` counts on from the last of `legs`."""
    nets: Floats
    pools: Ints
    """Four a cycle, -1 where it has fewer."""


@njit(cache=True)
def _sink(ids: Longs, nets: Floats, at: int, size: int) -> None:
    """Restore the heap of the least net (of equal ones the highest id) below `at`."""
    while True:
        least = at
        for child in (2 * at + 1, 2 * at + 2):
            if child < size and (
                nets[child] < nets[least] or (nets[child] == nets[least] and ids[child] > ids[least])
            ):
                least = child
        if least == at:
            return
        ids[at], ids[least] = ids[least], ids[at]
        nets[at], nets[least] = nets[least], nets[at]
        at = least


@njit(cache=True)
def gather(
    promising: Ints,
    values: Floats,
    legs: Ints,
    four_promising: Ints,
    four_values: Floats,
    four_legs: Ints,
    hop_gas: Floats,
    gas_price: float,
    cycle_cost: float,
) -> Earning:
    """How the sparse sets came to their order does not show."""
    most = len(promising) + len(four_promising)
    ids, nets, size = np.empty(most, np.int64), np.empty(most), 0
    for at in range(most):
        of_four = at >= len(promising)
        row = four_promising[at - len(promising)] if of_four else promising[at]
        net = (four_values[row] if of_four else values[row]) - cycle_cost
        for edge in four_legs[row] if of_four else legs[row]:
            if edge >= 0:
                net -= gas_price * hop_gas[edge >> 1]
        if net > 0.0:
            ids[size], nets[size] = row + (len(legs) if of_four else 0), net
            size += 1
    for at in range(size // 2 - 1, -1, -1):
        _sink(ids, nets, at, size)
    for left in range(size - 1, 0, -1):
        ids[0], ids[left] = ids[left], ids[0]
        nets[0], nets[left] = nets[left], nets[0]
        _sink(ids, nets, 0, left)
    pools = np.full((size, 4), -1, np.int32)
    for at in range(size):
        row = ids[at]
        edges = four_legs[row - len(legs)] if row >= len(legs) else legs[row]
        for hop in range(len(edges)):
            if edges[hop] >= 0:
                pools[at, hop] = edges[hop] >> 1
    return Earning(ids[:size], nets[:size], pools)


@njit(cache=True)
def take(  # noqa: C901  # nested loops over flat arrays: a call a row would cost more than the row
    earning: Earning, per_pool: int, most: int, used: Ints
) -> Longs:
    """Places in `earning` of up to `most`, each of which has no pool that `per_pool` better ones of them use.

    `used`, one a pool, comes and goes all 0.
    """
    places, size = np.empty(min(most, len(earning.ids)), np.int64), 0
    for at in range(len(earning.ids)):
        if size == most:
            break
        busiest = 0
        for pool in earning.pools[at]:
            if pool >= 0:
                busiest = max(busiest, used[pool])
        if busiest < per_pool:
            places[size] = at
            size += 1
            for pool in earning.pools[at]:
                if pool >= 0:
                    used[pool] += 1
    for at in places[:size]:
        for pool in earning.pools[at]:
            if pool >= 0:
                used[pool] = 0
    return places[:size]


def warm_select() -> Earning:
    """Compile, or load from the cache, for the argument types of the hot path."""
    int32: Any = np.int32
    earning: Earning = gather(
        np.array([0], int32),
        np.ones(1),
        np.array([[0, 2, -1]], int32),
        np.array([0], int32),
        np.ones(1),
        np.array([[0, 2, 4, 6]], int32),
        np.zeros(4),
        0.0,
        0.0,
    )
    take(earning, 1, 1, np.zeros(4, int32))
    return earning
