"""Budgets of attempts, messages and weight; when a lost book is asked for; messages a second."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.feeds.cex.book_recovery import BookRecovery
from bot.feeds.cex.config import CexConfig
from bot.feeds.cex.message_rate import MessageRate
from bot.feeds.cex.outbox import Outbox
from bot.feeds.cex.rate_budget import RateBudget
from bot.feeds.cex.transport import Declined, retry_after, unsafe_url

SECOND = 10**9
WAITED = []
CONFIG = CexConfig(first_resync=SECOND, longest_resync=8 * SECOND, book_limit=15 * SECOND, steady=30 * SECOND)


@given(
    allowed=st.integers(1, 12),
    per=st.integers(1, 50),
    wishes=st.lists(st.tuples(st.integers(0, 30), st.integers(1, 12)), min_size=20, max_size=60),
)
@settings(max_examples=200, deadline=None)
def test_no_window_holds_more_than_is_allowed_and_none_waits_longer_than_it_must(allowed, per, wishes):
    budget, now, taken = RateBudget(allowed, per), 0, []
    for pause, wished in wishes:
        weight = min(wished, allowed)
        now += pause
        wait = budget.wait(now, weight)
        if wait:
            WAITED.append(wait)
            earlier = now + wait - 1  # one nanosecond sooner it would not have fitted
            assert sum(w for at, w in taken if earlier - per <= at <= earlier) + weight > allowed
            now += wait
        assert budget.wait(now, weight) == 0
        budget.take(now, weight)
        taken.append((now, weight))
    for start, _ in taken:
        assert sum(weight for at, weight in taken if start <= at <= start + per) <= allowed


def test_the_sweep_of_budgets_waited_often():
    test_no_window_holds_more_than_is_allowed_and_none_waits_longer_than_it_must()
    assert len(WAITED) > 200


def test_more_than_the_whole_budget_waits_for_an_empty_window():
    budget = RateBudget(10, 100)
    assert budget.wait(0, 50) == 0
    budget.take(0, 1)
    assert budget.wait(0, 50) == 101


def test_a_hold_is_kept_and_never_shortened():
    budget = RateBudget(10, 100)
    budget.hold(500)
    budget.hold(300)
    assert budget.wait(100) == 400
    assert budget.wait(500) == 0


def test_a_ping_goes_before_everything_else_and_always_has_room():
    outbox = Outbox(4, SECOND)
    outbox.add([b"1", b"2", b"3", b"4", b"5"])
    assert [outbox.take(0) for _ in range(4)] == [b"1", b"2", b"3", None]
    outbox.add_ping()
    outbox.add_ping()
    assert outbox.take_ping(0)
    assert not outbox.take_ping(0)
    assert outbox.take(SECOND) is None
    assert outbox.next_time(SECOND) == SECOND + 1
    assert outbox.take(SECOND + 1) == b"4"
    assert outbox.take(SECOND + 1) == b"5"
    assert outbox.next_time(SECOND + 1) is None


def test_a_lost_book_is_asked_for_at_once_and_then_later_each_time():
    recovery, now = BookRecovery(2, CONFIG, lambda: 0.999), 0
    for index in (0, 1):
        recovery.asked(index, now)
        assert not recovery.arrived(index, now)
    assert recovery.awaited == set()
    waits = []
    for _ in range(6):
        now += SECOND
        due = recovery.lost(1, now)
        assert recovery.awaited == {1}
        assert recovery.due(due - 1) == []
        assert recovery.due(due) == [1]
        waits.append(round((due - now) / SECOND))
        now = due
        recovery.asked(1, now)
        assert recovery.arrived(1, now)
    assert waits == [0, 1, 2, 4, 8, 8]
    now += CONFIG.steady
    assert recovery.lost(1, now) == now  # a steady time has earned it
    assert recovery.states[0].attempts == 1


def test_a_book_that_does_not_come_is_due_after_its_limit_and_exhausted_in_the_end():
    recovery = BookRecovery(1, CONFIG, lambda: 0.0)
    now = asked = 0
    for _ in range(CONFIG.book_attempts):
        assert recovery.exhausted() is None
        recovery.asked(0, asked)
        assert recovery.next_time() == asked + CONFIG.book_limit
        assert recovery.due(asked + CONFIG.book_limit - 1) == []
        now = asked + CONFIG.book_limit
        assert recovery.due(now) == []  # its back-off comes first
        asked = recovery.next_time()
        assert asked > now
        assert recovery.due(asked) == [0]
    assert recovery.exhausted() == 0


def test_a_refused_book_is_not_awaited_and_never_due():
    recovery = BookRecovery(1, CONFIG, lambda: 0.0)
    recovery.asked(0, 0)
    recovery.refuse(0, "unknown symbol")
    recovery.lost(0, SECOND)
    assert recovery.awaited == set()
    assert recovery.next_time() is None
    assert recovery.refusal(0) == "unknown symbol"


def test_the_rate_is_that_of_the_last_ten_seconds():
    rate = MessageRate()
    assert rate.per_second(0, 0) == 0
    count = 0
    for second in range(30):
        count += 5 if second < 15 else 100
        rate.sample(second * SECOND, count)
    assert rate.per_second(29 * SECOND, count) == pytest.approx(100)
    assert rate.per_second(39 * SECOND, count) == 0


@pytest.mark.parametrize(
    ("url", "is_safe"),
    [
        ("wss://ws.kraken.com/v2", True),
        ("https://api.binance.com", True),
        ("ws://127.0.0.1:9000", True),
        ("ws://localhost:9000", True),
        ("http://[::1]:9000", True),
        ("ws://ws.kraken.com", False),
        ("http://10.0.0.1", False),
        ("ws://127.0.0.1.example.org", False),
        ("ws://localhost.example.org", False),
        ("ftp://127.0.0.1", False),
        ("wss://", False),
        ("", False),
    ],
)
def test_only_this_machine_goes_without_tls(url, is_safe):
    assert (unsafe_url(url) is None) == is_safe


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        (" 120 ", 120),
        (None, None),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("²", None),
        ("9" * 9, None),
    ],
)
def test_retry_after_in_seconds(header, seconds):
    assert retry_after(header) == (None if seconds is None else seconds * SECOND)


def test_a_refusal_is_shown_on_one_line():
    assert str(Declined(429, None, b"too\nmany \xff requests")) == "HTTP 429: too many � requests"
