"""What the bot and the reports ask of the journal, over any connection."""

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, Subquery, false, func, or_, select

from bot.core.decisions import Verdict
from bot.core.identity import Address, IntentId
from bot.core.records import IntentRecord, LedgerEntry, OpenIntent, OutcomeRecord, PayloadRecord
from bot.core.units import Nanoseconds
from bot.journal.rows import ledger_entry, record_of
from bot.journal.tables import INTENTS, OUTCOMES, PAYLOADS, RUNS


class WalletHistory(msgspec.Struct, frozen=True):
    """To be held against the signer's own durable counters at start (DESIGN section 3, Start).

    An intent is on disk before it is signed, a payload only after: a signer whose last nonce is above
    `highest_nonce` knows of more than this journal, which was truncated or restored from a back-up; one whose counter
    is below `payloads` has lost its totals.
    """

    highest_nonce: int | None
    """Of all intents of the wallet; None when there is none."""
    payloads: int


_USES_NONCE = (Verdict.LANDED, Verdict.MINED_REVERTED)
REORG_BLOCKS = 64
"""As deep as the bot follows a reorg: a verdict that rests on a younger block is watched."""


def open_intents(db: Connection) -> list[OpenIntent]:
    """Those whose end the journal does not know: no outcome, or `unknown` as the last one."""
    last = _last_outcomes().subquery()
    wanted = (
        select(INTENTS.c.record, last.c.record.label("outcome"))
        .outerjoin(last, last.c.intent == INTENTS.c.id)
        .where(_is_open(last))
        .order_by(INTENTS.c.seq)
    )
    return [_open_intent(db, row.record, row.outcome) for row in db.execute(wanted)]


def holding_intents(db: Connection, head: int) -> list[OpenIntent]:
    """The open ones, and those with a payload at a nonce that is open, or used in a block a reorg can still take.

    A nonce is used for good by a payload that was mined REORG_BLOCKS below `head`; what shared it, or came before
    it, can never be mined.
    """
    last = _last_outcomes().subquery()
    is_signed = INTENTS.c.id.in_(select(PAYLOADS.c.intent))
    used_for_good = [
        (INTENTS.c.sender == sender) & (INTENTS.c.nonce <= nonce)
        for sender, nonce in _used_for_good(db, head - REORG_BLOCKS).items()
    ]
    wanted = (
        select(INTENTS.c.record, last.c.record.label("outcome"))
        .outerjoin(last, last.c.intent == INTENTS.c.id)
        .where(_is_open(last) | (is_signed & ~or_(false(), *used_for_good)))
        .order_by(INTENTS.c.seq)
    )
    return [_open_intent(db, row.record, row.outcome) for row in db.execute(wanted)]


def run_count(db: Connection) -> int:
    return db.scalar(select(func.count()).select_from(RUNS)) or 0


def intent_ids(db: Connection) -> frozenset[IntentId]:
    return frozenset(IntentId(name) for name in db.scalars(select(INTENTS.c.id)))


def ledger_entries(db: Connection, since: Nanoseconds, wrapped_native: Address) -> list[LedgerEntry]:
    """The last outcome of each intent, where it was recorded at or after `since`, oldest first."""
    last = _last_outcomes().subquery()
    wanted = (
        select(last.c.record, INTENTS.c.strategy, INTENTS.c.profit_token)
        .join(INTENTS, INTENTS.c.id == last.c.intent)
        .where(last.c.recorded_at >= since)
        .order_by(last.c.seq)
    )
    return [
        ledger_entry(record_of(OutcomeRecord, row.record), row.strategy, row.profit_token, wrapped_native)
        for row in db.execute(wanted)
    ]


def decided_intents(db: Connection, most: int) -> list[tuple[IntentRecord, OutcomeRecord]]:
    """The newest `most` intents with a verdict, each with its last one; oldest first."""
    last = _last_outcomes().subquery()
    wanted = (
        select(INTENTS.c.record, last.c.record.label("outcome"))
        .join(last, last.c.intent == INTENTS.c.id)
        .where(last.c.verdict != Verdict.UNKNOWN)
        .order_by(INTENTS.c.seq.desc())
        .limit(most)
    )
    rows = list(db.execute(wanted))
    return [(record_of(IntentRecord, r.record), record_of(OutcomeRecord, r.outcome)) for r in reversed(rows)]


def wallet_history(db: Connection, sender: Address) -> WalletHistory:
    mine = INTENTS.c.sender == sender
    highest = db.scalar(select(func.max(INTENTS.c.nonce)).where(mine))
    payloads = select(func.count()).select_from(PAYLOADS).join(INTENTS, INTENTS.c.id == PAYLOADS.c.intent)
    return WalletHistory(highest, db.scalar(payloads.where(mine)) or 0)


def payloads_of(db: Connection, intent: str) -> tuple[PayloadRecord, ...]:
    rows = db.scalars(select(PAYLOADS.c.record).where(PAYLOADS.c.intent == intent).order_by(PAYLOADS.c.seq))
    return tuple(record_of(PayloadRecord, row) for row in rows)


def _last_outcomes() -> Select[Any]:
    """Whole rows: the last outcome of each intent that has one."""
    last = select(func.max(OUTCOMES.c.seq)).group_by(OUTCOMES.c.intent)
    return select(OUTCOMES).where(OUTCOMES.c.seq.in_(last))


def _is_open(last: Subquery) -> ColumnElement[bool]:
    return last.c.verdict.is_(None) | (last.c.verdict == Verdict.UNKNOWN)


def _used_for_good(db: Connection, deep: int) -> dict[bytes, int]:
    """The highest nonce of each sender that was used in block `deep` or below it, by the outcomes recorded."""
    last = _last_outcomes().subquery()
    mined = (
        select(INTENTS.c.sender, INTENTS.c.nonce, last.c.record)
        .join(last, last.c.intent == INTENTS.c.id)
        .where(last.c.verdict.in_(_USES_NONCE))
        .order_by(INTENTS.c.nonce.desc())
    )
    highest: dict[bytes, int] = {}
    for row in db.execute(mined):
        if row.sender not in highest:
            block = record_of(OutcomeRecord, row.record).outcome.block
            if block is not None and block.number <= deep:
                highest[row.sender] = row.nonce
    return highest


def _open_intent(db: Connection, record: bytes, outcome: bytes | None) -> OpenIntent:
    intent = record_of(IntentRecord, record)
    last = record_of(OutcomeRecord, outcome).outcome if outcome is not None else None
    return OpenIntent(intent, payloads_of(db, intent.plan.id), last)
