"""What cycles cost in gas, learnt from the transactions that landed: nobody's estimate, the receipts' figures.

Gas is taken as a sum: a fixed part, a part a cycle, a part a hop of each exchange, a part a tick crossed. The parts are
those that fit the receipts best in the least-squares sense. A part of which nothing landed is left at its prior: a
plain guess that weighs as much as a thousandth of one receipt, so that it never argues with one.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from oracle.brute_force import Candidate

FIXED, CYCLE, TICK = "fixed", "cycle", "tick"
PRIOR = {FIXED: 30_000, CYCLE: 15_000, TICK: 22_000}
PRIOR_HOP = 70_000
"""Of an exchange that has no other."""
_PRIOR_WEIGHT = 0.001

Parts = Counter[str]
"""How often each part is in an execution; a hop's part is its factory in hex."""


@dataclass(frozen=True)
class LandedGas:
    """Of one receipt. `hops`: by cycle, (factory, ticks crossed) of each hop."""

    hops: tuple[tuple[tuple[bytes, int], ...], ...]
    gas_used: int

    @property
    def parts(self) -> Parts:
        parts = Counter({FIXED: 1})
        for cycle in self.hops:
            parts += cycle_parts(cycle)
        return parts


def cycle_parts(hops: Iterable[tuple[bytes, int]]) -> Parts:
    parts = Counter({CYCLE: 1})
    for factory, ticks in hops:
        parts[factory.hex()] += 1
        if ticks:
            parts[TICK] += ticks
    return parts


class GasByShape:
    """Raises ValueError where nothing landed."""

    def __init__(self, landed: Sequence[LandedGas]) -> None:
        if not landed:
            raise ValueError("no execution landed: there is no gas to learn from")
        self.receipts = len(landed)
        names = sorted({FIXED, CYCLE, TICK}.union(*(one.parts for one in landed)))
        prior = np.array([PRIOR.get(name, PRIOR_HOP) for name in names], dtype=float)
        counts = np.array([[one.parts[name] for name in names] for one in landed], dtype=float)
        used = np.array([one.gas_used for one in landed], dtype=float)
        rows = np.vstack([counts, np.eye(len(names)) * _PRIOR_WEIGHT**0.5])
        values = np.concatenate([used - counts @ prior, np.zeros(len(names))])
        found = np.linalg.lstsq(rows, values, rcond=None)[0] + prior
        self.of_part = {name: round(float(gas)) for name, gas in zip(names, found, strict=True)}
        self.mean_error = float(np.mean(np.abs(counts @ found - used)))

    @property
    def fixed(self) -> int:
        return self.of_part[FIXED]

    def of_parts(self, parts: Parts) -> int:
        return sum(count * self.of_part.get(name, PRIOR_HOP) for name, count in parts.items())

    def of_cycle(self, cycle: Candidate) -> int:
        """Without the fixed part."""
        hops = zip(cycle.path.pools, cycle.sized.ticks_crossed, strict=True)
        return self.of_parts(cycle_parts((pool.factory, ticks) for pool, ticks in hops))
