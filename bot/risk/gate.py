"""The one place where an `Approved` is made (law 2). Default deny: also a check that raises denies."""

from typing import Final

from bot.core.decisions import Approved, Check, Denied, Plan, Simulation
from bot.risk import checks
from bot.risk.checks import CheckFunction, Finding
from bot.risk.context import GateContext

CHECKS: Final[tuple[CheckFunction, ...]] = (
    checks.wallet_known,
    checks.limits_set,
    checks.chain_id,
    checks.duplicate_intent,
    checks.state_is_head,
    checks.state_age,
    checks.simulated_fields,
    checks.simulated_on,
    checks.simulated_block,
    checks.simulated_gas,
    checks.simulated_profit,
    checks.window,
    checks.open_nonce,
    checks.min_profit,
    checks.profit_token,
    checks.profit_after_gas,
    checks.notional_per_trade,
    checks.fee_per_gas,
    checks.gas_per_tx,
    checks.value_in_flight,
    checks.gas_spend_per_day,
    checks.loss_per_day,
    checks.failures_in_a_row,
    checks.balance_ceiling,
    checks.balance_covers_flight,
    checks.global_value_in_flight,
    checks.global_gas_spend_per_day,
    checks.global_loss_per_day,
)


def judge(plan: Plan, simulation: Simulation, context: GateContext) -> Approved | Denied:
    """Run every check; the first that does not hold denies, by its rule, with the two numbers it compared.

    The order goes from what makes the rest meaningless to what is only too much: whose transaction is it (wallet,
    limits, chain, duplicate); is what we know current (head, age); is what was simulated what would be signed (law 4:
    fields, block, gas, profit); can it land once and only as meant (window, nonce, minimum profit); does it pay; the
    limits of the transaction, of the wallet, of all wallets together.
    """
    receipts: list[Check] = []
    for check in CHECKS:
        finding = _run(check, plan, simulation, context)
        if isinstance(finding, Denied):
            return finding
        if not isinstance(finding, Check):
            return Denied(plan, check.__name__, "an answer", repr(finding))
        receipts.append(finding)
    return Approved(plan, simulation, checks.reservation_of(plan, context), tuple(receipts))


def _run(check: CheckFunction, plan: Plan, simulation: Simulation, context: GateContext) -> Finding:
    try:
        return check(plan, simulation, context)
    except Exception as error:  # noqa: BLE001  # default deny: a check that cannot run has not held
        return Denied(plan, check.__name__, "a check that runs", f"{type(error).__name__}: {error}")
