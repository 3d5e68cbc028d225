"""Verdicts as they come: the budget is free at once, the record is written beside the next intent, bids learn of it.

A crash in between leaves an intent open whose end the next start asks the chain for, its budget reserved.
"""

import asyncio
from collections.abc import Awaitable

import msgspec
import structlog

from bot.carry_out import TickDeps
from bot.core.decisions import Plan
from bot.core.ports import ChainReader
from bot.core.records import LedgerEntry, OutcomeRecord
from bot.core.result import Ok
from bot.core.units import Nanoseconds, Wei
from bot.execution.maintenance import Settled
from bot.execution.second_look import is_worth_a_look, second_look

log = structlog.get_logger()

LOOK_LIMIT = Nanoseconds(2 * 10**9)
"""For all the reads of one second look."""


class EndedIntents:
    """Of one loop."""

    def __init__(self, deps: TickDeps) -> None:
        self._deps = deps
        self._ended: list[OutcomeRecord] = []
        """Outcomes that count already and are still to be recorded: of this block alone."""
        self._untold: list[OutcomeRecord] = []
        self._to_look_at: list[tuple[Plan, OutcomeRecord]] = []
        """Outcomes that count already, of which the block still tells more: recorded when that is read."""

    def settle(self, settled: Settled) -> None:
        plan, outcome, deps = settled.plan, settled.outcome, self._deps
        landed = outcome.verdict == "landed"
        now = deps.clock.utc()
        bid = plan.payment if landed else Wei(0)
        record = OutcomeRecord(deps.run_id, plan.wallet, outcome, bid, now)
        if is_worth_a_look(outcome):
            self._to_look_at.append((plan, record))
        else:
            self._take(plan, record)
        deps.ledger.settle(
            LedgerEntry(
                intent=plan.id,
                wallet=plan.wallet,
                strategy=plan.strategy,
                verdict=outcome.verdict,
                gas_cost=outcome.gas_cost or Wei(0),
                realized_profit=Wei(outcome.realized_profit) if outcome.realized_profit is not None else None,
                recorded_at=now,
            )
        )

    async def look_again(self, reader: ChainReader) -> None:
        """When nothing waits any more: what rivals paid. A read that fails, hangs or raises leaves the verdict as it was.

        It is a look at others, and ends neither the run nor another's outcome.
        """
        due = self._to_look_at[:]
        looks = [self._second_look(reader, plan, record) for plan, record in due]
        for (plan, record), seen in zip(
            due, await asyncio.gather(*looks, return_exceptions=True), strict=True
        ):
            if isinstance(seen, BaseException):
                log.error("intent.not_looked_at", id=plan.id, error=repr(seen), exc_info=seen)
            self._take(plan, record if isinstance(seen, BaseException) else seen)
        del self._to_look_at[: len(due)]
        await self.record()

    async def _second_look(self, reader: ChainReader, plan: Plan, record: OutcomeRecord) -> OutcomeRecord:
        seen = await self._deps.clock.within(LOOK_LIMIT, second_look(reader, plan, record.outcome))
        return msgspec.structs.replace(record, outcome=seen.value) if isinstance(seen, Ok) else record

    def _take(self, plan: Plan, record: OutcomeRecord) -> None:
        self._ended.append(record)
        self._deps.bids.ended(plan, record.outcome)

    def records(self) -> list[Awaitable[None]]:
        """To be awaited; each is given out once."""
        ended, self._ended = self._ended, []
        self._untold += ended
        return [self._deps.journal.record_outcome(record) for record in ended]

    async def record(self) -> None:
        """What no intent took along; then the log is told, which no bundle waits for."""
        await asyncio.gather(*self.records())
        for record in self._untold:
            outcome = record.outcome
            log.info("intent.ended", id=outcome.intent, verdict=outcome.verdict.value, reason=outcome.reason)
        self._untold.clear()
