"""What a plan was to cost, and what it did, term by term: to be set against each other."""

from collections.abc import Iterable
from typing import Final

from bot.core.cost_terms import CostTerms
from bot.core.decisions import Plan, Simulation
from bot.core.identity import Address, keccak
from bot.core.messages import Head, Log
from bot.core.ports import Receipt
from bot.core.units import Wei, WeiPerGas

WITHDRAWAL_TOPIC: Final = keccak(b"Withdrawal(address,uint256)")
"""WETH9. Topics: this, whose; data: the amount."""


def predicted_terms(plan: Plan, simulation: Simulation) -> CostTerms:
    """By the last simulation before it was signed, and by the cost model of the chain."""
    transaction, base_fee = plan.transaction, simulation.environment.base_fee
    room = max(0, transaction.max_fee_per_gas - base_fee)
    return CostTerms(
        gas=simulation.gas_used,
        base_fee=base_fee,
        tip=WeiPerGas(min(transaction.max_priority_fee_per_gas, room)),
        l1_fee=plan.l1_fee,
        payment=plan.payment,
    )


def paid_terms(plan: Plan, receipt: Receipt, block: Head, executor: Address) -> CostTerms:
    """By the receipt and the header of its block. The tip is what the price of the gas exceeded the base fee by."""
    return CostTerms(
        gas=receipt.gas_used,
        base_fee=block.base_fee,
        tip=WeiPerGas(receipt.effective_gas_price - block.base_fee),
        l1_fee=receipt.l1_fee,
        payment=_payment(plan, receipt, executor),
    )


def _payment(plan: Plan, receipt: Receipt, executor: Address) -> Wei:
    """What the Executor unwrapped, which is what it paid the builder and nothing else; nothing when it reverted.

    Without WETH's event (a wrapped coin that writes none) it is the plan's: `execute` reverts unless it pays all of it.
    """
    if not receipt.succeeded:
        return Wei(0)
    unwrapped = _withdrawals(receipt.logs, plan.profit_token, executor)
    return Wei(sum(unwrapped)) if unwrapped else plan.payment


def _withdrawals(logs: Iterable[Log], weth: Address, executor: Address) -> list[int]:
    wanted = (WITHDRAWAL_TOPIC, bytes(12) + executor)
    return [
        int.from_bytes(log.data, "big")
        for log in logs
        if log.address == weth and log.topics == wanted and len(log.data) == 32
    ]
