"""The one verdict on an intent, from facts alone. Pure: `gather_facts` did the asking.

Order, first match wins. The chain's word on our own transactions (landed, mined reverted) stands above all. Then
what failed to be read: still open. Then the nonce: used by something else (uncled if the intent had landed before,
cancelled, replaced). Then time: the window is still open. What is left did not land though it could have: uncled,
cancelled, base fee moved, late, outbid, and expired when nothing else explains it.
"""

from collections.abc import Iterable

import msgspec

from bot.core.decisions import Outcome, Plan, Verdict
from bot.core.identity import Address, TxHash, hex_bytes
from bot.core.ports import Receipt
from bot.core.result import Ok, Reverted
from bot.core.units import Wei, gas_cost
from bot.execution.block_facts import BlockFacts, OwnPayload, TargetBlock
from bot.execution.builder_name import builder_name
from bot.execution.missed import missed, said
from bot.execution.realized_profit import profit_transfers
from bot.execution.reconciliation import paid_terms


class StillOpen(msgspec.Struct, frozen=True):
    """No verdict yet; the budget stays reserved."""

    reason: str


def decide_verdict(facts: BlockFacts, executor: Address, recipient: Address) -> Outcome | StillOpen:
    """The end of the intent, or why there is none yet. `executor` and `recipient` tell profit from other transfers."""
    mined = _mined(payload for payload in facts.payloads if payload.intent == facts.plan.id)
    if mined is not None:
        return _on_chain(facts.plan, *mined, executor, recipient)
    unread = _unread_payload(facts)
    if unread is not None:
        return StillOpen(unread)
    match facts.next_nonce:
        case Ok(value=next_nonce) if next_nonce > facts.plan.transaction.nonce:
            return _nonce_used(facts, next_nonce)
        case Ok():
            return _nonce_open(facts)
        case _:
            return StillOpen(f"the wallet's transaction count: {said(facts.next_nonce)}")


def reverted_in_simulation(plan: Plan, reverted: Reverted) -> Outcome:
    """Never signed, never sent."""
    return Outcome(
        plan.id, Verdict.REVERTED_IN_SIMULATION, f"the node's simulation reverted: {reverted.reason}"
    )


def left_open(plan: Plan, reason: str) -> Outcome:
    """For a run that ends before the chain has spoken; the next start asks again, and the budget stays reserved."""
    return Outcome(plan.id, Verdict.UNKNOWN, f"still open when the run ended: {reason}")


def _on_chain(
    plan: Plan, payload: OwnPayload, receipt: Receipt, executor: Address, recipient: Address
) -> Outcome:
    paid = Wei(gas_cost(receipt.gas_used, receipt.effective_gas_price) + receipt.l1_fee)
    beside = f", {receipt.l1_fee} of them the rollup's data fee" if receipt.l1_fee else ""
    spent = f"in block {receipt.block.number}, {receipt.gas_used} gas for {paid} wei{beside}"
    profit = None
    if receipt.succeeded:
        verdict = Verdict.LANDED
        profits = profit_transfers(receipt.logs, plan.profit_token, executor, recipient)
        profit = profits[0] if len(profits) == 1 else None
        seen = (
            f"profit {profit}" if profit is not None else f"{len(profits)} transfers of profit instead of 1"
        )
        reason = f"landed {spent}; {seen}, predicted {plan.predicted_profit}"
    else:
        verdict = Verdict.MINED_REVERTED
        window = f"{plan.window.first_block} to {plan.window.last_block}"
        reason = f"mined and reverted {spent}; its window was {window}"
    block = payload.mined_in
    return Outcome(
        intent=plan.id,
        verdict=verdict,
        reason=reason,
        block=receipt.block,
        tx_hash=receipt.tx_hash,
        gas_used=receipt.gas_used,
        gas_cost=paid,
        realized_profit=profit,
        costs=None if block is None else paid_terms(plan, receipt, block, executor),
        builder=None if block is None else block.coinbase,
        builder_name="" if block is None else builder_name(block.extra_data),
    )


def _unread_payload(facts: BlockFacts) -> str | None:
    for payload in facts.payloads:
        if not isinstance(payload.receipt, Ok):
            return f"the receipt of {hex_bytes(payload.tx_hash)}: {said(payload.receipt)}"
    return None


def _nonce_used(facts: BlockFacts, next_nonce: int) -> Outcome | StillOpen:
    """None of this intent's payloads is known to have used it."""
    nonce = facts.plan.transaction.nonce
    by = f"nonce {nonce} was used (the count is {next_nonce})"
    taker = next((p for p in facts.payloads if _mined([p]) is not None), None)
    if taker is not None:
        whose = "a cancellation of ours" if taker.intent is None else f"a payload of intent {taker.intent}"
        by = f"{by} by {whose}, {hex_bytes(taker.tx_hash)}"
    elif not isinstance(facts.nonce_taken_by, Ok):
        return StillOpen(f"{by}, by whom is not known: {said(facts.nonce_taken_by)}")
    elif any(p.tx_hash == facts.nonce_taken_by.value for p in facts.payloads):
        return StillOpen(
            f"{by} by our own payload{_hex(facts.nonce_taken_by.value)}, whose receipt is not there yet"
        )
    else:
        stranger = _hex(facts.nonce_taken_by.value)
        by = f"{by} by a transaction this bot has no record of{stranger}: who else holds this key?"
    if facts.left_block is not None:
        return _outcome(facts, Verdict.UNCLED, f"{_had_landed(facts)}, then {by}")
    cancelled = taker is not None and taker.intent is None
    return _outcome(facts, Verdict.CANCELLED if cancelled else Verdict.REPLACED, by)


def _nonce_open(facts: BlockFacts) -> Outcome | StillOpen:
    head, last = facts.head.number, facts.plan.window.last_block
    if head < last:
        return StillOpen(f"block {head} is before the end of its window, block {last}")
    if facts.left_block is not None:
        return _outcome(
            facts, Verdict.UNCLED, f"{_had_landed(facts)}, and its window ended with block {last}"
        )
    if facts.is_cancelled:
        return _outcome(facts, Verdict.CANCELLED, f"its bundles were cancelled and block {last} has passed")
    blocks: list[TargetBlock] = []
    for aim in facts.aims:
        match aim.block:
            case Ok(value=TargetBlock() as block):
                blocks.append(block)
            case Ok():
                return StillOpen(f"block {aim.number} is not on the chain of block {head}")
            case _:
                return StillOpen(f"target block {aim.number}: {said(aim.block)}")
    return missed(facts, blocks)


def _mined(payloads: Iterable[OwnPayload]) -> tuple[OwnPayload, Receipt] | None:
    for payload in payloads:
        if isinstance(payload.receipt, Ok) and payload.receipt.value is not None:
            return payload, payload.receipt.value
    return None


def _hex(tx_hash: TxHash | None) -> str:
    return "" if tx_hash is None else f" ({hex_bytes(tx_hash)})"


def _had_landed(facts: BlockFacts) -> str:
    left = facts.left_block
    return (
        ""
        if left is None
        else f"it had landed in block {left.number} ({hex_bytes(left.hash)}), which a reorg took back"
    )


def _outcome(facts: BlockFacts, verdict: Verdict, reason: str) -> Outcome:
    return Outcome(facts.plan.id, verdict, reason)
