"""What a reader of a book gets: exact, rounded against us, nothing from a book that is not synced."""

from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle.dictionary_book import DictionaryBook, Held

from bot.state.book_layout import (
    ASKS,
    BIDS,
    BOOK_HEADER,
    DEPTH,
    EXCHANGE_TIME,
    IS_SYNCED,
    LAG,
    LAST_ID,
    RECEIVED,
    lay_out,
    words_needed,
)
from bot.state.order_book import OrderBook
from bot.state.order_book_kernel import clear, put, truncate

INT64_MAX = 2**63 - 1
CAPACITY = 30
LEVELS = st.dictionaries(st.integers(1, INT64_MAX), st.integers(1, INT64_MAX), max_size=CAPACITY)
NEAR_LEVELS = st.dictionaries(st.integers(1, 10**4), st.integers(1, 10**6), max_size=CAPACITY)
SIZES = st.integers(1, 10**7) | st.integers(1, 40 * INT64_MAX)


def books(bids, asks, size_decimals=8):
    """Ours, synced, in the middle of an arena, and the oracle's; of price: size."""
    at = 7
    words = np.zeros(at + words_needed(CAPACITY), np.int64)
    lay_out(words, at, CAPACITY, 0, 8, size_decimals)
    words[at + IS_SYNCED] = 1
    oracle = DictionaryBook(CAPACITY)
    for side, levels in ((BIDS, bids), (ASKS, asks)):
        for price, size in levels.items():
            put(words, at, side, price, size, 0)
            oracle.put(side, price, Held(size))
    return OrderBook(words, at), oracle, words, at


@given(LEVELS, LEVELS, st.integers(1, CAPACITY + 3))
def test_top_and_best(bids, asks, levels):
    book, oracle, _, _ = books(bids, asks)
    assert book.top(levels) == (oracle.levels(BIDS, levels), oracle.levels(ASKS, levels))
    assert (book.bid_count, book.ask_count) == oracle.counts()
    assert book.best() == (oracle.best() if bids and asks else None)


@given(LEVELS | NEAR_LEVELS, st.sampled_from([BIDS, ASKS]), SIZES, st.integers(0, 18))
def test_a_sweep_is_exact_and_rounded_once_against_us(levels, side, size, size_decimals):
    book, oracle, _, _ = books(*((levels, {}) if side == BIDS else ({}, levels)), size_decimals)
    filled, product, worst = oracle.sweep(side, size)
    sweep = book.sweep(side, size)
    assert (sweep.asked, sweep.filled, sweep.worst_price) == (size, filled, worst)
    assert sweep.notional == (ceil if side == ASKS else floor)(product / Fraction(10) ** size_decimals)
    assert sweep.is_short == (size > sum(levels.values()))


def test_a_sweep_by_hand():
    """Asks 3 at 100 and 5 at 101, bid 3 at 99, sizes in tenths: half units of money go up when we buy, down when we sell."""
    book, _, _, _ = books({99: 3}, {100: 3, 101: 5}, size_decimals=1)
    bought = book.sweep(ASKS, 4)
    assert (bought.filled, bought.notional, bought.worst_price, bought.is_short) == (4, 41, 101, False)
    sold = book.sweep(BIDS, 4)
    assert (sold.filled, sold.notional, sold.worst_price, sold.is_short) == (3, 29, 99, True)


def test_a_sweep_beyond_64_bits():
    levels = {INT64_MAX - i: INT64_MAX for i in range(CAPACITY)}
    book, _, _, _ = books(levels, levels, size_decimals=0)
    for side in (BIDS, ASKS):
        sweep = book.sweep(side, 2**70)
        assert sweep.filled == CAPACITY * INT64_MAX
        assert sweep.notional == sum(levels) * INT64_MAX
        assert sweep.is_short


@pytest.mark.parametrize("size", [0, -1])
def test_a_sweep_of_nothing_is_refused(size):
    book, _, _, _ = books({99: 3}, {100: 3})
    with pytest.raises(ValueError, match=f"{size} base units"):
        book.sweep(ASKS, size)


@given(LEVELS.filter(bool), LEVELS.filter(bool))
def test_mid_microprice_and_spread(bids, asks):
    book, oracle, _, _ = books(bids, asks)
    bid, bid_size, ask, ask_size = oracle.best()
    assert book.mid_down() == floor(Fraction(bid + ask, 2))
    assert book.microprice_down() == floor(Fraction(bid * ask_size + ask * bid_size, bid_size + ask_size))
    assert min(bid, ask) <= book.microprice_down() <= max(bid, ask)
    assert book.spread() == ask - bid


def test_the_microprice_leans_away_from_the_larger_side():
    book, _, _, _ = books({100: 9}, {110: 1})
    assert book.microprice_down() == 109


@pytest.mark.parametrize(("bids", "asks"), [({}, {}), ({99: 1}, {}), ({}, {100: 1})])
def test_an_empty_side_has_no_price(bids, asks):
    book, _, _, _ = books(bids, asks)
    assert [book.best(), book.mid_down(), book.microprice_down(), book.spread()] == [None] * 4
    assert book.top(5) == (list(bids.items()), list(asks.items()))


def test_a_book_that_is_not_synced_is_read_as_empty():
    book, _, words, at = books({99: 3}, {100: 3})
    assert book.is_synced
    words[at + IS_SYNCED] = 0
    assert not book.is_synced
    assert [book.best(), book.mid_down(), book.microprice_down(), book.spread()] == [None] * 4
    assert book.top(5) == ([], [])
    sweep = book.sweep(ASKS, 3)
    assert (sweep.filled, sweep.notional, sweep.worst_price, sweep.is_short) == (0, 0, None, True)
    assert (book.bid_count, book.ask_count) == (1, 1)


def test_stamps():
    book, _, words, at = books({99: 3}, {100: 3})
    assert (book.last_id, book.exchange_time, book.received, book.lag, book.age(50)) == (
        0,
        None,
        None,
        None,
        None,
    )
    words[at + LAST_ID], words[at + RECEIVED] = 12, 40
    words[at + LAG] = 5
    assert (book.last_id, book.received, book.lag, book.age(50)) == (12, 40, None, 10)
    words[at + EXCHANGE_TIME] = 30
    assert (book.exchange_time, book.lag) == (30, 5)
    assert all(type(value) is int for value in (*book.best(), book.last_id, book.received, book.lag))


@pytest.mark.parametrize("order", [1, -1, 7])
@pytest.mark.parametrize("levels", [200, 300, 400])
def test_a_snapshot_in_any_order(order, levels):
    """Best first, worst first, and both ends in turn, into a side of 300: what is beyond the best 300 is gone."""
    words = np.zeros(words_needed(300), np.int64)
    lay_out(words, 0, 300, 0, 8, 8)
    words[IS_SYNCED] = 1
    prices = [place * order % levels + 1 for place in range(levels)]
    if order == 7:
        prices = [price for both in zip(prices, prices[::-1], strict=True) for price in both]
    assert set(prices) == set(range(1, levels + 1))
    for side in (BIDS, ASKS):
        for price in prices:
            put(words, 0, side, price, price * 10, 0)
    bids, asks = OrderBook(words, 0).top(400)
    held = [(price, price * 10) for price in range(1, levels + 1)]
    assert bids == held[::-1][:300]
    assert asks == held[:300]


def test_clearing_keeps_what_the_header_says():
    book, _, words, at = books({99: 3}, {100: 3})
    words[at + LAST_ID], words[at + DEPTH] = 12, 10
    clear(words, at)
    assert (book.bid_count, book.ask_count, book.last_id, int(words[at + DEPTH])) == (0, 0, 12, 10)
    assert book.is_synced


def test_a_book_without_a_depth_is_not_cut():
    book, _, words, at = books(dict.fromkeys(range(1, 31), 1), {})
    truncate(words, at)
    assert book.bid_count == 30
    words[at + DEPTH] = 10
    truncate(words, at)
    assert book.top(30)[0] == [(price, 1) for price in range(30, 20, -1)]


@pytest.mark.parametrize(("capacity", "depth"), [(0, 0), (-1, 0), (10, 11), (10, -1)])
def test_a_layout_that_makes_no_sense_is_refused(capacity, depth):
    with pytest.raises(ValueError, match=str(capacity)):
        lay_out(np.zeros(1_000, np.int64), 0, capacity, depth, 8, 8)


def test_a_layout_that_has_no_room_is_refused():
    needed = words_needed(10)
    assert needed == BOOK_HEADER + 2 * 3 * 26
    lay_out(np.zeros(needed + 4, np.int64), 4, 10, 0, 8, 8)
    for at in (5, -1):
        with pytest.raises(ValueError, match=str(needed + at)):
            lay_out(np.zeros(needed + 4, np.int64), at, 10, 0, 8, 8)
