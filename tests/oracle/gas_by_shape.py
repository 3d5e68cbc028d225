"""What cycles cost in gas, learnt from the transactions that landed: nobody's estimate, the receipts' figures.

Gas is taken as a sum: a fixed part, a part a cycle, a part a hop of each exchange, one for a pool that was never traded
on before (its price sums are written for the first time), a part a tick crossed. The parts are those that fit the
receipts best in the least-squares sense. They are held near a prior, plain guesses that weigh as much as a tenth of a
receipt each: that decides what no receipt tells apart, and gives way to the first few that do.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from oracle.brute_force import Candidate
from oracle.facts import V3Pool

FIXED, CYCLE, FRESH_PAIR, FRESH_POOL, TICK = "fixed", "cycle", "fresh pair", "fresh pool", "tick"
PRIOR = {FIXED: 60_000, CYCLE: 13_000, FRESH_PAIR: 34_000, FRESH_POOL: 20_000, TICK: 30_000}
PRIOR_HOP = 48_000
_PRIOR_WEIGHT = 0.1

Parts = Counter[str]
"""How often each part is in an execution; a hop's part is its factory in hex."""


@dataclass(frozen=True)
class GasHop:
    factory: bytes
    is_v3: bool
    is_fresh: bool
    """Never traded on before the block."""
    ticks_crossed: int


@dataclass(frozen=True)
class LandedGas:
    """Of one receipt; its hops by cycle."""

    hops: tuple[tuple[GasHop, ...], ...]
    gas_used: int

    @property
    def parts(self) -> Parts:
        parts = Counter({FIXED: 1})
        for cycle in self.hops:
            parts += cycle_parts(cycle)
        return parts


def cycle_parts(hops: Iterable[GasHop]) -> Parts:
    parts = Counter({CYCLE: 1})
    for hop in hops:
        parts[hop.factory.hex()] += 1
        parts[FRESH_POOL if hop.is_v3 else FRESH_PAIR] += hop.is_fresh
        parts[TICK] += hop.ticks_crossed
    return +parts


class GasByShape:
    """Raises ValueError where nothing landed."""

    def __init__(self, landed: Sequence[LandedGas]) -> None:
        if not landed:
            raise ValueError("no execution landed: there is no gas to learn from")
        self.receipts = len(landed)
        names = sorted({*PRIOR}.union(*(one.parts for one in landed)))
        prior = np.array([PRIOR.get(name, PRIOR_HOP) for name in names], dtype=float)
        counts = np.array([[one.parts[name] for name in names] for one in landed], dtype=float)
        used = np.array([one.gas_used for one in landed], dtype=float)
        rows = np.vstack([counts, np.eye(len(names)) * _PRIOR_WEIGHT**0.5])
        values = np.concatenate([used - counts @ prior, np.zeros(len(names))])
        found = np.linalg.lstsq(rows, values, rcond=None)[0] + prior
        self.of_part = {name: round(float(gas)) for name, gas in zip(names, found, strict=True)}
        self.mean_error = float(np.mean(np.abs(counts @ found - used)))

    def of_parts(self, parts: Parts) -> int:
        return sum(count * self.of_part.get(name, PRIOR_HOP) for name, count in parts.items())


@dataclass(frozen=True)
class GasNow:
    """For cycles of one block; `traded`: pools that were traded on before it."""

    learnt: GasByShape
    traded: Collection[bytes]

    @property
    def fixed(self) -> int:
        return self.learnt.of_part[FIXED]

    def of_cycle(self, cycle: Candidate) -> int:
        """Without the fixed part."""
        hops = (
            GasHop(pool.factory, isinstance(pool, V3Pool), pool.address not in self.traded, ticks)
            for pool, ticks in zip(cycle.path.pools, cycle.sized.ticks_crossed, strict=True)
        )
        return self.learnt.of_parts(cycle_parts(hops))
