"""Everything there was to gain on one state: all cycles over two or three pools, of either kind, through a base token.

A cycle uses no pool twice. Every one whose exact spot prices multiply to more than one is sized; nothing is left out
for being small.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from oracle.facts import Pool, PoolState, V3Pool
from oracle.legs import Leg, leg
from oracle.sizing import SizedCycle, best_size

LENGTHS = (2, 3)


@dataclass(frozen=True)
class Path:
    """Pools in the order in which a cycle goes through them, from and to its base token."""

    pools: tuple[Pool, ...]
    tokens: tuple[bytes, ...]
    """What goes into each pool; the first is the base token."""

    @property
    def directions(self) -> tuple[bool, ...]:
        """zero_for_one, by pool."""
        return tuple(token == pool.token0 for pool, token in zip(self.pools, self.tokens, strict=True))


@dataclass(frozen=True)
class Candidate:
    """A cycle that gains before gas."""

    path: Path
    sized: SizedCycle

    @property
    def gain(self) -> int:
        return self.sized.gain

    @property
    def pools(self) -> frozenset[bytes]:
        return frozenset(pool.address for pool in self.path.pools)

    @property
    def protocols(self) -> tuple[str, ...]:
        """`v2` or `v3`, by pool."""
        return tuple("v3" if isinstance(pool, V3Pool) else "v2" for pool in self.path.pools)

    @property
    def is_mixed(self) -> bool:
        return len(set(self.protocols)) == 2


def cycle_paths(pools: Iterable[Pool], base_token: bytes, lengths: Sequence[int] = LENGTHS) -> list[Path]:
    """Each cycle of these lengths once in each direction."""
    between: dict[frozenset[bytes], list[Pool]] = defaultdict(list)
    beside: dict[bytes, list[bytes]] = defaultdict(list)
    for pool in pools:
        couple = frozenset((pool.token0, pool.token1))
        if not between[couple]:
            beside[pool.token0].append(pool.token1)
            beside[pool.token1].append(pool.token0)
        between[couple].append(pool)
    found: list[Path] = []
    for tokens in _token_cycles(beside, base_token, lengths):
        steps = zip(tokens, (*tokens[1:], base_token), strict=True)
        found.extend(
            Path(chosen, tokens)
            for chosen in product(*(between[frozenset(step)] for step in steps))
            if len({pool.address for pool in chosen}) == len(chosen)
        )
    return found


def _token_cycles(
    beside: Mapping[bytes, Sequence[bytes]], base_token: bytes, lengths: Sequence[int]
) -> Iterator[tuple[bytes, ...]]:
    if not set(lengths) <= set(LENGTHS):
        raise ValueError(f"cycles of {lengths} pools: {LENGTHS} are known")
    for one in beside.get(base_token, ()):
        if 2 in lengths:
            yield base_token, one
        for other in beside[one] if 3 in lengths else ():
            if other != base_token and base_token in beside[other]:
                yield base_token, one, other


class BruteForce:
    """All cycles over these pools; what did not change since it was last asked is not computed again."""

    def __init__(self, pools: Iterable[Pool], base_token: bytes, lengths: Sequence[int] = LENGTHS) -> None:
        self.paths = cycle_paths(pools, base_token, lengths)
        self._legs: dict[tuple[bytes, bool], tuple[PoolState, Leg | None]] = {}
        self._sized: dict[int, tuple[list[Leg], SizedCycle | None]] = {}

    def candidates(self, states: Mapping[bytes, PoolState]) -> list[Candidate]:
        """Every cycle that gains on these states."""
        found: list[Candidate] = []
        for index, path in enumerate(self.paths):
            legs = [
                self._leg(pool, token, states) for pool, token in zip(path.pools, path.tokens, strict=True)
            ]
            sized = self._size(index, legs)
            if sized is not None:
                found.append(Candidate(path, sized))
        return found

    def _leg(self, pool: Pool, token_in: bytes, states: Mapping[bytes, PoolState]) -> Leg | None:
        """The same object as long as the pool's state is equal."""
        key, state = (pool.address, token_in == pool.token0), states[pool.address]
        known = self._legs.get(key)
        if known is None or (known[0] is not state and known[0] != state):
            known = self._legs[key] = (state, leg(pool, state, token_in))
        return known[1]

    def _size(self, index: int, legs: Sequence[Leg | None]) -> SizedCycle | None:
        there = [leg for leg in legs if leg is not None]
        if len(there) < len(legs):
            return None
        known = self._sized.get(index)
        if known is None or any(one is not other for one, other in zip(known[0], there, strict=True)):
            known = self._sized[index] = (there, best_size(there))
        return known[1]


def candidates(
    market: Iterable[tuple[Pool, PoolState]], base_token: bytes, lengths: Sequence[int] = LENGTHS
) -> list[Candidate]:
    """Every cycle of these pools that gains, once, without memory."""
    states = {pool.address: (pool, state) for pool, state in market}
    search = BruteForce((pool for pool, _ in states.values()), base_token, lengths)
    return search.candidates({address: state for address, (_, state) in states.items()})


def best(found: Iterable[Candidate], length: int | None = None, *, mixed: bool = False) -> Candidate | None:
    """The greatest gain of `length` pools, or of any; with `mixed` only where both kinds of pool are in it."""
    return max(
        (
            one
            for one in found
            if (length is None or len(one.path.pools) == length) and (one.is_mixed or not mixed)
        ),
        key=lambda one: one.gain,
        default=None,
    )
