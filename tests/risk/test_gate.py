"""Each rule: a plan just inside passes, just outside is denied by that rule, with both numbers."""

import msgspec
import pytest
from plan_samples import (
    CHAIN_ID,
    ETHER,
    GWEI,
    HEAD,
    OPERATOR,
    TOKEN,
    WETH,
    plan,
    reservation_of,
    simulation_of,
    with_transaction,
)

from bot.core.decisions import Approved, Denied, Reservation, Verdict, Window
from bot.core.identity import BlockRef, keccak
from bot.core.records import LedgerEntry
from bot.core.result import Ok, Reverted, Unknown
from bot.risk import checks, gate
from bot.risk.context import GateContext
from bot.risk.gate import CHECKS, judge
from bot.risk.ledger import DAY, Ledger
from bot.risk.limits import Limits, Tightening, WalletLimits

WORST = 300_000 * 20 * GWEI
"""Gas limit at the highest fee of the sample plan."""
NOON = 20_000 * DAY + DAY // 2
LIMITS = WalletLimits(
    notional_per_trade=5 * ETHER,
    fee_per_gas=20 * GWEI,
    gas_per_tx=300_000,
    gas_spend_per_day=WORST,
    loss_per_day=WORST,
    value_in_flight=WORST,
    failures_in_a_row=3,
    balance_ceiling=ETHER,
)


def context(**changes):
    """Every limit exactly at what the sample plan needs."""
    fields = {
        "limits": Limits({"main": LIMITS}),
        "ledger": Ledger(),
        "chain_id": CHAIN_ID,
        "wrapped_native": WETH,
        "senders": {"main": OPERATOR},
        "open_nonces": {"main": 7},
        "balances": {"main": Ok(ETHER)},
        "recorded_intents": frozenset(),
        "head": HEAD,
        "head_age": 500,
        "head_age_allowed": 500,
        "now": NOON,
        "expired_gas": 60_000,
    }
    return GateContext(**(fields | changes))


def limits(**changes):
    return context(limits=Limits({"main": msgspec.structs.replace(LIMITS, **changes)}))


def everywhere(**changes):
    return context(limits=Limits({"main": LIMITS}, everywhere=Tightening(**changes)))


def ledger_with(*entries, held=()):
    ledger = Ledger()
    for entry in entries:
        ledger.settle(entry)
    for intent, reservation in held:
        ledger.reserve(intent, reservation, Window(101, 101))
    return ledger


def entry(
    verdict=Verdict.MINED_REVERTED, gas_cost=1, wallet="main", recorded_at=NOON, profit=None, intent="intent"
):
    return LedgerEntry(intent, wallet, "arbitrage", verdict, gas_cost, profit, recorded_at)


def failures(count):
    return [entry(gas_cost=0, intent=f"failed {index}") for index in range(count)]


FAR = BlockRef(100, keccak(b"another block 100"))
SAMPLE = plan()
OUTSIDE = {
    "wallet_known": [
        (SAMPLE, {}, context(senders={})),
        (plan(wallet="alt"), {}, context()),
        (plan(sender=TOKEN), {}, context()),
    ],
    "limits_set": [(SAMPLE, {}, context(limits=Limits({})))],
    "chain_id": [(SAMPLE, {}, context(chain_id=1))],
    "duplicate_intent": [(SAMPLE, {}, context(recorded_intents={SAMPLE.id}))],
    "state_is_head": [(SAMPLE, {}, context(head=FAR))],
    "state_age": [(SAMPLE, {}, context(head_age=501)), (SAMPLE, {}, context(head_age=-1))],
    "simulated_fields": [
        (with_transaction(SAMPLE, nonce=8), {"digest": SAMPLE.transaction.digest()}, context()),
        (with_transaction(SAMPLE, data=b""), {"digest": SAMPLE.transaction.digest()}, context()),
    ],
    "simulated_on": [(SAMPLE, {"on": FAR}, context())],
    "simulated_block": [
        (
            SAMPLE,
            {"environment": msgspec.structs.replace(simulation_of(SAMPLE).environment, number=102)},
            context(),
        )
    ],
    "simulated_gas": [(SAMPLE, {"gas_used": 300_001}, context()), (SAMPLE, {"gas_used": 0}, context())],
    "simulated_profit": [
        (SAMPLE, {"profit": ETHER // 10 + 1}, context()),
        (SAMPLE, {"profit": ETHER // 10 - 1}, context()),
    ],
    "window": [
        (plan(window=Window(101, 109)), {}, context()),
        (plan(window=Window(100, 101)), {}, context()),
        (plan(window=Window(102, 103)), {}, context()),
        (plan(target_block=103, window=Window(101, 102)), {}, context()),
        (plan(window=Window(102, 101)), {}, context()),
    ],
    "open_nonce": [
        (SAMPLE, {}, context(open_nonces={"main": 6})),
        (SAMPLE, {}, context(open_nonces={"main": 8})),
        (SAMPLE, {}, context(open_nonces={})),
    ],
    "min_profit": [(plan(min_profit=0), {}, context()), (plan(min_profit=ETHER // 10 + 1), {}, context())],
    "profit_token": [(plan(profit_token=TOKEN), {}, context())],
    "profit_after_gas": [(plan(predicted_profit=WORST - 1, min_profit=1), {}, context())],
    "notional_per_trade": [(plan(notional=5 * ETHER + 1), {}, context())],
    "fee_per_gas": [(SAMPLE, {}, limits(fee_per_gas=20 * GWEI - 1))],
    "gas_per_tx": [(SAMPLE, {}, limits(gas_per_tx=299_999))],
    "value_in_flight": [
        (SAMPLE, {}, limits(value_in_flight=WORST - 1)),
        (SAMPLE, {}, context(ledger=ledger_with(held=[("other", Reservation("main", 8, 1, 1))]))),
        (with_transaction(SAMPLE, value=1), {}, context()),
    ],
    "gas_spend_per_day": [
        (SAMPLE, {}, limits(gas_spend_per_day=WORST - 1)),
        (SAMPLE, {}, context(ledger=ledger_with(entry(Verdict.LANDED, profit=ETHER)))),
    ],
    "loss_per_day": [
        (SAMPLE, {}, limits(loss_per_day=WORST - 1)),
        (
            SAMPLE,
            {},
            context(
                ledger=ledger_with(entry()),
                limits=Limits({"main": msgspec.structs.replace(LIMITS, gas_spend_per_day=2 * WORST)}),
            ),
        ),
    ],
    "failures_in_a_row": [(SAMPLE, {}, context(ledger=ledger_with(*failures(3))))],
    "balance_ceiling": [
        (SAMPLE, {}, context(balances={"main": Ok(ETHER + 1)})),
        (SAMPLE, {}, context(balances={"main": Unknown("no answer within 1 s")})),
        (SAMPLE, {}, context(balances={"main": Reverted("header not found")})),
        (SAMPLE, {}, context(balances={})),
    ],
    "balance_covers_flight": [(SAMPLE, {}, context(balances={"main": Ok(WORST - 1)}))],
    "global_value_in_flight": [
        (
            SAMPLE,
            {},
            context(
                limits=Limits({"main": LIMITS}, everywhere=Tightening(value_in_flight=WORST)),
                ledger=ledger_with(held=[("other", Reservation("alt", 3, 1, 1))]),
            ),
        )
    ],
    "global_gas_spend_per_day": [
        (
            SAMPLE,
            {},
            context(
                limits=Limits({"main": LIMITS}, everywhere=Tightening(gas_spend_per_day=WORST)),
                ledger=ledger_with(entry(Verdict.LANDED, wallet="alt", profit=ETHER)),
            ),
        )
    ],
    "global_loss_per_day": [
        (
            SAMPLE,
            {},
            context(
                limits=Limits({"main": LIMITS}, everywhere=Tightening(loss_per_day=WORST)),
                ledger=ledger_with(entry(wallet="alt")),
            ),
        )
    ],
}
INSIDE = [
    (SAMPLE, {}, context()),
    (SAMPLE, {"gas_used": 300_000}, context()),
    (SAMPLE, {"gas_used": 1}, context()),
    (plan(window=Window(101, 108)), {}, context()),
    (plan(window=Window(101, 105), target_block=103), {}, context()),
    (plan(min_profit=ETHER // 10), {}, context()),
    (plan(min_profit=1), {}, context()),
    (plan(predicted_profit=WORST, min_profit=1), {}, context()),
    (SAMPLE, {}, context(head_age=0)),
    (SAMPLE, {}, context(balances={"main": Ok(WORST)})),
    (SAMPLE, {}, context(ledger=ledger_with(*failures(2)))),
    (SAMPLE, {}, context(ledger=ledger_with(*failures(3), entry(Verdict.LANDED, 0, profit=0)))),
    (SAMPLE, {}, context(ledger=ledger_with(entry(gas_cost=WORST, recorded_at=NOON - DAY)))),
    (SAMPLE, {}, context(ledger=ledger_with(held=[("other", reservation_of(SAMPLE))]))),
    (SAMPLE, {}, everywhere(value_in_flight=WORST, gas_spend_per_day=WORST, loss_per_day=WORST)),
]


@pytest.mark.parametrize("case", INSIDE)
def test_just_inside_every_rule_is_approved_with_a_receipt_of_each(case):
    candidate, changes, given = case
    answer = judge(candidate, simulation_of(candidate, **changes), given)
    assert isinstance(answer, Approved), answer
    assert [receipt.rule for receipt in answer.checks] == [check.__name__ for check in CHECKS]
    assert answer.plan is candidate
    assert answer.reservation == Reservation("main", 7, WORST, 60_000 * 20 * GWEI)


@pytest.mark.parametrize(
    ("rule", "case"), [(rule, case) for rule, cases in OUTSIDE.items() for case in cases]
)
def test_just_outside_a_rule_is_denied_by_it_with_both_numbers(rule, case):
    candidate, changes, given = case
    answer = judge(candidate, simulation_of(candidate, **changes), given)
    assert isinstance(answer, Denied), "approved"
    assert (answer.plan, answer.rule) == (candidate, rule)
    assert answer.limit
    assert answer.actual
    assert answer.limit != answer.actual


def test_every_check_has_a_case_outside():
    assert set(OUTSIDE) == {check.__name__ for check in CHECKS}
    assert len(CHECKS) == len(set(CHECKS)) == 28


@pytest.mark.parametrize("index", range(len(CHECKS)))
def test_a_check_that_raises_denies(monkeypatch, index):
    def broken(*_):
        raise ZeroDivisionError("a defect in a check")

    broken.__name__ = CHECKS[index].__name__
    monkeypatch.setattr(gate, "CHECKS", (*CHECKS[:index], broken, *CHECKS[index + 1 :]))
    answer = judge(SAMPLE, simulation_of(SAMPLE), context())
    assert isinstance(answer, Denied)
    assert answer.rule == CHECKS[index].__name__
    assert answer.actual == "ZeroDivisionError: a defect in a check"


def test_a_check_that_answers_nothing_denies(monkeypatch):
    monkeypatch.setattr(gate, "CHECKS", (lambda *_: None,))
    assert isinstance(judge(SAMPLE, simulation_of(SAMPLE), context()), Denied)


@pytest.mark.parametrize("field", GateContext.__struct_fields__)
def test_a_context_with_a_missing_part_denies(field):
    """Whatever the loop forgot to fill in, nothing is signed on it."""
    given = context()
    damaged = msgspec.structs.replace(given, **{field: None})
    assert isinstance(judge(SAMPLE, simulation_of(SAMPLE), damaged), Denied)


def test_every_function_of_checks_that_looks_like_a_check_is_run():
    public = {name for name in vars(checks) if not name.startswith("_") and callable(vars(checks)[name])}
    functions = {name for name in public if getattr(vars(checks)[name], "__module__", "") == checks.__name__}
    assert functions - {"reservation_of"} == {check.__name__ for check in CHECKS}


def test_a_strategy_limit_tightens_and_never_raises():
    tight = Limits({"main": LIMITS}, strategies={"arbitrage": Tightening(notional_per_trade=5 * ETHER - 1)})
    answer = judge(SAMPLE, simulation_of(SAMPLE), context(limits=tight))
    assert isinstance(answer, Denied)
    assert (answer.rule, answer.actual) == ("notional_per_trade", str(5 * ETHER))
    loose = Limits({"main": LIMITS}, strategies={"arbitrage": Tightening(notional_per_trade=6 * ETHER)})
    dear = plan(notional=5 * ETHER + 1)
    assert isinstance(judge(dear, simulation_of(dear), context(limits=loose)), Denied)
