"""The venues' book checksums from the wire's own text, compiled, without ever writing a number out again.

CRC32 (IEEE, reflected 0xEDB88320) is linear: from a state s, the bytes A lead to shift(s, len A) xor raw(A),
where raw is the CRC from state 0 without the last inversion and shift is what that many zero bytes do to s.
So a level keeps raw of its own text, made once when the level arrives, and a book's checksum is one shift and
one xor a level.

A level's `text` word is raw(text) in bits 0 to 31 and the text's length in bytes above it. The text is

    kraken   the digits of the price, without '.' and without the zeros before the first other digit;
             then the size's in the same way
    okx      ":" price ":" size, as they stand in the frame

The words [tables, tables + TABLE_WORDS) of the arena hold what `write_tables` put there.
Sources: docs.kraken.com/exchange/guides/websockets/book-checksum-v2; OKX API v5, order book channels, "Checksum".
"""

from typing import Final

import numpy as np
from numba import njit

from bot.state.book_layout import (
    ASKS,
    BID_COUNT,
    BID_START,
    BIDS,
    BOOK_HEADER,
    LEVEL_WORDS,
    Words,
)
from bot.state.order_book_kernel import room

LONGEST_TEXT: Final = 63
"""Bytes of a level's text; int64 has 19 digits, so that two numbers with point and colons are at most 42."""
_BYTES: Final = 256
_NIBBLES: Final = 8
_NIBBLE_VALUES: Final = 16
_SHIFT_WORDS: Final = _NIBBLES * _NIBBLE_VALUES
TABLE_WORDS: Final = _BYTES + (LONGEST_TEXT + 1) * _SHIFT_WORDS

_POLYNOMIAL: Final = 0xEDB88320
_ONES: Final = 0xFFFFFFFF
_SIGN: Final = 0x80000000
_BEFORE_COLON: Final = 0xF0958FE3
"""The state that ':' turns into all ones, where a CRC begins: OKX has no ':' before the first level."""
_LENGTH_BIT: Final = 32
_KRAKEN_LEVELS: Final = 10
_OKX_LEVELS: Final = 25
_ZERO, _NINE, _POINT, _COLON = 48, 57, 46, 58


def write_tables(words: Words, tables: int) -> None:
    """Fill [tables, tables + TABLE_WORDS): the CRC's byte table, then each length's shift of each nibble."""
    crc = np.arange(_BYTES, dtype=np.int64)
    for _ in range(8):
        crc = (crc >> 1) ^ (_POLYNOMIAL * (crc & 1))
    words[tables : tables + _BYTES] = crc
    state = (np.arange(_NIBBLE_VALUES) << (4 * np.arange(_NIBBLES)[:, None])).ravel()
    for at in range(tables + _BYTES, tables + TABLE_WORDS, _SHIFT_WORDS):
        words[at : at + _SHIFT_WORDS] = state
        state = crc[state & 0xFF] ^ (state >> 8)


@njit(cache=True)
def _step(crc: Words, state: int, byte: int) -> int:
    after: int = crc[(state ^ byte) & 0xFF] ^ (state >> 8)
    return after


@njit(cache=True)
def kraken_text(
    words: Words, tables: int, payload: bytes, price_from: int, price_to: int, size_from: int, size_to: int
) -> int:
    """The text word of the level whose price is payload[price_from:price_to], and its size so; -1: it has none.

    That is where a byte is neither digit nor '.', or the text is longer than LONGEST_TEXT.
    """
    crc = words[tables : tables + _BYTES]
    state, length = 0, 0
    for part in range(2):
        begins, ends = (price_from, price_to) if part == 0 else (size_from, size_to)
        leading = True
        for i in range(begins, ends):
            byte = payload[i]
            if byte == _POINT or (leading and byte == _ZERO):
                continue
            if byte < _ZERO or byte > _NINE:
                return -1
            leading = False
            state = _step(crc, state, byte)
            length += 1
    return -1 if length > LONGEST_TEXT else state | (length << _LENGTH_BIT)


@njit(cache=True)
def okx_text(
    words: Words, tables: int, payload: bytes, price_from: int, price_to: int, size_from: int, size_to: int
) -> int:
    """As kraken_text, by OKX's rule; the caller has seen that both are numbers."""
    crc = words[tables : tables + _BYTES]
    state = _step(crc, 0, _COLON)
    for i in range(price_from, price_to):
        state = _step(crc, state, payload[i])
    state = _step(crc, state, _COLON)
    for i in range(size_from, size_to):
        state = _step(crc, state, payload[i])
    length = price_to - price_from + size_to - size_from + 2
    return -1 if length > LONGEST_TEXT else state | (length << _LENGTH_BIT)


@njit(cache=True)
def _append(shifts: Words, state: int, text: int) -> int:
    """The state after a level's text."""
    at = ((text >> _LENGTH_BIT) & LONGEST_TEXT) * _SHIFT_WORDS
    after = text & _ONES
    for nibble in range(_NIBBLES):
        after ^= shifts[at + (nibble << 4) + ((state >> (nibble << 2)) & 0xF)]
    return after


@njit(cache=True)
def _best_text(words: Words, at: int, side: int) -> int:
    """The word of the best level's text; the next one's is LEVEL_WORDS before it."""
    last: int = words[at + BID_START + side] + words[at + BID_COUNT + side] - 1
    return at + BOOK_HEADER + LEVEL_WORDS * (side * room(words, at) + last) + 2


@njit(cache=True)
def kraken_checksum(words: Words, at: int, tables: int) -> int:
    """Unsigned 32 bits, of the ten best asks and then the ten best bids."""
    shifts = words[tables + _BYTES : tables + TABLE_WORDS]
    state = _ONES
    for turn in range(2):
        side = ASKS if turn == 0 else BIDS
        text = _best_text(words, at, side)
        for _ in range(min(words[at + BID_COUNT + side], _KRAKEN_LEVELS)):
            state = _append(shifts, state, words[text])
            text -= LEVEL_WORDS
    return state ^ _ONES


@njit(cache=True)
def okx_checksum(words: Words, at: int, tables: int) -> int:
    """Signed 32 bits, of bid and ask in turn down to the 25th of each; where one ends the other goes on."""
    bid, ask = _best_text(words, at, BIDS), _best_text(words, at, ASKS)
    bids = min(words[at + BID_COUNT + BIDS], _OKX_LEVELS)
    asks = min(words[at + BID_COUNT + ASKS], _OKX_LEVELS)
    if bids + asks == 0:
        return 0
    shifts = words[tables + _BYTES : tables + TABLE_WORDS]
    state = _BEFORE_COLON
    for i in range(max(bids, asks)):
        if i < bids:
            state = _append(shifts, state, words[bid - LEVEL_WORDS * i])
        if i < asks:
            state = _append(shifts, state, words[ask - LEVEL_WORDS * i])
    crc = state ^ _ONES
    return crc - ((crc & _SIGN) << 1)
