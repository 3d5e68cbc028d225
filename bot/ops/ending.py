"""What the journal knows of one intent's end, worked out once: for its story and for the report."""

from collections.abc import Sequence

import msgspec

from bot.core.cost_terms import CostTerms
from bot.core.decisions import Rival
from bot.core.identity import to_checksum
from bot.core.records import AttemptRecord
from bot.core.units import Gas, Nanoseconds
from bot.costs.cost_model import CostError, cost_error
from bot.execution.reconciliation import predicted_terms
from bot.execution.rival import Shortfall, shortfall
from bot.journal.read import Story

FOREIGN_CLOCK = Nanoseconds(60 * 10**9)
"""A block time further from the sending than this is not of our clock: the local market keeps its own."""


class Ending(msgspec.Struct, frozen=True):
    """All None while the intent is open, and for a plan that was dropped."""

    verdict: str | None = None
    reason: str | None = None
    builder: str | None = None
    """Checksummed."""
    builder_name: str | None = None
    late_by: int | None = None
    """Nanoseconds."""
    rival: Rival | None = None
    shortfall: Shortfall | None = None
    """By the gas of our last simulation."""
    predicted: CostTerms | None = None
    paid: CostTerms | None = None
    """Mined only; None also in journals from before these were kept."""
    error: CostError | None = None


def ending_of(story: Story) -> Ending:
    """By the last outcome recorded."""
    if not story.outcomes:
        return Ending()
    outcome, intent = story.outcomes[-1].outcome, story.intent
    simulation = None if intent is None else intent.simulation
    predicted = None if simulation is None else predicted_terms(story.plan, simulation)
    rival = outcome.rival
    short = None
    if rival is not None and simulation is not None:
        short = shortfall(story.plan, rival, Gas(max(1, simulation.gas_used)))
    return Ending(
        verdict=outcome.verdict.value,
        reason=outcome.reason,
        builder=None if outcome.builder is None else to_checksum(outcome.builder),
        builder_name=None if outcome.builder is None else outcome.builder_name,
        late_by=outcome.late_by,
        rival=rival,
        shortfall=short,
        predicted=predicted,
        paid=outcome.costs,
        error=None if predicted is None or outcome.costs is None else cost_error(predicted, outcome.costs),
    )


def last_words(story: Story) -> Sequence[AttemptRecord]:
    """Of each route for each block, in the order of sending.

    An attempt is on disk before it is made and again when the route has spoken.
    """
    return tuple({(one.target_block, one.route): one for one in story.attempts}.values())


def sent_into_slot(story: Story, attempt: AttemptRecord) -> Nanoseconds | None:
    """After the time of the target block by the wall clock; below zero: before it.

    None where that clock is not ours, or the attempt was for a later block than the one simulated.
    """
    environment = None if story.intent is None else story.intent.simulation.environment
    if environment is None or environment.number != attempt.target_block:
        return None
    offset = attempt.sent_at - environment.timestamp * 10**9
    return Nanoseconds(offset) if abs(offset) <= FOREIGN_CLOCK else None
