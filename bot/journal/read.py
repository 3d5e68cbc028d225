"""The journal for people: what `status`, `explain` and `report` read, live or after the run. Changes nothing."""

from pathlib import Path
from typing import TypeVar

import msgspec
from sqlalchemy import Column, Connection, Table, select, union

from bot.core.decisions import Plan
from bot.core.errors import BadConfiguration
from bot.core.identity import IntentId
from bot.core.records import (
    AttemptRecord,
    BlockRecord,
    DropRecord,
    IntentRecord,
    OutcomeRecord,
    PayloadRecord,
    RunRecord,
)
from bot.journal.database import open_for_reading
from bot.journal.rows import record_of
from bot.journal.tables import ATTEMPTS, BLOCKS, DROPS, INTENTS, OUTCOMES, PAYLOADS, RUNS

T = TypeVar("T")
_SHOWN_MATCHES = 5


class Story(msgspec.Struct, frozen=True):
    """All that is known of one plan, in the order it was recorded."""

    id: IntentId
    intent: IntentRecord | None
    """None when the plan was dropped and never became an intent."""
    drops: tuple[DropRecord, ...]
    payloads: tuple[PayloadRecord, ...]
    attempts: tuple[AttemptRecord, ...]
    outcomes: tuple[OutcomeRecord, ...]
    """The last one is the verdict; empty while the intent is open."""

    @property
    def plan(self) -> Plan:
        return self.intent.plan if self.intent is not None else self.drops[-1].plan


class JournalReader:
    """Each method reads in one transaction of its own: a consistent moment of a journal that may be growing."""

    def __init__(self, path: Path) -> None:
        """Raises BadConfiguration when there is no journal, or it cannot be read."""
        self._engine = open_for_reading(path)

    def runs(self) -> list[RunRecord]:
        """Oldest first."""
        with self._engine.connect() as db:
            return _records(db, RunRecord, RUNS)

    def latest_run(self) -> RunRecord:
        """Raises BadConfiguration for a journal without a run."""
        runs = self.runs()
        if not runs:
            raise BadConfiguration("the journal holds no run yet")
        return runs[-1]

    def blocks(self, run_id: str) -> list[BlockRecord]:
        with self._engine.connect() as db:
            return _records(db, BlockRecord, BLOCKS, BLOCKS.c.run_id, run_id)

    def drops(self, run_id: str) -> list[DropRecord]:
        with self._engine.connect() as db:
            return _records(db, DropRecord, DROPS, DROPS.c.run_id, run_id)

    def stories(self, run_id: str) -> list[Story]:
        """Of every intent of the run, oldest first."""
        with self._engine.connect() as db:
            intents = _records(db, IntentRecord, INTENTS, INTENTS.c.run_id, run_id)
            drops = _by_intent(db, DropRecord, DROPS, DROPS.c.plan, run_id)
            payloads = _by_intent(db, PayloadRecord, PAYLOADS, PAYLOADS.c.intent, run_id)
            attempts = _by_intent(db, AttemptRecord, ATTEMPTS, ATTEMPTS.c.intent, run_id)
            outcomes = _by_intent(db, OutcomeRecord, OUTCOMES, OUTCOMES.c.intent, run_id)
        return [
            Story(
                name,
                intent,
                tuple(drops.get(name, ())),
                tuple(payloads.get(name, ())),
                tuple(attempts.get(name, ())),
                tuple(outcomes.get(name, ())),
            )
            for name, intent in ((intent.plan.id, intent) for intent in intents)
        ]

    def story(self, prefix: str) -> Story:
        """Of the one plan whose id begins with `prefix`. Raises BadConfiguration when none or several do."""
        with self._engine.connect() as db:
            return _story(db, _resolve(db, prefix))


def _records(
    db: Connection, kind: type[T], table: Table, column: Column[str] | None = None, value: str | None = None
) -> list[T]:
    wanted = select(table.c.record).order_by(table.c.seq)
    if column is not None:
        wanted = wanted.where(column == value)
    return [record_of(kind, content) for content in db.scalars(wanted)]


def _by_intent(
    db: Connection, kind: type[T], table: Table, whose: Column[str], run_id: str
) -> dict[str, list[T]]:
    """Of all intents of a run, in one query: records by the intent's id, each list in the order of recording."""
    wanted = (
        select(whose, table.c.record)
        .join(INTENTS, INTENTS.c.id == whose)
        .where(INTENTS.c.run_id == run_id)
        .order_by(table.c.seq)
    )
    found: dict[str, list[T]] = {}
    for row in db.execute(wanted):
        found.setdefault(row[0], []).append(record_of(kind, row[1]))
    return found


def _story(db: Connection, name: IntentId) -> Story:
    intents = _records(db, IntentRecord, INTENTS, INTENTS.c.id, name)
    return Story(
        id=name,
        intent=intents[0] if intents else None,
        drops=tuple(_records(db, DropRecord, DROPS, DROPS.c.plan, name)),
        payloads=tuple(_records(db, PayloadRecord, PAYLOADS, PAYLOADS.c.intent, name)),
        attempts=tuple(_records(db, AttemptRecord, ATTEMPTS, ATTEMPTS.c.intent, name)),
        outcomes=tuple(_records(db, OutcomeRecord, OUTCOMES, OUTCOMES.c.intent, name)),
    )


def _resolve(db: Connection, prefix: str) -> IntentId:
    wanted = prefix.strip().lower()
    names = union(
        select(INTENTS.c.id).where(INTENTS.c.id.startswith(wanted, autoescape=True)),
        select(DROPS.c.plan).where(DROPS.c.plan.startswith(wanted, autoescape=True)),
    ).subquery()
    matches = sorted(db.scalars(select(names.c[0]).limit(_SHOWN_MATCHES + 1)))
    if not wanted or not matches:
        raise BadConfiguration(f"no plan's id begins with {prefix!r}: `bot status` lists the latest")
    if len(matches) > 1 and wanted not in matches:
        shown = ", ".join(matches[:_SHOWN_MATCHES]) + (", …" if len(matches) > _SHOWN_MATCHES else "")
        raise BadConfiguration(f"several plans' ids begin with {prefix!r}: {shown}; type more of it")
    return IntentId(wanted if wanted in matches else matches[0])
