"""Binance as it was recorded: no false gap, every injected one found, books equal to dictionaries."""

import gzip
import os
import random
from collections import Counter

import pytest
from frame_stage import reader_of
from recorded_binance import PlainBook, is_depth, stream

from bot.feeds.cex.frame_reader import Outcome

STREAMS = (
    ("spot_btcusdt_20240808.gz", "binance", "BTCUSDT"),
    ("spot_ethusdt_20240808.gz", "binance", "ETHUSDT"),
    ("usdm_ethusdt_20240808.gz", "binance-usdm", "ETHUSDT"),
)
REMOVED = int(os.environ.get("FRAMES_REMOVED", "60"))
"""Of each stream."""
IN_TURN = int(os.environ.get("FRAMES_IN_TURN", "40"))


def read(reader, payload, received=10**15):
    return Outcome(reader.read(payload, received) & 255)


def begin(path, name, symbol):
    """(reader that has the snapshot and what was kept before it, plain book likewise, the frames from there on)."""
    reader, frames, kept = reader_of(name, [symbol]), stream(path), []
    for received, payload, is_snapshot in frames:
        if is_snapshot:
            assert reader.load_snapshot(0, payload, received) is Outcome.BOOK
            book = PlainBook(payload)
            break
        if is_depth(payload):
            assert read(reader, payload, received) is Outcome.AWAITS_SNAPSHOT
            kept.append((received, payload))
    for received, payload in kept:
        assert read(reader, payload, received) in (Outcome.DUPLICATE, Outcome.BOOK)
        book.follow(payload)
    return reader, book, [(received, payload) for received, payload, _ in frames]


def assert_equal(reader, book, count):
    assert reader.books[0].is_synced
    assert reader.books[0].last_id == book.id
    bids, asks = reader.books[0].top(count)
    assert bids == book.best("b", count)
    assert asks == book.best("a", count)


@pytest.mark.parametrize(("file", "name", "symbol"), STREAMS)
def test_a_recorded_stream_has_no_false_gap_and_gives_the_plain_book(ground_truth, file, name, symbol):
    reader, book, frames = begin(ground_truth("binance_streams") / file, name, symbol)
    outcomes, lags, depths = Counter(), [], 0
    for received, payload in frames:
        outcome = read(reader, payload, received)
        outcomes[outcome] += 1
        if is_depth(payload):
            depths += 1
            book.follow(payload)
            lags.append(reader.books[0].lag)
            if depths % 500 == 0:
                assert_equal(reader, book, 25)
    assert_equal(reader, book, 10_000 if name == "binance-usdm" else 1_000)
    assert set(outcomes) == {Outcome.BOOK, Outcome.QUOTE, Outcome.FOREIGN}  # trades were not asked for
    assert outcomes[Outcome.BOOK] == depths > 3_000
    assert outcomes[Outcome.QUOTE] > 15_000
    assert reader.least_delay < -1_000_000_000  # the recorder's clock was behind
    assert min(lags) == 0
    assert sorted(lags)[len(lags) // 2] < 50_000_000
    ground_truth.count(outcomes[Outcome.BOOK] + outcomes[Outcome.QUOTE])


@pytest.mark.parametrize(("file", "name", "symbol"), STREAMS)
def test_frames_removed_anywhere_are_found_at_the_next_one(ground_truth, file, name, symbol):
    reader, book, frames = begin(ground_truth("binance_streams") / file, name, symbol)
    depths = [payload for _, payload in frames if is_depth(payload)]
    chance = random.Random(7)
    removed = set(chance.sample(range(0, len(depths) - 1, 3), REMOVED))
    found = 0
    for place, payload in enumerate(depths):
        book.follow(payload)
        if place in removed:
            continue
        outcome = read(reader, payload)
        if place - 1 in removed:
            assert outcome is Outcome.GAP, payload
            assert not reader.books[0].is_synced
            found += 1
            assert reader.load_snapshot(0, book.as_snapshot(), 10**15) is Outcome.BOOK
        else:
            assert outcome is Outcome.BOOK, payload
    assert found == REMOVED
    assert_equal(reader, book, 100)
    ground_truth.count(found)


@pytest.mark.parametrize(("file", "name", "symbol"), STREAMS)
def test_each_of_the_first_frames_lost_repeated_or_swapped(ground_truth, file, name, symbol):
    path = ground_truth("binance_streams") / file
    _, book, frames = begin(path, name, symbol)
    depths = [payload for _, payload in frames if is_depth(payload)][: IN_TURN + 1]
    reader = reader_of(name, [symbol])
    for place in range(IN_TURN):
        snapshot = book.as_snapshot()
        here, following = depths[place], depths[place + 1]

        def begin_here(snapshot=snapshot):
            assert reader.load_snapshot(0, snapshot, 10**15) is Outcome.BOOK

        begin_here()
        assert read(reader, following) is Outcome.GAP  # lost, and swapped
        assert read(reader, here) is Outcome.AWAITS_SNAPSHOT
        begin_here()
        assert read(reader, here) is Outcome.BOOK
        before = reader.books[0].top(100)
        assert read(reader, here) is Outcome.DUPLICATE
        assert reader.books[0].top(100) == before
        assert read(reader, following) is Outcome.BOOK
        book.follow(here)
    ground_truth.count(IN_TURN)


SETS = (
    ("BINANCE", "binance", ("NKNUSDT", "BLZETH", "LRCBTC", "RUNEEUR"), None),
    ("BINANCE_FUTURES", "binance-usdm", ("SUSHIUSDT", "AKROUSDT", "KEEPUSDT", "CTKUSDT"), None),
)


def received_frames(path):
    """Frames of a recording of raw traffic: lines `<time>: <frame>`."""
    with gzip.open(path, "rt") as lines:
        for line in lines:
            time, separator, payload = line.rstrip("\n").partition(": ")
            if separator and payload.startswith("{") and not time.startswith(("ws", "http")):
                yield payload.encode()


def rest_answers(path):
    with gzip.open(path, "rt") as lines:
        for line in lines:
            address, separator, rest = line.rstrip("\n").partition(" -> ")
            if separator:
                yield address.partition("symbol=")[2].partition("&")[0], rest.partition(": ")[2].encode()


@pytest.mark.parametrize(("prefix", "name", "symbols", "_"), SETS)
def test_four_symbols_on_one_recorded_connection(ground_truth, prefix, name, symbols, _):
    folder = ground_truth("cex_frames")
    snapshots = dict(rest_answers(folder / f"{prefix}.http.0.0.gz"))
    assert set(symbols) <= set(snapshots)
    reader = reader_of(name, list(symbols))
    frames = list(received_frames(folder / f"{prefix}.ws.1.0.gz"))
    kept = {
        symbol: [frame for frame in frames if is_depth(frame) and symbol.encode() in frame]
        for symbol in symbols
    }
    compared = 0
    for index, symbol in enumerate(symbols):
        assert reader.load_snapshot(index, snapshots[symbol], 10**15) is Outcome.BOOK
        book = PlainBook(snapshots[symbol])
        for payload in kept[symbol]:
            outcome = read(reader, payload)
            assert outcome in (Outcome.BOOK, Outcome.DUPLICATE), (outcome, payload)
            book.follow(payload)
            compared += outcome is Outcome.BOOK
        bids, asks = reader.books[index].top(100)
        assert (bids, asks) == (book.best("b", 100), book.best("a", 100))
    quotes = sum(read(reader, frame) is Outcome.QUOTE for frame in frames if b"bookTicker" in frame[:60])
    assert compared > 20
    assert quotes > 10
    ground_truth.count(compared + quotes)
