"""An outbid intent is recorded once, with what its rival paid, when nothing waits any more; all others at once."""

import asyncio
from types import SimpleNamespace

import pytest
import structlog
from plan_samples import plan

from bot.core.decisions import Outcome, Rival, Verdict
from bot.core.identity import keccak
from bot.core.result import Ok, Unknown
from bot.ended_intents import EndedIntents
from bot.execution.maintenance import Settled

LANDED = Outcome("", Verdict.LANDED, "landed")
LOST = Outcome("", Verdict.OUTBID, "he took it", rival=Rival(keccak(b"taken"), bytes(20), 0, 1, None, None))


class Stage:
    """What was recorded, and what bids learned of, in order."""

    def __init__(self, *, hangs=False):
        self.recorded, self.learned, self.hangs = [], [], hangs
        deps = SimpleNamespace(
            run_id="run",
            clock=self,
            journal=self,
            ledger=SimpleNamespace(settle=lambda entry: None),
            bids=SimpleNamespace(ended=lambda _plan, outcome: self.learned.append(outcome.verdict)),
        )
        self.ended = EndedIntents(deps)

    def utc(self):
        return 1

    async def within(self, limit, work):
        if self.hangs:
            work.close()
            return Unknown(f"no answer within {limit}")
        return Ok(await work)

    async def record_outcome(self, record):
        self.recorded.append(record.outcome)

    async def receipt(self, tx):
        return Unknown("silence")


@pytest.mark.parametrize("hangs", [False, True])
async def test_the_second_look_is_recorded_once_and_off_the_path(hangs):
    stage = Stage(hangs=hangs)
    stage.ended.settle(Settled(plan(), LANDED))
    stage.ended.settle(Settled(plan(), LOST))
    assert stage.learned == [Verdict.LANDED], "what a rival paid is worth learning from"
    await asyncio.gather(*stage.ended.records())
    assert stage.recorded == [LANDED]
    for _ in range(2):
        await stage.ended.look_again(stage)
    assert stage.learned == [Verdict.LANDED, Verdict.OUTBID]
    [_, lost] = stage.recorded
    assert (lost.verdict, lost.rival) == (Verdict.OUTBID, LOST.rival)
    told = "he took it" if hangs else "he took it; what he paid the builder could not be read: silence"
    assert lost.reason == told


async def test_a_look_that_raises_is_one_intents_alone():
    stage, answers = Stage(), [ZeroDivisionError("no divisor"), Unknown("silence")]

    async def receipt(_):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    stage.receipt = receipt
    stage.ended.settle(Settled(plan(b"one"), LOST))
    stage.ended.settle(Settled(plan(b"two"), LOST))
    with structlog.testing.capture_logs() as logged:
        await stage.ended.look_again(stage)
        await stage.ended.look_again(stage)
    assert stage.recorded[0] == LOST, "as it was"
    assert stage.recorded[1].reason.endswith("could not be read: silence")
    assert stage.learned == [Verdict.OUTBID] * 2
    assert [(one["event"], one["error"]) for one in logged if "error" in one] == [
        ("intent.not_looked_at", "ZeroDivisionError('no divisor')")
    ]


async def test_what_ends_during_a_look_is_looked_at_next():
    stage, asked = Stage(), []

    async def receipt(tx):
        if not asked:
            stage.ended.settle(Settled(plan(b"two"), LOST))
        asked.append(tx)
        return Unknown("silence")

    stage.receipt = receipt
    stage.ended.settle(Settled(plan(b"one"), LOST))
    await stage.ended.look_again(stage)
    assert (len(asked), len(stage.recorded)) == (1, 1)
    await stage.ended.look_again(stage)
    assert (len(asked), len(stage.recorded)) == (2, 2)
