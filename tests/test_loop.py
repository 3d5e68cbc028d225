"""The loop over scripted events: what is applied, what is acted on, what is followed to its end, how it stops."""

import asyncio

import pytest
from listed_chain import ETHER, NONCE, START, mined, reference, sync
from loop_stage import Stage
from msgspec.structs import replace
from small_market import CHEAP, DEAR, world_at

from bot.core.decisions import Verdict
from bot.core.errors import BrokenInvariant, RetryLater
from bot.core.messages import ContinuityLost, FeedSilent, RolledBack
from bot.core.result import Ok, Unknown
from bot.loop import DRAIN_BLOCKS


def no_gap():
    return Stage(world=world_at(gap=False))


async def test_stops_at_once_when_nothing_is_in_flight():
    stage = no_gap()
    task = await stage.running()
    await stage.block(101)
    assert not task.done()
    stage.stop.set()
    await task
    assert stage.numbers() == [101]
    assert stage.told == [100, 101], "lockstep is told of the start and of each block"


async def test_a_stop_waits_for_the_verdict_and_sends_nothing_new():
    stage = Stage()
    task = await stage.running()
    await stage.block(101)
    [signed] = stage.signed()
    stage.stop.set()
    await stage.settle()
    assert not task.done()
    await stage.block(102, mined(signed), logs=(sync(CHEAP, 99 * ETHER, 210 * ETHER),))
    await task
    assert stage.verdicts() == [Verdict.LANDED]
    assert len(stage.signed()) == 1
    assert stage.drops() == {"stopping: only what is in flight is followed": 1}
    assert stage.journal.of("block")[-1].landed == 1


async def test_a_stop_does_not_wait_for_ever_and_leaves_it_open_on_disk():
    stage = Stage()
    task = await stage.running()
    await stage.block(101)
    stage.market.chain.is_silent = True
    stage.stop.set()
    number = 102
    while not task.done():
        await stage.block(number)
        number += 1
        assert number < 120
    await task
    assert stage.numbers() == list(range(101, 102 + DRAIN_BLOCKS))
    assert stage.verdicts() == [Verdict.UNKNOWN]
    assert stage.market.held(at=101) > 0, "its budget stays reserved"


@pytest.mark.parametrize("count", [1, 2, 5])
async def test_blocks_are_counted(count):
    stage = no_gap()
    stage.blocks = count
    task = await stage.running()
    for number in range(101, 101 + count + 3):
        await stage.block(number)
    await task
    assert stage.numbers() == list(range(101, 101 + count))


async def test_after_the_last_block_what_was_sent_gets_its_verdict():
    stage = Stage(blocks=3)
    task = await stage.running()
    await stage.block(101)
    await stage.block(102)
    assert len(stage.signed()) == 2
    await stage.block(103, mined(stage.signed()[-1]))
    await stage.settle()
    await stage.block(104)
    await task
    assert Verdict.LANDED in stage.verdicts()
    assert len(stage.verdicts()) == len(stage.journal.of("intent")), "every intent has its verdict"


async def test_a_block_that_is_not_the_newest_is_applied_and_not_acted_on():
    stage = no_gap()
    task = await stage.running()
    opened = sync(DEAR, 120 * ETHER, 200 * ETHER)
    await stage.block(101, logs=(opened,), is_catch_up=True)
    assert stage.world.state.ref == reference(101)
    assert stage.signed() == []
    assert stage.drops() == {"a newer block is known": 1}
    await stage.block(102)
    assert len(stage.signed()) == 1, "what the block before had touched is screened now"
    assert stage.signed()[0].fields.nonce == NONCE
    stage.stop.set()
    await stage.block(103)
    await task


async def test_catch_up_blocks_do_not_count_as_blocks_of_the_run():
    stage = no_gap()
    stage.blocks = 1
    task = await stage.running()
    await stage.block(101, is_catch_up=True)
    assert not task.done()
    await stage.block(102)
    await task


async def test_a_reorg_takes_state_and_verdict_back():
    stage = Stage()
    task = await stage.running()
    await stage.block(101)
    [signed] = stage.signed()
    closed = (sync(CHEAP, 100 * ETHER, 200 * ETHER), sync(DEAR, 100 * ETHER, 200 * ETHER, 1))
    stage.market.chain.count = Ok(NONCE + 1)
    await stage.block(102, mined(signed), logs=closed)
    assert stage.verdicts() == [Verdict.LANDED]
    assert stage.market.in_flight.open_intents() == ()

    stage.market.chain.count = Ok(NONCE)
    stage.feed.give(RolledBack(START, (reference(102), reference(101))))
    await stage.settle()
    [plan] = stage.market.in_flight.open_intents()
    assert stage.world.state.ref == START
    table = stage.world.state.table
    assert min(table.reserve0[1], table.reserve1[1]) == 110 * ETHER, "the gap is open again"

    await stage.block(101, logs=closed, fork="other")
    await stage.block(102, fork="other")
    last = [record for record in stage.journal.of("outcome") if record.outcome.intent == plan.id][-1]
    assert last.outcome.verdict is not Verdict.LANDED
    assert stage.verdicts()[0] is Verdict.LANDED, "what was told stays on record, and is corrected"
    stage.stop.set()
    await stage.block(103, fork="other")
    await task


async def test_lost_continuity_rebuilds_and_goes_on_from_the_new_block():
    stage = no_gap()
    task = await stage.running()
    await stage.block(101)
    stage.bootstraps = [world_at(reference(150))]
    stage.market.chain.mine(150)
    stage.feed.give(ContinuityLost("the common ancestor is deeper than 64 blocks"))
    await stage.settle()
    assert stage.feed.started_after == [START, reference(150)]
    await stage.block(151)
    assert len(stage.signed()) == 1, "the new world has a gap"
    assert stage.numbers() == [101, 151]
    assert stage.told == [100, 101, 150, 151]
    stage.stop.set()
    await stage.block(152)
    await task


async def test_a_bootstrap_that_fails_is_tried_again_and_nothing_is_hunted_meanwhile():
    stage = Stage()
    task = await stage.running()
    stage.bootstraps = [RetryLater("node busy"), RetryLater("node busy"), world_at(reference(150), gap=False)]
    stage.feed.give(ContinuityLost("deep"))
    await stage.settle()
    assert stage.market.events.count("sleep") == 2
    assert stage.feed.started_after[-1] == reference(150)
    assert stage.signed() == []
    stage.stop.set()
    await task


async def test_a_block_that_does_not_connect_rebuilds():
    stage = Stage()
    task = await stage.running()
    stage.bootstraps = [world_at(reference(105), gap=False)]
    await stage.block(104)
    assert stage.bootstraps == []
    assert stage.feed.started_after[-1] == reference(105)
    assert stage.signed() == []
    stage.stop.set()
    await task


async def test_continuity_lost_while_stopping_does_not_keep_it_from_ending():
    stage = Stage()
    task = await stage.running()
    await stage.block(101)
    stage.stop.set()
    await stage.settle()
    assert not task.done(), "one is in flight"
    stage.market.chain.is_silent = True
    stage.bootstraps = [RetryLater("node away")] * 50
    stage.feed.give(ContinuityLost("deep"))
    for number in range(120, 120 + 2 * DRAIN_BLOCKS):
        await stage.block(number)
    assert task.done()
    await task
    assert stage.verdicts() == [Verdict.UNKNOWN]


async def test_what_the_audit_changed_is_screened_in_the_next_block():
    stage = no_gap()
    task = await stage.running()

    def refetch(state):
        index = state.table.index(DEAR)
        reserve0, reserve1 = state.table.reserve0[index], state.table.reserve1[index]
        state.table.set_reserves(index, reserve0 * 11 // 10, reserve1)
        return (index,)

    stage.audits = [refetch]
    await stage.block(101)
    assert stage.signed() == []
    assert stage.journal.of("block")[0].cycles_screened == 0
    await stage.block(102)
    assert stage.journal.of("block")[1].cycles_screened == 2
    assert len(stage.signed()) == 1
    stage.stop.set()
    await stage.block(103)
    await task


async def test_a_wallet_that_cannot_be_read_signs_nothing_and_the_block_says_so():
    stage = Stage()
    stage.market.chain.count = Unknown("time-out")
    task = await stage.running()
    await stage.block(101)
    assert stage.signed() == []
    assert stage.drops() == {"the wallet's nonce is unknown": 1}
    stage.stop.set()
    await task


async def test_the_signer_is_told_the_count_at_every_block():
    """Also one that was started anew meanwhile, with totals of its own, learns it."""
    stage = no_gap()
    task = await stage.running()
    for number in (101, 102):
        await stage.block(number)
    stage.market.chain.count = Ok(NONCE + 1)
    await stage.block(103)
    assert stage.market.signer.told == [("main", NONCE), ("main", NONCE), ("main", NONCE + 1)]
    stage.stop.set()
    await task


async def test_a_defect_stops_the_hunt_but_not_the_upkeep():
    stage = Stage()
    task = await stage.running()
    await stage.block(101)
    [signed] = stage.signed()
    stage.market.simulator.answers = [ZeroDivisionError("a defect")]
    await stage.block(102, mined(signed), logs=(sync(CHEAP, 99 * ETHER, 220 * ETHER),))
    with pytest.raises(BrokenInvariant, match="block 102: ZeroDivisionError"):
        await task
    assert stage.verdicts() == [Verdict.LANDED]
    assert stage.drops() == {"a defect stopped the tick": 1}


async def test_silence_of_the_feed_changes_nothing_by_itself():
    stage = no_gap()
    task = await stage.running()
    stage.feed.give(FeedSilent(41, 40))
    await stage.settle()
    assert not task.done()
    await stage.block(101)
    assert stage.numbers() == [101]
    stage.stop.set()
    await task


async def test_every_block_leaves_one_record_with_its_funnel():
    stage = Stage()
    task = await stage.running()
    await stage.block(101)
    await stage.block(102)
    first, second = stage.journal.of("block")
    assert (first.opportunities, first.planned, first.allowed, first.sent) == (1, 1, 1, 1)
    assert second.block == reference(102)
    assert {"apply", "upkeep", "search", "simulate", "sign and send", "seen to done"} <= set(first.durations)
    stage.stop.set()
    await stage.block(103)
    await task


async def test_nothing_is_judged_or_signed_before_the_upkeep_of_the_block_is_done():
    """It runs beside search and simulation; a verdict that is slow to come holds back the gate, and not the node."""
    stage = Stage()
    task = await stage.running()
    await stage.block(101)
    [signed] = stage.signed()
    may_answer = asyncio.Event()
    receipt = stage.market.chain.receipt

    async def slow_receipt(tx):
        await may_answer.wait()
        return await receipt(tx)

    stage.market.chain.receipt = slow_receipt
    stage.market.chain.count = Ok(NONCE + 1)
    stage.market.events.clear()
    await stage.block(102, mined(signed), logs=(sync(CHEAP, 99 * ETHER, 220 * ETHER),))
    assert stage.market.events == ["simulate"], "found and simulated, and then it waits"
    may_answer.set()
    await stage.settle()
    assert stage.market.events[:4] == ["simulate", "outcome", "intent", "sign"]
    assert stage.verdicts() == [Verdict.LANDED]
    assert len(stage.signed()) == 2
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_an_upkeep_that_fails_lets_nothing_be_signed_and_ends_the_run():
    stage = Stage()
    task = await stage.running()
    await stage.block(101)
    [signed] = stage.signed()
    stage.journal.fails_at = "outcome"
    await stage.block(102, mined(signed), logs=(sync(CHEAP, 99 * ETHER, 220 * ETHER),))
    with pytest.raises(BrokenInvariant, match="OSError: no space left for a record of outcome"):
        await task
    assert len(stage.signed()) == 1


async def test_rest_is_after_each_event_and_never_in_a_block():
    stage = no_gap()
    made = stage.deps
    stage.deps = lambda: replace(made(), rest=lambda: stage.market.events.append("rest"))
    task = await stage.running()
    await stage.block(101)
    stage.feed.give(FeedSilent(41, 40))
    await stage.settle()
    await stage.block(102)
    assert stage.market.events == ["block", "rest", "rest", "block", "rest"]
    stage.stop.set()
    await task


async def test_a_second_interrupt_leaves_no_upkeep_behind():
    stage = Stage()
    running = await stage.running()
    await stage.block(101)
    [_] = stage.signed()
    settle, hangs, ends = stage.market.in_flight.settle, asyncio.Event(), []

    async def slow_settle(*facts):
        try:
            await hangs.wait()
            return await settle(*facts)
        finally:
            ends.append("upkeep")

    async def no_answer(*_):
        await asyncio.Event().wait()

    stage.market.in_flight.settle = slow_settle
    stage.market.simulator.simulate = no_answer
    await stage.block(102)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ends == ["upkeep"]
    hangs.set()
    before = stage.verdicts()
    await stage.settle()
    assert stage.verdicts() == before, "nothing is written after the end"
