"""How the local market's rivals bid and when its builders stop listening: hidden from the bot, drawn from the seed.

A law is one or two regimes; each block is in one of them. A regime has its own kind of distribution of the rivals'
best share, its own chance that nobody bids, and its own closing times, so a contested block can also close early:
share and time are not independent, and no one parametric form fits every seed.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Literal

import msgspec

from bot.core.units import BPS_WHOLE, Bps

_SECOND_REGIME = 0.6
"""Chance that a seed has two regimes."""
_LOCATION, _SPREAD = (0.25, 0.85), (0.02, 0.12)
"""Of the rivals' share, logistic."""
_BETA_ORDERS = (1, 12)
_SILENCE = (0.05, 0.45)
_CLOSES, _CLOSE_SPREAD = (0.70, 1.05), (0.015, 0.08)
_BUILDER_SHIFT = 0.08
"""A builder listens so much of a slot longer or shorter than the regime's middle, at most."""

Kind = Literal["logistic", "beta"]


class _Regime(msgspec.Struct, frozen=True):
    weight: float
    kind: Kind
    silence: float
    location: float
    spread: float
    a: int
    b: int
    closes: float
    close_spread: float

    def share_below(self, share: float) -> float:
        """P(the best rival's share < share), given that somebody bids; share in 0..1."""
        if share <= 0:
            return 0.0
        if share >= 1:
            return 1.0
        if self.kind == "logistic":
            low, high = self._logistic(0.0), self._logistic(1.0)
            return (self._logistic(share) - low) / (high - low)
        return _beta_below(share, self.a, self.b)

    def draw_share(self, draw: random.Random) -> Bps:
        if self.kind == "beta":
            return Bps(min(int(draw.betavariate(self.a, self.b) * BPS_WHOLE), BPS_WHOLE - 1))
        low, high = self._logistic(0.0), self._logistic(1.0)
        uniform = low + (high - low) * draw.random()
        share = self.location + self.spread * math.log(uniform / (1 - uniform))
        return Bps(min(max(int(share * BPS_WHOLE), 0), BPS_WHOLE - 1))

    def open_after(self, fraction: float, shift: float) -> float:
        """P(a builder of that shift still listens at `fraction` of the slot)."""
        return 1 - _logistic((fraction - self.closes - shift) / self.close_spread)

    def _logistic(self, share: float) -> float:
        return _logistic((share - self.location) / self.spread)


class BiddingLaw:
    """The law of one market. Every answer follows from the seed and the arguments alone."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        draw = random.Random(f"bidding law {seed}")  # noqa: S311  # a seeded market
        count = 2 if draw.random() < _SECOND_REGIME else 1
        first = draw.uniform(0.3, 0.8) if count == 2 else 1.0
        self._regimes = [_drawn_regime(draw, weight) for weight in (first, 1 - first)[:count]]

    def rival_share(self, block_number: int) -> Bps | None:
        """The best rival's share of the net profit in this block, 0..9,999; None: nobody bids."""
        draw, regime = self._block(block_number)
        if draw.random() < regime.silence:
            return None
        return regime.draw_share(draw)

    def closes_at(self, block_number: int, builder: int) -> float:
        """After this fraction of the slot, 0 or more, a whole number of ten-thousandths, a bundle for this block
        comes too late at this builder. Can be above 1: as long as the block is not sealed.
        """
        _, regime = self._block(block_number)
        draw = random.Random(f"closing {self._seed} {block_number} {builder}")  # noqa: S311  # a seeded market
        uniform = min(max(draw.random(), 1e-12), 1 - 1e-12)
        middle = regime.closes + self._shift(builder)
        closes = middle + regime.close_spread * math.log(uniform / (1 - uniform))
        return max(0, round(closes * BPS_WHOLE)) / BPS_WHOLE

    def chance(self, share: Bps, send_fraction: float, builders: Sequence[int] = (0,)) -> float:
        """True P(a bundle that bids `share` and arrives at `send_fraction` of the slot is included).

        One of `builders`, all equally likely, builds the block; a rival of the same share wins. For tests: the bot
        never sees it.
        """
        return sum(self._chance(share, send_fraction, builder) for builder in builders) / len(builders)

    def _chance(self, share: Bps, send_fraction: float, builder: int) -> float:
        shift = self._shift(builder)
        return sum(
            regime.weight
            * (regime.silence + (1 - regime.silence) * regime.share_below(share / BPS_WHOLE))
            * regime.open_after(send_fraction, shift)
            for regime in self._regimes
        )

    def _block(self, block_number: int) -> tuple[random.Random, _Regime]:
        """The block's own draws, and its regime."""
        draw = random.Random(f"rivals {self._seed} {block_number}")  # noqa: S311  # a seeded market
        is_first = draw.random() < self._regimes[0].weight
        return draw, self._regimes[0 if is_first else -1]

    def _shift(self, builder: int) -> float:
        draw = random.Random(f"builder {self._seed} {builder}")  # noqa: S311  # a seeded market
        return draw.uniform(-_BUILDER_SHIFT, _BUILDER_SHIFT)


def _drawn_regime(draw: random.Random, weight: float) -> _Regime:
    return _Regime(
        weight=weight,
        kind="logistic" if draw.random() < 0.5 else "beta",
        silence=draw.uniform(*_SILENCE),
        location=draw.uniform(*_LOCATION),
        spread=draw.uniform(*_SPREAD),
        a=draw.randint(*_BETA_ORDERS),
        b=draw.randint(*_BETA_ORDERS),
        closes=draw.uniform(*_CLOSES),
        close_spread=draw.uniform(*_CLOSE_SPREAD),
    )


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _beta_below(x: float, a: int, b: int) -> float:
    """The beta distribution of whole orders: a binomial tail, exact."""
    n = a + b - 1
    return sum(math.comb(n, j) * x**j * (1 - x) ** (n - j) for j in range(a, n + 1))
