"""Everything there was to gain on one block's state: all two-pair cycles through one base token, the best set of them.

Cycles of one set use no pair twice. Two cycles share a pair only where they trade the same middle token, so the
pairs of each token are matched among themselves by trying every way, and the tokens are then put together by how
many cycles are taken in all: the gas of a transaction depends on that number.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

from oracle.constant_product import Side, SizedCycle, best_cycle
from oracle.facts import Pair, Reserves


@dataclass(frozen=True)
class Candidate:
    """A cycle that gains before gas: base token into `first`, out of `second`."""

    first: bytes
    second: bytes
    sized: SizedCycle

    @property
    def gain(self) -> int:
        return self.sized.gain

    @property
    def pools(self) -> frozenset[bytes]:
        return frozenset((self.first, self.second))


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


def candidates(
    pairs: Iterable[Pair], reserves: Mapping[bytes, Reserves], base_token: bytes
) -> dict[bytes, list[Candidate]]:
    """Every cycle over two pairs that gains, by middle token."""
    by_middle: dict[bytes, list[Pair]] = defaultdict(list)
    for pair in pairs:
        if base_token in (pair.token0, pair.token1):
            by_middle[pair.token1 if pair.token0 == base_token else pair.token0].append(pair)
    found: dict[bytes, list[Candidate]] = {}
    for middle, of_token in by_middle.items():
        for first, second in permutations(of_token, 2):
            sized = best_cycle(
                side(first, reserves[first.address], base_token),
                side(second, reserves[second.address], middle),
            )
            if sized is not None:
                found.setdefault(middle, []).append(Candidate(first.address, second.address, sized))
    return found


def side(pair: Pair, reserves: Reserves, token_in: bytes) -> Side:
    """`pair` as one sees it who pays in `token_in`."""
    reserve_in, reserve_out = reserves if token_in == pair.token0 else reserves[::-1]
    return Side(reserve_in, reserve_out, pair.fee)


def best_disjoint(found: Mapping[bytes, Sequence[Candidate]], gas_cost: Callable[[int], int]) -> BestSet:
    """`gas_cost(n)`: wei for n cycles in one block, taken as gain is (so the base token is wrapped ether)."""
    by_count: dict[int, tuple[Candidate, ...]] = {0: ()}
    for of_token in found.values():
        choices = _matchings(tuple(of_token))
        merged: dict[int, tuple[Candidate, ...]] = {}
        for count, taken in by_count.items():
            for choice in choices:
                total = count + len(choice)
                if total not in merged or _gain(taken + choice) > _gain(merged[total]):
                    merged[total] = taken + choice
        by_count = merged
    sets = [
        BestSet(taken, _gain(taken), gas_cost(count) if count else 0) for count, taken in by_count.items()
    ]
    return max(sets, key=lambda one: one.net)


def _matchings(of_token: tuple[Candidate, ...]) -> list[tuple[Candidate, ...]]:
    """Every choice of cycles that share no pair, the empty one included."""
    if not of_token:
        return [()]
    head, rest = of_token[0], of_token[1:]
    compatible = tuple(other for other in rest if not head.pools & other.pools)
    return _matchings(rest) + [(head, *choice) for choice in _matchings(compatible)]


def _gain(cycles: Iterable[Candidate]) -> int:
    return sum(cycle.gain for cycle in cycles)
