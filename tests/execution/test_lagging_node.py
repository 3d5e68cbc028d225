"""A node whose receipts lag behind its blocks, or fail: nothing is called replaced, and no budget freed, too early."""

import pytest
from execution_stage import (
    MAIN,
    OPERATOR,
    head_at,
    tx_hash,
)
from fake_chain_reader import Mined
from in_flight_stage import Stage, landing, reverting

from bot.core.decisions import Reservation, Verdict, Window
from bot.core.records import LedgerEntry
from bot.core.result import Ok, Unknown
from bot.core.units import Wei
from bot.risk.ledger import Ledger


@pytest.fixture
def stage():
    return Stage()


async def test_a_receipt_that_lags_behind_the_count_does_not_make_it_replaced(stage):
    """The block shows our own hash at the nonce, so it was no stranger."""
    plan = stage.send()
    stage.chain.without_receipt.add("payload")
    assert await stage.block(101, landing(plan)) == {}
    assert await stage.block(102) == {}
    [settled] = [*stage.in_flight.close()]
    assert f"own payload (0x{tx_hash('payload').hex()})" in settled.outcome.reason


async def test_it_lands_once_its_receipt_has_come(stage):
    plan = stage.send()
    stage.chain.without_receipt.add("payload")
    await stage.block(101, landing(plan))
    await stage.block(102)
    stage.chain.without_receipt.clear()
    assert await stage.block(103) == {plan.id: Verdict.LANDED}
    assert stage.news[0].outcome.block == head_at(101).ref


@pytest.mark.parametrize("landed_in", [101, 102, 103])
async def test_every_block_of_the_window_is_looked_at(stage, landed_in):
    """The count was not read when it landed; the head above does not show the transaction."""
    plan = stage.send(window=Window(101, 103))
    stage.chain.without_receipt.add("payload")
    for number in range(101, 105):
        mined = [landing(plan)] if number == landed_in else []
        assert await stage.block(number, *mined, count=None if number == 104 else Unknown("silence")) == {}
    assert await stage.block(105) == {}
    stage.chain.without_receipt.clear()
    assert await stage.block(106) == {plan.id: Verdict.LANDED}


async def test_a_used_nonce_is_explained_by_blocks_that_can_be_read_only(stage):
    plan = stage.send()
    stage.chain.failing.add("transactions")
    assert await stage.block(101, Mined("foreign", OPERATOR, 7)) == {}
    stage.chain.failing.clear()
    assert await stage.block(102) == {plan.id: Verdict.REPLACED}


async def test_a_leak_whose_receipt_lags_is_asked_for_until_it_is_there(stage):
    """Mined outside its window while the count was not read: no block that is looked at shows it."""
    plan = stage.send()
    assert await stage.block(101) == {plan.id: Verdict.EXPIRED}
    stage.chain.without_receipt.add("payload")
    await stage.block(102, reverting(), count=Unknown("silence"))
    for number in range(103, 150):
        assert await stage.block(number) == {}
    stage.chain.without_receipt.clear()
    assert await stage.block(150) == {plan.id: Verdict.MINED_REVERTED}


async def test_a_nonce_that_nobody_explains_is_given_up_when_it_is_deep(stage):
    stage.send()
    await stage.block(101)
    await stage.block(102, Mined("foreign", OPERATOR, 7), count=Unknown("silence"))
    for number in range(103, 167):
        await stage.block(number, count=Ok(8))
        assert "receipt" in stage.chain.asked
    await stage.block(167, count=Ok(8))
    stage.chain.asked.clear()
    await stage.block(168, count=Ok(8))
    assert stage.chain.asked == []


async def test_receipts_that_fail_for_many_blocks_never_free_the_budget(stage):
    """The count is read at every block and says that the nonce is used: what that cost is known only by receipt."""
    ledger = Ledger()
    plan = stage.send()
    reservation = Reservation(MAIN, 7, plan.worst_gas_cost, Wei(1))
    ledger.reserve(plan.id, reservation, plan.window)
    stage.chain.failing.add("receipt")
    for number in range(101, 301):
        ledger.note_next_nonce(MAIN, 8)
        mined = [landing(plan)] if number == 101 else []
        assert await stage.block(number, *mined) == {}
        assert ledger.in_flight(MAIN, number) == plan.worst_gas_cost
    stage.chain.failing.clear()
    assert await stage.block(301) == {plan.id: Verdict.LANDED}
    ledger.settle(booked(stage.news[0]))
    assert ledger.in_flight(MAIN, 301) == 0
    assert ledger.gas_spend(MAIN, 0) == stage.news[0].outcome.gas_cost > 0


def booked(settled):
    plan, outcome = settled.plan, settled.outcome
    cost = outcome.gas_cost or Wei(0)
    return LedgerEntry(plan.id, plan.wallet, plan.strategy, outcome.verdict, cost, outcome.realized_profit, 0)
