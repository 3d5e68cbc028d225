"""`bot status`: what a run is doing, or did. Reads the journal, so it answers whether or not the bot is up."""

import argparse
import time
from typing import Any

from bot.core.records import BlockRecord
from bot.journal.read import JournalReader
from bot.ops.barred_tokens import token_verdicts
from bot.ops.exchange_file import exchange_lines, exchange_status
from bot.ops.relay_file import relay_lines, relay_status
from bot.ops.report import build_report
from bot.ops.run_folder import deliver, find_journal, written_at

LATEST_SHOWN = 5


def print_status(options: argparse.Namespace) -> int:
    """Exit 0 whenever there is a journal to read."""
    path = find_journal(options.run)
    journal = JournalReader(path)
    run = journal.latest_run()
    blocks = journal.blocks(run.run_id)
    report = build_report(journal)
    halted = (path.parent / "HALT").exists()
    status: dict[str, Any] = {
        "schema": 1,
        "run": run.run_id,
        "data_dir": str(path.parent),
        "chain": run.chain,
        "mode": run.mode,
        "halted": halted,
        "last_block": _block(blocks[-1]) if blocks else None,
        "seconds_since_journal_written": round(time.time() - written_at(path), 1),
        "open_intents": sum(1 for bundle in report["bundles"] if bundle["reason"] == "not resolved yet"),
        "sent": report["sent"],
        "landed": report["landed"],
        "net_wei": report["net_wei"],
        "tokens": token_verdicts(path.parent),
        "relays": relay_status(path.parent),
        "exchanges": exchange_status(path.parent),
        "latest": [
            {key: bundle[key] for key in ("id", "target_block", "verdict", "reason")}
            for bundle in report["bundles"][-LATEST_SHOWN:]
        ],
    }
    text = "\n".join(
        [*_lines(status), *relay_lines(path.parent), *exchange_lines(path.parent), *_latest_lines(status)]
    )
    deliver(status, text, as_json=options.json, file=options.report)
    return 0


def _block(record: BlockRecord) -> dict[str, Any]:
    return {"number": record.block.number, "hash": "0x" + record.block.hash.hex(), "drops": record.drops}


def _lines(status: dict[str, Any]) -> list[str]:
    last, tokens = status["last_block"], status["tokens"]
    lines = [
        f"run {status['run']} on {status['chain']} ({status['mode']}), data in {status['data_dir']}",
        "HALTED" if status["halted"] else "not halted",
        f"last block {last['number'] if last else 'none yet'}",
        f"journal written {status['seconds_since_journal_written']} s ago",
        f"sent {status['sent']}, landed {status['landed']}, open {status['open_intents']}, net {status['net_wei']} wei",
    ]
    lines.append(
        f"tokens checked: {tokens['safe']} safe, {tokens['unsafe']} unsafe, {tokens['undecided']} undecided"
    )
    return lines + [f"  barred  {row['token']}  {row['reason']}" for row in tokens["barred"]]


def _latest_lines(status: dict[str, Any]) -> list[str]:
    return [
        f"  {row['id']}  block {row['target_block']}  {row['verdict']}: {row['reason']}"
        for row in status["latest"]
    ]
