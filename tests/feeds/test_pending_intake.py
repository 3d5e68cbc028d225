"""A source that fails is told of at once and followed again after a pause, and the other one goes on meanwhile."""

import asyncio

import pytest
from structlog.testing import capture_logs

from bot.clock import SystemClock
from bot.core.pending import PendingSeen
from bot.feeds.pending_events import HintsComplete, PendingConfig
from bot.feeds.pending_intake import FIRST_PAUSE, LONGEST_PAUSE, PendingIntake
from bot.feeds.pending_stream import Ended, PendingStream
from tests.chain.waiting import until


class QuickClock(SystemClock):
    def __init__(self):
        self.slept = []

    async def sleep(self, duration):
        self.slept.append(duration)
        await asyncio.sleep(0)


def seen(name):
    return PendingSeen("node", name.encode() * 32, 0)


class Feed:
    """Each iteration is one script: events, then an exception, the end, or silence (None)."""

    def __init__(self, *scripts):
        self.scripts, self.is_closed = list(scripts), False

    async def events(self):
        events, end = self.scripts.pop(0)
        for event in events:
            yield event
        if isinstance(end, Exception):
            raise end
        if end is None:
            await asyncio.Event().wait()

    async def close(self):
        self.is_closed = True


def taken(intake):
    names = []
    while (one := intake.take()) is not None:
        names.append(one.hash[:1].decode())
    return names


@pytest.fixture
async def running():
    tasks = []

    def start(intake):
        tasks.append(asyncio.create_task(intake.run()))
        return tasks[-1]

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_reader_that_raises_is_told_of_and_started_again(running):
    broken = ZeroDivisionError("a defect")
    bad = Feed(([seen("a")], broken), ([], broken), ([seen("b")], broken), ([seen("c")], None))
    good, clock = Feed(([seen("x")], None)), QuickClock()
    intake = PendingIntake([bad, good], clock)
    with capture_logs() as logged:
        task = running(intake)
        await until(lambda: not bad.scripts)
        await until(lambda: len(intake._waiting) == 4)
    assert sorted(taken(intake)) == ["a", "b", "c", "x"]
    told = [one for one in logged if one["event"] == "pending.reader_failed"]
    assert [one["error"] for one in told] == ["ZeroDivisionError('a defect')"] * 3
    assert clock.slept == [FIRST_PAUSE // 2, FIRST_PAUSE, FIRST_PAUSE // 2], (
        "doubled, and anew after an event"
    )
    assert not task.done()
    assert not bad.is_closed


async def test_pauses_are_bounded(running):
    clock = QuickClock()
    feed = Feed(*[([], ValueError("always"))] * 30, ([], None))
    with capture_logs():
        running(PendingIntake([feed], clock))
        await until(lambda: not feed.scripts)
    assert max(clock.slept) == LONGEST_PAUSE // 2
    assert len(clock.slept) == 30


async def test_a_source_that_ends_does_not_end_silently(running):
    with capture_logs() as logged:
        task = running(PendingIntake([Feed(([seen("a")], "the end"))], QuickClock()))
        await task
    assert [one["event"] for one in logged] == ["pending.reader_ended"]


async def test_hints_go_on_in_lockstep(running):
    hints = Feed(([], OSError("odd")), ([seen("h"), HintsComplete(7)], None))
    intake = PendingIntake([], QuickClock(), in_lockstep=True, hints=hints)
    with capture_logs():
        running(intake)
        assert [one.hash[:1] for one in await intake.before(7)] == [b"h"]


async def test_a_stream_whose_connection_fails_by_a_defect_can_be_followed_again(running):
    served = []

    async def serve():
        served.append(1)
        if len(served) == 1:
            raise ZeroDivisionError("a defect")
        stream.put_seen(seen("s"))
        await asyncio.Event().wait()
        return Ended("never")

    clock = QuickClock()
    stream = PendingStream("node", serve, clock, PendingConfig(), lambda: 0.5)
    intake = PendingIntake([stream], clock)
    with capture_logs() as logged:
        task = running(intake)
        await asyncio.wait_for(intake.arrived(), 10)
    assert taken(intake) == ["s"]
    assert [one["event"] for one in logged] == ["pending.reader_failed"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert stream._running is None
