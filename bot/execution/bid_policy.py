"""What share of the net profit to bid, by strategy: fixed while little is known, then learned from our own outcomes.

Once `least_outcomes` bundles are decided, the bid is the share between floor and cap with the greatest expected net,
(1 - share) * P(inclusion | share, usual offset), by an InclusionModel of that strategy alone. One decided bundle in
`EXPLORES_ONE_IN` is followed by a bid beside it, from a ladder around the optimum: without those, nothing new would be
learned of other shares. The ladder is climbed by the count of notes: no clock, no randomness.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import msgspec
import numpy as np

from bot.core.units import BPS_WHOLE, Bps, Nanoseconds
from bot.execution.inclusion_model import InclusionModel

EXPLORES_ONE_IN = 8
"""Bids; the others take the best share known. Half as often once `SEASONED` times the least outcomes are decided."""
SEASONED = 4
_LADDER = (None, -1_000, None, 1_000, None, -2_000, None, 2_000)
"""Bps beside the best share, in turn; floor and cap bound each. None: the floor itself, of which most is learned: a
win says that nobody bids, and in a loss the rival shows his share, whatever it was.
"""
_STEP = 100
"""Bps between the shares that are compared."""
_REFIT_GROWTH = 8
"""A fit is due when the notes have grown by one in so many of what it rests on, and at least by `_REFIT_LEAST`."""
_REFIT_LEAST = 10
_USUAL_OF = 64
"""Newest offsets whose median is the usual one."""


class BidConfig(msgspec.Struct, frozen=True):
    """What the operator decides about one strategy's bids.

    Raises ValueError unless 0 <= floor <= share <= cap <= 10,000 and least_outcomes >= 1.
    """

    share: Bps = Bps(5_000)
    """Bid while fewer than `least_outcomes` bundles are decided, and always where `learns` is off."""
    floor: Bps = Bps(500)
    cap: Bps = Bps(9_500)
    learns: bool = True
    least_outcomes: int = 60

    def __post_init__(self) -> None:
        if not 0 <= self.floor <= self.share <= self.cap <= BPS_WHOLE:
            raise ValueError(
                f"bid floor {self.floor}, share {self.share} and cap {self.cap} bps: "
                f"need 0 <= floor <= share <= cap <= {BPS_WHOLE}"
            )
        if self.least_outcomes < 1:
            raise ValueError(f"bids are learned from {self.least_outcomes} outcomes: need at least 1")


class BidChoice(msgspec.Struct, frozen=True):
    share: Bps
    reason: str
    """In words with the numbers, for `Plan.bid_reason`."""
    chance: float | None
    """Predicted P(inclusion) at this share and the usual offset; None while nothing is learned."""


class BidPolicy:
    """Pure: the same notes and refits in the same order give the same choices."""

    def __init__(self, default: BidConfig, by_strategy: Mapping[str, BidConfig] | None = None) -> None:
        self._default = default
        self._by_strategy = dict(by_strategy or {})
        self._learners: dict[str, _Learner] = {}

    def share(self, strategy: str) -> BidChoice:
        """For the next bundle of this strategy. Microseconds; changes nothing: calls between notes agree."""
        return self._learner(strategy).choice

    def note(
        self, strategy: str, share: Bps, offset: Nanoseconds, won: bool, rival_share: Bps | None
    ) -> None:
        """One decided bundle: what it bid, how long after the head it was handed over, and how it ended. Cheap.

        `rival_share`: of our net profit, what the one who took the pools paid; None: nobody, or not known.
        """
        self._learner(strategy).note(share, offset, won, rival_share)

    @property
    def is_due(self) -> bool:
        """There is enough that is new to learn from."""
        return any(learner.is_due for learner in self._learners.values())

    def refit(self) -> bool:
        """Learn from what was noted, for each strategy that has enough that is new; True when something was fitted.

        A tenth of a second of one core at 2,000 bundles: to be called between blocks, off the loop.
        """
        due = [learner for learner in self._learners.values() if learner.is_due]
        for learner in due:
            learner.refit()
        return bool(due)

    def _learner(self, strategy: str) -> _Learner:
        learner = self._learners.get(strategy)
        if learner is None:
            learner = _Learner(self._by_strategy.get(strategy, self._default))
            self._learners[strategy] = learner
        return learner


class _Best(msgspec.Struct, frozen=True):
    """What a fit found."""

    share: Bps
    usual_offset: Nanoseconds
    bundles: int
    won: int
    """Of `bundles`."""


class _Learner:
    """One strategy."""

    def __init__(self, config: BidConfig) -> None:
        self._config = config
        self._model = InclusionModel()
        self._offsets: deque[Nanoseconds] = deque(maxlen=_USUAL_OF)
        self._decided = self._won = self._fitted_at = 0
        self._best: _Best | None = None
        self.choice = self._fixed()

    @property
    def is_due(self) -> bool:
        new = self._decided - self._fitted_at
        enough = self._config.learns and self._decided >= self._config.least_outcomes
        if not self._fitted_at:
            return enough
        return enough and new >= max(_REFIT_LEAST, min(self._fitted_at, len(self._model)) // _REFIT_GROWTH)

    def note(self, share: Bps, offset: Nanoseconds, won: bool, rival_share: Bps | None) -> None:
        self._model.note(share, offset, won, rival_share)
        self._offsets.append(offset)
        self._decided += 1
        self._won += int(won)
        self.choice = self._choose(self._best) if self._best is not None else self._fixed()

    def refit(self) -> None:
        self._model.refit()
        self._fitted_at = self._decided
        usual = Nanoseconds(sorted(self._offsets)[len(self._offsets) // 2])
        shares = np.arange(self._config.floor, self._config.cap + 1, _STEP)
        expected = (BPS_WHOLE - shares) * self._model.chances(shares, usual)
        # Rounded, so that the last bits of a float never choose; of equals the lowest share.
        best = Bps(int(shares[int(np.argmax(np.round(expected, 6)))]))
        self._best = _Best(best, usual, self._decided, self._won)
        self.choice = self._choose(self._best)

    def _fixed(self) -> BidChoice:
        config = self._config
        if not config.learns:
            return BidChoice(config.share, f"fixed at {_percent(config.share)}: learning is off", None)
        known = f"{self._decided} of {config.least_outcomes} bundles decided"
        return BidChoice(config.share, f"fixed at {_percent(config.share)}: {known}", None)

    def _choose(self, best: _Best) -> BidChoice:
        chance = self._chance(best.share, best)
        learned = (
            f"learned from {best.bundles} bundles, {best.won} won: {chance:.0%} win at {_percent(best.share)}, "
            f"{best.usual_offset / 1e6:.0f} ms after the head"
        )
        is_seasoned = self._decided >= SEASONED * self._config.least_outcomes
        one_in = 2 * EXPLORES_ONE_IN if is_seasoned else EXPLORES_ONE_IN
        round_number, turn = divmod(self._decided, one_in)
        if turn:
            return BidChoice(best.share, learned, chance)
        step = _LADDER[round_number % len(_LADDER)]
        beside = self._config.floor if step is None else best.share + step
        tried = Bps(min(max(beside, self._config.floor), self._config.cap))
        reason = f"tries {_percent(tried)}, as one bid in {one_in} does; {learned}"
        return BidChoice(tried, reason, self._chance(tried, best))

    def _chance(self, share: Bps, best: _Best) -> float:
        return self._model.chance(share, best.usual_offset)


def _percent(share: Bps) -> str:
    return f"{share / 100:g} %"
