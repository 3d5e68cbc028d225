"""Cycles of four pools without enumerating them, compiled: base → a → m → c → base, found from the middle token m.

A path of two pools leads from base to m, another from m to base. Of every token two numbers are kept: the best rates
(logs) from base to it and from it to base. One pass over the edges of m makes bounds of them: no path in, and none out,
has a better rate. Where their sum is not above zero no cycle over m earns, and m is done with. Otherwise every path that
reaches over zero with the bound of its partner is paired with every such partner it shares no pool with, unless even
the best would not bring it among the few: the survivors are those of the full enumeration. a and c may be one token,
through different pools.

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
def _best_pairs(reach_in: Floats, paths_in: Ints, reach_out: Floats, paths_out: Ints, found: Ints) -> None:
    """Fill the rows of `found` with the best pairs of disjoint paths, best first.

    A path is (edge between m and a from m's side, edge from a to base).
    """
    rates = np.zeros(len(found))
    few, size, least = len(rates), 0, 0.0
    best_out, best = reach_out.max(), reach_in.argmax()
    # The best goes first: with what it makes, most of the others are done with at a glance.
    for at_one in range(-1, len(reach_in)):
        one = best if at_one < 0 else at_one
        if at_one == best or reach_in[one] + best_out <= least:
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
def note_best(
    near_tokens: Ints,
    ends: Longs,
    into_base: Ints,
    log_rate: Floats,
    virtual0: Floats,
    virtual1: Floats,
    least_depth: float,
    best_from: Floats,
    best_to: Floats,
) -> None:
    """The best rates between base and each of these tokens, through the pools that are deep enough by their base alone."""
    for token in near_tokens:
        best_from[token], best_to[token] = -np.inf, -np.inf
        for to in range(ends[token], ends[token + 1]):
            near = into_base[to]
            base_held = _held(near ^ 1, virtual0, virtual1)
            if base_held >= least_depth or (base_held == 0.0 and _held(near, virtual0, virtual1) == 0.0):
                best_from[token] = max(best_from[token], log_rate[near ^ 1])
                best_to[token] = max(best_to[token], log_rate[near])


@njit(cache=True)
def near_tokens(touched: Ints, tokens: Ints, base: int, is_noted: NDArray[np.bool_], noted: Ints) -> int:
    """The tokens that trade against base in a touched pool, into `noted`; how many. `is_noted` comes and goes False."""
    size = 0
    for pool in touched:
        one, two = tokens[2 * pool], tokens[2 * pool + 1]
        if base in (one, two):
            token = two if one == base else one
            if not is_noted[token]:
                is_noted[token] = True
                noted[size] = token
                size += 1
    for at in range(size):
        is_noted[noted[at]] = False
    return size


@njit(cache=True)
def _expand(
    middle: int,
    bound_in: float,
    bound_out: float,
    tokens: Ints,
    edge_offsets: Longs,
    edges: Ints,
    ends: Longs,
    into_base: Ints,
    log_rate: Floats,
    virtual0: Floats,
    virtual1: Floats,
    least_depth: float,
    best_from: Floats,
    best_to: Floats,
    found: Ints,
) -> None:
    """Fill the rows of `found` with the best cycles over `middle`, whose bounds add up to more than zero."""
    start, end = edge_offsets[middle], edge_offsets[middle + 1]
    paths = 0
    for at in range(start, end):
        edge = edges[at]
        token = tokens[edge ^ 1]
        if (
            log_rate[edge ^ 1] + best_from[token] + bound_out > 0.0
            or log_rate[edge] + best_to[token] + bound_in > 0.0
        ):
            paths += ends[token + 1] - ends[token]
    reach_in, reach_out = np.empty(paths), np.empty(paths)
    paths_in, paths_out = np.empty((paths, 2), np.int32), np.empty((paths, 2), np.int32)
    count_in, count_out = 0, 0
    for at in range(start, end):
        edge = edges[at]
        token = tokens[edge ^ 1]
        goes_in = log_rate[edge ^ 1] + best_from[token] + bound_out > 0.0
        goes_out = log_rate[edge] + best_to[token] + bound_in > 0.0
        if not (goes_in or goes_out):
            continue
        for to in range(ends[token], ends[token + 1]):
            near = into_base[to]
            rate_in, rate_out = log_rate[edge ^ 1] + log_rate[near ^ 1], log_rate[edge] + log_rate[near]
            reaches_in = goes_in and rate_in + bound_out > 0.0
            reaches_out = goes_out and rate_out + bound_in > 0.0
            if (reaches_in or reaches_out) and _deep(edge, near, virtual0, virtual1, least_depth):
                if reaches_in:
                    reach_in[count_in], paths_in[count_in, 0], paths_in[count_in, 1] = rate_in, edge, near
                    count_in += 1
                if reaches_out:
                    reach_out[count_out], paths_out[count_out, 0], paths_out[count_out, 1] = (
                        rate_out,
                        edge,
                        near,
                    )
                    count_out += 1
    if count_in and count_out:
        _best_pairs(reach_in[:count_in], paths_in, reach_out[:count_out], paths_out, found)


@njit(cache=True)
def survivors(
    affected: Ints,
    touched: Ints,
    is_touched: NDArray[np.bool_],
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
    best_from: Floats,
    best_to: Floats,
    few: int,
    legs: Ints,
    rows: Ints,
) -> int:
    """Write the best `few` cycles over each affected token m into rows m * few … of `legs`, best rate first.

    Rows without a cycle begin with -1. `rows` gets every row whose cycle is another than it was or has a touched pool;
    how many. `is_touched`, one a pool, comes and goes all False.
    """
    for pool in touched:
        is_touched[pool] = True
    written, found = 0, np.empty((few, 4), np.int32)
    for middle in affected:
        bound_in, bound_out = -np.inf, -np.inf
        for at in range(edge_offsets[middle], edge_offsets[middle + 1]):
            edge = edges[at]
            token = tokens[edge ^ 1]
            if token != base:
                bound_in = max(bound_in, log_rate[edge ^ 1] + best_from[token])
                bound_out = max(bound_out, log_rate[edge] + best_to[token])
        found[:] = -1
        if bound_in + bound_out > 0.0:
            _expand(
                middle,
                bound_in,
                bound_out,
                tokens,
                edge_offsets,
                edges,
                ends,
                into_base,
                log_rate,
                virtual0,
                virtual1,
                least_depth,
                best_from,
                best_to,
                found,
            )
        for at in range(few):
            row, other = middle * few + at, False
            for hop in range(4):
                edge = found[at, hop]
                other |= edge != legs[row, hop] or (edge >= 0 and is_touched[edge >> 1])
                legs[row, hop] = edge
            if other:
                rows[written] = row
                written += 1
    for pool in touched:
        is_touched[pool] = False
    return written


def warm_four_pools() -> None:
    """Compile, or load from the cache, for the argument types of the program: base 0 and tokens 1, 2, no cycle."""
    int32: Any = np.int32
    tokens = np.array([0, 1, 1, 2], int32)
    edge_offsets, edges = np.array([0, 1, 3, 4], np.int64), np.array([0, 1, 2, 3], int32)
    ends, into_base = np.array([0, 0, 1, 1], np.int64), np.array([1], int32)
    affected, touched = np.zeros(3, int32), np.array([0, 1], int32)
    best_from, best_to = np.full(3, -np.inf), np.full(3, -np.inf)
    size = near_tokens(touched, tokens, 0, np.zeros(3, np.bool_), affected)
    rates, held = np.zeros(4), (np.ones(2), np.ones(2))
    note_best(affected[:size], ends, into_base, rates, *held, 0.0, best_from, best_to)
    size = tokens_between(touched, tokens, edge_offsets, edges, 0, np.zeros(3, np.bool_), affected)
    survivors(
        affected[:size],
        touched,
        np.zeros(2, np.bool_),
        tokens,
        edge_offsets,
        edges,
        ends,
        into_base,
        0,
        rates,
        *held,
        0.0,
        best_from,
        best_to,
        1,
        np.full((3, 4), -1, int32),
        np.zeros(3, int32),
    )
