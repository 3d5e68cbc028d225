"""Why an intent did not land though its nonce stayed open: from the blocks it was meant for. Pure.

Order, first match wins: the base fee of every such block was above the maximum; no route had it in time for any of the
others; somebody else took its pools in one that it was in time for; nothing explains it.
"""

from collections.abc import Sequence

from bot.core.decisions import Outcome, Plan, Rival, Verdict
from bot.core.identity import hex_bytes, keccak, to_checksum
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import Nanoseconds, Wei, WeiPerGas
from bot.execution.block_facts import Aim, Attempt, BlockFacts, TargetBlock, Touch
from bot.execution.builder_name import builder_name


def missed(facts: BlockFacts, blocks: Sequence[TargetBlock]) -> Outcome:
    """The blocks stand without us, in their order, and our nonce is still open."""
    max_fee = facts.plan.transaction.max_fee_per_gas
    affordable = [block for block in blocks if block.head.base_fee <= max_fee]
    if not affordable:
        head = blocks[-1].head
        reason = f"block {head.number} has base fee {head.base_fee}, our max fee was {max_fee} wei per gas"
        return _outcome(facts, Verdict.BASE_FEE_MOVED, reason, blocks[-1])
    contested = [block for block in affordable if facts.attempts is None or _was_there(facts, block)]
    if not contested:
        return _never_taken(facts, affordable, facts.attempts or ())
    for block in contested:
        rival = _rival(facts.plan, block)
        if rival is not None:
            return _outbid(facts, block, rival)
    reason, stood = _unexplained(facts, contested), _stood(facts, contested)
    return _outcome(facts, Verdict.EXPIRED, reason, contested[-1], contested=stood)


def said(answer: object) -> str:
    """A route's or the node's answer in words."""
    match answer:
        case Ok():
            return "accepted"
        case Reverted(reason=reason):
            return f"refused: {reason}"
        case Unknown(cause=cause):
            return f"unknown: {cause}"
        case _:
            return str(answer)


def _is_known(facts: BlockFacts) -> bool | None:
    """That a route had it in time; None where what routes said is not known any more."""
    return None if facts.attempts is None else True


def _stood(facts: BlockFacts, contested: Sequence[TargetBlock]) -> bool | None:
    """It was on offer to the end, and in one of these blocks there was something to be had."""
    had_something = any(_had_something(facts.plan, block) for block in contested)
    return _is_known(facts) if had_something and not facts.is_withdrawn else False


def _had_something(plan: Plan, block: TargetBlock) -> bool:
    """Not where we took it ourselves, nor without what it was to follow."""
    is_followed_there = any(_is_followed(touch, plan) for touch in block.touches)
    return not block.is_taken_by_us and (plan.behind is None or is_followed_there)


def _outbid(facts: BlockFacts, block: TargetBlock, touch: Touch) -> Outcome:
    plan = facts.plan
    tip = None if touch.tip is None or touch.gas_used is None else Wei(touch.tip * touch.gas_used)
    reason = (
        f"{hex_bytes(touch.tx_hash)} of {to_checksum(touch.sender)} moved {len(touch.pools)} of our"
        f" {_pool_count(plan)} pools at index {touch.index} of block {block.head.number}; our payment was"
        f" {plan.payment} wei"
    )
    rival = Rival(
        tx_hash=touch.tx_hash,
        sender=touch.sender,
        index=touch.index,
        pools=len(touch.pools),
        tip_paid=tip,
        paid_at_most=None,
        gas_used=touch.gas_used,
    )
    return _outcome(facts, Verdict.OUTBID, reason, block, rival, contested=_is_known(facts))


def _never_taken(
    facts: BlockFacts, affordable: Sequence[TargetBlock], attempts: tuple[Attempt, ...]
) -> Outcome:
    """No route said yes before the block that it was to be in was seen."""
    answers = _answers(facts)
    blocks = _blocks([block.head.number for block in affordable])
    if any(not isinstance(attempt.answer, Reverted) for attempt in attempts):
        reason = f"no route confirmed before {blocks} was seen: {answers}"
        late_by = _late_by(facts)
        # Accepted, but too late: that is what sending late costs, and bids learn of it.
        was_late = late_by is not None
        return _outcome(facts, Verdict.LATE, reason, affordable[0], late_by=late_by, contested=was_late)
    words = f"every route refused: {answers}" if attempts else "it was handed to no route"
    reason = f"{blocks} passed; {words}"
    return _outcome(facts, Verdict.EXPIRED, reason, affordable[0], contested=False)


def _late_by(facts: BlockFacts) -> Nanoseconds | None:
    late = [
        attempt.answered_at - aim.seen_at
        for aim in facts.aims
        for attempt in _attempts_for(facts, aim)
        if isinstance(attempt.answer, Ok) and attempt.answered_at is not None and aim.seen_at is not None
    ]
    return Nanoseconds(min(late)) if late else None


def _rival(plan: Plan, block: TargetBlock) -> Touch | None:
    """The first transaction of somebody else that stood before us and moved a pool of ours.

    What a back-run follows is none; a block without it has no rival either, for there was nothing to be had.
    """
    followed = [touch for touch in block.touches if _is_followed(touch, plan)]
    if plan.behind is not None and not followed:
        return None
    others = (touch for touch in block.touches if touch not in followed)
    return next((touch for touch in others if not _is_behind(touch, plan)), None)


def _is_followed(touch: Touch, plan: Plan) -> bool:
    """A stream of hints names a transaction by the keccak of its hash."""
    return plan.behind is not None and plan.behind.hash in (touch.tx_hash, keccak(touch.tx_hash))


def _is_behind(touch: Touch, plan: Plan) -> bool:
    """A plain swap with less tip than we bid for each gas would have come after us, and cannot have kept us out.

    What moves more pools than one may be an arbitrage that pays its builder unseen, as ours does.
    """
    return touch.pools_moved == 1 and touch.tip is not None and touch.tip < _bid_per_gas(plan)


def _bid_per_gas(plan: Plan) -> WeiPerGas:
    """As builders rank: payment and tip for each gas; by the whole gas limit, so rather too low."""
    transaction = plan.transaction
    return WeiPerGas(plan.payment // transaction.gas_limit + transaction.max_priority_fee_per_gas)


def _was_there(facts: BlockFacts, block: TargetBlock) -> bool:
    """A route had accepted it before the block was seen."""
    aim = next(aim for aim in facts.aims if aim.number == block.head.number)
    return any(_in_time(aim, attempt) for attempt in _attempts_for(facts, aim))


def _attempts_for(facts: BlockFacts, aim: Aim) -> list[Attempt]:
    return [
        one for one in facts.attempts or () if (one.target_block or facts.plan.target_block) == aim.number
    ]


def _in_time(aim: Aim, attempt: Attempt) -> bool:
    if not isinstance(attempt.answer, Ok):
        return False
    return attempt.answered_at is None or aim.seen_at is None or attempt.answered_at <= aim.seen_at


def _answers(facts: BlockFacts) -> str:
    """Of each route its last answer for each block, the block named where there were several."""
    told = []
    for aim in facts.aims:
        for attempt in _attempts_for(facts, aim):
            late = isinstance(attempt.answer, Ok) and not _in_time(aim, attempt)
            block = f" for block {aim.number}" if len(facts.aims) > 1 else ""
            told.append(f"{attempt.route}{block}: {'accepted too late' if late else said(attempt.answer)}")
    return "; ".join(told)


def _unexplained(facts: BlockFacts, contested: Sequence[TargetBlock]) -> str:
    plan = facts.plan
    behind = sum(not _is_followed(touch, plan) for block in contested for touch in block.touches)
    others = (
        f"{behind} plain swaps on our pools came with less than our bid"
        if behind
        else "nobody moved our pools"
    )
    if plan.behind is not None and not any(_is_followed(t, plan) for b in contested for t in b.touches):
        others = f"what it was to follow, {hex_bytes(plan.behind.hash)}, moved none of our pools there"
    if any(block.is_taken_by_us for block in contested):
        others = "another wallet of ours moved our pools"
    answers = "what the routes said is not known any more" if facts.attempts is None else _answers(facts)
    return f"{_blocks([b.head.number for b in contested])} passed without us; {others}; {answers}"


def _blocks(numbers: Sequence[int]) -> str:
    return f"block {numbers[0]}" if len(numbers) == 1 else f"blocks {', '.join(map(str, numbers))}"


def _pool_count(plan: Plan) -> int:
    return sum(len(opportunity.pools) for opportunity in plan.opportunities)


def _outcome(
    facts: BlockFacts,
    verdict: Verdict,
    reason: str,
    block: TargetBlock,
    rival: Rival | None = None,
    late_by: Nanoseconds | None = None,
    contested: bool | None = None,
) -> Outcome:
    return Outcome(
        facts.plan.id,
        verdict,
        reason,
        rival=rival,
        late_by=late_by,
        builder=block.head.coinbase,
        builder_name=builder_name(block.head.extra_data),
        contested=contested,
    )
