"""A seeded order book that moves: a random walk with ~1,000 levels a side, and what each step changed.

Prices and sizes are integers in the symbol's own ticks and lots. Nothing of bot is used: what the frames say is made
here, so that a reader that is wrong does not agree with itself.
"""

import math
import random
from bisect import bisect_left, insort
from dataclasses import dataclass, field

BID, ASK = 0, 1
Changes = list[tuple[int, int, int]]
"""(side, price in ticks, size in lots); size 0: the level is gone."""


@dataclass(frozen=True)
class Shape:
    """How a venue's market looks on the wire."""

    price_decimals: int
    size_decimals: int
    start: int
    """First mid price, in ticks."""
    touched: int
    """Levels changed in a step, on average, both sides together."""
    step_ms: int
    """Exchange time between two frames of a symbol."""
    depth: int | None
    """Levels a side that the venue shows; None: all."""
    tells_leaving: bool = True
    """Whether a level pushed out of the shown depth is sent with size 0 (Kraken leaves that to the reader)."""
    swing: float = 6.0
    """Standard deviation of the mid's moves, in ticks."""
    padding: str = ""
    """Zeros that the venue writes behind every price."""
    levels: int = 1_000
    """Levels a side at the start."""


@dataclass
class Walk:
    """One symbol's market."""

    shape: Shape
    draw: random.Random
    mid: float = 0.0
    sizes: tuple[dict[int, int], dict[int, int]] = field(default_factory=lambda: ({}, {}))
    ladders: tuple[list[int], list[int]] = field(default_factory=lambda: ([], []))
    """Prices of each side, ascending."""
    shown: list[dict[int, int]] = field(default_factory=lambda: [{}, {}])

    def open(self) -> None:
        self.mid = float(self.shape.start)
        for side in (BID, ASK):
            distance = 0
            for _ in range(self.shape.levels):
                distance += 1 + int(self.draw.expovariate(0.15))
                self._set(side, self._price(side, distance), self._size())
        self.shown = [self.view(BID), self.view(ASK)]

    def step(self) -> Changes:
        """The levels that a reader must change to hold the shown book again; at least one."""
        touched = self._move()
        for _ in range(1 + int(self.draw.expovariate(1 / self.shape.touched))):
            side = self.draw.randrange(2)
            distance = 1 + int(math.exp(self.draw.uniform(0.0, math.log(4_000.0))))
            ladder = self.ladders[side]
            if self.draw.random() < 0.7:  # an existing level near that place, else a new one
                place = min(int(math.exp(self.draw.uniform(0.0, math.log(len(ladder))))), len(ladder)) - 1
                price = ladder[-1 - place] if side == BID else ladder[place]
            else:
                price = self._price(side, distance)
            leaves = self.draw.random() < 0.45 and len(ladder) > self.shape.levels * 3 // 4
            self._set(side, price, 0 if leaves else self._size())
            touched.add((side, price))
        changes = self._told(touched)
        return changes or self.step()

    def view(self, side: int) -> dict[int, int]:
        """The shown levels, best first."""
        ladder, depth = self.ladders[side], self.shape.depth or len(self.ladders[side])
        best_first = ladder[: -depth - 1 : -1] if side == BID else ladder[:depth]
        return {price: self.sizes[side][price] for price in best_first}

    def _told(self, touched: set[tuple[int, int]]) -> Changes:
        if self.shape.depth is None:
            return [(side, price, self.sizes[side].get(price, 0)) for side, price in sorted(touched)]
        changes: Changes = []
        for side in (BID, ASK):
            before, now = self.shown[side], self.view(side)
            changes += [(side, price, size) for price, size in now.items() if before.get(price) != size]
            gone = (price for price in before if price not in now)
            changes += [
                (side, price, 0)
                for price in gone
                if self.shape.tells_leaving or price not in self.sizes[side]
            ]
            self.shown[side] = now
        return changes

    def _move(self) -> set[tuple[int, int]]:
        """Move the mid; levels it runs through are taken."""
        gone: set[tuple[int, int]] = set()
        if self.draw.random() < 0.5:
            self.mid += self.draw.gauss(0.0, self.shape.swing)
        for side, ladder in enumerate(self.ladders):
            while ladder and (ladder[-1] >= self.mid if side == BID else ladder[0] <= self.mid):
                price = ladder[-1] if side == BID else ladder[0]
                self._set(side, price, 0)
                gone.add((side, price))
        return gone

    def _price(self, side: int, distance: int) -> int:
        return math.ceil(self.mid) - distance if side == BID else math.floor(self.mid) + distance

    def _size(self) -> int:
        lots = 10.0**self.shape.size_decimals
        return max(int(self.draw.lognormvariate(-1.0, 1.6) * lots), 1)

    def _set(self, side: int, price: int, size: int) -> None:
        sizes, ladder = self.sizes[side], self.ladders[side]
        if size and price not in sizes:
            insort(ladder, price)
        elif not size and price in sizes:
            del ladder[bisect_left(ladder, price)]
        if size:
            sizes[price] = size
        else:
            sizes.pop(price, None)
