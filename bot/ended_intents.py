"""Verdicts as they come: the budget is free at once, the record is written beside the next intent, bids learn of it.

A crash in between leaves an intent open whose end the next start asks the chain for, its budget reserved.
"""

import asyncio
from collections.abc import Awaitable

import structlog

from bot.carry_out import TickDeps
from bot.core.records import LedgerEntry, OutcomeRecord
from bot.core.units import Wei
from bot.execution.maintenance import Settled

log = structlog.get_logger()


class EndedIntents:
    """Of one loop."""

    def __init__(self, deps: TickDeps) -> None:
        self._deps = deps
        self._ended: list[OutcomeRecord] = []
        """Outcomes that count already and are still to be recorded: of this block alone."""
        self._untold: list[OutcomeRecord] = []

    def settle(self, settled: Settled) -> None:
        plan, outcome, deps = settled.plan, settled.outcome, self._deps
        landed = outcome.verdict == "landed"
        now = deps.clock.utc()
        bid = plan.payment if landed else Wei(0)
        self._ended.append(OutcomeRecord(deps.run_id, plan.wallet, outcome, bid, now))
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
        deps.bids.ended(plan, outcome)

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
