"""What the bot and the reports ask of the journal, over any connection."""

import msgspec
from sqlalchemy import Connection, Select, and_, func, select

from bot.core.decisions import Verdict
from bot.core.identity import Address, IntentId
from bot.core.records import IntentRecord, LedgerEntry, OpenIntent, OutcomeRecord, PayloadRecord
from bot.core.units import Nanoseconds
from bot.journal.rows import ledger_entry, record_of
from bot.journal.tables import INTENTS, OUTCOMES, PAYLOADS


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


def open_intents(db: Connection) -> list[OpenIntent]:
    """Those whose end the journal does not know: no outcome, or `unknown` as the last one."""
    last = _last_outcomes().subquery()
    wanted = (
        select(INTENTS.c.record, INTENTS.c.id)
        .outerjoin(last, last.c.intent == INTENTS.c.id)
        .where((last.c.verdict.is_(None)) | (last.c.verdict == Verdict.UNKNOWN))
        .order_by(INTENTS.c.seq)
    )
    return [_open_intent(db, record, name) for record, name in db.execute(wanted)]


def holding_intents(db: Connection) -> list[OpenIntent]:
    """The open ones, and those with a payload at a nonce above every nonce of their sender known to be used."""
    last = _last_outcomes().subquery()
    used = (
        select(INTENTS.c.sender, func.max(INTENTS.c.nonce).label("nonce"))
        .join(last, last.c.intent == INTENTS.c.id)
        .where(last.c.verdict.in_(_USES_NONCE))
        .group_by(INTENTS.c.sender)
        .subquery()
    )
    is_open = last.c.verdict.is_(None) | (last.c.verdict == Verdict.UNKNOWN)
    may_land = and_(
        INTENTS.c.id.in_(select(PAYLOADS.c.intent)),
        used.c.nonce.is_(None) | (INTENTS.c.nonce > used.c.nonce),
    )
    wanted = (
        select(INTENTS.c.record, INTENTS.c.id)
        .outerjoin(last, last.c.intent == INTENTS.c.id)
        .outerjoin(used, used.c.sender == INTENTS.c.sender)
        .where(is_open | may_land)
        .order_by(INTENTS.c.seq)
    )
    return [_open_intent(db, record, name) for record, name in db.execute(wanted)]


def intent_ids(db: Connection) -> frozenset[IntentId]:
    return frozenset(IntentId(name) for name in db.scalars(select(INTENTS.c.id)))


def ledger_entries(db: Connection, since: Nanoseconds, wrapped_native: Address) -> list[LedgerEntry]:
    """Every outcome recorded at or after `since`, oldest first; also one that a later outcome corrected."""
    wanted = (
        select(OUTCOMES.c.record, INTENTS.c.strategy, INTENTS.c.profit_token)
        .join(INTENTS, INTENTS.c.id == OUTCOMES.c.intent)
        .where(OUTCOMES.c.recorded_at >= since)
        .order_by(OUTCOMES.c.seq)
    )
    return [
        ledger_entry(record_of(OutcomeRecord, row.record), row.strategy, row.profit_token, wrapped_native)
        for row in db.execute(wanted)
    ]


def wallet_history(db: Connection, sender: Address) -> WalletHistory:
    mine = INTENTS.c.sender == sender
    highest = db.scalar(select(func.max(INTENTS.c.nonce)).where(mine))
    payloads = select(func.count()).select_from(PAYLOADS).join(INTENTS, INTENTS.c.id == PAYLOADS.c.intent)
    return WalletHistory(highest, db.scalar(payloads.where(mine)) or 0)


def payloads_of(db: Connection, intent: str) -> tuple[PayloadRecord, ...]:
    rows = db.scalars(select(PAYLOADS.c.record).where(PAYLOADS.c.intent == intent).order_by(PAYLOADS.c.seq))
    return tuple(record_of(PayloadRecord, row) for row in rows)


def _last_outcomes() -> Select[tuple[str, str]]:
    """Intent and verdict of each intent's last outcome."""
    last = select(func.max(OUTCOMES.c.seq)).group_by(OUTCOMES.c.intent)
    return select(OUTCOMES.c.intent, OUTCOMES.c.verdict).where(OUTCOMES.c.seq.in_(last))


def _open_intent(db: Connection, record: bytes, intent: str) -> OpenIntent:
    return OpenIntent(record_of(IntentRecord, record), payloads_of(db, intent))
