"""Prices and sizes are exact, or said not to be: a number beyond a symbol's scale costs that symbol alone."""

import zlib

import frame_samples as samples
import pytest
from frame_stage import reader_of

from bot.core.market_data import Pair
from bot.feeds.cex.binance_frames import BINANCE
from bot.feeds.cex.coinbase_frames import COINBASE
from bot.feeds.cex.frame_reader import FrameReader, Outcome, SymbolSpec

NOW = 10**15
FINE = (
    b"8476.970000001",
    b"0.000000000000000000000001",
    b"92233720368.54775808",
    b"9" * 40,
    b"0" + b"." + b"0" * 70 + b"1",
)
"""None of them fits eight decimals in 63 bits."""


def taken(reader, *frames):
    return [Outcome(reader.read(frame, NOW) & 255) for frame in frames]


@pytest.mark.parametrize(
    ("price", "outcome"),
    [
        (b'"25.3519"', Outcome.QUOTE),
        (b"25.3519", Outcome.QUOTE),
        (b'"0.00000001"', Outcome.QUOTE),
        (b'"92233720368.54775807"', Outcome.QUOTE),
        (b'"25.350000000000000000000000000000000"', Outcome.QUOTE),
        (b'"92233720368.54775808"', Outcome.INEXACT),
        (b'"0.000000001"', Outcome.INEXACT),
        (b'"0.0000000000000000000000001"', Outcome.INEXACT),
        (b'"123456789012345678901234567890"', Outcome.INEXACT),
        (b'"1234567890123456789.5"', Outcome.INEXACT),
        (b'"1.234567890123456789012345"', Outcome.INEXACT),
        (b'"12345678901234567890x"', Outcome.MALFORMED),
        (b'"1234567890.1234567890.1"', Outcome.MALFORMED),
        (b'"1234567890.12345678e9"', Outcome.MALFORMED),
        (b'"-1"', Outcome.MALFORMED),
        (b'"+1"', Outcome.MALFORMED),
        (b'"1e5"', Outcome.MALFORMED),
        (b"1e5", Outcome.MALFORMED),
        (b'"1."', Outcome.MALFORMED),
        (b'".5"', Outcome.MALFORMED),
        (b'""', Outcome.MALFORMED),
        (b'"01"', Outcome.MALFORMED),
        (b'" 1"', Outcome.MALFORMED),
        (b'"NaN"', Outcome.MALFORMED),
        (b"NaN", Outcome.MALFORMED),
        (b"Infinity", Outcome.MALFORMED),
        (b"null", Outcome.MALFORMED),
        (b"true", Outcome.MALFORMED),
        (b'"1.2.3"', Outcome.MALFORMED),
        (b'{"b":1}', Outcome.MALFORMED),
    ],
)
def test_numbers_are_exact_or_refused(price, outcome):
    reader = reader_of("binance", ["BNBUSDT"])
    frame = samples.BINANCE_BOOK_TICKER.replace(b'"25.35190000"', price)
    assert taken(reader, frame) == [outcome]
    if outcome is Outcome.QUOTE:
        digits = price.strip(b'"').decode()
        whole, _, fraction = digits.partition(".")
        assert reader.quotes[0].best()[0] == int(whole + fraction[:8].ljust(8, "0"))


@pytest.mark.parametrize("fine", FINE)
@pytest.mark.parametrize(
    ("name", "before", "update", "number"),
    [
        ("okx", samples.OKX_SNAPSHOT, samples.OKX_RESET.replace(b"123460", b"123456"), b"8470"),
        ("okx", samples.OKX_SNAPSHOT, samples.OKX_SNAPSHOT, b"8475.55"),
        ("okx", samples.OKX_SNAPSHOT, samples.OKX_SNAPSHOT, b"101"),
        ("bybit", samples.BYBIT_SNAPSHOT, samples.BYBIT_DELTA, b"16492.50"),
        ("bybit", samples.BYBIT_SNAPSHOT, samples.BYBIT_DELTA, b"1.5"),
        (
            "coinbase",
            samples.COINBASE_SNAPSHOT,
            samples.COINBASE_UPDATE.replace(b'"sequence_num":2', b'"sequence_num":1'),
            b"68899.50",
        ),
        (
            "kraken",
            samples.KRAKEN_SNAPSHOT.replace(b"2439117997", b"%d" % zlib.crc32(b"105944305" + b"10594420136")),
            samples.KRAKEN_SNAPSHOT.replace(b"snapshot", b"update"),
            b"0.136",
        ),
    ],
)
def test_a_book_with_a_number_beyond_its_scale_is_told_by_its_symbol(name, before, update, number, fine):
    reader = reader_of(name)
    other = reader_of(name)
    assert taken(reader, before) == taken(other, before) == [Outcome.BOOK]
    assert number in update
    assert taken(reader, update.replace(number, fine)) == [Outcome.INEXACT]
    assert not reader.books[0].is_synced
    held, kept = (
        [one.last_id, one.received, one.bid_count, one.ask_count] for one in (reader.books[0], other.books[0])
    )
    assert held == kept, "half applied"
    assert taken(reader, before.replace(b'"sequence_num":0', b'"sequence_num":2')) == [Outcome.BOOK]
    assert reader.books[0].top(9) == other.books[0].top(9)


def test_the_symbol_of_a_number_beyond_its_scale_and_the_others_go_on():
    pairs = [SymbolSpec(Pair("ETH", "USD"), "ETH-USD"), SymbolSpec(Pair("PEPE", "USD"), "PEPE-USD")]
    reader = FrameReader(COINBASE, pairs, 0)
    event = b'{"type":"snapshot","product_id":"%s","updates":[{"side":"bid","price_level":"%s","new_quantity":"1"}]}'
    frame = b'{"channel":"l2_data","timestamp":"2026-04-07T14:30:00Z","sequence_num":%d,"events":[%s]}'
    both = [event % (b"PEPE-USD", b"0.000006301"), event % (b"ETH-USD", b"1800")]
    assert reader.read(frame % (0, b",".join(both)), NOW) == Outcome.INEXACT | 1 << 8
    assert [book.is_synced for book in reader.books] == [True, False]
    assert reader.read(frame % (1, b",".join(both[::-1])), NOW) == Outcome.INEXACT | 1 << 8
    wrong = [both[0], event % (b"ETH-USD", b"-1800")]
    assert reader.read(frame % (2, b",".join(wrong)), NOW) == Outcome.MALFORMED
    assert reader.read(frame % (2, both[1]), NOW) == Outcome.BOOK


def test_a_quote_beyond_its_scale_leaves_the_book_alone():
    reader = reader_of("binance", ["BTCUSDT", "BNBUSDT"])
    rest = samples.BINANCE_REST
    assert reader.load_snapshot(1, rest, NOW) is Outcome.BOOK
    assert taken(reader, samples.BINANCE_BOOK_TICKER) == [Outcome.QUOTE]
    assert (
        reader.read(samples.BINANCE_BOOK_TICKER.replace(b"25.3652", b"25.3652000001"), NOW)
        == Outcome.INEXACT | 1 << 8
    )
    assert not reader.quotes[1].is_synced
    assert reader.books[1].is_synced
    assert reader.load_snapshot(1, rest.replace(b"0.0023", b"0.000000001"), NOW) is Outcome.INEXACT
    assert not reader.books[1].is_synced


def test_a_number_beyond_all_scales_of_a_symbol_not_asked_for_is_foreign():
    reader = FrameReader(BINANCE, [SymbolSpec(Pair("ETH", "USDT"), "ETHUSDT")], 0)
    assert taken(reader, samples.BINANCE_DEPTH.replace(b"0.0024", b"9" * 30)) == [Outcome.FOREIGN]
