"""The best cycle of each kind through one base token: as brute force finds it, without sizing what cannot be the best.

What a cycle gains at most follows from its spot prices if every concentrated pool had, all the way, the greatest
liquidity that it has anywhere ahead: more liquidity moves the price less. Then each pool is a constant product, a
chain of which gives A * x / (1 + C * x), and no input gains more than (sqrt(A) - 1) ** 2 / C. Cycles are sized in the
order of that bound, until it is below the best of their kinds.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

from oracle.brute_force import LENGTHS, Candidate, Path, cycle_paths
from oracle.facts import Pair, Pool, PoolState, V3State
from oracle.legs import Leg, PairLeg, leg
from oracle.sizing import best_size

KINDS = (2, 3, "mixed")
"""Of two pools, of three, of both protocols."""
Kind = int | str
_FLOAT_ERROR = 1e-9
"""Far above what a few dozen roundings of floats amount to."""


class BestByKind:
    """Over pools whose states stay."""

    def __init__(self, market: Mapping[bytes, tuple[Pool, PoolState]]) -> None:
        self._pools = [pool for pool, _ in market.values()]
        self._legs: dict[tuple[bytes, bytes], Leg] = {}
        for pool, state in market.values():
            for token in (pool.token0, pool.token1):
                found = leg(pool, state, token)
                if found is not None:
                    self._legs[pool.address, token] = found
        self._bounds = {key: _constant_product(one) for key, one in self._legs.items()}
        self.sized = 0
        """Cycles, so far."""

    def legs(self, path: Path) -> list[Leg]:
        """Raises KeyError where a pool of it has no price."""
        return [self._legs[pool.address, token] for pool, token in zip(path.pools, path.tokens, strict=True)]

    def paths(self, base_token: bytes) -> list[Path]:
        """Of every cycle over pools with a price, in each direction."""
        every = cycle_paths(self._pools, base_token, LENGTHS)
        return [path for path in every if all(key in self._legs for key in _keys(path))]

    def best(self, base_token: bytes) -> dict[Kind, Candidate]:
        """By kind; one in which nothing gains is missing."""
        bounded = [(self._most(path), path) for path in self.paths(base_token)]
        found: dict[Kind, Candidate] = {}
        for most, path in sorted(
            (one for one in bounded if one[0] > 0), key=lambda one: one[0], reverse=True
        ):
            if all(kind in found and most < found[kind].gain for kind in kinds(path)):
                continue
            self.sized += 1
            sized = best_size(self.legs(path))
            for kind in kinds(path) if sized is not None else ():
                if kind not in found or sized.gain > found[kind].gain:
                    found[kind] = Candidate(path, sized)
        return found

    def _most(self, path: Path) -> float:
        """Of base token; 0 where spot prices leave no gain."""
        rate, falling = 1.0, 0.0
        for key in _keys(path):
            price, depth = self._bounds[key]
            falling += rate * depth
            rate *= price
        if rate <= 1 - _FLOAT_ERROR:
            return 0.0
        root = math.sqrt(rate * (1 + _FLOAT_ERROR)) - 1
        return (1 + _FLOAT_ERROR) * root * root / falling if falling else math.inf


def kinds(path: Path) -> Iterable[Kind]:
    of_pairs = {isinstance(pool, Pair) for pool in path.pools}
    return (len(path.pools), "mixed") if len(of_pairs) == 2 else (len(path.pools),)


def _keys(path: Path) -> Iterable[tuple[bytes, bytes]]:
    return ((pool.address, token) for pool, token in zip(path.pools, path.tokens, strict=True))


def _constant_product(one: Leg) -> tuple[float, float]:
    """(price p, d): the leg gives no more than p * x / (1 + d * x)."""
    price = one.price[0] / one.price[1]
    if isinstance(one, PairLeg):
        fee = one.side.fee
        return price, fee.numerator / (fee.denominator * one.side.reserve_in)
    liquidity = _greatest_ahead(one.state, zero_for_one=one.zero_for_one)
    root = one.state.sqrt_price / 2**96
    virtual_in = liquidity / root if one.zero_for_one else liquidity * root
    kept = 1 - one.pool.fee / 1_000_000
    return price, kept / virtual_in if virtual_in else math.inf


def _greatest_ahead(state: V3State, *, zero_for_one: bool) -> int:
    ahead: Sequence[int] = [tick for tick in state.indices if (tick <= state.tick) == zero_for_one]
    liquidity = greatest = state.liquidity
    for tick in reversed(ahead) if zero_for_one else ahead:
        liquidity += -state.ticks[tick][1] if zero_for_one else state.ticks[tick][1]
        greatest = max(greatest, liquidity)
    return greatest
