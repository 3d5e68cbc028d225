"""Lag: what a frame is late over the least delay, which falls at once and rises by a hundredth of the time."""

from fractions import Fraction

import frame_samples as samples
import pytest
from frame_stage import reader_of
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.feeds.cex.frame_reader import Outcome

SECOND, MILLISECOND = 10**9, 10**6
RISES = 100


class Stream:
    """Quotes of Binance USD-M, one after the other."""

    def __init__(self):
        self.reader, self.count = reader_of("binance-usdm", ["BNBUSDT"]), 0

    def lag(self, sent_ms, received):
        """Of a frame with the exchange's time `sent_ms`."""
        self.count += 1
        frame = samples.USDM_BOOK_TICKER.replace(b"400900217", b"%d" % self.count)
        frame = frame.replace(b"1568014460893", b"%d" % sent_ms)
        assert self.reader.read(frame, received) == Outcome.QUOTE
        return self.reader.quotes[0].lag

    def lag_after(self, delay, received):
        """Of a frame that took `delay`; both whole milliseconds."""
        return self.lag(10**12 + (received - delay) // MILLISECOND, received)


def expected_lag(frames):
    """Of the last of (delay, received): by the plain rule, all frames before it looked at again."""
    delay, received = frames[-1]
    return delay - min(held + Fraction(received - at, RISES) for held, at in frames)


@given(
    steps=st.lists(
        st.tuples(
            st.integers(0, 20_000),
            st.one_of(st.integers(0, 999), st.integers(0, 10**6), st.integers(0, 10**13)),
        ),
        min_size=1,
        max_size=40,
    )
)
@settings(max_examples=150, deadline=None)
def test_lag_is_by_the_plain_rule_to_the_nanosecond(steps):
    stream, frames, received = Stream(), [], 10**15
    for delay_ms, later in steps:
        received += later
        sent = 1_700_000_000_000 - delay_ms
        lag = stream.lag(sent, received)
        frames.append((received - sent * MILLISECOND, received))
        assert lag >= 0
        assert abs(lag - expected_lag(frames)) <= 1


def test_a_backlog_that_grows_slowly_is_seen():
    stream = Stream()
    for tick in range(36_001):  # an hour, ten frames a second, 18 ms later each second
        at = tick * SECOND // 10
        lag = stream.lag(10**12 + tick * 100, 10**15 + at + at * 18 // 1_000)
    assert lag == pytest.approx(8 * 3_600 * MILLISECOND, rel=0.03)


def test_a_stall_is_not_forgotten_by_time():
    stream = Stream()
    assert stream.lag_after(50 * MILLISECOND, 10**15) == 0
    for seconds in range(1, 401):
        lag = stream.lag_after(5_050 * MILLISECOND, 10**15 + seconds * SECOND)
        assert lag == 5_000 * MILLISECOND - seconds * 10 * MILLISECOND
    assert stream.lag_after(5_050 * MILLISECOND, 10**15 + 600 * SECOND) == 0


def test_frames_at_any_rate_let_it_rise_as_fast():
    stream = Stream()
    stream.lag(10**12, 10**15)
    for place in range(1, 3_001):
        stream.lag(10**12, 10**15 + place * 333)
    assert stream.reader.least_delay == 10**15 - 10**18 + 333 * 3_000 // RISES


def test_a_clock_set_back_is_forgiven_after_its_time():
    """Four seconds back, one second allowed: 300 s."""
    stream = Stream()
    stream.lag(10**12, 10**15)
    fresh_from = next(
        seconds
        for seconds in range(1, 10_000)
        if stream.lag(10**12 + seconds * 1_000 - 4_000, 10**15 + seconds * SECOND) <= SECOND
    )
    assert fresh_from == 300


def test_the_next_connection_takes_over_the_least_delay():
    first, second = Stream(), Stream()
    assert first.reader.least_delay is None
    first.lag_after(50 * MILLISECOND, 10**15)
    delay, at = first.reader.least_delay, first.reader.least_delay_at
    assert (delay, at) == (50 * MILLISECOND - 10**18, 10**15)
    second.reader.seed_least_delay(delay, at)
    assert (second.reader.least_delay, second.reader.least_delay_at) == (delay, at)
    assert second.lag_after(5_050 * MILLISECOND, 10**15 + SECOND) == 4_990 * MILLISECOND
    # where both know one, the lesser counts, each as it would be by now
    third = Stream()
    third.lag_after(5_050 * MILLISECOND, 10**15 + 2 * SECOND)
    third.reader.seed_least_delay(delay, at)
    assert third.reader.least_delay == delay + 20 * MILLISECOND
    assert third.reader.least_delay_at == 10**15 + 2 * SECOND
    third.reader.seed_least_delay(delay + SECOND, 10**15 + 3 * SECOND)
    assert third.reader.least_delay == delay + 30 * MILLISECOND
    third.reader.unsync_all()
    assert third.reader.least_delay == delay + 30 * MILLISECOND


def test_a_frame_kept_for_later_takes_nothing_back():
    stream = Stream()
    stream.lag_after(50 * MILLISECOND, 10**15 + 10 * SECOND)
    held = stream.reader.least_delay_at
    assert stream.lag_after(60 * MILLISECOND, 10**15) == 10 * MILLISECOND
    assert stream.reader.least_delay_at == held
    assert stream.lag_after(40 * MILLISECOND, 10**15) == 0
    assert stream.reader.least_delay_at == held


def test_times_at_the_ends_of_63_bits_are_never_quick():
    stream, last = Stream(), (2**63 - 1) // MILLISECOND
    assert stream.lag(last, 10**15) == 0
    assert stream.lag(0, 2**62) == 2**63 - 1
    assert stream.lag(last, 2**62) >= 0
    for delay, at in ((2**63, 0), (2**63 - 1, 0), (-(2**63), 0), (0, -1), (0, 2**63)):
        with pytest.raises(ValueError, match="least delay"):
            stream.reader.seed_least_delay(delay, at)
    stream.reader.seed_least_delay(2**63 - 2, 0)
    assert stream.lag(0, 2**63 - 1) >= 0
