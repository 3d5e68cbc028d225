"""Lists of book levels from a frame's bytes into the arena's room for levels, compiled.

A level is a list that begins with price and size, or an object whose members the dialect names; numbers stand with quotes
or without. What else a level holds is skipped.
"""

from bot.feeds.cex.dialect import ChecksumRule, Context, Role
from bot.feeds.cex.frame_layout import (
    BID_HASH,
    CHECKSUM_RULE,
    CONTEXT_SEEDS,
    FRAME_LEVEL_WORDS,
    LEVEL_COUNT,
    LEVEL_PRICE,
    LEVEL_ROOM,
    LEVEL_SIDE,
    LEVEL_SIZE,
    LEVEL_TEXT,
    LEVELS_AT,
    MEMBER_PLACES,
    MEMBER_SHIFT,
    MEMBERS_AT,
    OFFER_HASH,
    TABLES_AT,
    TEXT_SEED,
)
from bot.feeds.cex.json_scan_kernel import (
    CLOSE_LIST,
    CLOSE_OBJECT,
    COLON,
    COMMA,
    OPEN_LIST,
    OPEN_OBJECT,
    QUOTE,
    hash_text,
    skip_space,
    skip_value,
)
from bot.feeds.cex.number_kernel import INEXACT, scan_decimal
from bot.feeds.cex.pointer_kernel import part
from bot.state.book_layout import ASKS, BIDS, Words
from bot.state.checksum_kernel import kraken_text, okx_text

_KRAKEN, _OKX = int(ChecksumRule.KRAKEN), int(ChecksumRule.OKX)
_LEVEL_CONTEXT = int(Context.LEVEL)
_PRICE, _SIZE, _SIDE = int(Role.PRICE), int(Role.SIZE), int(Role.SIDE)
MIXED = 2
"""The side of a list whose levels say their own."""
_PRICE_DECIMALS_SHIFT, _SIZE_DECIMALS_SHIFT = 8, 16


@part
def find_role(words: Words, name: int) -> int:
    """The role of a member by the hash of its name and context; 0: none."""
    place = name >> MEMBER_SHIFT
    while True:
        at = MEMBERS_AT + 2 * place
        known = words[at]
        if known == name:
            role: int = words[at + 1]
            return role
        if known == 0:
            return 0
        place = (place + 1) & (MEMBER_PLACES - 1)


@part
def scan_number(payload: bytes, at: int) -> tuple[int, int, int, int, int]:
    """(digits or INEXACT, decimals, first byte, behind the last byte, place behind) of a number with or without quotes.

    -1 last: it is none.
    """
    if payload[at] == QUOTE:
        digits, decimals, end = scan_decimal(payload, at + 1)
        if end < 0 or payload[end] != QUOTE:
            return 0, 0, 0, 0, -1
        return digits, decimals, at + 1, end, end + 1
    digits, decimals, end = scan_decimal(payload, at)
    return digits, decimals, at, end, end


@part
def _text(words: Words, payload: bytes, price_from: int, price_to: int, size_from: int, size_to: int) -> int:
    """For the checksum; -1 where the text is longer than any number that can be held has need of."""
    rule = words[CHECKSUM_RULE]
    if rule == _KRAKEN:
        return kraken_text(words, words[TABLES_AT], payload, price_from, price_to, size_from, size_to)
    if rule == _OKX:
        return okx_text(words, words[TABLES_AT], payload, price_from, price_to, size_from, size_to)
    return 0


@part
def _read_pair(payload: bytes, at: int, words: Words, side: int, level: int) -> int:
    """The level [price, size, ...] whose bracket stands before `at`."""
    price, price_decimals, price_from, price_to, at = scan_number(payload, skip_space(payload, at))
    if at < 0:
        return -1
    at = skip_space(payload, at)
    if payload[at] != COMMA:
        return -1
    size, size_decimals, size_from, size_to, at = scan_number(payload, skip_space(payload, at + 1))
    if at < 0:
        return -1
    at = skip_space(payload, at)
    while payload[at] == COMMA:
        at = skip_value(payload, skip_space(payload, at + 1))
        if at < 0:
            return -1
        at = skip_space(payload, at)
    text = _text(words, payload, price_from, price_to, size_from, size_to)
    if payload[at] != CLOSE_LIST:
        return -1
    if text < 0:
        price = INEXACT
    words[level + LEVEL_SIDE] = (
        side | (price_decimals << _PRICE_DECIMALS_SHIFT) | (size_decimals << _SIZE_DECIMALS_SHIFT)
    )
    words[level + LEVEL_PRICE] = price
    words[level + LEVEL_SIZE] = size
    words[level + LEVEL_TEXT] = text
    return at + 1


@part
def _read_side(payload: bytes, at: int, words: Words) -> tuple[int, int]:
    """(side, place behind) of a level's own SIDE."""
    if payload[at] != QUOTE:
        return 0, -1
    name, at = hash_text(payload, at + 1, words[TEXT_SEED])
    if at < 0:
        return 0, -1
    if name == words[BID_HASH]:
        return BIDS, at
    if name == words[OFFER_HASH]:
        return ASKS, at
    return 0, -1


@part
def _read_object(  # noqa: C901, PLR0911, PLR0912  # one member a turn
    payload: bytes, at: int, words: Words, side: int, level: int
) -> int:
    """The level {"price": ..., "size": ...} whose bracket stands before `at`; each of its members once."""
    price, price_decimals, price_from, price_to = 0, 0, -1, -1
    size, size_decimals, size_from, size_to = 0, 0, -1, -1
    own_side = side
    at = skip_space(payload, at)
    while True:
        if payload[at] != QUOTE:
            return -1
        name, at = hash_text(payload, at + 1, words[CONTEXT_SEEDS + _LEVEL_CONTEXT])
        if at < 0:
            return -1
        at = skip_space(payload, at)
        if payload[at] != COLON:
            return -1
        at = skip_space(payload, at + 1)
        role = find_role(words, name)
        if role == _PRICE and price_from < 0:
            price, price_decimals, price_from, price_to, at = scan_number(payload, at)
        elif role == _SIZE and size_from < 0:
            size, size_decimals, size_from, size_to, at = scan_number(payload, at)
        elif role == _SIDE and own_side == MIXED:
            own_side, at = _read_side(payload, at, words)
        elif role == 0:
            at = skip_value(payload, at)
        else:
            return -1
        if at < 0:
            return -1
        at = skip_space(payload, at)
        if payload[at] == CLOSE_OBJECT:
            break
        if payload[at] != COMMA:
            return -1
        at = skip_space(payload, at + 1)
    if price_from < 0 or size_from < 0 or own_side == MIXED:
        return -1
    text = _text(words, payload, price_from, price_to, size_from, size_to)
    if text < 0:
        price = INEXACT
    words[level + LEVEL_SIDE] = (
        own_side | (price_decimals << _PRICE_DECIMALS_SHIFT) | (size_decimals << _SIZE_DECIMALS_SHIFT)
    )
    words[level + LEVEL_PRICE] = price
    words[level + LEVEL_SIZE] = size
    words[level + LEVEL_TEXT] = text
    return at + 1


@part
def read_levels(  # noqa: PLR0911  # one return a way to be wrong
    payload: bytes, at: int, words: Words, side: int
) -> int:
    """All levels of the list at `at`, added to the frame's; `side` is BIDS, ASKS or MIXED. Gives the place behind it."""
    if payload[at] != OPEN_LIST:
        return -1
    at = skip_space(payload, at + 1)
    if payload[at] == CLOSE_LIST:
        return at + 1
    count = words[LEVEL_COUNT]
    room = words[LEVEL_ROOM]
    level = words[LEVELS_AT] + FRAME_LEVEL_WORDS * count
    while True:
        opened = payload[at]
        if count == room:
            return -1
        if opened == OPEN_LIST and side != MIXED:
            at = _read_pair(payload, at + 1, words, side, level)
        elif opened == OPEN_OBJECT:
            at = _read_object(payload, at + 1, words, side, level)
        else:
            return -1
        if at < 0:
            return -1
        count += 1
        level += FRAME_LEVEL_WORDS
        at = skip_space(payload, at)
        if payload[at] == CLOSE_LIST:
            words[LEVEL_COUNT] = count
            return at + 1
        if payload[at] != COMMA:
            return -1
        at = skip_space(payload, at + 1)
