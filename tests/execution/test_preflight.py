import pytest
from execution_stage import ETHER, GWEI, head_at, plan_on
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import Gas, WeiPerGas
from bot.costs.gas_schedule import gas_schedule
from bot.execution.preflight import PreflightFailed, preflight

SCHEDULE = gas_schedule("osaka")
HEAD = head_at(100)
PLAN = plan_on(HEAD)


def changed(**fields):
    return replace(PLAN, transaction=replace(PLAN.transaction, **fields))


COUNT, BALANCE = Ok(7), Ok(ETHER)


def run(plan=PLAN, head=HEAD, count=COUNT, balance=BALANCE):
    return preflight(plan, head, count, balance, SCHEDULE)


def test_a_sound_plan_passes_every_check():
    receipts = run()
    assert [check.rule for check in receipts] == [
        "nonce",
        "balance",
        "base fee",
        "priority fee",
        "intrinsic gas",
        "calldata floor gas",
        "transaction gas cap",
        "block gas limit",
    ]


FLOOR = SCHEDULE.floor(PLAN.transaction.data)
INTRINSIC = SCHEDULE.intrinsic(PLAN.transaction.data)
WORST = PLAN.worst_gas_cost
CASES = {
    "a nonce already used": ({"count": Ok(8)}, "nonce", "7", "8"),
    "a nonce not yet open": ({"count": Ok(6)}, "nonce", "7", "6"),
    "a nonce that could not be read": ({"count": Unknown("silence")}, "nonce", "7", "unknown: silence"),
    "one wei too little": ({"balance": Ok(WORST - 1)}, "balance", f">= {WORST} wei", str(WORST - 1)),
    "a balance that was refused": ({"balance": Reverted("no")}, "balance", f">= {WORST} wei", "refused: no"),
    "a fee under the next base fee": (
        {"plan": changed(max_fee_per_gas=WeiPerGas(GWEI - 1))},
        "base fee",
        f">= {GWEI} wei per gas",
        str(GWEI - 1),
    ),
    "a tip above the fee": (
        {"plan": changed(max_priority_fee_per_gas=WeiPerGas(GWEI + 1))},
        "priority fee",
        f"<= {GWEI} wei per gas",
        str(GWEI + 1),
    ),
    "less than intrinsic gas": (
        {"plan": changed(gas_limit=Gas(INTRINSIC - 1))},
        "intrinsic gas",
        f">= {INTRINSIC}",
        str(INTRINSIC - 1),
    ),
    "less than the calldata floor": (
        {"plan": changed(gas_limit=Gas(FLOOR - 1))},
        "calldata floor gas",
        f">= {FLOOR}",
        str(FLOOR - 1),
    ),
    "above the transaction cap": (
        {"plan": changed(gas_limit=Gas(2**24 + 1))},
        "transaction gas cap",
        f"<= {2**24}",
        str(2**24 + 1),
    ),
    "above what the next block surely holds": (
        {"head": head_at(100, gas_used=50_000, gas_limit=100_000)},
        "block gas limit",
        f"<= {100_000 - 97}",
        str(PLAN.transaction.gas_limit),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_failing_check_says_both_numbers(case):
    arguments, rule, limit, actual = CASES[case]
    failed = run(**arguments)
    assert isinstance(failed, PreflightFailed)
    assert (failed.check.rule, failed.check.limit, failed.check.actual) == (rule, limit, actual)


@given(
    count=st.one_of(st.integers(0, 20).map(Ok), st.just(Unknown("silence")), st.just(Reverted("no"))),
    balance=st.one_of(st.integers(0, 2 * WORST).map(Ok), st.just(Unknown("silence"))),
)
def test_only_known_and_sufficient_values_pass(count, balance):
    passed = not isinstance(run(count=count, balance=balance), PreflightFailed)
    assert passed == (count == Ok(7) and isinstance(balance, Ok) and balance.value >= WORST)
