"""Our own outcomes as what bids are learned from: which verdicts say something of the bid, and what they say."""

import msgspec

from bot.core.cost_terms import CostTerms
from bot.core.decisions import Outcome, Plan, Rival, Verdict
from bot.core.identity import IntentId
from bot.core.units import BPS_WHOLE, Bps, Nanoseconds, Wei, gas_cost, mul_div_down, mul_div_up

_LOST = (Verdict.OUTBID, Verdict.LATE, Verdict.EXPIRED)
"""Others than these and `landed` say nothing of the bid: the state moved, we withdrew it, or nobody knows."""


class DecidedBid(msgspec.Struct, frozen=True):
    """The arguments of `BidPolicy.note`."""

    strategy: str
    share: Bps
    """What was really paid or offered, of the net profit: below `Plan.bid_share` where the minimum profit capped it."""
    offset: Nanoseconds
    won: bool
    rival_share: Bps | None
    """What the rival paid, of our net profit; 10,000 and more: he paid all of it. None: nobody, or not known."""


def decided_bid(plan: Plan, outcome: Outcome, predicted: CostTerms, offset: Nanoseconds) -> DecidedBid | None:
    """What `outcome` says of the bid of `plan`; None where it says nothing.

    `predicted`: the plan's costs by its simulation, payment and tip included; they are the bid. `offset`: from the
    arrival of the head the bundle was meant to follow until it was handed to the first route. None too where nothing
    was left after gas, or the verdict is not about the bid: reverted in simulation, base fee moved, uncled,
    replaced, cancelled, mined and reverted, unknown; and where no route is known to have accepted it: refusals and
    silence say something of the route alone.
    """
    won = outcome.verdict is Verdict.LANDED
    if not won and not _was_lost(outcome):
        return None
    offered = _offered(predicted)
    net = plan.predicted_profit + plan.payment - (predicted.total - offered)
    if net <= 0:
        return None
    share = Bps(min(mul_div_down(offered, BPS_WHOLE, net), BPS_WHOLE))
    rival_share = None if won else _rival_share(outcome.rival, net)
    return DecidedBid(plan.strategy, share, offset, won, rival_share)


class BidHistory:
    """Each intent once: a verdict that a reorg corrects was already learned from, and is rare enough."""

    KEPT = 4_096

    def __init__(self) -> None:
        self._told: dict[IntentId, None] = {}

    def take(
        self, plan: Plan, outcome: Outcome, predicted: CostTerms, offset: Nanoseconds
    ) -> DecidedBid | None:
        """As `decided_bid`; None as well for an intent that was taken before."""
        if plan.id in self._told:
            return None
        decided = decided_bid(plan, outcome, predicted, offset)
        if decided is not None:
            self._told[plan.id] = None
            if len(self._told) > self.KEPT:
                del self._told[next(iter(self._told))]
        return decided


def _was_lost(outcome: Outcome) -> bool:
    """A rival who took it is proof by himself, unless we were not there."""
    if outcome.verdict is Verdict.OUTBID:
        return outcome.contested is not False
    return outcome.verdict in _LOST and outcome.contested is True


def _offered(predicted: CostTerms) -> Wei:
    """To the builder, whichever way."""
    return Wei(predicted.payment + gas_cost(predicted.gas, predicted.tip))


def _rival_share(rival: Rival | None, net: int) -> Bps | None:
    """Rounded up: to beat it, ours must be above. Shared by several payers it is no one's bid."""
    if rival is None or rival.paid_at_most is None or rival.payers != 1:
        return None
    return Bps(mul_div_up(max(0, rival.paid_at_most), BPS_WHOLE, net))
