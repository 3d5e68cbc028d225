"""The closing report of a run, from its journal alone: live or ended, the same figures. Keys are in docs/report.md."""

import argparse
from collections import Counter
from collections.abc import Sequence
from typing import Any

from bot.chain.relay_rows import ROWS
from bot.core.decisions import Verdict
from bot.core.identity import hex_bytes, to_checksum
from bot.core.records import BlockRecord, DropRecord, RunRecord
from bot.journal.read import JournalReader, Story
from bot.ops.ending import ending_of
from bot.ops.report_breakdown import Told, answers_by_relay, breakdown, sent_after
from bot.ops.report_plots import write_plots
from bot.ops.report_text import report_text
from bot.ops.run_folder import deliver, find_journal

SCHEMA = 1
# Every row of ROWS is private: an attempt by any other route would be a public send. Cancellations are not built yet.
FUNNEL = ("cycles_screened", "opportunities", "sized", "profitable", "planned", "simulated", "allowed")


def print_report(options: argparse.Namespace) -> int:
    """`bot report`."""
    report = build_report(JournalReader(find_journal(options.run)))
    if getattr(options, "plots", None) is not None:
        write_plots(report, options.plots)
    deliver(report, report_text(report), as_json=options.json, file=options.report)
    return 0


def build_report(journal: JournalReader, run: RunRecord | None = None) -> dict[str, Any]:
    """Of `run`, or the newest run in the journal. Amounts are decimal strings in smallest units; durations nanoseconds."""
    run = run or journal.latest_run()
    blocks, drops, stories = (
        journal.blocks(run.run_id),
        journal.drops(run.run_id),
        journal.stories(run.run_id),
    )
    steps = {block.block: block.durations for block in blocks}
    told = [Told(story, ending_of(story), sent_after(steps, story)) for story in stories]
    bundles = [_bundle(one) for one in told]
    verdicts = Counter(str(bundle["verdict"]) for bundle in bundles)
    return {
        "schema": SCHEMA,
        **_run(run, blocks),
        **_funnel(blocks),
        "denied": dict(sorted(Counter(drop.rule for drop in drops if drop.stage == "risk").items())),
        "dropped": _dropped(blocks),
        "sent": sum(1 for story in stories if _was_sent(story)),
        "resubmitted": sum(block.resubmitted for block in blocks),
        "landed": verdicts[Verdict.LANDED],
        "mined_reverted": verdicts[Verdict.MINED_REVERTED],
        "verdicts": dict(sorted(verdicts.items())),
        "public_sends": sum(1 for story in stories for one in story.attempts if one.route not in ROWS),
        "public_cancels": 0,
        **_money(stories),
        **breakdown(told),
        "bundles": bundles,
        "dropped_plans": [_dropped_plan(drop) for drop in drops],
        "durations": _durations(blocks, answers_by_relay(told)),
    }


def _run(run: RunRecord, blocks: Sequence[BlockRecord]) -> dict[str, Any]:
    return {
        "run": run.run_id,
        "chain": run.chain,
        "chain_id": run.chain_id,
        "mode": run.mode,
        "seed": run.seed,
        "blocks": len(blocks),
        "first_block": blocks[0].block.number if blocks else None,
        "last_block": blocks[-1].block.number if blocks else None,
    }


def _funnel(blocks: Sequence[BlockRecord]) -> dict[str, int]:
    return {name: sum(getattr(block, name) for block in blocks) for name in FUNNEL}


def _dropped(blocks: Sequence[BlockRecord]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for block in blocks:
        total.update(block.drops)
    return dict(sorted(total.items()))


def _money(stories: Sequence[Story]) -> dict[str, Any]:
    landed = [
        (story.intent.plan, story.outcomes[-1])
        for story in stories
        if story.intent is not None
        and story.outcomes
        and story.outcomes[-1].outcome.verdict is Verdict.LANDED
    ]
    gas = sum(story.outcomes[-1].outcome.gas_cost or 0 for story in stories if story.outcomes)
    realized = sum(end.outcome.realized_profit or 0 for _, end in landed)
    return {
        "predicted_profit": str(sum(plan.predicted_profit for plan, _ in landed)),
        "realized_profit": str(realized),
        "gas_cost_wei": str(gas),
        "bid_wei": str(sum(end.bid for _, end in landed)),
        "net_wei": str(realized - gas),
        "profits_unread": sum(1 for _, end in landed if end.outcome.realized_profit is None),
    }


def _was_sent(story: Story) -> bool:
    """Handed to a route that did not refuse it. The last word of each route counts; silence is no refusal."""
    last_words = {attempt.route: attempt.answer for attempt in story.attempts}
    return any(not answer.startswith("refused") for answer in last_words.values())


def _bundle(told: Told) -> dict[str, Any]:
    story, ending = told.story, told.ending
    assert story.intent is not None, "a story of a run's intents has its intent"
    plan, simulation = story.intent.plan, story.intent.simulation
    end = story.outcomes[-1] if story.outcomes else None
    outcome = end.outcome if end else None
    return {
        "id": plan.id,
        "strategy": plan.strategy,
        "wallet": plan.wallet,
        "nonce": plan.transaction.nonce,
        "state_block": plan.state.number,
        "target_block": plan.target_block,
        "verdict": outcome.verdict.value if outcome else Verdict.UNKNOWN.value,
        "reason": outcome.reason if outcome else "not resolved yet",
        "cycles": len(plan.opportunities),
        "pools": sorted(to_checksum(pool) for found in plan.opportunities for pool in found.pools),
        "profit_token": to_checksum(plan.profit_token),
        "predicted_profit": str(plan.predicted_profit),
        "realized_profit": _text(outcome.realized_profit if outcome else None),
        "predicted_state_held": outcome.predicted_state_held if outcome else None,
        "predicted_gas": str(simulation.gas_used),
        "gas_used": _text(outcome.gas_used if outcome else None),
        "gas_cost_wei": _text(outcome.gas_cost if outcome else None),
        "bid_wei": str(plan.payment),
        "bid_share_bps": plan.bid_share,
        "behind": None if plan.behind is None else hex_bytes(plan.behind.hash),
        "builder": ending.builder,
        "builder_name": ending.builder_name,
        "rival_paid_wei": _text(ending.rival.paid_at_most if ending.rival else None),
        "short_bps": ending.shortfall.short_bps if ending.shortfall else None,
        "cost_error_wei": _text(ending.error.total if ending.error else None),
        "simulated_digest": hex_bytes(simulation.digest),
        "tx_hash": hex_bytes(story.payloads[-1].tx_hash) if story.payloads else None,
        "routes": sorted({attempt.route for attempt in story.attempts}),
    }


def _dropped_plan(drop: DropRecord) -> dict[str, Any]:
    plan = drop.plan
    return {
        "id": plan.id,
        "target_block": plan.target_block,
        "predicted_profit": str(plan.predicted_profit),
        "bid_wei": str(plan.payment),
        "stage": drop.stage,
        "rule": drop.rule,
        "limit": drop.limit,
        "actual": drop.actual,
    }


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)


def _durations(blocks: Sequence[BlockRecord], answers: dict[str, list[int]]) -> dict[str, dict[str, int]]:
    """Per step: p50, p99 and the worst, in nanoseconds, over the blocks that had it; of relays, over their answers."""
    samples = dict(answers)
    for block in blocks:
        for step, duration in block.durations.items():
            samples.setdefault(step, []).append(duration)
    return {step: _spread(sorted(values)) for step, values in sorted(samples.items())}


def _spread(values: Sequence[int]) -> dict[str, int]:
    return {
        "p50_ns": values[len(values) // 2],
        "p99_ns": values[min(len(values) - 1, len(values) * 99 // 100)],
        "max_ns": values[-1],
    }
