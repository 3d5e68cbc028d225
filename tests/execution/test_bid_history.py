"""Which outcomes bids are learned from, and what share each stands for."""

import msgspec
import pytest
from plan_samples import ETHER, GWEI, plan

from bot.core.cost_terms import CostTerms
from bot.core.decisions import Outcome, Rival, Verdict
from bot.core.identity import ZERO_ADDRESS, ZERO_HASH
from bot.execution.bid_history import BidHistory, decided_bid

GAS = 200_000
COSTS = CostTerms(GAS, 20 * GWEI, 0, payment=ETHER // 20)
NET = ETHER // 10 + ETHER // 20 - GAS * 20 * GWEI
"""After gas, before the bid."""
PLAN = plan(payment=ETHER // 20)


def rival(paid, payers=1):
    return Rival(ZERO_HASH, ZERO_ADDRESS, 0, 2, 0, paid, payers)


def outcome(verdict, **changes):
    return Outcome(PLAN.id, verdict, "", **changes)


def test_a_landed_bundle_won_with_what_it_paid_of_the_net():
    decided = decided_bid(PLAN, outcome(Verdict.LANDED, rival=rival(1)), COSTS, 5)
    assert (decided.strategy, decided.offset, decided.won, decided.rival_share) == (
        "arbitrage",
        5,
        True,
        None,
    )
    assert decided.share == ETHER // 20 * 10_000 // NET


@pytest.mark.parametrize("verdict", [Verdict.OUTBID, Verdict.LATE, Verdict.EXPIRED])
def test_a_bundle_that_lost_says_so(verdict):
    decided = decided_bid(PLAN, outcome(verdict, contested=True), COSTS, 5)
    assert (decided.won, decided.rival_share) == (False, None)


@pytest.mark.parametrize("verdict", [Verdict.LATE, Verdict.EXPIRED])
@pytest.mark.parametrize("contested", [False, None])
def test_what_no_route_is_known_to_have_held_in_time_says_nothing_of_the_bid(verdict, contested):
    assert decided_bid(PLAN, outcome(verdict, contested=contested), COSTS, 5) is None


def test_a_rival_who_took_it_says_so_but_where_we_were_not_there():
    assert decided_bid(PLAN, outcome(Verdict.OUTBID), COSTS, 5) is not None
    assert decided_bid(PLAN, outcome(Verdict.OUTBID, contested=False), COSTS, 5) is None


@pytest.mark.parametrize(
    "verdict", set(Verdict) - {Verdict.LANDED, Verdict.OUTBID, Verdict.LATE, Verdict.EXPIRED}
)
def test_other_ends_say_nothing_of_the_bid(verdict):
    assert decided_bid(PLAN, outcome(verdict), COSTS, 5) is None


@pytest.mark.parametrize(
    ("paid", "payers", "share"),
    [
        (0, 1, 0),
        (1, 1, 1),
        (NET // 2, 1, 5_000),
        (2 * NET, 1, 20_000),
        (-7, 1, 0),
        (NET // 2, 2, None),
        (NET // 2, 0, None),
        (None, 1, None),
    ],
)
def test_the_rival_s_share_is_of_our_net_and_rounds_up(paid, payers, share):
    decided = decided_bid(PLAN, outcome(Verdict.OUTBID, rival=rival(paid, payers)), COSTS, 5)
    assert decided.rival_share == share


def test_a_bid_by_tip_counts_as_one_by_payment():
    tip = ETHER // 20 // GAS
    by_tip = msgspec.structs.replace(COSTS, tip=tip, payment=0)
    unpaid = plan(predicted_profit=ETHER // 10 + ETHER // 20)
    one = decided_bid(unpaid, outcome(Verdict.LANDED), by_tip, 5)
    assert one.share == decided_bid(PLAN, outcome(Verdict.LANDED), COSTS, 5).share


def test_nothing_left_after_gas_says_nothing():
    dear = msgspec.structs.replace(COSTS, base_fee=10**13)
    assert decided_bid(PLAN, outcome(Verdict.OUTBID), dear, 5) is None


def test_an_intent_is_learned_from_once():
    history = BidHistory()
    assert history.take(PLAN, outcome(Verdict.UNKNOWN), COSTS, 5) is None
    assert history.take(PLAN, outcome(Verdict.LANDED), COSTS, 5) is not None
    assert history.take(PLAN, outcome(Verdict.UNCLED), COSTS, 5) is None
    assert history.take(PLAN, outcome(Verdict.OUTBID), COSTS, 5) is None
    assert history.take(plan(b"another"), outcome(Verdict.OUTBID), COSTS, 5) is not None
