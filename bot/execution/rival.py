"""What the one who took our pools paid the block's builder, and how short we were of it. Pure; the rule is here.

A block shows tips and what is sent to the coinbase from outside; what contracts pay it from inside shows in its balance
alone. So: what the coinbase gained over the block, plus what its own transactions sent out and burnt, less every tip,
less transfers to it, less withdrawn stake. That rest was paid from inside by transactions that ran code: those that
moved pools of ours, and those that called a contract we do not know (ours are the plan's pools and tokens). With one
such transaction the rest is his exactly; else it is the most that he can have paid. A coinbase that is a contract and
pays out by itself makes the rest too small: below zero, nothing is said.
"""

from collections.abc import Sequence

import msgspec

from bot.core.decisions import Plan, Rival
from bot.core.identity import Address
from bot.core.messages import Head
from bot.core.ports import MinedTransaction, Receipt
from bot.core.units import BPS_WHOLE, Gas, Wei, WeiPerGas, mul_div_down, mul_div_up
from bot.costs.gas_table import estimate_gas, shape_of
from bot.protocols.pool_events import is_taking

PLAIN_TRANSFER = Gas(21_000)
"""Used by a transaction that ran no code."""


class RivalBlock(msgspec.Struct, frozen=True):
    """All of one block that says who paid its builder what."""

    head: Head
    mined: tuple[tuple[MinedTransaction, Receipt], ...]
    """In block order."""
    before: Wei
    """Balance of the coinbase after the parent block."""
    after: Wei
    withdrawn: Wei
    """Credited to the coinbase by the block itself."""


class Shortfall(msgspec.Struct, frozen=True):
    """For each gas, as builders rank."""

    his: WeiPerGas
    """Payment and tip, rounded up; at most."""
    ours: WeiPerGas
    """Offered, rounded down."""

    @property
    def short(self) -> int:
        """Wei for each gas; zero or less: we had offered as much."""
        return self.his - self.ours

    @property
    def short_bps(self) -> int:
        """Of his, rounded down; 0 where we were not short."""
        return mul_div_down(max(0, self.short), BPS_WHOLE, self.his) if self.his else 0


def with_payment(rival: Rival, plan: Plan, block: RivalBlock) -> Rival:
    """What he paid at most, by the rule above. Unchanged where the block does not hold his transaction."""
    own = next((receipt for _, receipt in block.mined if receipt.tx_hash == rival.tx_hash), None)
    if own is None:
        return rival
    tip, from_inside = _tip(own, block.head), _paid_from_inside(block)
    payers = {receipt.tx_hash for tx, receipt in block.mined if _may_have_paid(tx, receipt, plan, block.head)}
    return msgspec.structs.replace(
        rival,
        tip_paid=tip,
        gas_used=own.gas_used,
        paid_at_most=Wei(tip + from_inside) if from_inside >= 0 else None,
        payers=len(payers | {rival.tx_hash}),
    )


def shortfall(plan: Plan, rival: Rival, our_gas: Gas) -> Shortfall | None:
    """His payment for each of his gas against ours for each of `our_gas`; None where his is not known."""
    if rival.paid_at_most is None or not rival.gas_used:
        return None
    ours = plan.payment // our_gas + plan.transaction.max_priority_fee_per_gas
    return Shortfall(WeiPerGas(mul_div_up(rival.paid_at_most, 1, rival.gas_used)), WeiPerGas(ours))


def expected_gas(plan: Plan) -> Gas:
    """By shape: for a verdict, which does not have the simulation at hand."""
    return estimate_gas([shape_of(opportunity.legs) for opportunity in plan.opportunities])


def payment_in_words(plan: Plan, rival: Rival) -> str:
    """What he paid and how short we were, as far as it is known."""
    if rival.paid_at_most is None:
        return "what he paid the builder does not show in the block"
    most = "" if rival.payers == 1 else f"at most, for {rival.payers} transactions may share it, "
    paid = f"he paid the builder {most}{rival.paid_at_most} wei, tip of {rival.tip_paid} wei included"
    gas = expected_gas(plan)
    short = shortfall(plan, rival, gas)
    if short is None:
        return paid
    each = f"{short.his} wei for each of {rival.gas_used} gas, ours {short.ours} for each of about {gas}"
    if short.short <= 0:
        return f"{paid}: {each}, so it was not the bid"
    return f"{paid}: {each}, {short.short} wei or {short.short_bps / 100:.2f} % short"


def _paid_from_inside(block: RivalBlock) -> int:
    coinbase, gained = block.head.coinbase, block.after - block.before - block.withdrawn
    for tx, receipt in block.mined:
        gained -= _tip(receipt, block.head)
        value = tx.value if receipt.succeeded else 0
        if tx.to == coinbase:
            gained -= value
        if tx.sender == coinbase:
            gained += value + receipt.gas_used * receipt.effective_gas_price
    return gained


def _tip(receipt: Receipt, head: Head) -> Wei:
    return Wei(receipt.gas_used * (receipt.effective_gas_price - head.base_fee))


def _may_have_paid(tx: MinedTransaction, receipt: Receipt, plan: Plan, head: Head) -> bool:
    if not receipt.succeeded or tx.sender == head.coinbase:
        return False
    pools = {leg.pool for opportunity in plan.opportunities for leg in opportunity.legs}
    if any(log.address in pools and is_taking(log) for log in receipt.logs):
        return True
    ran_code = tx.input_size > 0 or receipt.gas_used > PLAIN_TRANSFER
    return ran_code and tx.to not in _known(plan, pools)


def _known(plan: Plan, pools: set[Address]) -> set[Address]:
    """Contracts that pay no builder."""
    legs: Sequence[tuple[Address, Address]] = [
        (leg.token_in, leg.token_out) for opportunity in plan.opportunities for leg in opportunity.legs
    ]
    return pools | {token for pair in legs for token in pair}
