"""A synthetic block for each verdict, and for a predicted state that held or did not."""

from dataclasses import replace

import pytest

from oracle.chain_reader import TRANSFER
from oracle.executor_calldata import Cycle
from oracle.facts import Log
from oracle.judge import judge, received, runs_on
from oracle.synthetic import (
    AT_PARENT,
    BASE,
    BASE_FEE,
    CHEAP,
    DEAR,
    PAIRS,
    PLAN,
    RIVAL,
    TARGET,
    TOKEN,
    TRADER,
    WALLET,
    block,
    calldata,
    mined,
    sent,
    sync,
)

OURS = mined(0x01, WALLET, data=calldata(PLAN), nonce=7)
MOVED = (10**9 + 5, 2 * 10**9 - 9)
RIVAL_TAKES_CHEAP = mined(0x02, RIVAL, data=calldata(PLAN), logs=[sync(CHEAP, MOVED)])
TRADER_MOVES_CHEAP = mined(0x03, TRADER, data=b"swap", logs=[sync(CHEAP, MOVED)])


def verdicts(target, bundle=None, ours=()):
    return set(judge(bundle or sent(), PAIRS, AT_PARENT, target, ours).verdicts)


def test_the_plan_of_these_tests_runs_on_its_state():
    assert runs_on(PLAN, PAIRS, AT_PARENT)


def test_landed():
    found = judge(sent(), PAIRS, AT_PARENT, block(OURS, TRADER_MOVES_CHEAP), [OURS])
    assert set(found.verdicts) == {"landed"}
    assert found.state_held


def test_mined_reverted():
    assert verdicts(block(replace(OURS, succeeded=False))) == {"mined_reverted"}


@pytest.mark.parametrize("before", [RIVAL_TAKES_CHEAP, TRADER_MOVES_CHEAP])
def test_a_state_that_did_not_hold(before):
    assert not judge(sent(), PAIRS, AT_PARENT, block(before, OURS), [OURS]).state_held


def test_a_state_that_moved_elsewhere_held():
    elsewhere = mined(0x04, TRADER, logs=[sync(b"\xd9" * 20, MOVED)])
    assert judge(sent(), PAIRS, AT_PARENT, block(elsewhere, OURS), [OURS]).state_held


def test_a_state_that_moved_and_came_back_held():
    there, back = TRADER_MOVES_CHEAP, mined(0x05, TRADER, logs=[sync(CHEAP, AT_PARENT[CHEAP])])
    assert judge(sent(), PAIRS, AT_PARENT, block(there, back, OURS), [OURS]).state_held


def test_outbid():
    assert verdicts(block(RIVAL_TAKES_CHEAP)) == {"outbid"}


@pytest.mark.parametrize(
    "other",
    [
        TRADER_MOVES_CHEAP,
        replace(RIVAL_TAKES_CHEAP, succeeded=False),
        replace(RIVAL_TAKES_CHEAP, logs=(sync(b"\xd9" * 20, MOVED),)),
    ],
    ids=["a trader came after", "the rival failed", "the rival took other pools"],
)
def test_nobody_took_it(other):
    assert verdicts(block(other)) == {"expired"}


def test_an_empty_block():
    assert verdicts(block()) == {"expired"}


def test_base_fee_moved():
    assert verdicts(block(base_fee=BASE_FEE + 1)) == {"base_fee_moved"}


def test_late():
    assert verdicts(block(), sent(head=TARGET)) == {"late"}


def test_replaced():
    other = mined(0x06, WALLET, data=calldata(PLAN), nonce=7)
    assert verdicts(block(other), ours=[other]) == {"replaced"}


def test_two_reasons_are_both_true():
    assert verdicts(block(RIVAL_TAKES_CHEAP, base_fee=BASE_FEE + 1)) == {"outbid", "base_fee_moved"}


@pytest.mark.parametrize(
    "call",
    [
        replace(PLAN, cycles=(Cycle(PLAN.cycles[0].amount_in // 2, PLAN.cycles[0].hops),)),
        replace(PLAN, cycles=PLAN.cycles * 2),
        replace(PLAN, payment=PLAN.gain),
        replace(PLAN, base_token=TOKEN),
    ],
    ids=["paid too little", "the same gap twice", "pays all it gains", "starts in the other token"],
)
def test_a_plan_that_never_ran(call):
    assert not runs_on(call, PAIRS, AT_PARENT)
    assert verdicts(block(), sent(call=call)) == {"reverted_in_simulation"}


def test_mined_in_another_block_is_a_defect():
    with pytest.raises(ValueError, match="outside its target block"):
        judge(sent(), PAIRS, AT_PARENT, block(number=TARGET), [OURS])


def test_received_counts_both_directions_of_one_token():
    def transfer(token, source, to, amount):
        topics = (TRANSFER, source.rjust(32, b"\0"), to.rjust(32, b"\0"))
        return Log(token, topics, amount.to_bytes(32, "big"))

    logs = [
        transfer(BASE, DEAR, WALLET, 900),
        transfer(BASE, WALLET, CHEAP, 100),
        transfer(TOKEN, DEAR, WALLET, 5_000),
        transfer(BASE, DEAR, RIVAL, 70),
    ]
    assert received(mined(0x07, WALLET, logs=logs), BASE, WALLET) == 800
