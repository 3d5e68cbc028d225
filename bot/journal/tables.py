"""The schema, version 1. A row is a whole record as JSON (exact integers of any size, bytes in base64), and beside it
the columns that are searched or joined. Rows are added, never changed: `seq` is the order in which they happened.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, MetaData, String, Table

SCHEMA_VERSION: Final = 1
"""`PRAGMA user_version`."""

METADATA: Final = MetaData()


def _seq() -> Column[int]:
    return Column("seq", Integer, primary_key=True, autoincrement=True)


def _run() -> Column[str]:
    return Column("run_id", String, ForeignKey("runs.run_id"), nullable=False, index=True)


def _intent() -> Column[str]:
    return Column("intent", String, ForeignKey("intents.id"), nullable=False, index=True)


def _record() -> Column[bytes]:
    return Column("record", LargeBinary, nullable=False)


RUNS: Final = Table(
    "runs",
    METADATA,
    _seq(),
    Column("run_id", String, nullable=False, unique=True),
    _record(),
)
INTENTS: Final = Table(
    "intents",
    METADATA,
    _seq(),
    _run(),
    Column("id", String, nullable=False, unique=True),
    Column("sender", LargeBinary, nullable=False, index=True),
    Column("nonce", BigInteger, nullable=False),
    Column("strategy", String, nullable=False),
    Column("profit_token", LargeBinary, nullable=False),
    _record(),
)
"""`id` is unique over all runs: it comes from the content, the block's hash included."""
DROPS: Final = Table(
    "drops",
    METADATA,
    _seq(),
    _run(),
    Column("plan", String, nullable=False, index=True),
    Column("stage", String, nullable=False),
    Column("rule", String, nullable=False),
    _record(),
)
PAYLOADS: Final = Table(
    "payloads",
    METADATA,
    _seq(),
    _intent(),
    Column("tx_hash", LargeBinary, nullable=False, unique=True),
    Column("nonce", BigInteger, nullable=False),
    _record(),
)
ATTEMPTS: Final = Table(
    "attempts",
    METADATA,
    _seq(),
    _intent(),
    Column("tx_hash", LargeBinary, ForeignKey("payloads.tx_hash"), nullable=False, index=True),
    Column("route", String, nullable=False),
    Column("target_block", BigInteger, nullable=False),
    _record(),
)
"""The foreign key holds law 3: no attempt without its payload on disk."""
OUTCOMES: Final = Table(
    "outcomes",
    METADATA,
    _seq(),
    _run(),
    _intent(),
    Column("verdict", String, nullable=False),
    Column("recorded_at", BigInteger, nullable=False, index=True),
    _record(),
)
"""The last one of an intent is its verdict; an earlier one was taken back by a reorg or was `unknown`."""
BLOCKS: Final = Table(
    "blocks",
    METADATA,
    _seq(),
    _run(),
    Column("number", BigInteger, nullable=False, index=True),
    _record(),
)
