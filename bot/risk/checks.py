"""The checks of the gate: each compares two numbers and returns the receipt, or the denial. None reads anything.

The docstring of `gate.judge` gives their order.
"""

from collections.abc import Callable
from functools import lru_cache

from bot.core.decisions import Check, Denied, Plan, Reservation, Simulation
from bot.core.identity import Address, WalletName, to_checksum
from bot.core.result import Ok
from bot.core.units import Wei, gas_cost
from bot.risk.context import GateContext
from bot.risk.limits import WalletLimits

Finding = Check | Denied
CheckFunction = Callable[[Plan, Simulation, GateContext], Finding]


def reservation_of(plan: Plan, context: GateContext) -> Reservation:
    """What the plan may cost: all its gas at its highest fee while the window is open, a bounded revert after."""
    transaction = plan.transaction
    expired_gas = min(context.expired_gas, transaction.gas_limit)
    return Reservation(
        wallet=plan.wallet,
        nonce=transaction.nonce,
        worst_cost=Wei(plan.worst_gas_cost + transaction.value),
        expired_cost=Wei(gas_cost(expired_gas, transaction.max_fee_per_gas) + plan.l1_worst),
    )


def wallet_known(plan: Plan, _: Simulation, context: GateContext) -> Finding:
    sender = context.senders.get(plan.wallet)
    known = ", ".join(
        f"{name} {_shown_address(address)}" for name, address in sorted(context.senders.items())
    )
    actual = f"{plan.wallet} {_shown_address(plan.sender)}"
    return _finding(plan, "wallet_known", sender == plan.sender, known or "no wallet", actual)


def limits_set(plan: Plan, _: Simulation, context: GateContext) -> Finding:
    return _finding(
        plan,
        "limits_set",
        plan.wallet in context.limits.wallets,
        ", ".join(sorted(context.limits.wallets)) or "no wallet",
        plan.wallet,
    )


def chain_id(plan: Plan, _: Simulation, context: GateContext) -> Finding:
    actual = plan.transaction.chain_id
    return _finding(plan, "chain_id", actual == context.chain_id, context.chain_id, actual)


def duplicate_intent(plan: Plan, _: Simulation, context: GateContext) -> Finding:
    is_new = plan.id not in context.recorded_intents
    return _finding(plan, "duplicate_intent", is_new, "an id not recorded before", plan.id)


def state_is_head(plan: Plan, _: Simulation, context: GateContext) -> Finding:
    return _finding(plan, "state_is_head", plan.state == context.head, context.head, plan.state)


def state_age(plan: Plan, _: Simulation, context: GateContext) -> Finding:
    is_fresh = 0 <= context.head_age <= context.head_age_allowed
    return _finding(
        plan, "state_age", is_fresh, f"<= {context.head_age_allowed} ns", f"{context.head_age} ns"
    )


def simulated_fields(plan: Plan, simulation: Simulation, _: GateContext) -> Finding:
    """Law 4: what was simulated is what will be signed, in every field a signature covers."""
    digest = plan.transaction.digest()
    return _finding(
        plan, "simulated_fields", simulation.digest == digest, digest.hex(), simulation.digest.hex()
    )


def simulated_on(plan: Plan, simulation: Simulation, _: GateContext) -> Finding:
    return _finding(plan, "simulated_on", simulation.on == plan.state, plan.state, simulation.on)


def simulated_block(plan: Plan, simulation: Simulation, _: GateContext) -> Finding:
    """The simulation pretended to be in the block the plan is for."""
    number = simulation.environment.number
    return _finding(plan, "simulated_block", number == plan.target_block, plan.target_block, number)


def simulated_gas(plan: Plan, simulation: Simulation, _: GateContext) -> Finding:
    limit, actual = plan.transaction.gas_limit, simulation.gas_used
    return _finding(plan, "simulated_gas", 0 < actual <= limit, f"1 to {limit} gas", f"{actual} gas")


def simulated_profit(plan: Plan, simulation: Simulation, _: GateContext) -> Finding:
    """Exactly the prediction: also a profit above it means that we do not understand this trade."""
    limit, actual = plan.predicted_profit, simulation.profit
    return _finding(plan, "simulated_profit", actual == limit, limit, actual)


def window(plan: Plan, _: Simulation, context: GateContext) -> Finding:
    """first..last holds the target, lies in the future of the state, and is no wider than allowed."""
    first, last = plan.window.first_block, plan.window.last_block
    allowed = context.window_blocks_allowed
    is_sane = plan.state.number < first <= plan.target_block <= last < first + allowed
    limit = (
        f"within {plan.state.number + 1} and up, holds block {plan.target_block}, at most {allowed} blocks"
    )
    return _finding(plan, "window", is_sane, limit, f"{first} to {last}")


def open_nonce(plan: Plan, _: Simulation, context: GateContext) -> Finding:
    """Law 6: all unlanded payloads of a wallet share the next nonce."""
    limit, actual = context.open_nonces[plan.wallet], plan.transaction.nonce
    return _finding(plan, "open_nonce", actual == limit, limit, actual)


def min_profit(plan: Plan, _: Simulation, __: GateContext) -> Finding:
    """What the Executor demands on chain is something, and not more than what is predicted."""
    limit, actual = plan.predicted_profit, plan.min_profit
    return _finding(plan, "min_profit", 0 < actual <= limit, f"1 to {limit}", actual)


def profit_token(plan: Plan, _: Simulation, context: GateContext) -> Finding:
    limit, actual = _shown_address(context.wrapped_native), _shown_address(plan.profit_token)
    return _finding(plan, "profit_token", actual == limit, limit, actual)


def profit_after_gas(plan: Plan, _: Simulation, __: GateContext) -> Finding:
    """Even if all the gas is used at the highest fee, nothing is lost."""
    left = plan.predicted_profit - plan.worst_gas_cost
    return _finding(plan, "profit_after_gas", left >= 0, ">= 0 wei", f"{left} wei")


def notional_per_trade(plan: Plan, _: Simulation, context: GateContext) -> Finding:
    limit = _limits(plan, context).notional_per_trade
    return _at_most(plan, "notional_per_trade", limit, plan.notional)


def fee_per_gas(plan: Plan, _: Simulation, context: GateContext) -> Finding:
    limit = _limits(plan, context).fee_per_gas
    return _at_most(plan, "fee_per_gas", limit, plan.transaction.max_fee_per_gas)


def gas_per_tx(plan: Plan, _: Simulation, context: GateContext) -> Finding:
    return _at_most(plan, "gas_per_tx", _limits(plan, context).gas_per_tx, plan.transaction.gas_limit)


def gas_spend_per_day(plan: Plan, _: Simulation, context: GateContext) -> Finding:
    spend = context.ledger.gas_spend(plan.wallet, context.now) + _in_flight(plan, context, plan.wallet)
    return _at_most(plan, "gas_spend_per_day", _limits(plan, context).gas_spend_per_day, spend)


def loss_per_day(plan: Plan, _: Simulation, context: GateContext) -> Finding:
    loss = context.ledger.loss(plan.wallet, context.now) + _in_flight(plan, context, plan.wallet)
    return _at_most(plan, "loss_per_day", _limits(plan, context).loss_per_day, loss)


def value_in_flight(plan: Plan, _: Simulation, context: GateContext) -> Finding:
    limit = _limits(plan, context).value_in_flight
    return _at_most(plan, "value_in_flight", limit, _in_flight(plan, context, plan.wallet))


def failures_in_a_row(plan: Plan, _: Simulation, context: GateContext) -> Finding:
    """Another failure after the allowed number is not risked."""
    limit = _limits(plan, context).failures_in_a_row
    actual = context.ledger.failures_in_a_row(plan.wallet)
    return _finding(plan, "failures_in_a_row", actual < limit, f"< {limit}", actual)


def balance_ceiling(plan: Plan, _: Simulation, context: GateContext) -> Finding:
    balance = context.balances[plan.wallet]
    ceiling = _limits(plan, context).balance_ceiling
    holds = isinstance(balance, Ok) and balance.value <= ceiling
    return _finding(plan, "balance_ceiling", holds, f"<= {ceiling}, known", _shown(balance))


def balance_covers_flight(plan: Plan, _: Simulation, context: GateContext) -> Finding:
    """The wallet can pay for everything it may be asked to pay for."""
    balance, needed = context.balances[plan.wallet], _in_flight(plan, context, plan.wallet)
    holds = isinstance(balance, Ok) and balance.value >= needed
    return _finding(plan, "balance_covers_flight", holds, f">= {needed}, known", _shown(balance))


def global_gas_spend_per_day(plan: Plan, _: Simulation, context: GateContext) -> Finding:
    spend = sum(context.ledger.gas_spend(wallet, context.now) for wallet in _all_wallets(plan, context))
    limit = context.limits.everywhere.gas_spend_per_day
    return _at_most(plan, "global_gas_spend_per_day", limit, spend + _all_in_flight(plan, context))


def global_loss_per_day(plan: Plan, _: Simulation, context: GateContext) -> Finding:
    loss = sum(context.ledger.loss(wallet, context.now) for wallet in _all_wallets(plan, context))
    limit = context.limits.everywhere.loss_per_day
    return _at_most(plan, "global_loss_per_day", limit, loss + _all_in_flight(plan, context))


def global_value_in_flight(plan: Plan, _: Simulation, context: GateContext) -> Finding:
    limit = context.limits.everywhere.value_in_flight
    return _at_most(plan, "global_value_in_flight", limit, _all_in_flight(plan, context))


def _finding(plan: Plan, rule: str, holds: bool, limit: object, actual: object) -> Finding:
    if holds:
        return Check(rule, str(limit), str(actual))
    return Denied(plan, rule, str(limit), str(actual))


def _at_most(plan: Plan, rule: str, limit: int | None, actual: int) -> Finding:
    return _finding(
        plan, rule, limit is None or actual <= limit, "not set" if limit is None else f"<= {limit}", actual
    )


def _limits(plan: Plan, context: GateContext) -> WalletLimits:
    limits = context.limits.of(plan.wallet, plan.strategy)
    if limits is None:
        raise LookupError(f"no limits for wallet {plan.wallet}")
    return limits


def _in_flight(plan: Plan, context: GateContext, wallet: WalletName) -> Wei:
    planned = reservation_of(plan, context) if wallet == plan.wallet else None
    return context.ledger.in_flight(wallet, context.head.number, planned)


def _all_wallets(plan: Plan, context: GateContext) -> frozenset[WalletName]:
    return context.ledger.wallets() | {plan.wallet}


def _all_in_flight(plan: Plan, context: GateContext) -> int:
    return sum(_in_flight(plan, context, wallet) for wallet in _all_wallets(plan, context))


def _shown(balance: object) -> str:
    return str(balance.value) if isinstance(balance, Ok) else str(balance)


@lru_cache(maxsize=1024)  # two hashes for each of the same few addresses in every receipt
def _shown_address(address: Address) -> str:
    return to_checksum(address)
