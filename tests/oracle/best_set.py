"""The best set of cycles that share no pool, net of gas: exact, by branch and bound.

Gas is taken as a fixed part of any transaction and a part of each cycle, so a set is worth the sum of its cycles' net
gains less the fixed part. Cycles that share no pool with each other, directly or over others, are decided apart.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from oracle.brute_force import Candidate


class GasModel(Protocol):
    """Of one execution, in gas."""

    @property
    def fixed(self) -> int: ...

    def of_cycle(self, cycle: Candidate) -> int: ...


@dataclass(frozen=True)
class BestSet:
    """Disjoint cycles with the greatest total after gas; empty where nothing pays for its gas."""

    cycles: tuple[Candidate, ...]
    gain: int
    gas_cost: int

    @property
    def net(self) -> int:
        return self.gain - self.gas_cost

    @property
    def pools(self) -> frozenset[bytes]:
        return frozenset().union(*(cycle.pools for cycle in self.cycles))


@dataclass(frozen=True)
class _Weighed:
    cycle: Candidate
    net: int
    """Gain less its own gas; positive."""
    pools: frozenset[bytes]


def best_disjoint(found: Iterable[Candidate], gas: GasModel, gas_price: int) -> BestSet:
    """`gas_price` in units of gain for each gas: the base token is the wrapped coin that gas is paid in."""
    weighed = [
        _Weighed(one, net, one.pools)
        for one in found
        if (net := one.gain - gas.of_cycle(one) * gas_price) > 0
    ]
    chosen = [one for part in _parts(_undominated(weighed)) for one in _best_of_part(part)]
    gas_cost = (gas.fixed + sum(gas.of_cycle(one.cycle) for one in chosen)) * gas_price
    best = BestSet(tuple(one.cycle for one in chosen), sum(one.cycle.gain for one in chosen), gas_cost)
    return best if best.net > 0 else BestSet((), 0, 0)


def _undominated(weighed: Sequence[_Weighed]) -> list[_Weighed]:
    """Without those that could always be replaced by another: no fewer pools, no more worth. Best first."""
    kept: list[_Weighed] = []
    for one in sorted(weighed, key=lambda one: (-one.net, len(one.pools))):
        if not any(other.pools <= one.pools for other in kept):
            kept.append(one)
    return kept


def _parts(weighed: Sequence[_Weighed]) -> list[list[_Weighed]]:
    """Connected over shared pools; each still best first."""
    parts: list[tuple[set[bytes], list[_Weighed]]] = []
    for one in weighed:
        touching = [part for part in parts if part[0] & one.pools]
        merged = (set(one.pools).union(*(part[0] for part in touching)), [one])
        for part in touching:
            merged[1].extend(part[1])
        parts = [part for part in parts if all(part is not other for other in touching)] + [merged]
    return [sorted(members, key=lambda one: -one.net) for _, members in parts]


def _best_of_part(part: Sequence[_Weighed]) -> list[_Weighed]:
    """Branch on the most valuable cycle that is still possible: with it, or without it."""
    best: list[_Weighed] = []
    best_net = 0

    def search(possible: Sequence[_Weighed], taken: list[_Weighed], net: int) -> None:
        nonlocal best, best_net
        if net > best_net:
            best, best_net = list(taken), net
        if not possible or net + _bound(possible) <= best_net:
            return
        head, rest = possible[0], possible[1:]
        search([one for one in rest if not one.pools & head.pools], [*taken, head], net + head.net)
        search(rest, taken, net)

    search(part, [], 0)
    return best


def _bound(possible: Sequence[_Weighed]) -> int:
    """No disjoint choice of these is worth more: of those that share one pool only one can be in it."""
    bound = 0
    left = list(possible)
    while left:
        head = left[0]
        bound += head.net
        # A clique: all over the one pool of the head's that most of the others use as well.
        shared = max(head.pools, key=lambda pool: sum(pool in one.pools for one in left))
        left = [one for one in left[1:] if shared not in one.pools]
    return bound
