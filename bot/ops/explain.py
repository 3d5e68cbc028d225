"""`bot explain <id>`: the story of one plan, from what was found to what the chain says became of it."""

import argparse
from collections.abc import Iterator
from typing import Any

from bot.core.decisions import Leg, Plan, Simulation, Verdict
from bot.core.identity import hex_bytes, to_checksum
from bot.core.quantities import format_ether, format_gwei
from bot.core.records import DropRecord
from bot.journal.read import JournalReader, Story
from bot.ops.run_folder import deliver, find_journal


def print_explanation(options: argparse.Namespace) -> int:
    """Raises BadConfiguration for an id that is unknown or ambiguous."""
    story = JournalReader(find_journal(options.run)).story(options.id)
    deliver(explanation(story), "\n".join(_told(story)), as_json=options.json, file=options.report)
    return 0


def explanation(story: Story) -> dict[str, Any]:
    """All of it as JSON: bytes as 0x text, amounts as decimal strings."""
    plan = _plan(story)
    return {
        "schema": 1,
        "id": story.id,
        "plan": _plan_json(plan),
        "simulation": _simulation_json(story.intent.simulation) if story.intent else None,
        "checks": [{"rule": c.rule, "limit": c.limit, "actual": c.actual} for c in story.intent.checks]
        if story.intent
        else [],
        "drops": [
            {"stage": d.stage, "rule": d.rule, "limit": d.limit, "actual": d.actual} for d in story.drops
        ],
        "payloads": [
            {
                "tx_hash": hex_bytes(p.tx_hash),
                "digest": hex_bytes(p.digest),
                "nonce": p.nonce,
                "raw": hex_bytes(p.raw),
            }
            for p in story.payloads
        ],
        "attempts": [
            {
                "route": a.route,
                "target_block": a.target_block,
                "answer": a.answer,
                "tx_hash": hex_bytes(a.tx_hash),
            }
            for a in story.attempts
        ],
        "verdict": story.outcomes[-1].outcome.verdict.value if story.outcomes else None,
        "reason": story.outcomes[-1].outcome.reason if story.outcomes else None,
    }


def _plan(story: Story) -> Plan:
    return story.intent.plan if story.intent is not None else story.drops[-1].plan


def _plan_json(plan: Plan) -> dict[str, Any]:
    tx = plan.transaction
    return {
        "strategy": plan.strategy,
        "wallet": plan.wallet,
        "sender": to_checksum(plan.sender),
        "state": {"number": plan.state.number, "hash": hex_bytes(plan.state.hash)},
        "target_block": plan.target_block,
        "first_block": plan.window.first_block,
        "last_block": plan.window.last_block,
        "profit_token": to_checksum(plan.profit_token),
        "predicted_profit": str(plan.predicted_profit),
        "min_profit": str(plan.min_profit),
        "payment_wei": str(plan.payment),
        "cycles": [[_leg_json(leg) for leg in found.legs] for found in plan.opportunities],
        "transaction": {
            "chain_id": tx.chain_id,
            "nonce": tx.nonce,
            "max_priority_fee_per_gas": str(tx.max_priority_fee_per_gas),
            "max_fee_per_gas": str(tx.max_fee_per_gas),
            "gas_limit": str(tx.gas_limit),
            "to": to_checksum(tx.to),
            "value": str(tx.value),
            "data": hex_bytes(tx.data),
            "access_list": [[to_checksum(a), [hex_bytes(s) for s in slots]] for a, slots in tx.access_list],
        },
    }


def _leg_json(leg: Leg) -> dict[str, Any]:
    return {
        "venue": leg.venue,
        "protocol": leg.protocol,
        "pool": to_checksum(leg.pool),
        "token_in": to_checksum(leg.token_in),
        "token_out": to_checksum(leg.token_out),
        "zero_for_one": leg.zero_for_one,
        "amount_in": str(leg.amount_in),
        "amount_out": str(leg.amount_out),
    }


def _simulation_json(simulation: Simulation) -> dict[str, Any]:
    environment = simulation.environment
    return {
        "digest": hex_bytes(simulation.digest),
        "on": hex_bytes(simulation.on.hash),
        "gas_used": str(simulation.gas_used),
        "profit": str(simulation.profit),
        "block": {
            "number": environment.number,
            "timestamp": environment.timestamp,
            "base_fee": str(environment.base_fee),
            "gas_limit": str(environment.gas_limit),
            "coinbase": to_checksum(environment.coinbase),
        },
    }


def _told(story: Story) -> Iterator[str]:
    plan = _plan(story)
    yield f"{story.id}  {plan.strategy}, found on the state of block {plan.state.number}, meant for block {plan.target_block}"
    yield ""
    for number, found in enumerate(plan.opportunities, 1):
        yield f"Found    cycle {number}: {format_ether(found.gross_profit, 9)} before costs"
        for leg in found.legs:
            yield f"           {leg.venue:<16} {to_checksum(leg.pool)}  {leg.amount_in} in, {leg.amount_out} out"
    yield from _planned(plan)
    for drop in story.drops:
        yield _dropped(drop)
    if story.intent is not None:
        yield from _approved(story)
    yield from _sent(story)
    yield from _ended(story)


def _planned(plan: Plan) -> Iterator[str]:
    tx = plan.transaction
    yield (
        f"Planned  nonce {tx.nonce} of {plan.wallet}, gas limit {tx.gas_limit:,} at {format_gwei(tx.max_fee_per_gas)}, "
        f"valid in blocks {plan.window.first_block} to {plan.window.last_block}"
    )
    yield (
        f"           predicted {format_ether(plan.predicted_profit, 9)} after {format_ether(plan.payment, 9)} to the builder; "
        f"reverts on chain below {format_ether(plan.min_profit, 9)}"
    )


def _dropped(drop: DropRecord) -> str:
    return f"Dropped  by {drop.stage}: {drop.rule.replace('_', ' ')}: allowed {drop.limit}, was {drop.actual}"


def _approved(story: Story) -> Iterator[str]:
    assert story.intent is not None
    simulation = story.intent.simulation
    yield (
        f"Checked  simulated on block {simulation.on.number}: {simulation.gas_used:,} gas, "
        f"profit {format_ether(simulation.profit, 9)}; {len(story.intent.checks)} risk checks passed"
    )
    for payload in story.payloads:
        yield f"Signed   {hex_bytes(payload.tx_hash)}"


def _sent(story: Story) -> Iterator[str]:
    # Each attempt is on disk before it is made and again when the route has spoken: its last word is told.
    for attempt in {attempt.route: attempt for attempt in story.attempts}.values():
        milliseconds = attempt.answered_after / 1e6
        yield f"Sent     to {attempt.route} for block {attempt.target_block}: {attempt.answer} after {milliseconds:.1f} ms"


def _ended(story: Story) -> Iterator[str]:
    if not story.outcomes:
        yield "Open     its end is not known yet; its budget stays reserved" if story.intent else ""
        return
    for record in story.outcomes:
        outcome = record.outcome
        yield f"Ended    {outcome.verdict.value.replace('_', ' ')}: {outcome.reason}"
    outcome = story.outcomes[-1].outcome
    if outcome.verdict is Verdict.LANDED and outcome.realized_profit is not None:
        plan = _plan(story)
        sign = "=" if outcome.realized_profit == plan.predicted_profit else "≠"
        held = {
            True: "nobody moved its pools before it",
            False: "its pools had moved before it",
            None: "whether its pools had moved before it was not seen",
        }[outcome.predicted_state_held]
        yield (
            f"           realised {format_ether(outcome.realized_profit, 9)} {sign} predicted; {held}; "
            f"gas {outcome.gas_used:,} for {format_ether(outcome.gas_cost or 0, 9)}"
        )
