"""Thousands of losses at one nonce: what is read of the chain when it ends is counted."""

import pytest
from execution_stage import (
    OPERATOR,
    opportunity,
    plan_on,
)
from fake_chain_reader import Mined
from in_flight_stage import Stage, landing, stored

from bot.core.decisions import Outcome, Verdict
from bot.core.result import Ok

LOSSES = 2_000


@pytest.fixture
def stage():
    return Stage()


async def test_a_losing_streak_costs_one_receipt_a_block_and_one_when_it_ends(stage):
    plans = []
    for number in range(100, 130):
        plans.append(stage.send(f"payload {number}", number=number, pools=str(number)))
        stage.chain.asked.clear()
        assert await stage.block(number + 1) == {plans[-1].id: Verdict.EXPIRED}
        assert stage.chain.asked.count("receipt") == 1
    winner = stage.send("winner", number=130, pools="winner")
    stage.chain.asked.clear()
    assert await stage.block(131, landing(winner, "winner")) == {winner.id: Verdict.LANDED}
    assert stage.chain.asked == ["receipt"], "the newest payload was it; no two of a nonce can be"
    stage.chain.asked.clear()
    assert await stage.block(132) == {}
    assert stage.chain.asked == []


@pytest.mark.parametrize(
    "fault", ["none", "receipts lag", "a stranger took it", "nobody is seen to have taken it"]
)
async def test_the_end_of_a_long_losing_streak_reads_no_more_than_it_must(stage, fault):
    """Counted, not timed: what is read of the chain, and how many facts are gathered."""
    head = stage.chain.blocks[100][0]
    for index in range(LOSSES):
        lost = plan_on(head, opportunity(head, f"lost {index}"))
        expired = Outcome(lost.id, Verdict.EXPIRED, "lost")
        stage.in_flight.restore(stored(lost, f"lost {index}", outcome=expired))
    winner = stage.send("winner")
    mined = {"none": [landing(winner, "winner")], "receipts lag": [landing(winner, "winner")]}
    mined["a stranger took it"] = [Mined("foreign", OPERATOR, 7)]
    if fault == "receipts lag":
        stage.chain.without_receipt.add("winner")
    stage.chain.asked.clear()
    news = await stage.block(101, *mined.get(fault, []), count=Ok(8))
    few = 5
    assert len(stage.chain.asked) <= few + (LOSSES if fault.startswith("nobody") else 0)
    assert len(stage.chain.asked) >= (LOSSES if fault.startswith("nobody") else 1)
    expected = {"none": Verdict.LANDED, "receipts lag": None}.get(fault, Verdict.REPLACED)
    assert news == ({winner.id: expected} if expected else {})


async def test_of_many_that_were_open_when_the_nonce_was_used_each_gets_its_verdict_by_one_read(stage):
    """A node without receipts for many blocks, and then with them."""
    stage.chain.failing.add("receipt")
    plans = [stage.send(f"payload {index}", pools=str(index)) for index in range(LOSSES)]
    last = plans[-1]
    name = f"payload {LOSSES - 1}"
    assert await stage.block(101, landing(last, name)) == {}
    stage.chain.failing.clear()
    stage.chain.asked.clear()
    news = await stage.block(102)
    assert news.pop(last.id) is Verdict.LANDED
    assert set(news.values()) == {Verdict.REPLACED}
    assert len(news) == LOSSES - 1
    assert len(stage.chain.asked) < 100
