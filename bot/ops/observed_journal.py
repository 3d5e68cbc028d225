"""The journal with an onlooker: what is recorded is shown, and nothing is shown that was not recorded."""

from bot.core.ports import Journal
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
from bot.ops.run_progress import RunProgress


class ObservedJournal:
    """core.ports.Journal: everything goes to the journal first, then to the onlooker."""

    def __init__(self, journal: Journal, progress: RunProgress) -> None:
        self._journal = journal
        self._progress = progress

    async def record_run(self, run: RunRecord) -> None:
        await self._journal.record_run(run)

    async def record_intent(self, intent: IntentRecord) -> None:
        await self._journal.record_intent(intent)
        self._progress.on_intent(intent)

    async def record_drop(self, drop: DropRecord) -> None:
        await self._journal.record_drop(drop)
        self._progress.on_drop(drop)

    async def record_payload(self, payload: PayloadRecord) -> None:
        await self._journal.record_payload(payload)

    async def record_attempt(self, attempt: AttemptRecord) -> None:
        await self._journal.record_attempt(attempt)

    async def record_outcome(self, outcome: OutcomeRecord) -> None:
        await self._journal.record_outcome(outcome)
        self._progress.on_outcome(outcome)

    async def record_block(self, block: BlockRecord) -> None:
        await self._journal.record_block(block)
        self._progress.on_block(block)

    async def open_intents(self) -> list[OpenIntent]:
        return await self._journal.open_intents()

    async def ledger_entries(self, since: Nanoseconds) -> list[LedgerEntry]:
        return await self._journal.ledger_entries(since)
