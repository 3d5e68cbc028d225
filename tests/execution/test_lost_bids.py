"""Whether a bundle that did not land had lost a bid: only where a route accepted it, and it was not taken back."""

import msgspec
import pytest
from execution_stage import TRADER, address, opportunity, plan_on, tx_hash
from fake_chain_reader import Mined
from in_flight_stage import ACCEPTED as ANSWERED
from in_flight_stage import Stage
from msgspec.structs import replace
from verdict_stage import ACCEPTED, PLAN, REFUSED, SEEN_AT, SILENT, block, decide, touch

from bot.core.cost_terms import CostTerms
from bot.core.decisions import Outcome, Verdict
from bot.core.identity import WalletName
from bot.execution.bid_history import decided_bid

LATE = replace(ACCEPTED, answered_at=SEEN_AT + 1)
CASES = {
    "accepted in time, unexplained": ({}, Verdict.EXPIRED, True),
    "accepted in time, outbid": ({"target": block(touch())}, Verdict.OUTBID, True),
    "one of two accepted": ({"attempts": (REFUSED, ACCEPTED)}, Verdict.EXPIRED, True),
    "every route refused": ({"attempts": (REFUSED, REFUSED)}, Verdict.EXPIRED, False),
    "handed to no route": ({"attempts": ()}, Verdict.EXPIRED, False),
    "silence": ({"attempts": (SILENT,)}, Verdict.LATE, False),
    "accepted too late": ({"attempts": (LATE,)}, Verdict.LATE, True),
    "withdrawn": ({"is_withdrawn": True}, Verdict.EXPIRED, False),
    "not known any more": ({"attempts": None}, Verdict.EXPIRED, None),
    "outbid, not known any more": ({"attempts": None, "target": block(touch())}, Verdict.OUTBID, None),
}


@pytest.mark.parametrize("case", CASES)
def test_a_lost_bid_was_on_offer(case):
    changes, verdict, contested = CASES[case]
    outcome = decide(**changes)
    assert (outcome.verdict, outcome.contested) == (verdict, contested)
    learned = decided_bid(PLAN, outcome, CostTerms(1, 1, 0, payment=PLAN.payment), 1)
    assert (learned is not None) == (contested is True or verdict is Verdict.OUTBID)


def test_older_journals_stay_readable():
    written = msgspec.json.encode(Outcome("id", Verdict.EXPIRED, "why"))
    assert b"contested" in written
    older = msgspec.json.encode({"intent": "id", "verdict": "expired", "reason": "why"})
    assert msgspec.json.decode(older, type=Outcome).contested is None


@pytest.mark.parametrize("is_known", [True, False], ids=["of this run", "of an earlier run"])
async def test_another_wallet_of_ours_is_no_rival(is_known):
    stage, other = Stage(), address("other operator")
    ours = stage.send()
    head = stage.chain.blocks[100][0]
    theirs = replace(
        plan_on(head, opportunity(head, "b"), nonce=1), id="theirs", wallet=WalletName("alt"), sender=other
    )
    if is_known:
        stage.in_flight.recorded(theirs)
        stage.in_flight.signed("theirs", tx_hash("other"))
        stage.in_flight.answered("theirs", (ANSWERED,), 101)
    pools = [leg.pool for leg in ours.opportunities[0].legs]
    news = await stage.block(101, Mined.moving("by us", other, pools))
    outcome = next(settled.outcome for settled in stage.news if settled.plan.id == ours.id)
    if not is_known:
        assert news[ours.id] is Verdict.OUTBID, "this test can fail"
        return
    assert (news[ours.id], outcome.contested, outcome.rival) == (Verdict.EXPIRED, False, None)
    assert "another wallet of ours moved our pools" in outcome.reason


async def test_a_stranger_beside_our_other_wallet_is_a_rival():
    stage, other = Stage(), address("other operator")
    ours = stage.send()
    stage.in_flight.recorded(replace(ours, id="theirs", wallet=WalletName("alt"), sender=other))
    pools = [leg.pool for leg in ours.opportunities[0].legs]
    moves = Mined.moving("by us", other, pools), Mined.moving("taker", TRADER, pools)
    assert (await stage.block(101, *moves))[ours.id] is Verdict.OUTBID


async def test_what_was_withdrawn_is_known_from_its_life():
    stage = Stage()
    plan = stage.send()
    stage.in_flight.no_longer_pays(plan.id)
    await stage.block(101)
    [settled] = stage.news
    assert (settled.outcome.verdict, settled.outcome.contested) == (Verdict.EXPIRED, False)
