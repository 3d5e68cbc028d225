"""The disjoint set of cycles that earns most by their float nets, compiled: it says which cycles are worth sizing.

As bot.opportunities.ranking does with exact amounts: cycles tied to each other by pools make a group; the best choice of
a group of up to EXACT_GROUP is found by trying all. In a larger one the best goes first, then the best that is disjoint
from it, and so on; then each chosen one gives way to the best set of those that it alone keeps out, where they earn
more together.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from bot.opportunities.select_kernel import Earning

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Floats = NDArray[np.float64]

EXACT_GROUP = 16
_ROUNDS = 4


@njit(cache=True)
def _share(pools: Ints, one: int, other: int) -> bool:
    """Whether two cycles have a pool in common."""
    for mine in pools[one]:
        if mine >= 0:
            for theirs in pools[other]:
                if mine == theirs:
                    return True
    return False


@njit(cache=True)
def _best_of(members: Longs, pools: Ints, nets: Floats) -> tuple[float, int]:
    """(sum, bits) of the best disjoint choice of up to EXACT_GROUP members, best net first; bit k is the k-th member.

    Of equal choices the one with the earlier members.
    """
    count = len(members)
    rivals = np.zeros(count, np.int64)
    for one in range(count):
        for other in range(one + 1, count):
            if _share(pools, members[one], members[other]):
                rivals[one] |= 1 << other
    rest_of, gain_of, taken_of = (
        np.empty(2 * count + 2, np.int64),
        np.empty(2 * count + 2),
        np.empty(2 * count + 2, np.int64),
    )
    rest_of[0], gain_of[0], taken_of[0] = (1 << count) - 1, 0.0, 0
    size, best, chosen = 1, 0.0, 0
    while size > 0:
        size -= 1
        rest, gain, taken = rest_of[size], gain_of[size], taken_of[size]
        if gain > best:
            best, chosen = gain, taken
        reach, first = gain, -1
        for member in range(count):
            if rest >> member & 1:
                reach += nets[members[member]]
                if first < 0:
                    first = member
        if first < 0 or reach <= best:
            continue
        without = rest & ~(1 << first)
        rest_of[size], gain_of[size], taken_of[size] = without, gain, taken
        rest_of[size + 1], gain_of[size + 1], taken_of[size + 1] = (
            without & ~rivals[first],
            gain + nets[members[first]],
            taken | 1 << first,
        )
        size += 2
    return best, chosen


@njit(cache=True)
def _root(parent: Longs, at: int) -> int:
    while parent[at] != at:
        parent[at] = parent[parent[at]]
        at = parent[at]
    return at


@njit(cache=True)
def _order(nets: Floats) -> Longs:
    """Places by net, best first; almost in order already. Only those above zero."""
    order, size = np.empty(len(nets), np.int64), 0
    for place in range(len(nets)):
        if nets[place] > 0.0:
            at = size
            while at > 0 and nets[order[at - 1]] < nets[place]:
                order[at] = order[at - 1]
                at -= 1
            order[at] = place
            size += 1
    return order[:size]


@njit(cache=True)
def _put(pools: Ints, place: int, holder: Ints, value: int) -> None:
    for pool in pools[place]:
        if pool >= 0:
            holder[pool] = value


@njit(cache=True)
def _improve(  # noqa: C901, PLR0912  # nested loops over flat arrays: a call a row would cost more than the row
    order: Longs,
    pools: Ints,
    nets: Floats,
    holder: Ints,
    newest: Ints,
    before: Longs,
    is_chosen: NDArray[np.bool_],
) -> bool:
    """One round over the chosen; whether any gave way. `holder` of a pool is the chosen cycle in it or -1, `newest` the
    last entry (4 * place + hop) of a pool's cycles, `before` the one before it or -1.
    """
    moved = False
    free, rank = np.empty(EXACT_GROUP, np.int64), np.empty(len(nets), np.int64)
    for at in range(len(order)):
        rank[order[at]] = at
    for one in order:
        if not is_chosen[one]:
            continue
        size = 0
        for mine in pools[one]:
            entry = newest[mine] if mine >= 0 else -1
            while entry >= 0:
                other = entry >> 2
                entry = before[entry]
                alone = other != one
                for pool in pools[other]:
                    if pool >= 0 and holder[pool] >= 0 and holder[pool] != one:
                        alone = False
                for place in range(size):
                    if free[place] == other:
                        alone = False
                if not alone or (size == EXACT_GROUP and rank[free[size - 1]] < rank[other]):
                    continue
                place = size if size < EXACT_GROUP else size - 1
                while place > 0 and rank[free[place - 1]] > rank[other]:
                    free[place] = free[place - 1]
                    place -= 1
                free[place] = other
                size = min(size + 1, EXACT_GROUP)
        if size == 0:
            continue
        gain, bits = _best_of(free[:size], pools, nets)
        if gain > nets[one]:
            moved = True
            is_chosen[one] = False
            _put(pools, one, holder, -1)
            for place in range(size):
                if bits >> place & 1:
                    is_chosen[free[place]] = True
                    _put(pools, free[place], holder, free[place])
    return moved


@njit(cache=True)
def choose(  # noqa: C901, PLR0912  # nested loops over flat arrays: a call a row would cost more than the row
    earning: Earning, most: int, holder: Ints, newest: Ints
) -> Longs:
    """Places in `earning` of the chosen, best net first, no more than `most`. Nets may have been changed since it was
    gathered, and then need not be in order; what has none above zero is not chosen.

    `holder` and `newest`, one a pool, come and go all -1.
    """
    nets, pools = earning.nets, earning.pools
    order = _order(nets)
    parent, members_of = np.arange(len(nets)), np.zeros(len(nets), np.int64)
    before = np.full(4 * len(nets), -1, np.int64)
    for one in order:
        for hop in range(4):
            pool = pools[one, hop]
            if pool >= 0:
                entry = newest[pool]
                before[4 * one + hop], newest[pool] = entry, 4 * one + hop
                if entry >= 0:
                    parent[_root(parent, one)] = _root(parent, entry >> 2)
    for one in order:
        members_of[_root(parent, one)] += 1
    is_chosen = np.zeros(len(nets), np.bool_)
    for one in order:
        group = _root(parent, one)
        if members_of[group] > EXACT_GROUP:
            apart = True
            for pool in pools[one]:
                if pool >= 0 and holder[pool] >= 0:
                    apart = False
            if apart:
                is_chosen[one] = True
                _put(pools, one, holder, one)
        elif members_of[group] > 0:
            _choose_group(group, order, parent, earning, is_chosen, members_of, holder)
    for _ in range(_ROUNDS):
        if not _improve(order, pools, nets, holder, newest, before, is_chosen):
            break
    for one in order:
        _put(pools, one, holder, -1)
        _put(pools, one, newest, -1)
    chosen, size = np.empty(min(most, len(order)), np.int64), 0
    for one in order:
        if is_chosen[one] and size < most:
            chosen[size] = one
            size += 1
    return chosen[:size]


@njit(cache=True)
def _choose_group(
    group: int,
    order: Longs,
    parent: Longs,
    earning: Earning,
    is_chosen: NDArray[np.bool_],
    members_of: Longs,
    holder: Ints,
) -> None:
    """Try all of a small group, and mark it as done."""
    members, size = np.empty(members_of[group], np.int64), 0
    for one in order:
        if _root(parent, one) == group:
            members[size] = one
            size += 1
    _, bits = _best_of(members, earning.pools, earning.nets)
    for place in range(size):
        if bits >> place & 1:
            is_chosen[members[place]] = True
            _put(earning.pools, members[place], holder, members[place])
    members_of[group] = -1


def warm_choose(earning: Earning) -> None:
    """Compile, or load from the cache, for the argument types of the hot path; `earning` of up to four pools."""
    scratch = np.full(4, -1, np.int32)
    choose(earning, 1, scratch, scratch.copy())
