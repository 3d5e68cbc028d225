"""The venues' checksums: published samples, sides of unequal length, and texts that cannot be."""

import random
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle.dictionary_book import DictionaryBook, Held

from bot.state.book_layout import ASKS, BIDS, lay_out, words_needed
from bot.state.checksum_kernel import (
    LONGEST_TEXT,
    TABLE_WORDS,
    kraken_checksum,
    kraken_text,
    okx_checksum,
    okx_text,
    write_tables,
)
from bot.state.order_book_kernel import put

AT = TABLE_WORDS
CAPACITY = 40

# The worked example of docs.kraken.com/exchange/guides/websockets/book-checksum-v2: 3310070434.
KRAKEN_BIDS = """45283.5 0.10000000 45283.4 1.54582015 45282.1 0.10000000 45281.0 0.10000000 45280.3 1.54592586
    45279.0 0.07990000 45277.6 0.03310103 45277.5 0.30000000 45277.3 1.54602737 45276.6 0.15445238"""
KRAKEN_ASKS = """45285.2 0.00100000 45286.4 1.54571953 45286.6 1.54571109 45289.6 1.54560911 45290.2 0.15890660
    45291.8 1.54553491 45294.7 0.04454749 45296.1 0.35380000 45297.5 0.09945542 45299.5 0.18772827"""
KRAKEN_CHECKSUM = 3310070434

# ALGO/USD as it came over websocket v2 on 2024-10-03: a snapshot, then an update of one bid.
ALGO_BIDS = """0.12291 27039.62776299 0.12290 8136.33288180 0.12287 10984.20817349 0.12283 28027.05025639
    0.12280 9705.60000000 0.12279 15215.53522714 0.12275 4067.00000000 0.12274 30639.39949109
    0.12268 2531.96119986 0.12267 16299.00000000"""
ALGO_ASKS = """0.12307 600.00000000 0.12308 4042.11919517 0.12312 10284.53891000 0.12314 16155.08885299
    0.12315 5186.05778473 0.12316 32828.24000000 0.12317 7751.65718582 0.12318 32298.82000000
    0.12319 1864.66899600 0.12322 4718.99755630"""
ALGO_CHECKSUM = 2375857985
ALGO_UPDATE, ALGO_UPDATED = "0.12275 6597.51731160", 1100635717

# Of the order book channels of OKX's API, both its forms: (bids, asks, checksum).
OKX_SAMPLES = [
    ("3366.1 7 3366 6", "3366.8 9 3368 8", -1881014294),
    ("3366.1 7", "3366.8 9 3368 8 3372 8", 831078360),
]


def pairs(text):
    words = text.split()
    return list(zip(words[::2], words[1::2], strict=True))


def scaled(text):
    return int(text.replace(".", "").ljust(len(text.partition(".")[0]) + 8, "0"))


def both_books(bids, asks, text_of):
    """Ours and the oracle's, of (price text, size text)."""
    words = np.zeros(AT + words_needed(CAPACITY), np.int64)
    write_tables(words, 0)
    lay_out(words, AT, CAPACITY, 0, 8, 8)
    oracle = DictionaryBook(CAPACITY)
    for side, levels in ((BIDS, bids), (ASKS, asks)):
        for price, size in levels:
            put(words, AT, side, scaled(price), scaled(size), text_of(words, price, size))
            oracle.put(side, scaled(price), Held(scaled(size), price, size))
    return words, oracle


def kraken(words, price, size):
    """From within a frame, as it stands there."""
    payload = f'{{"price":{price},"qty":{size}}}'.encode()
    then = 16 + len(price)
    return kraken_text(words, 0, payload, 9, 9 + len(price), then, then + len(size))


def okx(words, price, size):
    payload = f'["{price}","{size}","0","1"]'.encode()
    return okx_text(words, 0, payload, 2, 2 + len(price), 5 + len(price), 5 + len(price) + len(size))


def test_krakens_published_sample():
    words, oracle = both_books(pairs(KRAKEN_BIDS), pairs(KRAKEN_ASKS), kraken)
    assert kraken_checksum(words, AT, 0) == KRAKEN_CHECKSUM
    assert oracle.kraken_checksum() == KRAKEN_CHECKSUM


def test_a_snapshot_and_an_update_as_kraken_sent_them():
    words, oracle = both_books(pairs(ALGO_BIDS), pairs(ALGO_ASKS), kraken)
    assert kraken_checksum(words, AT, 0) == oracle.kraken_checksum() == ALGO_CHECKSUM
    words, oracle = both_books(pairs(ALGO_BIDS) + pairs(ALGO_UPDATE), pairs(ALGO_ASKS), kraken)
    assert kraken_checksum(words, AT, 0) == oracle.kraken_checksum() == ALGO_UPDATED


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("level", range(10))
def test_krakens_sample_with_a_changed_digit(side, level):
    sides = [pairs(KRAKEN_BIDS), pairs(KRAKEN_ASKS)]
    price, size = sides[side][level]
    sides[side][level] = price, size[:-1] + str((int(size[-1]) + 1) % 10)
    words, _ = both_books(*sides, kraken)
    assert kraken_checksum(words, AT, 0) != KRAKEN_CHECKSUM


def test_kraken_counts_zeros_at_the_end():
    """0.1 and 0.10 are one number and two texts."""
    sums = set()
    for size in ("0.1", "0.10", "0.100"):
        words, _ = both_books([("1.5", size)], [], kraken)
        sums.add(kraken_checksum(words, AT, 0))
    assert len(sums) == 3


@pytest.mark.parametrize(("bids", "asks", "published"), OKX_SAMPLES)
def test_okxs_published_samples(bids, asks, published):
    words, oracle = both_books(pairs(bids), pairs(asks), okx)
    assert okx_checksum(words, AT, 0) == published
    assert oracle.okx_checksum() == published


@pytest.mark.parametrize("bids", [0, 1, 9, 10, 11, 24, 25, 26, 40])
@pytest.mark.parametrize("asks", [0, 1, 9, 10, 11, 24, 25, 26, 40])
def test_sides_of_any_length(bids, asks):
    """Below, at and beyond the levels that count, an empty side and an empty book."""
    sides = (
        [(f"{3000 - i}.{i % 10}", f"{i + 1}.5") for i in range(bids)],
        [(f"{3001 + i}", f"0.{i + 10}") for i in range(asks)],
    )
    words, oracle = both_books(*sides, okx)
    assert okx_checksum(words, AT, 0) == oracle.okx_checksum()
    words, oracle = both_books(*sides, kraken)
    assert kraken_checksum(words, AT, 0) == oracle.kraken_checksum()
    if not bids and not asks:
        assert okx_checksum(words, AT, 0) == kraken_checksum(words, AT, 0) == 0


def texts(draw, levels):
    """Numbers as venues may write them: any count of decimals, with or without zeros before and behind."""

    def number():
        decimals = draw.randrange(9)
        digits = str(draw.randrange(1, 10 ** draw.randrange(1, decimals + 11))).rjust(decimals + 1, "0")
        whole = len(digits) - decimals
        return f"{digits[:whole]}.{digits[whole:]}" if decimals else digits[:10]

    return [(number(), number()) for _ in range(levels)]


@given(st.integers(0, 2**32), st.integers(0, CAPACITY), st.integers(0, CAPACITY))
def test_books_of_any_texts(seed, bids, asks):
    draw = random.Random(seed)
    sides = texts(draw, bids), texts(draw, asks)
    words, oracle = both_books(*sides, okx)
    assert okx_checksum(words, AT, 0) == oracle.okx_checksum()
    words, oracle = both_books(*sides, kraken)
    assert kraken_checksum(words, AT, 0) == oracle.kraken_checksum()


def test_signed_and_unsigned():
    """Over many books both signs of OKX's occur, and Kraken's is never negative."""
    okxs, krakens = [], []
    for number in range(1, 40):
        words, _ = both_books([(str(number), "1")], [], okx)
        okxs.append(okx_checksum(words, AT, 0))
        words, _ = both_books([(str(number), "1")], [], kraken)
        krakens.append(kraken_checksum(words, AT, 0))
    assert okxs == [_signed(zlib.crc32(f"{number}:1".encode())) for number in range(1, 40)]
    assert min(okxs) < 0 < max(okxs)
    assert min(krakens) >= 0
    assert max(krakens) > 2**31


@pytest.mark.parametrize(
    ("price", "size"), [("1e5", "1"), ("1", "-1"), ("NaN", "1"), ('"1', "1"), ("1", "1 ")]
)
def test_kraken_has_no_text_of_what_is_no_plain_number(price, size):
    assert kraken(both_books([], [], kraken)[0], price, size) == -1


def test_the_longest_text():
    words, _ = both_books([], [], okx)
    whole = "9" * (LONGEST_TEXT - 3)
    assert okx(words, whole, "1") >> 32 == LONGEST_TEXT
    assert okx(words, whole + "9", "1") == -1
    assert kraken(words, "0.00" + whole + "9", "12") >> 32 == LONGEST_TEXT
    assert kraken(words, whole + "99", "12") == -1


def _signed(word):
    return int.from_bytes(word.to_bytes(4, "big"), "big", signed=True)
