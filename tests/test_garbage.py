"""Automatic collections are off while the loop runs, what stood before is frozen, and garbage goes all the same."""

import asyncio
import gc
import weakref

import pytest

from bot import garbage
from bot.garbage import MOST_WAITING, WHOLE_EVERY, Garbage


class Recorded:
    """Takes note of each call; `waiting` is what the guard is told."""

    def __init__(self):
        self.calls = []
        self.waiting = 0

    def collect(self, generation=2):
        self.calls.append(f"collect {generation}")
        return 0

    def get_count(self):
        return (self.waiting, 0, 0)

    def __getattr__(self, name):
        return lambda: self.calls.append(name)


def test_the_order_of_a_run():
    seen = Recorded()
    held = Garbage(seen)
    with held.held():
        assert seen.calls == ["collect 2", "freeze", "disable"], (
            "the start's garbage goes before it is frozen in"
        )
        held.between_blocks()
        assert seen.calls[3:] == ["collect 1"]
    assert seen.calls[4:] == ["enable", "unfreeze"]


def test_python_collects_again_after_a_run_that_failed():
    seen = Recorded()
    with pytest.raises(ZeroDivisionError), Garbage(seen).held():
        raise ZeroDivisionError
    assert seen.calls[-2:] == ["enable", "unfreeze"]


def test_all_generations_have_their_turn():
    seen = Recorded()
    held = Garbage(seen)
    for _ in range(3 * WHOLE_EVERY):
        held.between_blocks()
    assert seen.calls.count("collect 2") == 3
    assert seen.calls.count("collect 1") == 3 * WHOLE_EVERY - 3


async def test_the_guard_collects_when_nobody_else_does():
    seen, naps = Recorded(), []

    async def nap(seconds):
        naps.append(seconds)
        seen.waiting = (0, MOST_WAITING, MOST_WAITING + 1, 0)[len(naps) - 1] if len(naps) < 5 else 0
        if len(naps) == 5:
            raise asyncio.CancelledError

    held = Garbage(seen, nap)
    with pytest.raises(asyncio.CancelledError):
        await held.guard()
    assert (seen.calls, held.by_guard) == (["collect 1"], 1)
    assert set(naps) == {garbage.GUARD_EVERY_S}


class Knot:
    """Refers to itself: only a collection frees it."""

    def __init__(self):
        self.me = self


def test_the_true_collector_takes_what_a_block_left_and_counts_while_it_is_off():
    held = Garbage()
    with held.held():
        assert not gc.isenabled()
        assert gc.get_freeze_count() > 0
        left = weakref.ref(Knot())
        kept = [[] for _ in range(5_000)]
        assert left() is not None, "nothing was collected behind our back"
        assert gc.get_count()[0] > len(kept), "what the guard looks at goes on counting"
        held.between_blocks()
        assert left() is None
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
