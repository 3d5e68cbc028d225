"""A recorded exchange where feed and recording do not agree on the moment: nothing is lost, nothing is invented."""

import pytest

from bot.core.market_data import Pair
from bot.core.units import Nanoseconds
from bot.feeds.cex.config import CexConfig
from bot.feeds.cex.exchange_feed import ExchangeFeed
from bot.feeds.cex.replay import exchange_part
from bot.feeds.cex.venues import VENUES
from bot.feeds.recording_format import Kind, Record, answer_payload, dropped_payload
from bot.feeds.replay_loop import replay

SECOND = 10**9
MILLISECOND = 10**6
UTC = 1_700_000_000 * SECOND
PAIR = Pair("ETH", "USDT")
BYBIT = (
    '{"topic":"orderbook.50.ETHUSDT","type":"%s","ts":%d,"cts":%d,"data":{"s":"ETHUSDT",'
    '"b":[["2683.80","%d"]],"a":[["2683.81","0.5"]],"u":%d,"seq":%d}}'
)


def record(kind, at, payload=b"", connection=1):
    return Record(Kind(kind), connection, Nanoseconds(int(at)), Nanoseconds(int(at) + UTC), payload)


def bybit(kind, at, number, connection=1):
    time = (UTC + int(at)) // MILLISECOND
    return record(Kind.FRAME, at, (BYBIT % (kind, time, time, number, number, number)).encode(), connection)


def session(begin, connection, numbers, first_number=10):
    """Opened, a snapshot, and deltas a tenth of a second apart."""
    at = begin * SECOND
    yield record(Kind.OPENED, at, b"wss://any", connection)
    yield bybit("snapshot", at + MILLISECOND, first_number, connection)
    for step in range(1, numbers):
        yield bybit("delta", at + step * 100 * MILLISECOND, first_number + step, connection)


def followed(records, *, jitter=0.5, venue="bybit", config=None):
    part = exchange_part(VENUES[venue], [PAIR], records, config or CexConfig(), jitter=lambda: jitter)
    [result] = replay([part], is_paced=False)
    return result


@pytest.mark.parametrize("jitter", [0.0, 0.5, 0.999])
def test_a_reconnect_earlier_or_later_than_then_ends_at_the_same_book(jitter):
    """The back-off of the replay is drawn anew: a connection that comes too early is kept until it is asked for."""
    records = [
        *session(1, 1, 20),
        record(Kind.CLOSED, 3 * SECOND, b"the connection was lost"),
        *session(3.05, 2, 40, first_number=500),
    ]
    result = followed(records, jitter=jitter)
    assert result.frames == 60
    assert result.dropped == 0
    [top] = result.tops
    assert top.best[1] == 539 * 10**8
    assert top.stale is None
    assert (result.counters.connections, result.counters.reconnects, result.counters.gaps) == (2, 1, 0)
    assert result.counters.messages == 60


def test_an_attempt_that_failed_then_fails_again():
    records = [
        *session(1, 1, 5),
        record(Kind.CLOSED, 2 * SECOND, b"lost"),
        record(Kind.CLOSED, 3 * SECOND, b"cannot connect", 2),
        record(Kind.CLOSED, 5 * SECOND, b"cannot connect", 3),
        *session(7, 4, 5),
    ]
    result = followed(records)
    assert (result.counters.connections, result.counters.failed_connections) == (2, 2)
    assert result.tops[0].best[1] == 14 * 10**8


def test_frames_may_come_before_the_opening_is_told():
    first, *rest = session(1, 1, 5)
    early = bybit("snapshot", SECOND - MILLISECOND, 9)
    result = followed([early, first, *rest])
    assert result.frames == 6
    assert result.tops[0].best[1] == 14 * 10**8


def test_the_last_end_is_the_end_of_the_recording_and_takes_no_book_away():
    """Another source may have been recorded a moment longer."""
    ended = [*session(1, 1, 5), record(Kind.CLOSED, 1.5 * SECOND, b"stopped")]
    parts = [exchange_part(VENUES["bybit"], [PAIR], one, CexConfig()) for one in (ended, session(1, 1, 30))]
    results = replay(parts, is_paced=False)
    assert [result.frames for result in results] == [5, 30]
    assert [result.tops[0].best[1] for result in results] == [14 * 10**8, 39 * 10**8]
    assert [result.tops[0].stale for result in results] == [None, None]


def test_a_recording_that_begins_in_the_middle_has_no_book_until_a_snapshot():
    middle = [record(Kind.CONTINUED, SECOND, b"wss://any"), *list(session(1, 1, 5))[2:]]
    result = followed(middle)
    assert result.tops[0].best is None
    whole = followed([*middle, bybit("snapshot", 2 * SECOND, 77)])
    assert whole.tops[0].best[1] == 77 * 10**8


def test_after_the_first_files_are_gone_the_books_come_with_the_next_connection():
    """Asked for then by the recorder, beside the one that served: the replay takes it over at once."""
    middle = [record(Kind.CONTINUED, SECOND, b"wss://any"), *list(session(1, 1, 30))[2:]]
    second = list(session(2, 2, 40, first_number=500))
    both = sorted(
        [*middle, *second, record(Kind.CLOSED, 2.5 * SECOND, b"handed over")], key=lambda r: r.received
    )
    result = followed(both)
    assert result.dropped == 0
    assert result.tops[0].best[1] == 539 * 10**8
    assert result.tops[0].stale is None
    assert (result.counters.hand_overs, result.counters.reconnects) == (1, 0)


def test_what_the_disk_did_not_take_is_told_and_shows_as_a_gap():
    records = list(session(1, 1, 9))
    records[4:6] = [record(Kind.DROPPED, records[4].received, dropped_payload(2), 0)]
    result = followed(records)
    assert result.dropped == 2
    assert result.counters.gaps == 1
    assert result.tops[0].best is None


def test_frames_of_a_connection_nobody_asks_for_are_bounded(monkeypatch):
    monkeypatch.setattr("bot.feeds.cex.replay.HELD_BYTES", 1000)
    monkeypatch.setattr(ExchangeFeed, "renew", lambda _feed, _reason: None)
    result = followed([*session(1, 1, 5), *session(1.2, 2, 50), bybit("delta", 9 * SECOND, 15)])
    assert result.frames == 56
    assert result.dropped == 50 - 1000 // len(bybit("delta", 9 * SECOND, 15).payload)
    assert result.counters.connections == 1


def test_an_answer_is_the_next_one_to_the_same_request():
    """Binance asks by REST: the first answer is too old, the second joins."""
    depth = (
        '{"stream":"ethusdt@depth@100ms","data":{"e":"depthUpdate","E":%d,"s":"ETHUSDT","U":%d,"u":%d,'
        '"b":[["2683.80","%d"]],"a":[["2683.81","1"]]}}'
    )
    book = '{"lastUpdateId":%d,"bids":[["2683.80","1"]],"asks":[["2683.81","1"]]}'
    url = "http://127.0.0.1:1/binance" + VENUES["binance"].snapshot.path.format(symbol="ETHUSDT")
    other = url.replace("ETHUSDT", "BTCUSDT")

    def answer(at, url, status, body):
        return record(Kind.ANSWER, at, answer_payload(status, url, body), 0)

    def update(at, number):
        time = (UTC + int(at)) // MILLISECOND
        return record(Kind.FRAME, at, (depth % (time, number, number, number)).encode())

    records = [
        record(Kind.OPENED, SECOND, b"wss://any"),
        *(update(SECOND + n * 100 * MILLISECOND, 100 + n) for n in range(1, 5)),
        answer(1.45 * SECOND, other, 200, (book % 104).encode()),
        answer(1.46 * SECOND, url, 200, (book % 90).encode()),
        *(update(SECOND + n * 100 * MILLISECOND, 100 + n) for n in range(5, 30)),
        answer(3.95 * SECOND, url, 503, b"busy"),
        answer(4.45 * SECOND, url, 200, (book % 129).encode()),
        *(update(SECOND + n * 100 * MILLISECOND, 100 + n) for n in range(30, 50)),
    ]
    result = followed(sorted(records, key=lambda one: one.received), venue="binance")
    counters = result.counters
    assert (counters.snapshots_fetched, counters.snapshots_too_old, counters.gaps) == (3, 1, 0)
    assert result.tops[0].best[1] == 149 * 10**8
