"""What one run leaves to the next: watched on, without false news, and without forgetting what was told."""

import pytest
from execution_stage import (
    head_at,
    opportunity,
    plan_on,
)
from in_flight_stage import Stage, landing, reverting, stored
from msgspec.structs import replace

from bot.core.decisions import Verdict
from bot.core.result import Unknown
from bot.execution.maintenance import KEPT_BLOCKS


@pytest.fixture
def stage():
    return Stage()


async def test_after_a_restart_the_chain_says_what_became_of_it(stage):
    landed, lost, never_signed = (
        plan_on(head_at(100), opportunity(head_at(100), name), nonce=nonce)
        for name, nonce in (("a", 7), ("b", 8), ("c", 8))
    )
    stage.in_flight.restore(stored(landed, "landed"))
    stage.in_flight.restore(stored(lost, "lost"))
    stage.in_flight.restore(stored(never_signed))
    stage.chain.mine(101, landing(landed, "landed"))
    news = await stage.block(105)
    assert news == {landed.id: Verdict.LANDED, lost.id: Verdict.EXPIRED, never_signed.id: Verdict.EXPIRED}
    reasons = {s.plan.id: s.outcome.reason for s in stage.news}
    assert "not known any more" in reasons[lost.id]
    assert "handed to no route" in reasons[never_signed.id]


async def test_what_is_open_when_the_run_ends_is_unknown_and_says_why(stage):
    plan = stage.send()
    await stage.block(101, count=Unknown("the node is silent"))
    [settled] = stage.in_flight.close()
    assert (settled.plan, settled.outcome.verdict) == (plan, Verdict.UNKNOWN)
    assert "the node is silent" in settled.outcome.reason
    assert stage.in_flight.close() == ()


async def test_what_a_run_left_is_watched_by_the_next_without_news(stage):
    """Lost ones with an open nonce, one that landed a moment ago: nothing new was said of any of them."""
    landed, lost = stage.send("landed", pools="a"), stage.send("lost", pools="b", nonce=8)
    await stage.block(101, landing(landed, "landed"))
    outcomes = {settled.plan.id: settled.outcome for settled in stage.told}
    assert outcomes[lost.id].verdict is Verdict.EXPIRED
    held = replace(outcomes[landed.id], predicted_state_held=True)
    stage.restart(stored(landed, "landed", outcome=held), stored(lost, "lost", outcome=outcomes[lost.id]))
    assert stage.in_flight.open_intents() == (landed,), "a reorg may have taken it meanwhile"
    assert await stage.block(102) == {}
    assert stage.in_flight.open_intents() == ()
    assert {plan.id for plan in stage.in_flight.forget_chain()} == {landed.id, lost.id}
    assert await stage.block(103) == {}
    assert stage.in_flight.close() == ()


async def test_after_a_restart_a_leak_is_booked(stage):
    plan = stage.send()
    await stage.block(101)
    stage.restart(stored(plan, "payload", outcome=stage.news[0].outcome))
    assert await stage.block(102) == {}
    assert await stage.block(103, reverting()) == {plan.id: Verdict.MINED_REVERTED}
    assert stage.news[0].outcome.gas_cost > 0


async def test_after_a_restart_a_reorg_takes_a_landing_back(stage):
    plan = stage.send()
    await stage.block(101, landing(plan))
    stage.restart(stored(plan, "payload", outcome=stage.news[0].outcome))
    await stage.block(102)
    assert stage.reorg(100) == {plan.id}
    assert await stage.block(101, fork="b") == {plan.id: Verdict.UNCLED}


async def test_a_reorg_while_nobody_watched_takes_a_landing_back(stage):
    plan = stage.send()
    await stage.block(101, landing(plan))
    stage.chain.reorg(100)
    stage.chain.mine(101, fork="b")
    stage.restart(stored(plan, "payload", outcome=stage.news[0].outcome))
    assert await stage.block(102, fork="b") == {plan.id: Verdict.UNCLED}


async def test_a_stop_before_a_landing_could_be_asked_for_again_keeps_it(stage):
    plan = stage.send()
    await stage.block(101, landing(plan))
    stage.restart(stored(plan, "payload", outcome=stage.news[0].outcome))
    assert stage.in_flight.close() == ()


async def test_a_restart_does_not_unlearn_why_it_was_late(stage):
    """What the routes answered is known to the run that asked them alone."""
    plan = stage.send()
    assert await stage.block(101, seen_at=9) == {plan.id: Verdict.LATE}
    stage.restart(stored(plan, "payload", outcome=stage.news[0].outcome))
    await stage.block(102)
    assert stage.in_flight.forget_chain() == (plan,)
    assert await stage.block(103) == {}
    assert stage.in_flight.open_intents() == stage.in_flight.close() == ()


async def test_a_stop_after_continuity_was_lost_keeps_what_was_told(stage):
    landed, lost = stage.send("landed", pools="a"), stage.send("lost", pools="b", nonce=8)
    await stage.block(101, landing(landed, "landed"))
    unread = stage.send("unread", number=101, pools="c", nonce=8)
    assert {plan.id for plan in stage.in_flight.forget_chain()} == {landed.id, lost.id}
    assert [(s.plan, s.outcome.verdict) for s in stage.in_flight.close()] == [(unread, Verdict.UNKNOWN)]
    assert stage.in_flight.open_intents() == ()


async def test_a_stop_after_a_reorg_does_not_keep_what_the_reorg_took(stage):
    plan = stage.send()
    await stage.block(101, landing(plan))
    stage.reorg(100)
    stage.in_flight.forget_chain()
    assert [(s.plan, s.outcome.verdict) for s in stage.in_flight.close()] == [(plan, Verdict.UNKNOWN)]


async def test_continuity_is_asked_for_again_no_deeper_than_a_reorg(stage):
    plans = []
    for number in range(100, 300):
        plans.append(stage.send(f"payload {number}", number=number, pools=str(number)))
        await stage.block(number + 1)
    assert stage.in_flight.forget_chain() == tuple(plans[-KEPT_BLOCKS:])
