"""When to send, bid again and cancel: nothing sent on time arrives late, nothing is given up that would arrive."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.execution.send_timing import (
    ROUND_TRIP_PRIOR,
    AimAtNext,
    RouteLatency,
    SendNow,
    TooLate,
    last_cancel,
    rebid_moments,
    when_to_send,
)
from bot.execution.slot_clock import NEVER, ExpectedBlock

SECOND = 10**9
MS = 10**6


def expected(closes_at, interval=12 * SECOND, number=100):
    return ExpectedBlock(number, 0, 0, 0, 0.999, 0.997, 0, closes_at, interval)


TIMES = st.integers(0, 40 * SECOND)
SHORT = st.integers(0, 3 * SECOND)


@given(TIMES, TIMES, SHORT, SHORT, st.one_of(st.none(), st.integers(100, 104)))
def test_sent_or_given_up_for_the_one_reason(closes_at, now, one_way, preparation, last_block):
    block = expected(closes_at)
    decision = when_to_send(block, now, one_way, preparation, last_block)
    arrives = now + preparation + one_way
    assert decision.arrives_at == arrives
    if arrives < closes_at:
        assert isinstance(decision, SendNow)
        assert decision.spare == closes_at - arrives > 0
    elif isinstance(decision, AimAtNext):
        assert block.number < decision.target_block <= last_block
        assert decision.closes_at - block.interval <= arrives < decision.closes_at
    else:
        assert isinstance(decision, TooLate)
        assert decision.closes_at == closes_at
        beyond = 1 + (arrives - closes_at) // block.interval
        assert last_block is None or block.number + beyond > last_block


def test_the_next_of_its_window_is_aimed_at():
    late = 7 * SECOND
    assert when_to_send(expected(5 * SECOND), late, 0, 0) == TooLate(late, 5 * SECOND)
    assert when_to_send(expected(5 * SECOND), late, 0, 0, 100) == TooLate(late, 5 * SECOND)
    assert when_to_send(expected(5 * SECOND), late, 0, 0, 101) == AimAtNext(late, 17 * SECOND, 101)
    assert when_to_send(expected(5 * SECOND), 17 * SECOND, 0, 0, 101) == TooLate(17 * SECOND, 5 * SECOND)


@given(TIMES, SHORT, SHORT)
def test_where_the_chain_waits_it_is_always_time_to_send_and_never_to_bid_again(now, one_way, preparation):
    block = expected(NEVER)
    assert isinstance(when_to_send(block, now, one_way, preparation), SendNow)
    assert rebid_moments(block, now, one_way, preparation) == ()
    assert last_cancel(block, one_way) == NEVER


def test_mainnets_moments_to_bid_again():
    """A slot that starts at 100 s closes at 102.5 s: bids arrive at -0.3, +0.5, +1.0 and +1.5 s of it."""
    found = rebid_moments(expected(102_500 * MS), 95 * SECOND, 40 * MS, 60 * MS)
    assert [(at + 100 * MS - 100 * SECOND) // MS for at in found] == [-300, 500, 1_000, 1_500]


@given(TIMES, TIMES, SHORT, SHORT, st.integers(50 * MS, 30 * SECOND))
def test_every_moment_lies_ahead_in_order_and_arrives_in_time(closes_at, now, one_way, preparation, interval):
    block = expected(closes_at, interval)
    moments = rebid_moments(block, now, one_way, preparation)
    assert list(moments) == sorted(moments)
    for moment in moments:
        assert moment > now
        assert isinstance(when_to_send(block, moment, one_way, preparation), SendNow)
    if interval <= 12 * SECOND and moments:
        assert closes_at - moments[0] - one_way - preparation <= interval * 2_800 // 12_000


@given(TIMES, SHORT)
def test_a_cancellation_arrives_before_the_close_or_is_too_late(closes_at, one_way):
    last = last_cancel(expected(closes_at), one_way)
    assert last + one_way == closes_at


@given(st.lists(st.integers(1, 5 * SECOND), min_size=1, max_size=128))
def test_nine_in_ten_round_trips_are_no_longer_than_what_is_reckoned_with(round_trips):
    latency = RouteLatency()
    for took in round_trips:
        latency.note("relay", took)
    reckoned = latency.one_way_up("relay")
    assert sum(took <= 2 * reckoned for took in round_trips) >= 0.9 * len(round_trips)
    assert any(reckoned == -(-took // 2) for took in round_trips)
    assert sum(took < 2 * reckoned - 1 for took in round_trips) < 0.9 * len(round_trips), (
        "and no more than it takes"
    )


def test_a_route_forgets_and_a_new_one_has_a_prior():
    latency = RouteLatency()
    assert latency.one_way_up("new") == ROUND_TRIP_PRIOR // 2
    assert (latency.slowest_up([]), latency.quickest_up([])) == (0, 0)
    for _ in range(500):
        latency.note("relay", 3 * SECOND)
    for _ in range(128):
        latency.note("relay", 20 * MS)
    assert latency.seen() == {"relay": 10 * MS}
    assert latency.slowest_up(["relay", "new"]) == 100 * MS
    assert latency.quickest_up(["relay", "new"]) == 10 * MS


@pytest.mark.parametrize(("count", "place"), [(1, 1), (2, 2), (9, 9), (10, 9), (11, 10), (20, 18), (100, 90)])
def test_the_ninetieth_percentile_by_rank(count, place):
    latency = RouteLatency()
    for took in range(1, count + 1):
        latency.note("relay", 2 * took)
    assert latency.one_way_up("relay") == place
