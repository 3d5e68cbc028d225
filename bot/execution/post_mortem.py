"""The one verdict on an intent, from facts alone. Pure: `gather_facts` did the asking.

Order, first match wins. The chain's word on our own transactions (landed, mined reverted) stands above all. Then
what failed to be read: still open. Then the nonce: used by something else (uncled if the intent had landed before,
cancelled, replaced). Then time: the window is still open. What is left did not land though it could have: uncled,
cancelled, base fee moved, late, outbid, and expired when nothing else explains it.
"""

from collections.abc import Iterable

import msgspec

from bot.core.decisions import Outcome, Plan, Verdict
from bot.core.identity import Address, TxHash, hex_bytes, to_checksum
from bot.core.ports import Receipt
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import WeiPerGas, gas_cost
from bot.execution.block_facts import Attempt, BlockFacts, OwnPayload, TargetBlock, Touch
from bot.execution.realized_profit import profit_transfers


class StillOpen(msgspec.Struct, frozen=True):
    """No verdict yet; the budget stays reserved."""

    reason: str


def decide_verdict(facts: BlockFacts, executor: Address, recipient: Address) -> Outcome | StillOpen:
    """The end of the intent, or why there is none yet. `executor` and `recipient` tell profit from other transfers."""
    mined = _mined(payload for payload in facts.payloads if payload.intent == facts.plan.id)
    if mined is not None:
        return _on_chain(facts.plan, mined, executor, recipient)
    unread = _unread_payload(facts)
    if unread is not None:
        return StillOpen(unread)
    match facts.next_nonce:
        case Ok(value=next_nonce) if next_nonce > facts.plan.transaction.nonce:
            return _nonce_used(facts, next_nonce)
        case Ok():
            return _nonce_open(facts)
        case _:
            return StillOpen(f"the wallet's transaction count: {_words(facts.next_nonce)}")


def reverted_in_simulation(plan: Plan, reverted: Reverted) -> Outcome:
    """Never signed, never sent."""
    return Outcome(
        plan.id, Verdict.REVERTED_IN_SIMULATION, f"the node's simulation reverted: {reverted.reason}"
    )


def left_open(plan: Plan, reason: str) -> Outcome:
    """For a run that ends before the chain has spoken; the next start asks again, and the budget stays reserved."""
    return Outcome(plan.id, Verdict.UNKNOWN, f"still open when the run ended: {reason}")


def _on_chain(plan: Plan, receipt: Receipt, executor: Address, recipient: Address) -> Outcome:
    paid = gas_cost(receipt.gas_used, receipt.effective_gas_price)
    spent = f"in block {receipt.block.number}, {receipt.gas_used} gas for {paid} wei"
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
    return Outcome(
        intent=plan.id,
        verdict=verdict,
        reason=reason,
        block=receipt.block,
        tx_hash=receipt.tx_hash,
        gas_used=receipt.gas_used,
        gas_cost=paid,
        realized_profit=profit,
    )


def _unread_payload(facts: BlockFacts) -> str | None:
    for payload in facts.payloads:
        if not isinstance(payload.receipt, Ok):
            return f"the receipt of {hex_bytes(payload.tx_hash)}: {_words(payload.receipt)}"
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
        return StillOpen(f"{by}, by whom is not known: {_words(facts.nonce_taken_by)}")
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
    match facts.target:
        case Ok(value=TargetBlock() as target):
            return _missed(facts, target)
        case Ok():
            return StillOpen(f"block {facts.plan.target_block} is not on the chain of block {head}")
        case _:
            return StillOpen(f"target block {facts.plan.target_block}: {_words(facts.target)}")


def _missed(facts: BlockFacts, target: TargetBlock) -> Outcome:
    """The target block stands without us, and our nonce is still open."""
    plan, block = facts.plan, target.head
    max_fee = plan.transaction.max_fee_per_gas
    if block.base_fee > max_fee:
        return _outcome(
            facts,
            Verdict.BASE_FEE_MOVED,
            f"block {block.number} has base fee {block.base_fee}, our max fee was {max_fee} wei per gas",
        )
    if facts.attempts is not None and not any(_in_time(facts, attempt) for attempt in facts.attempts):
        return _never_taken(facts, facts.attempts)
    rival = _rival(plan, target)
    if rival is not None:
        return _outcome(
            facts,
            Verdict.OUTBID,
            f"{hex_bytes(rival.tx_hash)} of {to_checksum(rival.sender)} moved {len(rival.pools)} of our"
            f" {_pool_count(plan)} pools at index {rival.index} of block {block.number}; our payment was"
            f" {plan.payment} wei",
        )
    return _outcome(facts, Verdict.EXPIRED, _unexplained(facts, target))


def _never_taken(facts: BlockFacts, attempts: tuple[Attempt, ...]) -> Outcome:
    """No route said yes before the target block was seen."""
    answers = _answers(facts, attempts)
    if any(not isinstance(attempt.answer, Reverted) for attempt in attempts):
        return _outcome(
            facts,
            Verdict.LATE,
            f"no route confirmed before block {facts.plan.target_block} was seen: {answers}",
        )
    said = f"every route refused: {answers}" if attempts else "it was handed to no route"
    return _outcome(facts, Verdict.EXPIRED, f"block {facts.plan.target_block} passed; {said}")


def _rival(plan: Plan, target: TargetBlock) -> Touch | None:
    """The first transaction of somebody else that stood before us and moved a pool of ours."""
    return next((touch for touch in target.touches if not _is_behind(touch, plan)), None)


def _is_behind(touch: Touch, plan: Plan) -> bool:
    """A plain swap with less tip than we bid for each gas would have come after us, and cannot have kept us out.

    What moves more pools than one may be an arbitrage that pays its builder unseen, as ours does.
    """
    return touch.pools_moved == 1 and touch.tip is not None and touch.tip < _bid_per_gas(plan)


def _bid_per_gas(plan: Plan) -> WeiPerGas:
    """As builders rank: payment and tip for each gas; by the whole gas limit, so rather too low."""
    transaction = plan.transaction
    return WeiPerGas(plan.payment // transaction.gas_limit + transaction.max_priority_fee_per_gas)


def _in_time(facts: BlockFacts, attempt: Attempt) -> bool:
    if not isinstance(attempt.answer, Ok):
        return False
    if attempt.answered_at is None or facts.target_seen_at is None:
        return True
    return attempt.answered_at <= facts.target_seen_at


def _answers(facts: BlockFacts, attempts: tuple[Attempt, ...]) -> str:
    said = []
    for attempt in attempts:
        late = isinstance(attempt.answer, Ok) and not _in_time(facts, attempt)
        said.append(f"{attempt.route}: {'accepted too late' if late else _words(attempt.answer)}")
    return "; ".join(said)


def _unexplained(facts: BlockFacts, target: TargetBlock) -> str:
    behind = len(target.touches)
    others = (
        f"{behind} plain swaps on our pools came with less than our bid"
        if behind
        else "nobody moved our pools"
    )
    if facts.attempts is None:
        answers = "what the routes said is not known any more"
    else:
        answers = _answers(facts, facts.attempts)
    return f"block {target.head.number} passed without us; {others}; {answers}"


def _mined(payloads: Iterable[OwnPayload]) -> Receipt | None:
    receipts = (p.receipt.value for p in payloads if isinstance(p.receipt, Ok))
    return next((receipt for receipt in receipts if receipt is not None), None)


def _hex(tx_hash: TxHash | None) -> str:
    return "" if tx_hash is None else f" ({hex_bytes(tx_hash)})"


def _had_landed(facts: BlockFacts) -> str:
    left = facts.left_block
    return (
        ""
        if left is None
        else f"it had landed in block {left.number} ({hex_bytes(left.hash)}), which a reorg took back"
    )


def _pool_count(plan: Plan) -> int:
    return sum(len(opportunity.pools) for opportunity in plan.opportunities)


def _outcome(facts: BlockFacts, verdict: Verdict, reason: str) -> Outcome:
    return Outcome(facts.plan.id, verdict, reason)


def _words(answer: object) -> str:
    match answer:
        case Ok():
            return "accepted"
        case Reverted(reason=reason):
            return f"refused: {reason}"
        case Unknown(cause=cause):
            return f"unknown: {cause}"
        case _:
            return str(answer)
