"""core.ports.Journal on SQLite. A `record_*` returns when its record would survive a power cut (law 3)."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, bindparam, insert
from sqlalchemy.dialects import sqlite

from bot.core.errors import BadConfiguration
from bot.core.identity import Address, IntentId
from bot.core.records import (
    AttemptRecord,
    BlockRecord,
    DropRecord,
    IntentRecord,
    LedgerEntry,
    OpenIntent,
    OutcomeRecord,
    PayloadRecord,
    RunRecord,
)
from bot.core.units import Nanoseconds
from bot.journal import queries
from bot.journal.database import open_for_writing
from bot.journal.lock import JournalLock
from bot.journal.rows import TABLES, Record, row_of
from bot.journal.writer import Writer


def open_journal(path: Path, wrapped_native: Address) -> "JournalStore":
    """Take the folder's lock and open or create the journal.

    Raises BadConfiguration: another bot holds it, or the file is corrupt, newer, or another program's.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = JournalLock(path)
    except OSError as error:
        raise BadConfiguration(
            f"the journal's folder {path.parent} cannot be used: {error.strerror}"
        ) from error
    try:
        return JournalStore(path, wrapped_native, lock)
    except BaseException:
        lock.release()
        raise


class JournalStore:
    """Made by `open_journal`. Reads here see all that was recorded before them."""

    def __init__(self, path: Path, wrapped_native: Address, lock: JournalLock) -> None:
        self._wrapped_native = wrapped_native
        self._lock = lock
        self._engine = open_for_writing(path)
        self._writer = Writer(self._engine)

    async def record_run(self, run: RunRecord) -> None:
        await self._record(run)

    async def record_intent(self, intent: IntentRecord) -> None:
        """Raises BrokenInvariant when an intent of this id was ever recorded."""
        await self._record(intent)

    async def record_drop(self, drop: DropRecord) -> None:
        await self._record(drop)

    async def record_payload(self, payload: PayloadRecord) -> None:
        await self._record(payload)

    async def record_attempt(self, attempt: AttemptRecord) -> None:
        """Raises BrokenInvariant when its payload is not recorded."""
        await self._record(attempt)

    async def record_outcome(self, outcome: OutcomeRecord) -> None:
        """Raises ValueError for a mined outcome without its gas cost."""
        await self._record(outcome)

    async def record_block(self, block: BlockRecord) -> None:
        await self._writer.run(_insertion(block), ends_block=True)

    async def open_intents(self) -> list[OpenIntent]:
        """Without an outcome, or with `unknown` as the last one; oldest first."""
        return await self._writer.run(queries.open_intents)

    async def holding_intents(self, head: int) -> list[OpenIntent]:
        """The open ones, and those with a payload that can be mined, or unmined by a reorg, as seen from block `head`."""
        return await self._writer.run(lambda db: queries.holding_intents(db, head))

    async def intent_ids(self) -> frozenset[IntentId]:
        """Of every intent ever recorded: the gate denies a second one."""
        return await self._writer.run(queries.intent_ids)

    async def decided_intents(self, most: int) -> list[tuple[IntentRecord, OutcomeRecord]]:
        """The newest `most` intents that have a verdict, each with its last one; oldest first."""
        return await self._writer.run(lambda db: queries.decided_intents(db, most))

    async def wallet_history(self, sender: Address) -> queries.WalletHistory:
        """What was recorded for the key of this address, over all runs."""
        return await self._writer.run(lambda db: queries.wallet_history(db, sender))

    async def ledger_entries(self, since: Nanoseconds) -> list[LedgerEntry]:
        """The last outcome of each intent, where it was recorded at or after `since` (UTC), oldest first."""
        return await self._writer.run(lambda db: queries.ledger_entries(db, since, self._wrapped_native))

    async def run_count(self) -> int:
        """Runs recorded so far."""
        return await self._writer.run(queries.run_count)

    async def close(self) -> None:
        """Commit what is queued, then give the lock back. A second call does nothing."""
        if not await self._writer.close():
            return
        self._engine.dispose()
        self._lock.release()

    async def _record(self, record: Record) -> None:
        await self._writer.run(_insertion(record))


def _insertion(record: Record) -> Callable[[Connection], Any]:
    """Encoded by the caller, so that the writer's thread only writes."""
    row = row_of(record)
    statement, columns = _statement(type(record), frozenset(row))
    values = tuple(row[name] for name in columns)
    return lambda db: db.exec_driver_sql(statement, values)


@cache
def _statement(kind: type[Record], columns: frozenset[str]) -> tuple[str, tuple[str, ...]]:
    """SQLAlchemy's own text for the row, and the order of its values; composing it takes longer than carrying it out."""
    dialect = sqlite.dialect(paramstyle="qmark")
    statement = insert(TABLES[kind]).values({name: bindparam(name) for name in columns})
    compiled = statement.compile(dialect=dialect)
    return str(compiled), tuple(compiled.positiontup or ())
