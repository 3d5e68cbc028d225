"""Whole lives of intents on a chain that mines, reorgs and goes silent."""

import pytest
from execution_stage import (
    MAIN,
    OPERATOR,
    RIVAL,
    TRADER,
    head_at,
    opportunity,
    plan_on,
    tx_hash,
)
from fake_chain_reader import Mined
from in_flight_stage import ACCEPTED, Stage, landing, reverting

from bot.core.decisions import Verdict
from bot.core.errors import BrokenInvariant
from bot.core.result import Ok, Unknown


@pytest.fixture
def stage():
    return Stage()


async def test_it_lands(stage):
    plan = stage.send()
    assert stage.is_open(plan)
    assert await stage.block(101, landing(plan)) == {plan.id: Verdict.LANDED}
    [settled] = stage.news
    assert settled.outcome.realized_profit == plan.predicted_profit
    assert settled.outcome.block == head_at(101).ref
    assert not stage.is_open(plan)
    assert await stage.block(102) == {}


async def test_it_is_outbid_by_who_took_both_pools(stage):
    plan = stage.send()
    pools = [leg.pool for leg in plan.opportunities[0].legs]
    assert await stage.block(101, Mined.moving("rival", RIVAL, pools)) == {plan.id: Verdict.OUTBID}
    assert "moved 2 of our 2 pools at index 0 of block 101" in stage.news[0].outcome.reason


async def test_a_cheap_plain_swap_behind_us_did_not_outbid_us(stage):
    plan = stage.send()
    pool = plan.opportunities[0].legs[0].pool
    assert await stage.block(101, Mined.moving("swap", TRADER, [pool])) == {plan.id: Verdict.EXPIRED}


async def test_moves_of_other_pools_do_not_count(stage):
    plan = stage.send()
    other = opportunity(head_at(100), "elsewhere").legs
    news = await stage.block(101, Mined.moving("rival", RIVAL, [leg.pool for leg in other]))
    assert news == {plan.id: Verdict.EXPIRED}
    assert "nobody moved our pools" in stage.news[0].outcome.reason


async def test_an_answer_after_the_block_was_seen_is_late(stage):
    plan = stage.send()
    assert await stage.block(101, seen_at=9) == {plan.id: Verdict.LATE}


@pytest.mark.parametrize("method", ["receipt", "transactions", "logs"])
async def test_a_read_that_fails_leaves_it_open_until_it_succeeds(stage, method):
    plan = stage.send()
    pools = [leg.pool for leg in plan.opportunities[0].legs]
    stage.chain.failing.add(method)
    assert await stage.block(101, Mined.moving("rival", RIVAL, pools)) == {}
    assert stage.is_open(plan)
    stage.chain.failing.clear()
    assert await stage.block(102) == {plan.id: Verdict.OUTBID}


async def test_an_unknown_count_leaves_it_open(stage):
    plan = stage.send()
    assert await stage.block(101, count=Unknown("silence")) == {}
    assert await stage.block(102, count=Ok(7)) == {plan.id: Verdict.EXPIRED}


async def test_a_wallet_whose_count_was_not_given_stays_open(stage):
    plan = stage.send()
    head = stage.chain.mine(101)
    assert await stage.in_flight.settle(head, 100, {}) == ()
    assert stage.is_open(plan)


async def test_of_two_payloads_of_one_nonce_one_lands_and_the_other_is_replaced(stage):
    first = stage.send("first", pools="a")
    await stage.block(101, count=Unknown("silence"))
    second = stage.send("second", number=101, pools="b")
    news = await stage.block(102, landing(second, "second"))
    assert news == {first.id: Verdict.REPLACED, second.id: Verdict.LANDED}
    assert second.id in next(s.outcome.reason for s in stage.news if s.plan == first)


async def test_a_cancellation_takes_the_nonce(stage):
    plan = stage.send()
    stage.in_flight.cancellation_signed(MAIN, 7, tx_hash("cancellation"))
    news = await stage.block(101, Mined("cancellation", OPERATOR, 7))
    assert news == {plan.id: Verdict.CANCELLED}


async def test_a_nonce_used_by_a_stranger_with_our_key_is_said(stage):
    plan = stage.send()
    assert await stage.block(101, Mined("foreign", OPERATOR, 7)) == {plan.id: Verdict.REPLACED}
    reason = stage.news[0].outcome.reason
    assert tx_hash("foreign").hex() in reason
    assert "who else holds this key" in reason


async def test_a_used_nonce_is_not_believed_while_the_head_is_leaving(stage):
    plan = stage.send()
    head = head_at(101, fork="left")
    stage.chain.mine(101, fork="new")
    assert await stage.in_flight.settle(head, 100, {MAIN: Ok(8)}) == ()
    assert stage.is_open(plan)


async def test_a_receipt_of_a_block_that_left_does_not_land_it(stage):
    plan = stage.send()
    stage.chain.mine(101, landing(plan), fork="left")
    left_receipt = await stage.chain.receipt(tx_hash("payload"))

    async def stale(_):
        return left_receipt

    stage.chain.receipt = stale
    assert await stage.block(101) == {}
    assert stage.is_open(plan)


async def test_a_receipt_above_our_head_waits_for_its_block(stage):
    plan = stage.send()
    head = head_at(101)
    stage.chain.blocks[101] = (head, ())
    stage.chain.mine(102, landing(plan))
    assert await stage.in_flight.settle(head, 100, {MAIN: Ok(7)}) == ()
    assert await stage.block(102, landing(plan)) == {plan.id: Verdict.LANDED}


async def test_a_reorg_takes_the_landing_back_and_it_lands_again(stage):
    plan = stage.send()
    await stage.block(101, landing(plan))
    assert stage.reorg(100) == {plan.id}
    assert stage.is_open(plan)
    assert await stage.block(101, landing(plan), fork="b") == {plan.id: Verdict.LANDED}
    assert stage.news[0].outcome.block == head_at(101, "b").ref


async def test_a_reorg_takes_the_landing_back_for_good(stage):
    plan = stage.send()
    await stage.block(101, landing(plan))
    stage.reorg(100)
    assert await stage.block(101, fork="b") == {plan.id: Verdict.UNCLED}
    assert f"block 101 (0x{head_at(101).hash.hex()})" in stage.news[0].outcome.reason


async def test_a_reorg_below_does_not_touch_an_older_verdict(stage):
    plan = stage.send()
    await stage.block(101, landing(plan))
    await stage.block(102)
    assert stage.reorg(101) == set()
    assert not stage.is_open(plan)


async def test_a_lost_auction_is_decided_anew_after_a_reorg(stage):
    plan = stage.send()
    assert await stage.block(101) == {plan.id: Verdict.EXPIRED}
    assert stage.reorg(100) == {plan.id}
    assert await stage.block(101, landing(plan), fork="b") == {plan.id: Verdict.LANDED}


async def test_a_verdict_that_a_reorg_does_not_change_is_not_told_twice(stage):
    first, second = stage.send("first", pools="a"), stage.send("second", pools="b")
    stage.in_flight.cancelled(first.id)
    assert set((await stage.block(101)).values()) == {Verdict.CANCELLED, Verdict.EXPIRED}
    assert stage.reorg(100) == {first.id, second.id}
    assert await stage.block(101, fork="b") == {}
    assert stage.in_flight.open_intents() == ()
    assert stage.reorg(100) == {first.id, second.id}
    assert await stage.block(101, landing(second, "second"), fork="c") == {
        first.id: Verdict.REPLACED,
        second.id: Verdict.LANDED,
    }


async def test_after_continuity_was_lost_only_changed_verdicts_are_news(stage):
    landed, lost = stage.send("landed", pools="a"), stage.send("lost", pools="b", nonce=8)
    assert await stage.block(101, landing(landed, "landed")) == {
        landed.id: Verdict.LANDED,
        lost.id: Verdict.EXPIRED,
    }
    assert {plan.id for plan in stage.in_flight.forget_chain()} == {landed.id, lost.id}
    assert await stage.block(102) == {}
    stage.in_flight.forget_chain()
    stage.chain.reorg(100)
    stage.chain.mine(101, fork="b")
    assert await stage.block(102, fork="b") == {landed.id: Verdict.UNCLED}


async def test_a_leaked_payload_mined_after_its_window_corrects_the_verdict(stage):
    plan = stage.send()
    assert await stage.block(101) == {plan.id: Verdict.EXPIRED}
    assert await stage.block(102) == {}
    assert await stage.block(103, reverting()) == {plan.id: Verdict.MINED_REVERTED}
    assert stage.news[0].outcome.gas_cost > 0
    assert "its window was 101 to 101" in stage.news[0].outcome.reason


async def test_a_first_verdict_stands_when_the_nonce_goes_to_a_later_intent(stage):
    first = stage.send("first", pools="a")
    assert await stage.block(101) == {first.id: Verdict.EXPIRED}
    second = stage.send("second", number=101, pools="b")
    assert await stage.block(102, landing(second, "second")) == {second.id: Verdict.LANDED}
    assert await stage.block(103) == {}


async def test_what_is_deep_is_forgotten(stage):
    plan = stage.send()
    await stage.block(101, landing(plan))
    for number in range(102, 166):
        await stage.block(number)
    assert stage.reorg(100) == set()


async def test_a_signer_that_refused_leaves_nothing_to_follow(stage):
    plan = plan_on(head_at(100))
    stage.in_flight.recorded(plan)
    stage.in_flight.signer_refused(plan.id)
    assert stage.in_flight.open_intents() == ()
    assert await stage.block(101) == {}


async def test_a_silent_signer_leaves_it_open_until_its_window_has_passed(stage):
    plan = plan_on(head_at(100))
    stage.in_flight.recorded(plan)
    stage.in_flight.signer_silent(plan.id)
    assert stage.is_open(plan)
    assert await stage.block(101) == {plan.id: Verdict.EXPIRED}


async def test_nothing_is_handed_over_before_it_was_signed(stage):
    plan = plan_on(head_at(100))
    stage.in_flight.recorded(plan)
    with pytest.raises(BrokenInvariant):
        stage.in_flight.answered(plan.id, [ACCEPTED], plan.target_block)
    assert stage.is_open(plan)
    assert await stage.block(101) == {plan.id: Verdict.EXPIRED}
    assert "handed to no route" in stage.news[0].outcome.reason
