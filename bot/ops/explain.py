"""`bot explain <id>`: the story of one plan, from what was found to what the chain says became of it."""

import argparse
from typing import Any

import msgspec

from bot.core.cost_terms import CostTerms
from bot.core.decisions import Leg, Plan, Simulation
from bot.core.identity import hex_bytes, to_checksum
from bot.core.pending import Behind
from bot.core.records import AttemptRecord
from bot.journal.read import JournalReader, Story
from bot.ops.ending import Ending, ending_of, last_words, sent_into_slot
from bot.ops.run_folder import deliver, find_journal
from bot.ops.story import told


def print_explanation(options: argparse.Namespace) -> int:
    """Raises BadConfiguration for an id that is unknown or ambiguous."""
    story = JournalReader(find_journal(options.run)).story(options.id)
    deliver(explanation(story), "\n".join(told(story)), as_json=options.json, file=options.report)
    return 0


def explanation(story: Story) -> dict[str, Any]:
    """All of it as JSON: bytes as 0x text, amounts as decimal strings."""
    plan, ending = story.plan, ending_of(story)
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
        "attempts": [_attempt_json(story, attempt) for attempt in last_words(story)],
        "verdict": ending.verdict,
        "reason": ending.reason,
        "builder": ending.builder,
        "builder_name": ending.builder_name,
        "late_by_ns": ending.late_by,
        "rival": _rival_json(ending),
        "costs": _costs_json(ending),
    }


def _attempt_json(story: Story, attempt: AttemptRecord) -> dict[str, Any]:
    return {
        "route": attempt.route,
        "target_block": attempt.target_block,
        "answer": attempt.answer,
        "tx_hash": hex_bytes(attempt.tx_hash),
        "sent_at_ns": attempt.sent_at,
        "answered_after_ns": attempt.answered_after,
        "into_slot_ns": sent_into_slot(story, attempt),
    }


def _rival_json(ending: Ending) -> dict[str, Any] | None:
    rival, short = ending.rival, ending.shortfall
    if rival is None:
        return None
    return {
        "tx_hash": hex_bytes(rival.tx_hash),
        "sender": to_checksum(rival.sender),
        "index": rival.index,
        "pools": rival.pools,
        "gas_used": _text(rival.gas_used),
        "tip_paid_wei": _text(rival.tip_paid),
        "paid_at_most_wei": _text(rival.paid_at_most),
        "payers": rival.payers,
        "his_wei_per_gas": _text(short.his if short else None),
        "our_wei_per_gas": _text(short.ours if short else None),
        "short_wei_per_gas": _text(short.short if short else None),
        "short_bps": short.short_bps if short else None,
    }


def _costs_json(ending: Ending) -> dict[str, Any] | None:
    if ending.predicted is None or ending.paid is None or ending.error is None:
        return None
    return {
        "predicted": _terms_json(ending.predicted),
        "paid": _terms_json(ending.paid),
        "error": {name: str(value) for name, value in msgspec.structs.asdict(ending.error).items()},
    }


def _terms_json(terms: CostTerms) -> dict[str, str]:
    return {
        "gas": str(terms.gas),
        "base_fee": str(terms.base_fee),
        "tip": str(terms.tip),
        "gas_cost": str(terms.gas_cost),
        "l1_fee": str(terms.l1_fee),
        "flash_fee": str(terms.flash_fee),
        "payment": str(terms.payment),
        "total": str(terms.total),
    }


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
        "bid_share_bps": plan.bid_share,
        "bid_reason": plan.bid_reason,
        "behind": None if plan.behind is None else _behind_json(plan.behind),
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


def _behind_json(behind: Behind) -> dict[str, Any]:
    known = behind.transaction
    return {
        "source": behind.source,
        "hash": hex_bytes(behind.hash),
        "tx_hash": None if known is None else hex_bytes(known.hash),
        "sender": None if known is None else to_checksum(known.sender),
        "to": None if known is None or known.to is None else to_checksum(known.to),
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


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)
