"""Whose pools moved before us: V2 pairs and V3 pools alike, and a poke of a position moves nothing."""

import pytest
from execution_stage import RIVAL, head_at, opportunity, plan_on, sync_log, tx_hash
from fake_chain_reader import Mined
from in_flight_stage import Stage
from msgspec.structs import replace

from bot.core.decisions import Outcome, Verdict
from bot.core.identity import keccak
from bot.core.messages import BlockArrived, Log
from bot.core.pending import Behind
from bot.execution.state_held import predicted_state_held
from bot.protocols.uniswap_v3 import BURN_TOPIC, FORKS, MINT_TOPIC

V3_MOVES = [FORKS["uniswap_v3"].swap_topic, FORKS["pancakeswap_v3"].swap_topic, MINT_TOPIC, BURN_TOPIC]


def moved(pool, topic, tx, index, amount=1):
    return Log(pool, (topic, bytes(32), bytes(32)), amount.to_bytes(32, "big") * 5, index, tx_hash(tx))


def rival(pools, topic, amount=1):
    logs = tuple(moved(pool, topic, "rival", place, amount) for place, pool in enumerate(pools))
    return Mined("rival", RIVAL, logs=logs)


def pools_of(plan):
    return [leg.pool for leg in plan.opportunities[0].legs]


@pytest.mark.parametrize("topic", [fork.swap_topic for fork in FORKS.values()])
async def test_who_swapped_in_both_v3_pools_outbid_us(topic):
    stage = Stage()
    plan = stage.send()
    assert await stage.block(101, rival(pools_of(plan), topic)) == {plan.id: Verdict.OUTBID}


@pytest.mark.parametrize("topic", [MINT_TOPIC, BURN_TOPIC])
async def test_who_brought_or_took_liquidity_did_not(topic):
    """It may be far from the price, and moves none in any case."""
    stage = Stage()
    plan = stage.send()
    assert await stage.block(101, rival(pools_of(plan), topic)) == {plan.id: Verdict.EXPIRED}


async def test_who_swapped_in_one_and_brought_liquidity_to_the_other_took_one_of_two():
    stage = Stage()
    plan = stage.send()
    first, second = pools_of(plan)
    swap = FORKS["uniswap_v3"].swap_topic
    both = Mined("rival", RIVAL, logs=(moved(first, swap, "rival", 0), moved(second, MINT_TOPIC, "rival", 1)))
    assert await stage.block(101, both) == {plan.id: Verdict.OUTBID}
    assert "moved 1 of our 2 pools" in stage.news[0].outcome.reason


async def test_who_poked_positions_in_both_pools_did_not():
    stage = Stage()
    plan = stage.send()
    assert await stage.block(101, rival(pools_of(plan), BURN_TOPIC, amount=0)) == {plan.id: Verdict.EXPIRED}


def held(*logs, follows=None):
    """What is said of a plan that landed right on its block as transaction "payload", among these logs."""
    plan = plan_on(head_at(100), opportunity(head_at(100)))
    if follows is not None:
        plan = replace(plan, behind=Behind("node", follows, None))
    head = head_at(101)
    outcome = Outcome(
        intent=plan.id,
        verdict=Verdict.LANDED,
        reason="",
        block=head.ref,
        tx_hash=tx_hash("payload"),
    )
    return predicted_state_held(plan, outcome, BlockArrived(head, logs, 0, is_catch_up=False))


FIRST, SECOND = pools_of(plan_on(head_at(100), opportunity(head_at(100))))


@pytest.mark.parametrize("topic", V3_MOVES)
def test_a_v3_pool_moved_before_us_has_not_held(topic):
    ours = moved(FIRST, V3_MOVES[0], "payload", 7)
    assert held(moved(SECOND, topic, "rival", 3), ours) is False
    assert held(ours, moved(SECOND, topic, "rival", 9)) is True
    assert held(moved(b"\x55" * 20, topic, "rival", 3), ours) is True


def test_a_poke_before_us_changed_nothing():
    ours = moved(FIRST, V3_MOVES[0], "payload", 7)
    assert held(moved(FIRST, BURN_TOPIC, "rival", 3, amount=0), ours) is True


def test_mixed_cycles_are_told_by_the_logs_of_either_kind():
    assert held(sync_log(FIRST, "payload", 2), moved(SECOND, V3_MOVES[0], "payload", 3)) is True
    assert held(sync_log(FIRST, "rival", 1), moved(SECOND, V3_MOVES[0], "payload", 3)) is False
    assert held(sync_log(FIRST, "rival", 1)) is None, "the block does not show our transaction"


@pytest.mark.parametrize("announced", [tx_hash("swap"), keccak(tx_hash("swap"))], ids=["public", "hinted"])
def test_what_a_back_run_follows_is_part_of_its_state(announced):
    theirs, ours = sync_log(FIRST, "swap", 1), sync_log(FIRST, "payload", 2)
    assert held(theirs, ours, follows=announced) is True
    assert held(theirs, ours) is False
    assert held(sync_log(FIRST, "rival", 0), theirs, ours, follows=announced) is False
