"""Documented frames of each exchange give the values that stand in them."""

import gc
import zlib

import frame_samples as samples
import pytest
from frame_stage import reader_of

from bot.core.market_data import Pair
from bot.feeds.cex.binance_frames import BINANCE
from bot.feeds.cex.bybit_frames import BYBIT
from bot.feeds.cex.frame_reader import FrameReader, Outcome, SymbolSpec

E8 = 10**8
NOW = 10**15


def taken(reader, *frames):
    return [Outcome(reader.read(frame, NOW) & 255) for frame in frames]


def test_binance_spot():
    reader = reader_of("binance", ["BNBUSDT", "BNBBTC"])
    assert reader.read(samples.BINANCE_BOOK_TICKER, NOW) == Outcome.QUOTE
    quote = reader.quotes[0]
    assert quote.best() == (2_535_190_000, 31_21000000, 2_536_520_000, 40_66000000)
    assert (quote.last_id, quote.exchange_time, quote.received) == (400_900_217, None, NOW)
    assert taken(reader, samples.BINANCE_BOOK_TICKER, samples.BINANCE_DEPTH) == [
        Outcome.DUPLICATE,
        Outcome.AWAITS_SNAPSHOT,
    ]
    assert reader.load_snapshot(1, samples.BINANCE_REST, NOW) is Outcome.BOOK
    assert reader.read(samples.BINANCE_COMBINED, NOW) == Outcome.BOOK | 1 << 8
    book = reader.books[1]
    assert book.top(9) == (
        [(240_000, 10 * E8), (230_000, 5 * E8)],
        [(260_000, 100 * E8), (270_000, 6 * E8)],
    )
    assert (book.last_id, book.exchange_time) == (160, 1_672_515_782_136_000_000)
    control = (samples.BINANCE_SHUTDOWN, samples.BINANCE_ACK, samples.BINANCE_ERROR)
    assert set(taken(reader, *control)) == {Outcome.CONTROL}
    assert reader.load_snapshot(1, b'{"code":-1121,"msg":"Invalid symbol."}', NOW) is Outcome.CONTROL


def test_binance_usdm():
    reader = reader_of("binance-usdm", ["BNBUSDT", "BTCUSDT"])
    assert taken(reader, samples.USDM_BOOK_TICKER) == [Outcome.QUOTE]
    assert reader.quotes[0].exchange_time == 1_568_014_460_893_000_000
    assert reader.load_snapshot(1, samples.BINANCE_REST.replace(b"156", b"158"), NOW) is Outcome.BOOK
    assert reader.read(samples.USDM_DEPTH, NOW) == Outcome.BOOK | 1 << 8
    following = samples.USDM_DEPTH.replace(b'"U":157,"u":160,"pu":149', b'"U":171,"u":180,"pu":160')
    assert taken(reader, following) == [Outcome.BOOK]
    assert taken(reader, following.replace(b'"U":171,"u":180,"pu":160', b'"U":191,"u":200,"pu":190')) == [
        Outcome.GAP
    ]


@pytest.mark.parametrize(
    ("snapshot_id", "outcome"),
    [
        (b"148", Outcome.GAP),
        (b"149", Outcome.BOOK),
        (b"156", Outcome.GAP),
        (b"157", Outcome.BOOK),
        (b"160", Outcome.BOOK),
        (b"161", Outcome.DUPLICATE),
    ],
)
def test_the_first_usdm_frame_holds_the_snapshots_id_or_follows_it(snapshot_id, outcome):
    reader = reader_of("binance-usdm", ["BTCUSDT"])
    reader.load_snapshot(0, samples.BINANCE_REST.replace(b"156", snapshot_id), NOW)
    assert taken(reader, samples.USDM_DEPTH) == [outcome]


@pytest.mark.parametrize(
    ("snapshot_id", "outcome"),
    [
        (b"155", Outcome.GAP),
        (b"156", Outcome.BOOK),
        (b"159", Outcome.BOOK),
        (b"160", Outcome.DUPLICATE),
    ],
)
def test_the_first_spot_frame_follows_the_snapshot_without_a_hole(snapshot_id, outcome):
    reader = reader_of("binance", ["BNBBTC"])
    reader.load_snapshot(0, samples.BINANCE_REST.replace(b"156", snapshot_id), NOW)
    assert taken(reader, samples.BINANCE_DEPTH) == [outcome]


def test_coinbase_counts_every_frame_of_the_connection():
    reader = reader_of("coinbase")
    assert taken(reader, samples.COINBASE_SNAPSHOT, samples.COINBASE_HEARTBEAT, samples.COINBASE_UPDATE) == [
        Outcome.BOOK,
        Outcome.CONTROL,
        Outcome.BOOK,
    ]
    book = reader.books[0]
    assert book.top(9) == ([(6_889_950_000_000, 2 * E8)], [(6_890_100_000_000, E8 // 2)])
    assert book.exchange_time == 1_775_572_210_500_000_000
    assert taken(reader, samples.COINBASE_SUBSCRIPTIONS, samples.COINBASE_ERROR) == [Outcome.CONTROL] * 2
    again = samples.COINBASE_HEARTBEAT.replace(b'"sequence_num":1', b'"sequence_num":3')
    lost = samples.COINBASE_HEARTBEAT.replace(b'"sequence_num":1', b'"sequence_num":5')
    assert taken(reader, again, again, lost) == [Outcome.DUPLICATE, Outcome.DUPLICATE, Outcome.SEQUENCE_LOST]
    assert not book.is_synced
    reader.unsync_all()
    assert taken(reader, samples.COINBASE_SNAPSHOT) == [Outcome.BOOK]


@pytest.mark.parametrize("number", [0, 1, 48, 49, 53, 10**17])
def test_a_coinbase_counter_that_jumps_either_way_has_lost_frames(number):
    reader = reader_of("coinbase")
    numbered = [
        samples.COINBASE_SNAPSHOT.replace(b'"sequence_num":0', b'"sequence_num":%d' % at)
        for at in (50, 51, number)
    ]
    assert taken(reader, *numbered) == [Outcome.BOOK, Outcome.BOOK, Outcome.SEQUENCE_LOST]
    assert not reader.books[0].is_synced


def test_kraken():
    reader = reader_of("kraken")
    assert taken(reader, samples.KRAKEN_TICKER) == [Outcome.QUOTE]
    assert reader.quotes[0].best() == (10_594_420_000_000, 250_000_000, 10_594_430_000_000, 320_000_000)
    assert taken(reader, samples.KRAKEN_SNAPSHOT) == [Outcome.CHECKSUM]
    assert not reader.books[0].is_synced
    own = zlib.crc32(b"105944305" + b"10594420136")
    right = samples.KRAKEN_SNAPSHOT.replace(b"2439117997", str(own).encode())
    assert taken(reader, right) == [Outcome.BOOK]
    assert reader.books[0].exchange_time == 1_696_613_755_440_295_000
    control = (samples.KRAKEN_ACK, samples.KRAKEN_REFUSED, samples.KRAKEN_HEARTBEAT, samples.KRAKEN_STATUS)
    assert set(taken(reader, *control)) == {Outcome.CONTROL}


def test_okx_goes_on_over_quiet_frames_and_ids_set_back():
    reader = reader_of("okx")
    assert taken(reader, samples.OKX_BBO) == [Outcome.QUOTE]
    assert reader.quotes[0].best() == (847_697_000_000, 256 * E8, 847_698_000_000, 415 * E8)
    frames = (samples.OKX_SNAPSHOT, samples.OKX_UPDATE, samples.OKX_QUIET, samples.OKX_RESET)
    assert taken(reader, *frames) == [Outcome.BOOK] * 4
    book = reader.books[0]
    assert (book.last_id, book.exchange_time) == (3, 1_597_026_443_285_000_000)
    assert book.top(9) == (
        [(847_697_000_000, 256 * E8), (847_555_000_000, 101 * E8), (847_000_000_000, E8)],
        [(847_700_000_000, 7 * E8)],
    )
    assert taken(reader, samples.OKX_ACK, samples.OKX_ERROR, b"pong") == [Outcome.CONTROL] * 3
    assert taken(reader, samples.OKX_QUIET) == [Outcome.GAP]


@pytest.mark.parametrize("nothing", [b"[]", b"[ ]"])
def test_data_of_nothing_is_nothing(nothing):
    reader = reader_of("okx")
    assert taken(reader, samples.OKX_SNAPSHOT) == [Outcome.BOOK]
    for channel in (b"books", b"bbo-tbt"):
        empty = b'{"arg":{"channel":"%s","instId":"BTC-USDT"},"action":"update","data":%s}' % (
            channel,
            nothing,
        )
        assert taken(reader, empty) == [Outcome.CONTROL]
    assert taken(reader, samples.OKX_UPDATE) == [Outcome.BOOK]
    about = b'{"seqId":123461,"prevSeqId":123460,"asks":[],"bids":[["1","1"]],"ts":"1","data":%s,'
    own = about % nothing + b'"action":"update","arg":{"channel":"books","instId":"BTC-USDT"}}'
    assert taken(reader, own) == [Outcome.CONTROL]
    assert reader.books[0].last_id == 123_460


def test_a_price_twice_in_a_snapshot_has_its_last_size():
    reader = reader_of("okx")
    twice = samples.OKX_SNAPSHOT.replace(b'["8475.55","101","0","1"]', b'["8476.97","9","0","1"]')
    assert taken(reader, twice) == [Outcome.BOOK]
    assert reader.books[0].top(9)[0] == [(847_697_000_000, 9 * E8)]


def test_okx_checksum_is_checked_where_there_is_one():
    reader = reader_of("okx")
    text = b"8476.97:256:8476.98:415:8475.55:101:8477:7"
    crc = zlib.crc32(text)
    signed = str(crc - 2**32 if crc >= 2**31 else crc).encode()
    right = samples.OKX_SNAPSHOT.replace(b'"checksum":0', b'"checksum":' + signed)
    wrong = samples.OKX_SNAPSHOT.replace(b'"checksum":0', b'"checksum":-855196043')
    assert taken(reader, right, wrong) == [Outcome.BOOK, Outcome.CHECKSUM]
    assert not reader.books[0].is_synced


def test_bybit():
    reader = reader_of("bybit")
    assert taken(reader, samples.BYBIT_DELTA, samples.BYBIT_SNAPSHOT, samples.BYBIT_DELTA) == [
        Outcome.AWAITS_SNAPSHOT,
        Outcome.BOOK,
        Outcome.BOOK,
    ]
    book = reader.books[0]
    assert book.top(1) == ([(1_649_300_000_000, E8 // 10)], [(1_661_100_000_000, 2_900_000)])
    assert (book.last_id, book.exchange_time) == (18_521_289, 1_687_940_967_466_000_000)
    assert taken(reader, samples.BYBIT_DELTA, samples.BYBIT_RESTART) == [Outcome.DUPLICATE, Outcome.BOOK]
    assert taken(reader, samples.BYBIT_DELTA) == [Outcome.GAP]
    assert (
        taken(reader, samples.BYBIT_BEST, samples.BYBIT_BEST, samples.BYBIT_BEST_DELTA) == [Outcome.QUOTE] * 3
    )
    assert reader.quotes[0].best() == (2_744_950_000_000, 3 * E8, 2_745_100_000_000, 75_000_000)
    assert taken(reader, samples.BYBIT_ACK, samples.BYBIT_PONG) == [Outcome.CONTROL] * 2
    lost = samples.BYBIT_BEST_DELTA.replace(b"123456790", b"123456792")
    assert taken(reader, lost, samples.BYBIT_BEST_DELTA) == [Outcome.GAP, Outcome.AWAITS_SNAPSHOT]


def test_symbols_and_streams_not_asked_for_are_foreign():
    reader = reader_of("binance", ["ETHUSDT"])
    trade = b'{"stream":"ethusdt@trade","data":{"e":"trade","E":1,"s":"ETHUSDT","t":1,"p":"1.0","q":"1","T":1,"m":true}}'
    assert taken(reader, samples.BINANCE_DEPTH, trade) == [Outcome.FOREIGN] * 2
    assert taken(reader_of("kraken", ["X/Y"]), samples.KRAKEN_SNAPSHOT) == [Outcome.FOREIGN]
    assert taken(reader_of("bybit", ["X"]), samples.BYBIT_SNAPSHOT) == [Outcome.FOREIGN]
    assert taken(reader_of("okx", ["X"]), samples.OKX_SNAPSHOT) == [Outcome.FOREIGN]
    assert taken(reader_of("coinbase", ["X"]), samples.COINBASE_SNAPSHOT) == [Outcome.FOREIGN]


def test_a_book_that_crosses_is_not_synced_any_longer():
    reader = reader_of("bybit")
    crossing = samples.BYBIT_DELTA.replace(b'"16492.50","1.5"', b'"16611.00","1.5"')
    assert taken(reader, samples.BYBIT_SNAPSHOT, crossing) == [Outcome.BOOK, Outcome.CROSSED]
    assert reader.books[0].best() is None


def test_several_books_in_one_frame_stand_for_themselves():
    reader = reader_of("coinbase")
    event = b'{"type":"snapshot","product_id":"%s","updates":[{"side":"bid","price_level":"7","new_quantity":"1"}]}'
    head = b'{"channel":"l2_data","timestamp":"2026-04-07T14:30:00Z","sequence_num":%d,"events":[%s]}'
    both = head % (0, event % b"BTC-USD" + b"," + event % b"ETH-USD")
    assert taken(reader, both) == [Outcome.BOOK]
    assert [book.top(1)[0] for book in reader.books] == [[(7 * E8, E8)]] * 2
    reader.unsync(1)
    broken = both.replace(b'"sequence_num":0', b'"sequence_num":1').replace(b"ETH-USD", b"XXX-USD")
    assert taken(reader, broken) == [Outcome.BOOK]
    late = both.replace(b'"sequence_num":0', b'"sequence_num":2').replace(b"snapshot", b"update")
    assert reader.read(late, NOW) == Outcome.AWAITS_SNAPSHOT | 1 << 8
    assert taken(
        reader, head % (3, event % b"BTC-USD" + b"," + event.replace(b'"7"', b'"-7"') % b"ETH-USD")
    ) == [Outcome.MALFORMED]


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        (b"2026-04-07T14:30:00Z", 1_775_572_200_000_000_000),
        (b"2026-04-07T16:30:00.123456789+02:00", 1_775_572_200_123_456_789),
        (b"2024-02-29T23:59:60Z", 1_709_251_200_000_000_000),
        (b"1970-01-01T00:00:00.000000001Z", 1),
        (b"2000-12-31T00:00:00-11:30", 978_262_200_000_000_000),
        (b"2026-02-29T00:00:00Z", None),
        (b"2026-13-01T00:00:00Z", None),
        (b"2026-04-07 14:30:00Z", None),
        (b"2026-04-07T14:30:00", None),
        (b"2026-04-07T14:30:00.Z", None),
        (b"2026-04-07T14:30:00.1234567890Z", None),
        (b"2026-04-07T24:30:00Z", None),
        (b"1969-12-31T23:59:59Z", None),
        (b"9999-01-01T00:00:00Z", None),
        (b"", None),
    ],
)
def test_times_to_the_nanosecond(text, nanoseconds):
    reader = reader_of("kraken")
    frame = samples.KRAKEN_TICKER.replace(b"2023-10-06T17:35:55.440295Z", text)
    assert taken(reader, frame) == [Outcome.MALFORMED if nanoseconds is None else Outcome.QUOTE]
    if nanoseconds is not None:
        assert reader.quotes[0].exchange_time == nanoseconds


def test_what_reads_keeps_the_books_it_reads_into():
    read = reader_of("binance", ["BNBUSDT"]).read
    gc.collect()
    others = [reader_of("okx") for _ in range(3)]
    assert read(samples.BINANCE_BOOK_TICKER, NOW) == Outcome.QUOTE
    assert read(samples.BINANCE_BOOK_TICKER, NOW) == Outcome.DUPLICATE
    assert not any(one.quotes[0].is_synced for one in others)


@pytest.mark.parametrize(
    ("payload", "received"),
    [
        (bytearray(b"{}"), NOW),
        (memoryview(b"{}"), NOW),
        ("{}", NOW),
        (None, NOW),
        (b"{}", -1),
        (b"{}", 2**63),
        (b"{}", None),
    ],
)
def test_anything_but_bytes_and_a_time_is_refused(payload, received):
    with pytest.raises((TypeError, SystemError), match="frame"):
        reader_of("okx").read(payload, received)


def test_decimals_of_a_symbol_and_contradictions():
    pair = Pair("SHIB", "USDT")
    reader = FrameReader(BINANCE, [SymbolSpec(pair, "BNBUSDT", price_decimals=12, size_decimals=2)], 0)
    frame = samples.BINANCE_BOOK_TICKER.replace(b"31.21000000", b"92233720368547758.07000000000")
    assert reader.read(frame, NOW) == Outcome.QUOTE
    assert reader.quotes[0].best()[:2] == (25_351_900_000_000, 2**63 - 1)
    with pytest.raises(ValueError, match="twice"):
        FrameReader(BINANCE, [SymbolSpec(pair, "X"), SymbolSpec(pair, "X")], 0)
    with pytest.raises(ValueError, match="decimals"):
        FrameReader(BINANCE, [SymbolSpec(pair, "X", price_decimals=19)], 0)
    with pytest.raises(ValueError, match="depth"):
        FrameReader(BYBIT, [SymbolSpec(pair, "X")], 1)
