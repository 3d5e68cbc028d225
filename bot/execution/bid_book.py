"""What is bid, and what became of it: the policy told of each bundle once, when its end is known."""

import msgspec

from bot.core.decisions import Outcome, Plan, Simulation
from bot.core.identity import IntentId
from bot.core.units import Nanoseconds
from bot.execution.bid_history import BidHistory
from bot.execution.bid_policy import BidChoice, BidPolicy
from bot.execution.reconciliation import predicted_terms

KEPT = 4_096
"""Bundles whose end is still awaited; the oldest are forgotten beyond."""


class _Sent(msgspec.Struct, frozen=True):
    simulation: Simulation
    offset: Nanoseconds


class BidBook:
    """Of one run, with what earlier runs left in the journal told to it first."""

    def __init__(self, policy: BidPolicy) -> None:
        self._policy = policy
        self._history = BidHistory()
        self._sent: dict[IntentId, _Sent] = {}

    def choice(self, strategy: str) -> BidChoice:
        return self._policy.share(strategy)

    def sent(self, plan: Plan, simulation: Simulation, offset: Nanoseconds) -> None:
        """`offset`: from the arrival of the head it follows until it was handed over; 0 where the chain waits."""
        self._sent[plan.id] = _Sent(simulation, offset)
        if len(self._sent) > KEPT:
            del self._sent[next(iter(self._sent))]

    def ended(self, plan: Plan, outcome: Outcome) -> None:
        """A verdict; only the first that says something of the bid counts."""
        sent = self._sent.get(plan.id)
        if sent is None:
            return
        decided = self._history.take(plan, outcome, predicted_terms(plan, sent.simulation), sent.offset)
        if decided is None:
            return
        del self._sent[plan.id]
        self._policy.note(decided.strategy, decided.share, decided.offset, decided.won, decided.rival_share)

    @property
    def has_to_learn(self) -> bool:
        return self._policy.is_due

    def learn(self) -> bool:
        """Fit anew where enough is new. Takes a tenth of a second: between blocks, and off the loop."""
        return self._policy.refit()
