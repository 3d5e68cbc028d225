"""The story of one plan as a person reads it: found, bid, checked, signed, sent, what the block did, and what it cost."""

from collections.abc import Iterator
from datetime import UTC, datetime

from bot.core.decisions import Outcome, Plan, Verdict
from bot.core.identity import hex_bytes, to_checksum
from bot.core.quantities import format_ether, format_gwei
from bot.core.records import AttemptRecord, DropRecord
from bot.journal.read import Story
from bot.ops.ending import Ending, ending_of, last_words, sent_into_slot

PLACES = 9
_TERMS = ("gas", "base_fee", "tip", "gas_cost", "l1_fee", "flash_fee", "payment", "total")
_LEFT_OUT_WHEN_ZERO = frozenset({"l1_fee", "flash_fee"})


def told(story: Story) -> Iterator[str]:
    """Line by line."""
    plan = story.plan
    yield f"{story.id}  {plan.strategy}, found on the state of block {plan.state.number}, meant for block {plan.target_block}"
    yield ""
    yield from _found(plan)
    yield from _planned(plan)
    for drop in story.drops:
        yield _dropped(drop)
    if story.intent is not None:
        yield from _approved(story)
    yield from _sent(story)
    yield from _ended(story)


def _found(plan: Plan) -> Iterator[str]:
    for number, found in enumerate(plan.opportunities, 1):
        yield f"Found    cycle {number}: {format_ether(found.gross_profit, PLACES)} before costs, sized to {format_ether(found.amount_in, PLACES)} in"
        for leg in found.legs:
            yield f"           {leg.venue:<16} {to_checksum(leg.pool)}  {leg.amount_in} in, {leg.amount_out} out"
    if plan.behind is not None:
        known = plan.behind.transaction
        whose = "known by its hint alone" if known is None else f"of {to_checksum(known.sender)}"
        yield f"Follows  {hex_bytes(plan.behind.hash)}, {whose}, seen at {plan.behind.source}"


def _planned(plan: Plan) -> Iterator[str]:
    tx = plan.transaction
    yield (
        f"Planned  nonce {tx.nonce} of {plan.wallet}, gas limit {tx.gas_limit:,} at {format_gwei(tx.max_fee_per_gas)}, "
        f"valid in blocks {plan.window.first_block} to {plan.window.last_block}"
    )
    yield (
        f"           predicted {format_ether(plan.predicted_profit, PLACES)} after {format_ether(plan.payment, PLACES)} to the builder; "
        f"reverts on chain below {format_ether(plan.min_profit, PLACES)}"
    )
    tip = f" and a tip of {format_gwei(tx.max_priority_fee_per_gas)}" if tx.max_priority_fee_per_gas else ""
    share = "" if plan.bid_share is None else f", {plan.bid_share / 100:.2f} % of the net profit"
    reason = f": {plan.bid_reason}" if plan.bid_reason else ""
    yield f"Bid      {format_ether(plan.payment, PLACES)}{tip}{share}{reason}"


def _dropped(drop: DropRecord) -> str:
    return f"Dropped  by {drop.stage}: {drop.rule.replace('_', ' ')}: allowed {drop.limit}, was {drop.actual}"


def _approved(story: Story) -> Iterator[str]:
    assert story.intent is not None
    simulation = story.intent.simulation
    yield (
        f"Checked  simulated on block {simulation.on.number}: {simulation.gas_used:,} gas, "
        f"profit {format_ether(simulation.profit, PLACES)}; {len(story.intent.checks)} risk checks passed"
    )
    for payload in story.payloads:
        yield f"Signed   {hex_bytes(payload.tx_hash)}"


def _sent(story: Story) -> Iterator[str]:
    for attempt in last_words(story):
        first = attempt.target_block == story.plan.target_block
        yield (
            f"{'Sent ' if first else 'Again'}    to {attempt.route} for block {attempt.target_block} "
            f"{_when(story, attempt)}: {attempt.answer} after {attempt.answered_after / 1e6:.1f} ms"
        )


def _when(story: Story, attempt: AttemptRecord) -> str:
    offset = sent_into_slot(story, attempt)
    if offset is None:
        at = datetime.fromtimestamp(attempt.sent_at // 10**9, UTC)
        return f"at {at:%H:%M:%S}.{attempt.sent_at // 10**6 % 1000:03d} UTC"
    side = "before" if offset < 0 else "after"
    return f"{abs(offset) / 1e9:.3f} s {side} the block's time"


def _ended(story: Story) -> Iterator[str]:
    if not story.outcomes:
        yield "Open     its end is not known yet; its budget stays reserved" if story.intent else ""
        return
    for record in story.outcomes:
        outcome = record.outcome
        yield f"Ended    {outcome.verdict.value.replace('_', ' ')}: {outcome.reason}"
    ending, outcome = ending_of(story), story.outcomes[-1].outcome
    yield from _profit(story.plan, outcome)
    yield from _built(ending)
    yield from _rival(ending)
    if ending.late_by is not None:
        yield f"Late     by {ending.late_by / 1e6:.1f} ms: the first route confirmed so long after the block was seen"
    yield from _costs(ending)


def _profit(plan: Plan, outcome: Outcome) -> Iterator[str]:
    if outcome.verdict is not Verdict.LANDED or outcome.realized_profit is None:
        return
    sign = "=" if outcome.realized_profit == plan.predicted_profit else "≠"
    held = {
        True: "nobody moved its pools before it",
        False: "its pools had moved before it",
        None: "whether its pools had moved before it was not seen",
    }[outcome.predicted_state_held]
    yield (
        f"           realised {format_ether(outcome.realized_profit, PLACES)} {sign} predicted; {held}; "
        f"gas {outcome.gas_used:,} for {format_ether(outcome.gas_cost or 0, PLACES)}"
    )


def _built(ending: Ending) -> Iterator[str]:
    if ending.builder is not None:
        yield f"Built    by {ending.builder_name or 'a builder without a name'}, {ending.builder}"


def _rival(ending: Ending) -> Iterator[str]:
    rival, short = ending.rival, ending.shortfall
    if rival is None:
        return
    yield f"Rival    {hex_bytes(rival.tx_hash)} of {to_checksum(rival.sender)}, index {rival.index}"
    if rival.paid_at_most is None:
        tip = (
            "a tip that was not read"
            if rival.tip_paid is None
            else f"a tip of {format_ether(rival.tip_paid, PLACES)}"
        )
        yield f"           paid {tip}; what else he paid the builder is not known"
        return
    exact = "exactly" if rival.payers == 1 else f"at most, for {rival.payers} transactions may share it"
    yield f"           paid {format_ether(rival.paid_at_most, PLACES)} to the builder, {exact}"
    if short is not None and short.short > 0:
        yield (
            f"           {short.his:,} wei a gas against our {short.ours:,}: {short.short:,} wei or"
            f" {short.short_bps / 100:.2f} % short"
        )
    elif short is not None:
        yield f"           {short.his:,} wei a gas against our {short.ours:,}: it was not the bid"


def _costs(ending: Ending) -> Iterator[str]:
    predicted, paid, error = ending.predicted, ending.paid, ending.error
    if predicted is None or paid is None or error is None:
        return
    yield f"Cost     {'':<10} {'predicted':>26} {'paid':>26} {'error':>24}"
    for term in _TERMS:
        before, after = getattr(predicted, term), getattr(paid, term)
        if term in _LEFT_OUT_WHEN_ZERO and not before and not after:
            continue
        yield f"           {term.replace('_', ' '):<8} {before:>26,} {after:>26,} {getattr(error, term):>+24,}"
