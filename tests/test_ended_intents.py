"""An outbid intent is recorded once, with what its rival paid, when nothing waits any more; all others at once."""

import asyncio
from types import SimpleNamespace

import pytest
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
