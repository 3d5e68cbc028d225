"""Logs of a concentrated pool move its followed state as the pool's own code moves it; a plan over it is judged so."""

from dataclasses import replace

import pytest

from oracle.concentrated_liquidity import swap
from oracle.executor_calldata import Cycle, Hop
from oracle.facts import Log, V3Pool, V3State
from oracle.judge import judge, runs_on
from oracle.legs import leg
from oracle.plan_run import run
from oracle.pool_history import (
    BURN,
    INITIALIZE,
    MINT,
    SWAP,
    after_log,
    pools_changed,
    pools_moved,
    states_before,
    with_range,
)
from oracle.synthetic import (
    AT_PARENT,
    BASE,
    CHEAP,
    FACTORY,
    PAIRS,
    PLAN,
    RIVAL,
    TOKEN,
    TRADER,
    block,
    calldata,
    mined,
    sent,
)

POOL = b"\xd3" * 20
KNOWN = V3Pool(POOL, FACTORY, BASE, TOKEN, 500, 10)
EMPTY = V3State(0, 0, 0, {})
ONE = 1 << 96
OWNER = b"\x0f" * 32


def words(*values):
    return b"".join(value.to_bytes(32, "big", signed=value < 0) for value in values)


def range_log(topic, lower, upper, amount):
    data = words(0, amount, 1, 1) if topic == MINT else words(amount, 1, 1)
    return Log(POOL, (topic, OWNER, words(lower), words(upper)), data)


def swap_log(state, zero_for_one, specified):
    done = swap(state, KNOWN.fee, KNOWN.tick_spacing, zero_for_one, specified)
    deltas = (done.amount_in, -done.amount_out)
    return Log(
        POOL,
        (SWAP, OWNER, OWNER),
        words(*(deltas if zero_for_one else deltas[::-1]), done.sqrt_price, done.liquidity, done.tick),
    ), V3State(done.sqrt_price, done.tick, done.liquidity, state.ticks)


OPENED = with_range(with_range(V3State(ONE, 0, 0, {}), -1_000, 1_000, 10**15), -100, 200, 3 * 10**15)


def test_a_pool_from_its_first_log_on():
    logs = [
        Log(POOL, (INITIALIZE,), words(ONE, 0)),
        range_log(MINT, -1_000, 1_000, 10**15),
        range_log(MINT, -100, 200, 3 * 10**15),
    ]
    state = EMPTY
    for log in logs:
        state = after_log(state, log)
    assert state == OPENED
    assert state.liquidity == 4 * 10**15
    assert state.ticks[-100] == (3 * 10**15, 3 * 10**15)
    assert state.ticks[1_000] == (10**15, -(10**15))


def test_a_range_taken_out_leaves_no_trace():
    added = after_log(OPENED, range_log(MINT, -100, 300, 7))
    assert added.ticks[-100] == (3 * 10**15 + 7, 3 * 10**15 + 7)
    assert 300 in added.ticks
    assert after_log(added, range_log(BURN, -100, 300, 7)) == OPENED
    assert after_log(OPENED, range_log(BURN, -100, 200, 0)) is OPENED


@pytest.mark.parametrize(("lower", "upper", "active"), [(0, 10, 1), (-10, 0, 0), (-10, 10, 1), (10, 20, 0)])
def test_a_range_holds_its_lower_end_and_not_its_upper_one(lower, upper, active):
    """UniswapV3Pool._modifyPosition; the pool stands on tick 0."""
    assert after_log(OPENED, range_log(MINT, lower, upper, 1)).liquidity == OPENED.liquidity + active


@pytest.mark.parametrize("zero_for_one", [True, False])
def test_a_swap_over_a_tick_leaves_the_ticks_alone(zero_for_one):
    log, moved = swap_log(OPENED, zero_for_one, 6 * 10**13)
    assert moved.liquidity == 10**15
    assert after_log(OPENED, log) == moved
    assert moved.ticks == OPENED.ticks


def test_the_state_inside_a_block():
    log, moved = swap_log(OPENED, True, 10**12)
    mint = range_log(MINT, -50, 50, 10**15)
    one = block(mined(0x01, TRADER, logs=[log]), mined(0x02, TRADER, logs=[mint]))
    at_parent = {POOL: OPENED}
    assert states_before(one, 0, at_parent, [POOL]) == {POOL: OPENED}
    assert states_before(one, 1, at_parent, [POOL]) == {POOL: moved}
    assert states_before(one, 2, at_parent, [POOL])[POOL].liquidity == moved.liquidity + 10**15
    assert pools_moved(one.transactions[0]) == {POOL}
    assert pools_moved(one.transactions[1]) == frozenset()
    assert pools_changed(one) == {POOL}


POOLS = PAIRS | {POOL: KNOWN}
STATES = AT_PARENT | {POOL: OPENED}
BOUGHT = 10**6
"""Of the other token at CHEAP, which gives two for one; the pool takes one for one."""
PAID = leg(PAIRS[CHEAP], AT_PARENT[CHEAP], BASE).buy(BOUGHT).amount_in
BROUGHT = leg(KNOWN, OPENED, TOKEN).sell(BOUGHT).amount_out
MIXED = replace(
    PLAN,
    cycles=(Cycle(PAID, (Hop(CHEAP, True, BOUGHT), Hop(POOL, False, BROUGHT, is_v3=True))),),
    payment=1,
)


def test_a_mixed_plan_runs_to_the_unit_and_no_further():
    assert MIXED.gain > BOUGHT // 3
    assert run(MIXED, POOLS, STATES) == ((0, 0),)
    assert runs_on(MIXED, POOLS, STATES)
    hops = MIXED.cycles[0].hops
    for greedy in (
        Cycle(PAID - 1, hops),
        Cycle(PAID, (hops[0], replace(hops[1], amount_out=BROUGHT + 1))),
        Cycle(PAID, (hops[0], replace(hops[1], zero_for_one=True))),
    ):
        assert not runs_on(replace(MIXED, cycles=(greedy,)), POOLS, STATES)


def test_a_rival_on_its_concentrated_pool_outbids_a_mixed_plan():
    log, _ = swap_log(OPENED, True, 10**12)
    bundle = sent(call=MIXED)
    verdicts = {
        name: set(judge(bundle, POOLS, STATES, block(tx), []).verdicts)
        for name, tx in {
            "rival": mined(0x02, RIVAL, data=calldata(PLAN), logs=[log]),
            "trader": mined(0x03, TRADER, data=b"swap", logs=[log]),
            "provider": mined(0x04, RIVAL, data=b"add", logs=[range_log(MINT, -50, 50, 1)]),
        }.items()
    }
    assert verdicts == {"rival": {"outbid"}, "trader": {"expired"}, "provider": {"expired"}}


def test_a_range_added_before_it_means_the_state_did_not_hold():
    ours = mined(0x01, sent().transaction.sender, data=calldata(MIXED), nonce=7)
    before = mined(0x02, TRADER, logs=[range_log(MINT, -50, 50, 10**15)])
    held = [
        judge(sent(call=MIXED), POOLS, STATES, block(*txs), [ours]).state_held
        for txs in ((ours,), (before, ours), (ours, before))
    ]
    assert held == [True, False, True]
