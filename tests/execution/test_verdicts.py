"""The verdict table: one named case for each way an intent can end, and for what stands above what."""

import pytest
from execution_stage import CONFIG, GWEI, RIVAL, TRADER, WETH, head_at, profit_log, tx_hash
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from verdict_stage import (
    ACCEPTED,
    BID,
    NOT_MINED,
    OTHER,
    PLAN,
    REFUSED,
    SEEN_AT,
    SILENT,
    TARGET,
    block,
    decide,
    own,
    receipt,
    touch,
)

from bot.core.cost_terms import CostTerms
from bot.core.decisions import BlockEnvironment, Outcome, Simulation, Verdict, Window
from bot.core.messages import Log
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import Gas, Wei, WeiPerGas
from bot.execution.post_mortem import StillOpen, left_open, reverted_in_simulation
from bot.execution.reconciliation import WITHDRAWAL_TOPIC, predicted_terms

LEFT = head_at(101, fork="left").ref
LANDED = own(Ok(receipt()))
USED_BY_OTHER = (own(), own(Ok(receipt("other", logs=())), "other", OTHER))
USED_BY_CANCELLATION = (own(), own(Ok(receipt("cancel", logs=())), "cancel", None))
EXPENSIVE = head_at(101, base_fee=PLAN.transaction.max_fee_per_gas + 1)
CASES = {
    "landed": ({"payloads": (LANDED,), "next_nonce": Ok(8)}, Verdict.LANDED),
    "landed, though every other read failed": (
        {"payloads": (LANDED,), "next_nonce": Unknown("x"), "target": Unknown("x"), "attempts": ()},
        Verdict.LANDED,
    ),
    "landed by the second payload while the first cannot be read": (
        {"payloads": (own(Unknown("x")), own(Ok(receipt("second")), "second")), "next_nonce": Ok(8)},
        Verdict.LANDED,
    ),
    "landed again after a reorg": ({"payloads": (LANDED,), "left_block": LEFT}, Verdict.LANDED),
    "landed though its cancellation was asked for": (
        {"payloads": (LANDED,), "is_cancelled": True},
        Verdict.LANDED,
    ),
    "mined as reverted": (
        {"payloads": (own(Ok(receipt(succeeded=False))),), "next_nonce": Ok(8)},
        Verdict.MINED_REVERTED,
    ),
    "replaced by another intent's payload": (
        {"payloads": USED_BY_OTHER, "next_nonce": Ok(8)},
        Verdict.REPLACED,
    ),
    "replaced by a stranger with our key": (
        {"next_nonce": Ok(8), "nonce_taken_by": Ok(tx_hash("foreign"))},
        Verdict.REPLACED,
    ),
    "replaced by what no block that was looked at shows": ({"next_nonce": Ok(8)}, Verdict.REPLACED),
    "replaced before its window ends": (
        {"payloads": USED_BY_OTHER, "next_nonce": Ok(8), "plan": replace(PLAN, window=Window(101, 105))},
        Verdict.REPLACED,
    ),
    "cancelled by a transfer to ourselves": (
        {"payloads": USED_BY_CANCELLATION, "next_nonce": Ok(8)},
        Verdict.CANCELLED,
    ),
    "cancelled by uuid": ({"is_cancelled": True}, Verdict.CANCELLED),
    "cancelled stands above outbid": ({"is_cancelled": True, "target": block(touch())}, Verdict.CANCELLED),
    "uncled, and the window is over": ({"left_block": LEFT}, Verdict.UNCLED),
    "uncled, and another payload took the nonce": (
        {"left_block": LEFT, "payloads": USED_BY_OTHER, "next_nonce": Ok(8)},
        Verdict.UNCLED,
    ),
    "base fee moved": ({"target": block(head=EXPENSIVE)}, Verdict.BASE_FEE_MOVED),
    "base fee moved stands above outbid": (
        {"target": block(touch(), head=EXPENSIVE)},
        Verdict.BASE_FEE_MOVED,
    ),
    "base fee moved stands above late": (
        {"target": block(head=EXPENSIVE), "attempts": (SILENT,)},
        Verdict.BASE_FEE_MOVED,
    ),
    "late: no route answered": ({"attempts": (SILENT,)}, Verdict.LATE),
    "late: accepted after the block was seen": (
        {"attempts": (replace(ACCEPTED, answered_at=SEEN_AT + 1),)},
        Verdict.LATE,
    ),
    "late: one refused, one silent": ({"attempts": (REFUSED, SILENT)}, Verdict.LATE),
    "late stands above outbid: it was never in the auction": (
        {"attempts": (SILENT,), "target": block(touch())},
        Verdict.LATE,
    ),
    "outbid by one who took both pools": ({"target": block(touch())}, Verdict.OUTBID),
    "outbid: one of two routes had it in time": (
        {"target": block(touch()), "attempts": (SILENT, ACCEPTED)},
        Verdict.OUTBID,
    ),
    "outbid by one whose arbitrage crosses ours in one pool": (
        {"target": block(touch(pools=1, moved=2))},
        Verdict.OUTBID,
    ),
    "outbid by a plain swap with more tip than our bid": (
        {"target": block(touch(TRADER, pools=1, moved=1, tip=BID))},
        Verdict.OUTBID,
    ),
    "outbid by a plain swap whose tip could not be read": (
        {"target": block(touch(TRADER, pools=1, moved=1, tip=None))},
        Verdict.OUTBID,
    ),
    "outbid, as far as a restarted bot can know": (
        {"target": block(touch()), "attempts": None, "target_seen_at": None},
        Verdict.OUTBID,
    ),
    "expired: the route dropped it and nobody moved our pools": ({}, Verdict.EXPIRED),
    "expired: a plain swap with less tip stood behind us": (
        {"target": block(touch(TRADER, pools=1, moved=1, tip=BID - 1))},
        Verdict.EXPIRED,
    ),
    "expired: every route refused": ({"attempts": (REFUSED,)}, Verdict.EXPIRED),
    "expired: handed to no route": ({"attempts": (), "payloads": ()}, Verdict.EXPIRED),
    "expired, as far as a restarted bot can know": (
        {"attempts": None, "target_seen_at": None},
        Verdict.EXPIRED,
    ),
    "open: a receipt could not be read": ({"payloads": (own(Unknown("silence")),)}, "silence"),
    "open: the count could not be read": ({"next_nonce": Unknown("silence")}, "silence"),
    "open: the target block could not be read": ({"target": Unknown("silence")}, "silence"),
    "open: the nonce is used and another payload's receipt could not be read": (
        {"next_nonce": Ok(8), "payloads": (own(), own(Unknown("silence"), "other", OTHER))},
        "silence",
    ),
    "open: our own payload took the nonce and its receipt is not there yet": (
        {"next_nonce": Ok(8), "nonce_taken_by": Ok(tx_hash("payload"))},
        "not there yet",
    ),
    "open: another payload of ours took the nonce and its receipt is not there yet": (
        {
            "next_nonce": Ok(8),
            "payloads": (own(name="other", intent=OTHER),),
            "nonce_taken_by": Ok(tx_hash("other")),
        },
        "not there yet",
    ),
    "open: the nonce is used and the blocks could not be read": (
        {"next_nonce": Ok(8), "nonce_taken_by": Unknown("silence")},
        "silence",
    ),
    "open: the target block is not there yet": ({"head": head_at(100), "target": Ok(None)}, "before the end"),
    "open: the window is not over": ({"plan": replace(PLAN, window=Window(101, 102))}, "before the end"),
    "open again: a reorg took it back and the window is not over": (
        {"left_block": LEFT, "head": head_at(100), "target": Ok(None)},
        "before the end",
    ),
    "open: its receipt is of a block above our head": (
        {"payloads": (own(Unknown("mined in block 102, above our head")),)},
        "above our head",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_verdict(case):
    changes, expected = CASES[case]
    verdict = decide(**changes)
    if isinstance(expected, Verdict):
        assert isinstance(verdict, Outcome), verdict
        assert (verdict.intent, verdict.verdict) == (PLAN.id, expected), verdict.reason
        assert len(verdict.reason) > 10
        assert "\n" not in verdict.reason
    else:
        assert isinstance(verdict, StillOpen), verdict
        assert expected in verdict.reason


def test_the_table_has_every_verdict_the_chain_can_speak():
    spoken = {expected for _, expected in CASES.values() if isinstance(expected, Verdict)}
    assert spoken == set(Verdict) - {Verdict.REVERTED_IN_SIMULATION, Verdict.UNKNOWN}


def test_what_landed_carries_the_chains_numbers():
    landed = decide(payloads=(LANDED,), next_nonce=Ok(8))
    assert (landed.block, landed.tx_hash) == (TARGET.ref, tx_hash("payload"))
    assert (landed.gas_used, landed.gas_cost) == (140_000, 140_000 * GWEI)
    assert landed.realized_profit == PLAN.predicted_profit
    assert str(PLAN.predicted_profit) in landed.reason


def test_what_reverted_cost_gas_and_earned_nothing():
    reverted = decide(payloads=(own(Ok(receipt(succeeded=False))),), next_nonce=Ok(8))
    assert (reverted.gas_cost, reverted.realized_profit) == (140_000 * GWEI, None)


def unwrapped(amount, by=None, token=WETH):
    by = CONFIG.executor if by is None else by
    return Log(token, (WITHDRAWAL_TOPIC, bytes(12) + by), amount.to_bytes(32, "big"), 1, tx_hash("payload"))


PAYMENTS = {
    "as the logs show it": ((unwrapped(77),), 77),
    "another's, or another token's, is not ours": (
        (unwrapped(5, RIVAL), unwrapped(6, token=RIVAL), unwrapped(77)),
        77,
    ),
    "without a log: the plan's, for it succeeded": ((), PLAN.payment),
}


@pytest.mark.parametrize("case", PAYMENTS)
def test_what_was_mined_has_its_costs_term_by_term(case):
    logs, payment = PAYMENTS[case]
    receipt_of = replace(
        receipt(logs=(profit_log(1), *logs)), effective_gas_price=WeiPerGas(GWEI + 3), l1_fee=Wei(9)
    )
    landed = decide(payloads=(own(Ok(receipt_of), mined_in=TARGET),), next_nonce=Ok(8))
    assert landed.costs == CostTerms(
        Gas(140_000), WeiPerGas(GWEI), WeiPerGas(3), Wei(9), payment=Wei(payment)
    )
    assert landed.costs.gas_cost + landed.costs.l1_fee == landed.gas_cost
    assert (landed.builder, landed.rival, landed.late_by) == (TARGET.coinbase, None, None)


def test_a_revert_pays_gas_alone():
    reverted = decide(payloads=(own(Ok(receipt(succeeded=False)), mined_in=TARGET),), next_nonce=Ok(8))
    assert reverted.costs == CostTerms(Gas(140_000), WeiPerGas(GWEI), WeiPerGas(0))


@pytest.mark.parametrize(("tip_cap", "room", "tip"), [(5, 9, 5), (5, 3, 3), (5, 0, 0), (5, -1, 0)])
def test_predicted_terms_are_of_the_simulated_block(tip_cap, room, tip):
    fee = PLAN.transaction.max_fee_per_gas
    fields = replace(PLAN.transaction, max_priority_fee_per_gas=WeiPerGas(tip_cap))
    environment = BlockEnvironment(101, 0, WeiPerGas(fee - room), Gas(30_000_000), RIVAL)
    simulation = Simulation(b"", PLAN.state, environment, Gas(139_000), PLAN.predicted_profit)
    terms = predicted_terms(replace(PLAN, transaction=fields, l1_fee=Wei(4)), simulation)
    assert terms == CostTerms(
        Gas(139_000), WeiPerGas(fee - room), WeiPerGas(tip), Wei(4), payment=PLAN.payment
    )


@pytest.mark.parametrize("logs", [(), (profit_log(1), profit_log(2)), (profit_log(5, token=RIVAL),)])
def test_a_profit_that_cannot_be_told_is_not_a_zero(logs):
    landed = decide(payloads=(own(Ok(receipt(logs=logs))),), next_nonce=Ok(8))
    assert (landed.verdict, landed.realized_profit) == (Verdict.LANDED, None)


def test_reasons_name_the_rival_and_the_numbers():
    outbid = decide(target=block(touch(TRADER, pools=1, moved=1, tip=BID), touch(RIVAL, index=3)))
    assert TRADER.hex() in outbid.reason.lower()
    assert "1 of our 2 pools at index 0 of block 101" in outbid.reason
    assert f"{PLAN.payment} wei" in outbid.reason
    behind_first = decide(target=block(touch(TRADER, pools=1, moved=1, tip=0), touch(RIVAL, index=3)))
    assert RIVAL.hex() in behind_first.reason.lower()
    moved = decide(target=block(head=EXPENSIVE))
    assert (
        f"base fee {EXPENSIVE.base_fee}, our max fee was {PLAN.transaction.max_fee_per_gas}" in moved.reason
    )


def test_endings_without_the_chain():
    reverted = reverted_in_simulation(PLAN, Reverted("executor: min profit"))
    assert (reverted.verdict, reverted.gas_cost) == (Verdict.REVERTED_IN_SIMULATION, None)
    assert "executor: min profit" in reverted.reason
    assert left_open(PLAN, "silence").verdict is Verdict.UNKNOWN


READS = st.sampled_from([own(), own(Unknown("x")), LANDED, *USED_BY_OTHER[1:], *USED_BY_CANCELLATION[1:]])
ANY_FACTS = st.fixed_dictionaries(
    {
        "next_nonce": st.sampled_from([Ok(7), Ok(8), Unknown("x")]),
        "payloads": st.lists(READS, max_size=4).map(tuple),
        "nonce_taken_by": st.sampled_from(
            [Ok(None), Ok(tx_hash("foreign")), Ok(tx_hash("payload")), Unknown("x")]
        ),
        "target": st.sampled_from([Ok(None), Unknown("x"), block(), block(touch()), block(head=EXPENSIVE)]),
        "attempts": st.none() | st.lists(st.sampled_from([ACCEPTED, SILENT, REFUSED]), max_size=3).map(tuple),
        "left_block": st.sampled_from([None, LEFT]),
        "is_cancelled": st.booleans(),
        "target_seen_at": st.sampled_from([None, SEEN_AT, 0]),
        "head": st.sampled_from([head_at(100), TARGET, head_at(150)]),
    }
)


@given(ANY_FACTS)
def test_laws_of_any_verdict(changes):
    verdict = decide(**changes)
    payloads = changes["payloads"]
    own_mined = any(p is LANDED for p in payloads)
    if own_mined:
        assert verdict.verdict is Verdict.LANDED
    elif isinstance(verdict, Outcome):
        assert verdict.verdict is not Verdict.LANDED
        assert all(isinstance(p.receipt, Ok) for p in payloads), "a failed read never ends an intent"
        assert isinstance(changes["next_nonce"], Ok)
        if verdict.verdict not in (Verdict.REPLACED, Verdict.CANCELLED, Verdict.UNCLED):
            assert isinstance(changes["target"], Ok)
        if changes["next_nonce"] == Ok(8) and all(p.receipt == NOT_MINED for p in payloads):
            assert isinstance(changes["nonce_taken_by"], Ok)
            assert changes["nonce_taken_by"].value not in {p.tx_hash for p in payloads}
        if changes["next_nonce"] == Ok(7):
            assert changes["head"].number >= PLAN.window.last_block
    assert verdict == decide(**changes)


def test_weth_is_the_profit_token_of_the_stage():
    assert PLAN.profit_token == WETH
