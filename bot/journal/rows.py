"""Records to rows and back. The JSON of msgspec keeps integers exact at any size."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import Table

from bot.core.decisions import Verdict
from bot.core.identity import Address
from bot.core.records import (
    AttemptRecord,
    BlockRecord,
    DropRecord,
    IntentRecord,
    LedgerEntry,
    OutcomeRecord,
    PayloadRecord,
    RunRecord,
)
from bot.core.units import Wei
from bot.journal.tables import ATTEMPTS, BLOCKS, DROPS, INTENTS, OUTCOMES, PAYLOADS, RUNS

Record = RunRecord | IntentRecord | DropRecord | PayloadRecord | AttemptRecord | OutcomeRecord | BlockRecord
T = TypeVar("T")

TABLES: Final[dict[type[Record], Table]] = {
    RunRecord: RUNS,
    IntentRecord: INTENTS,
    DropRecord: DROPS,
    PayloadRecord: PAYLOADS,
    AttemptRecord: ATTEMPTS,
    OutcomeRecord: OUTCOMES,
    BlockRecord: BLOCKS,
}
_ON_CHAIN: Final = frozenset({Verdict.LANDED, Verdict.MINED_REVERTED})


def row_of(record: Record) -> dict[str, Any]:
    """Values by column. Raises ValueError for an outcome that was mined and does not say what its gas cost."""
    return {"record": msgspec.json.encode(record), **_SEARCHED[type(record)](record)}


def record_of(kind: type[T], content: bytes) -> T:
    """Inverse of `row_of`; raises msgspec.DecodeError for a row that this version did not write."""
    return msgspec.json.decode(content, type=kind)


def ledger_entry(
    outcome: OutcomeRecord, strategy: str, profit_token: Address, wrapped_native: Address
) -> LedgerEntry:
    """The end of an intent as the limits see it; what was never mined has cost no gas."""
    return LedgerEntry(
        intent=outcome.outcome.intent,
        wallet=outcome.wallet,
        strategy=strategy,
        verdict=outcome.outcome.verdict,
        gas_cost=outcome.outcome.gas_cost or Wei(0),
        realized_profit=_in_wei(outcome, profit_token, wrapped_native),
        recorded_at=outcome.recorded_at,
    )


def _in_wei(outcome: OutcomeRecord, profit_token: Address, wrapped_native: Address) -> Wei | None:
    profit = outcome.outcome.realized_profit
    return Wei(profit) if profit is not None and profit_token == wrapped_native else None


def _outcome_columns(record: OutcomeRecord) -> dict[str, Any]:
    outcome = record.outcome
    if outcome.verdict in _ON_CHAIN and outcome.gas_cost is None:
        raise ValueError(
            f"intent {outcome.intent} {outcome.verdict} without a gas cost: a missing number is no zero"
        )
    return {
        "run_id": record.run_id,
        "intent": outcome.intent,
        "verdict": str(outcome.verdict),
        "recorded_at": record.recorded_at,
    }


_SEARCHED: Final[dict[type[Record], Callable[[Any], dict[str, Any]]]] = {
    RunRecord: lambda record: {"run_id": record.run_id},
    IntentRecord: lambda record: {
        "run_id": record.run_id,
        "id": record.plan.id,
        "sender": record.plan.sender,
        "nonce": record.plan.transaction.nonce,
        "strategy": record.plan.strategy,
        "profit_token": record.plan.profit_token,
    },
    DropRecord: lambda record: {
        "run_id": record.run_id,
        "plan": record.plan.id,
        "stage": record.stage,
        "rule": record.rule,
    },
    PayloadRecord: lambda record: {
        "intent": record.intent,
        "tx_hash": record.tx_hash,
        "nonce": record.nonce,
    },
    AttemptRecord: lambda record: {
        "intent": record.intent,
        "tx_hash": record.tx_hash,
        "route": record.route,
        "target_block": record.target_block,
    },
    OutcomeRecord: _outcome_columns,
    BlockRecord: lambda record: {"run_id": record.run_id, "number": record.block.number},
}
"""The columns beside the record, by its kind."""
