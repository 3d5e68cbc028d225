"""Enumeration of cycles and of what each pool is in, compiled. An edge is `2 * pool + (0 if token0 goes in else 1)`."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

NO_LEG = -1

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]


@njit(cache=True)
def edges_by_token(tokens: Ints, token_count: int) -> tuple[Longs, Ints]:
    """CSR: `edges[offsets[t]:offsets[t + 1]]` are the edges that token t goes into, by pool in ascending order.

    `tokens[edge]` is what goes into an edge.
    """
    offsets = np.zeros(token_count + 1, np.int64)
    for token in tokens:
        offsets[token + 1] += 1
    for token in range(token_count):
        offsets[token + 1] += offsets[token]
    edges = np.empty(len(tokens), np.int32)
    room = offsets[:-1].copy()
    for edge in range(len(tokens)):
        token = tokens[edge]
        edges[room[token]] = edge
        room[token] += 1
    return offsets, edges


@njit(cache=True)
def edges_to_base(tokens: Ints, offsets: Longs, edges: Ints, base: int) -> tuple[Longs, Ints]:
    """CSR by token: the edges from the token straight into `base`; the edge the other way is `edge ^ 1`."""
    token_count = len(offsets) - 1
    ends = np.zeros(token_count + 1, np.int64)
    out_of_base = edges[offsets[base] : offsets[base + 1]]
    for edge in out_of_base:
        ends[tokens[edge ^ 1] + 1] += 1
    for token in range(token_count):
        ends[token + 1] += ends[token]
    into_base = np.empty(len(out_of_base), np.int32)
    room = ends[:-1].copy()
    for edge in out_of_base:
        token = tokens[edge ^ 1]
        into_base[room[token]] = edge ^ 1
        room[token] += 1
    return ends, into_base


@njit(cache=True)
def _split(into_base: Ints, start: int, end: int, known: int) -> int:
    """The first place in start..end of a pool that is not known yet; pools ascend."""
    place = end
    while place > start and into_base[place - 1] >> 1 >= known:
        place -= 1
    return place


@njit(cache=True)
def count_cycles(tokens: Ints, ends: Longs, into_base: Ints, base: int, known: int) -> tuple[int, int]:
    """How many cycles of two and of three pools through `base` have a pool numbered `known` or higher."""
    of_two, of_three = 0, 0
    old = np.zeros(len(ends) - 1, np.int64)
    for token in range(len(ends) - 1):
        every = ends[token + 1] - ends[token]
        old[token] = _split(into_base, ends[token], ends[token + 1], known) - ends[token]
        of_two += every * (every - 1) - old[token] * (old[token] - 1)
    for pool in range(len(tokens) // 2):
        one, two = tokens[2 * pool], tokens[2 * pool + 1]
        if base in (one, two):
            continue
        every = (ends[one + 1] - ends[one]) * (ends[two + 1] - ends[two])
        of_three += 2 * (every if pool >= known else every - old[one] * old[two])
    return of_two, of_three


@njit(cache=True)
def fill_cycles(  # noqa: C901  # nested loops over flat arrays: a call a row would cost more than the row
    tokens: Ints, ends: Longs, into_base: Ints, base: int, known: int, legs: NDArray[np.int32]
) -> int:
    """Write those cycles into the rows of `legs` until it is full: of two pools first, then by the pool in the middle.

    A row is the edges in trading order, NO_LEG after the last. Returns how many were written.
    """
    at, room = 0, len(legs)
    for token in range(len(ends) - 1):
        start, end = ends[token], ends[token + 1]
        split = _split(into_base, start, end, known)
        for first in range(start, end):
            for second in range(start if first >= split else split, end):
                if first == second:
                    continue
                if at == room:
                    return at
                legs[at, 0], legs[at, 1], legs[at, 2] = into_base[first] ^ 1, into_base[second], NO_LEG
                at += 1
    for pool in range(len(tokens) // 2):
        one, two = tokens[2 * pool], tokens[2 * pool + 1]
        if base in (one, two):
            continue
        split = _split(into_base, ends[two], ends[two + 1], known)
        for first in range(ends[one], ends[one + 1]):
            new = pool >= known or into_base[first] >> 1 >= known
            for second in range(ends[two] if new else split, ends[two + 1]):
                if at + 2 > room:
                    return at
                legs[at, 0], legs[at, 1], legs[at, 2] = into_base[first] ^ 1, 2 * pool, into_base[second]
                at += 1
                legs[at, 0], legs[at, 1], legs[at, 2] = into_base[second] ^ 1, 2 * pool + 1, into_base[first]
                at += 1
    return at


@njit(cache=True)
def cycles_by_pool(legs: NDArray[np.int32], pool_count: int) -> tuple[Longs, Ints]:
    """CSR: `incident[offsets[p]:offsets[p + 1]]` are the cycles that pool p is in, ascending."""
    offsets = np.zeros(pool_count + 1, np.int64)
    for cycle in range(len(legs)):
        for place in range(3):
            if legs[cycle, place] >= 0:
                offsets[(legs[cycle, place] >> 1) + 1] += 1
    for pool in range(pool_count):
        offsets[pool + 1] += offsets[pool]
    incident = np.empty(offsets[pool_count], np.int32)
    room = offsets[:-1].copy()
    for cycle in range(len(legs)):
        for place in range(3):
            if legs[cycle, place] >= 0:
                pool = legs[cycle, place] >> 1
                incident[room[pool]] = cycle
                room[pool] += 1
    return offsets, incident


def warm_cycles() -> None:
    """Compile, or load from the cache, for the argument types of the program: three pools, one of them without base."""
    int32: Any = np.int32
    tokens = np.array([0, 1, 0, 2, 1, 2], int32)
    offsets, edges = edges_by_token(tokens, 3)
    ends, into_base = edges_to_base(tokens, offsets, edges, 0)
    of_two, of_three = count_cycles(tokens, ends, into_base, 0, 0)
    legs = np.empty((of_two + of_three, 3), int32)
    fill_cycles(tokens, ends, into_base, 0, 0, legs)
    cycles_by_pool(legs, 3)
