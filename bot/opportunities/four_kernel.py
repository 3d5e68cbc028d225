"""Cycles of four pools without enumerating them, compiled: base → a → m → c → base, found from the middle token m.

A path of two pools leads from base to m, another from m to base. Where the best rate in plus the best rate out (logs)
is not above zero, no cycle over m earns, and m is done with. Otherwise every path that reaches over zero with the best partner
is paired with every such partner it shares no pool with, unless even the best would not bring it among the few: the
survivors are those of the full enumeration. a and c may be one token, through different pools.

A path through a pool under `least_depth` does not count (the depth rule of screen_kernel, the same for both directions:
the base pool by the base token it holds, the other by what it holds of a, at the base pool's price), so that dust does
not take the survivors' places. A V3 pool whose price is between two ranges with liquidity passes; its walk decides.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Floats = NDArray[np.float64]


@njit(cache=True)
def tokens_between(
    touched: Ints,
    tokens: Ints,
    edge_offsets: Longs,
    edges: Ints,
    base: int,
    is_affected: NDArray[np.bool_],
    affected: Ints,
) -> int:
    """The middle tokens of every four-pool cycle that a touched pool may be in, into `affected`; how many.

    A pool without base: its own two tokens. A pool of base and a: whatever trades against a elsewhere.
    `is_affected`, one a token, comes and goes all False.
    """
    size = 0
    for pool in touched:
        one, two = tokens[2 * pool], tokens[2 * pool + 1]
        if base not in (one, two):
            for token in (one, two):
                if not is_affected[token]:
                    is_affected[token] = True
                    affected[size] = token
                    size += 1
            continue
        near = two if one == base else one
        for at in range(edge_offsets[near], edge_offsets[near + 1]):
            token = tokens[edges[at] ^ 1]
            if token != base and not is_affected[token]:
                is_affected[token] = True
                affected[size] = token
                size += 1
    for at in range(size):
        is_affected[affected[at]] = False
    return size


@njit(cache=True)
def _held(edge: int, virtual0: Floats, virtual1: Floats) -> float:
    """What the pool of `edge` holds of the token that goes into it."""
    return float(virtual1[edge >> 1] if edge & 1 else virtual0[edge >> 1])


@njit(cache=True)
def _deep(middle: int, near: int, virtual0: Floats, virtual1: Floats, least_depth: float) -> bool:
    """`middle`: the edge from m to a; `near`: from a to base."""
    base_held, near_held = _held(near ^ 1, virtual0, virtual1), _held(near, virtual0, virtual1)
    held = _held(middle ^ 1, virtual0, virtual1)
    near_empty, middle_empty = near_held == 0.0 and base_held == 0.0, held == 0.0
    if near_empty:
        return True
    return bool(base_held >= least_depth and (middle_empty or held * (base_held / near_held) >= least_depth))


@njit(cache=True)
def _best_pairs(
    reach_in: Floats,
    paths_in: Ints,
    reach_out: Floats,
    paths_out: Ints,
    best_out: float,
    found: Ints,
    rates: Floats,
) -> None:
    """Fill the rows of `found` with the best pairs of disjoint paths, best first.

    A path is (edge between m and a from m's side, edge from a to base).
    """
    few, size = len(rates), 0
    least = 0.0
    for one in range(len(reach_in)):
        if reach_in[one] + best_out <= least:
            continue
        for two in range(len(reach_out)):
            rate = reach_in[one] + reach_out[two]
            if (
                rate <= least
                or paths_in[one, 0] >> 1 == paths_out[two, 0] >> 1
                or paths_in[one, 1] >> 1 == paths_out[two, 1] >> 1
            ):
                continue
            at = size if size < few else few - 1
            while at > 0 and rates[at - 1] < rate:
                rates[at] = rates[at - 1]
                found[at] = found[at - 1]
                at -= 1
            rates[at] = rate
            found[at, 0], found[at, 1] = paths_in[one, 1] ^ 1, paths_in[one, 0] ^ 1
            found[at, 2], found[at, 3] = paths_out[two, 0], paths_out[two, 1]
            size = min(size + 1, few)
            if size == few:
                least = rates[few - 1]


@njit(cache=True)
def survivors(  # noqa: C901, PLR0912  # nested loops over flat arrays: a call a row would cost more than the row
    affected: Ints,
    few: int,
    tokens: Ints,
    edge_offsets: Longs,
    edges: Ints,
    ends: Longs,
    into_base: Ints,
    base: int,
    log_rate: Floats,
    virtual0: Floats,
    virtual1: Floats,
    least_depth: float,
    legs: Ints,
    rows: Ints,
) -> int:
    """Write the best `few` cycles over each affected token m into rows m * few … of `legs`, best rate first.

    Rows without a cycle begin with -1. `rows` gets every row that is not as empty as it was; how many.
    """
    written = 0
    for middle in affected:
        best_in, best_out, paths = -np.inf, -np.inf, 0
        for at in range(edge_offsets[middle], edge_offsets[middle + 1]):
            edge = edges[at]
            token = tokens[edge ^ 1]
            if token == base:
                continue
            for to in range(ends[token], ends[token + 1]):
                near = into_base[to]
                if _deep(edge, near, virtual0, virtual1, least_depth):
                    paths += 1
                    best_in = max(best_in, log_rate[edge ^ 1] + log_rate[near ^ 1])
                    best_out = max(best_out, log_rate[edge] + log_rate[near])
        found = np.full((few, 4), -1, np.int32)
        if best_in + best_out > 0.0:
            reach_in, reach_out = np.empty(paths), np.empty(paths)
            paths_in, paths_out = np.empty((paths, 2), np.int32), np.empty((paths, 2), np.int32)
            count_in, count_out = 0, 0
            for at in range(edge_offsets[middle], edge_offsets[middle + 1]):
                edge = edges[at]
                token = tokens[edge ^ 1]
                if token == base:
                    continue
                for to in range(ends[token], ends[token + 1]):
                    near = into_base[to]
                    if not _deep(edge, near, virtual0, virtual1, least_depth):
                        continue
                    rate = log_rate[edge ^ 1] + log_rate[near ^ 1]
                    if rate + best_out > 0.0:
                        reach_in[count_in], paths_in[count_in, 0], paths_in[count_in, 1] = rate, edge, near
                        count_in += 1
                    rate = log_rate[edge] + log_rate[near]
                    if rate + best_in > 0.0:
                        reach_out[count_out], paths_out[count_out, 0], paths_out[count_out, 1] = (
                            rate,
                            edge,
                            near,
                        )
                        count_out += 1
            _best_pairs(
                reach_in[:count_in],
                paths_in,
                reach_out[:count_out],
                paths_out,
                best_out,
                found,
                np.full(few, -np.inf),
            )
        for at in range(few):
            row = middle * few + at
            if found[at, 0] >= 0 or legs[row, 0] >= 0:
                legs[row] = found[at]
                rows[written] = row
                written += 1
    return written


def warm_four_pools() -> None:
    """Compile, or load from the cache, for the argument types of the program: base 0 and tokens 1, 2, no cycle."""
    int32: Any = np.int32
    tokens = np.array([0, 1, 1, 2], int32)
    edge_offsets, edges = np.array([0, 1, 3, 4], np.int64), np.array([0, 1, 2, 3], int32)
    ends, into_base = np.array([0, 0, 1, 1], np.int64), np.array([1], int32)
    affected = np.zeros(3, int32)
    size = tokens_between(
        np.array([0, 1], int32), tokens, edge_offsets, edges, 0, np.zeros(3, np.bool_), affected
    )
    survivors(
        affected[:size],
        1,
        tokens,
        edge_offsets,
        edges,
        ends,
        into_base,
        0,
        np.zeros(4),
        np.ones(2),
        np.ones(2),
        0.0,
        np.full((3, 4), -1, int32),
        np.zeros(3, int32),
    )
