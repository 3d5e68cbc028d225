from hypothesis import given
from hypothesis import strategies as st

from bot.chain.relay_budget import MinuteBudget
from bot.clock import SystemClock
from bot.core.units import Nanoseconds


class SteppedClock(SystemClock):
    def __init__(self):
        self.now = 0

    def monotonic(self):
        return Nanoseconds(self.now)


@given(st.integers(1, 6), st.lists(st.integers(0, 40), max_size=60))
def test_no_minute_ever_sees_more_than_the_limit(limit, pauses):
    clock = SteppedClock()
    budget = MinuteBudget(limit, clock)
    taken = []
    for pause in pauses:
        clock.now += pause * 10**9
        recent = [at for at in taken if clock.now - at < 60 * 10**9]
        assert budget.take() == (len(recent) < limit)
        if len(recent) < limit:
            taken.append(clock.now)
    assert budget.refused == len(pauses) - len(taken)
