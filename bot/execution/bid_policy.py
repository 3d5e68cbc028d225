"""What share of the net profit to bid, by strategy: fixed while little is known, then learned from our own outcomes."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from bot.core.units import Bps, Nanoseconds


class BidConfig(msgspec.Struct, frozen=True):
    """What the operator decides about one strategy's bids. Raises ValueError unless 0 <= floor <= cap <= 10,000."""

    share: Bps = Bps(5_000)
    """Bid while fewer than `least_outcomes` bundles are decided, and always where `learns` is off."""
    floor: Bps = Bps(1_000)
    cap: Bps = Bps(9_500)
    learns: bool = True
    least_outcomes: int = 60

    def __post_init__(self) -> None:
        if not 0 <= self.floor <= self.cap <= 10_000:
            raise ValueError(
                f"bid floor {self.floor} bps and cap {self.cap} bps: need 0 <= floor <= cap <= 10,000"
            )


class BidChoice(msgspec.Struct, frozen=True):
    share: Bps
    reason: str
    """In words with the numbers, for `Plan.bid_reason`."""
    chance: float | None
    """Predicted P(inclusion) at this share and the usual offset; None while nothing is learned."""


class BidPolicy:
    """Pure: the same notes in the same order give the same choices."""

    def __init__(self, default: BidConfig, by_strategy: Mapping[str, BidConfig] | None = None) -> None:
        self._default = default
        self._by_strategy = dict(by_strategy or {})

    def share(self, strategy: str) -> BidChoice:
        """For the next bundle of this strategy. Cheap; changes nothing; any number of calls between notes agree."""
        config = self._by_strategy.get(strategy, self._default)
        return BidChoice(min(max(config.share, config.floor), config.cap), "fixed share", None)

    def note(
        self, strategy: str, share: Bps, offset: Nanoseconds, won: bool, rival_share: Bps | None
    ) -> None:
        """One decided bundle: what it bid, how long after the head it was handed over, and how it ended. Cheap.

        `rival_share`: of our net profit, what the one who took the pools paid; None: nobody, or not known.
        """

    def refit(self) -> bool:
        """Learn from what was noted since the last fit, if it is enough; True when something was fitted.
        Milliseconds: to be called between blocks."""
        return False
