"""The bot's journal as a stranger reads it: SQLite and JSON, with nothing of the bot imported."""

import base64
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENDS_OPEN = "unknown"


@dataclass(frozen=True)
class JournaledIntent:
    id: str
    nonce: int
    record: dict[str, Any]
    raws: tuple[bytes, ...]
    """Of its signed payloads."""
    outcomes: tuple[dict[str, Any], ...]
    """All that was ever said of its end, in order."""

    @property
    def target_block(self) -> int:
        return self.record["plan"]["target_block"]

    @property
    def verdicts(self) -> list[str]:
        """Without those that only said that a run ended."""
        return [said["verdict"] for said in self.outcomes if said["verdict"] != ENDS_OPEN]

    def reserved(self, size: str) -> int:
        """Wei: `worst_cost` or `expired_cost`."""
        return int(self.record["reservation"][size])

    def seen_by_check(self, rule: str) -> int:
        """The number that the risk check of this name saw."""
        [check] = [check for check in self.record["checks"] if check["rule"] == rule]
        return int(check["actual"])


def read_intents(path: Path) -> list[JournaledIntent]:
    """Oldest first. Reads a journal whose writer was killed: SQLite recovers it from its log."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        rows = db.execute("select id, nonce, record from intents order by seq").fetchall()
        return [
            JournaledIntent(
                id=name,
                nonce=nonce,
                record=json.loads(record),
                raws=tuple(base64.b64decode(payload["raw"]) for payload in _records(db, "payloads", name)),
                outcomes=tuple(said["outcome"] for said in _records(db, "outcomes", name)),
            )
            for name, nonce, record in rows
        ]


def count_blocks(path: Path) -> int:
    """Blocks the bot has been through, in all its runs; 0 before there is a journal."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            return int(db.execute("select count(*) from blocks").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def _records(db: sqlite3.Connection, table: str, intent: str) -> list[dict[str, Any]]:
    wanted = f"select record from {table} where intent = ? order by seq"  # two names, both ours
    return [json.loads(record) for (record,) in db.execute(wanted, (intent,))]
