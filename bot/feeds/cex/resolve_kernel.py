"""What a record read from a frame is about, whether it has all it needs, and its numbers at the symbol's scale, compiled."""

import numpy as np

from bot.feeds.cex.dialect import Role
from bot.feeds.cex.frame_layout import (
    ACTION_SNAPSHOT,
    ACTION_UNKNOWN,
    BOOK_NEEDS,
    DECIMALS,
    END_LEVEL,
    FIRST_LEVEL,
    FORCED,
    FRAME_LEVEL_WORDS,
    HASH_MASK,
    HASH_PRIME,
    INEXACT_BIT,
    KIND_BOOK,
    KIND_QUOTE,
    LEVEL_LISTS,
    LEVEL_PRICE,
    LEVEL_SIDE,
    LEVEL_SIZE,
    LEVELS_AT,
    PRICE_SCALE,
    QUOTE_NEEDS,
    RECORDS_AT,
    ROUTE,
    ROUTE_SHIFT,
    ROUTES_AT,
    SEEN,
    SIZE_SCALE,
    SYMBOL_WORDS,
    SYMBOLS_AT,
    TOP_PRICES,
)
from bot.feeds.cex.number_kernel import INEXACT, MOST_DECIMALS
from bot.feeds.cex.pointer_kernel import part
from bot.state.book_layout import Words

_CHANNEL, _SYMBOL, _TIME = int(Role.CHANNEL), int(Role.SYMBOL), int(Role.TIME)
_FIRST_ID, _LAST_ID, _PREVIOUS_ID, _SEQUENCE = (
    int(Role.FIRST_ID),
    int(Role.LAST_ID),
    int(Role.PREVIOUS_ID),
    int(Role.SEQUENCE),
)
_ACTION, _CHECKSUM, _BID_PRICE, _ASK_SIZE = (
    int(Role.ACTION),
    int(Role.CHECKSUM),
    int(Role.BID_PRICE),
    int(Role.ASK_SIZE),
)
_POWERS = np.array([10**power for power in range(MOST_DECIMALS + 1)], np.int64)
_WRONG, _EXACT = 0, 1
_NO_ROUTE, _FOREIGN_ROUTE = -1, -2


@part
def rescale(digits: int, decimals: int, scale: int) -> int:
    """`digits` of which `decimals` stand behind the point, in units of 10^-scale; negative where it is not a 63-bit integer."""
    if decimals == scale:
        return digits
    if decimals > scale:
        power = _POWERS[decimals - scale]
        return digits // power if digits % power == 0 else INEXACT
    power = _POWERS[scale - decimals]
    return digits * power if digits <= HASH_MASK // power else INEXACT


@part
def _join(words: Words, frame: int, record: int) -> None:
    """What the frame says outside its list holds for each object of the list that does not say it itself."""
    missing = words[frame + SEEN] & ~words[record + SEEN]
    for role in range(_CHANNEL, _CHECKSUM + 1):
        if (missing >> role) & 1:
            words[record + role] = words[frame + role]
    words[record + SEEN] |= missing & ~LEVEL_LISTS & ~TOP_PRICES


@part
def _find_route(words: Words, record: int) -> int:
    """ROUTE of a record; _NO_ROUTE without a symbol, _FOREIGN_ROUTE with a symbol or channel that is not ours."""
    if words[FORCED] != 0:
        forced: int = (words[FORCED] - 1) << 2 | KIND_BOOK
        return forced
    seen = words[record + SEEN]
    if (seen >> _SYMBOL) & 1 == 0:
        return _NO_ROUTE
    channel = words[record + _CHANNEL] if (seen >> _CHANNEL) & 1 else 0
    key = ((((channel * HASH_PRIME) & HASH_MASK) ^ words[record + _SYMBOL]) * HASH_PRIME) & HASH_MASK
    shift = words[ROUTE_SHIFT]
    last = HASH_MASK >> shift
    place = key >> shift
    while True:
        at = words[ROUTES_AT] + 2 * place
        if words[at] == key:
            route: int = words[at + 1]
            return route
        if words[at] == 0:
            return _FOREIGN_ROUTE
        place = (place + 1) & last


@part
def _scale_levels(words: Words, record: int, price_scale: int, size_scale: int) -> int:
    """Prices and sizes of the record's levels in the symbol's units: _EXACT, INEXACT, or _WRONG where a price is 0."""
    verdict = _EXACT
    first = words[LEVELS_AT] + FRAME_LEVEL_WORDS * words[record + FIRST_LEVEL]
    end = words[LEVELS_AT] + FRAME_LEVEL_WORDS * words[record + END_LEVEL]
    for level in range(first, end, FRAME_LEVEL_WORDS):
        side = words[level + LEVEL_SIDE]
        price = rescale(words[level + LEVEL_PRICE], (side >> 8) & 255, price_scale)
        size = rescale(words[level + LEVEL_SIZE], side >> 16, size_scale)
        if price == 0:
            return _WRONG
        if price < 0 or size < 0:
            verdict = INEXACT
        words[level + LEVEL_PRICE] = price
        words[level + LEVEL_SIZE] = size
    return verdict


@part
def _scale_prices(words: Words, record: int, price_scale: int, size_scale: int) -> int:
    verdict = _EXACT
    for role in range(_BID_PRICE, _ASK_SIZE + 1):
        scale = size_scale if (role - _BID_PRICE) & 1 else price_scale
        value = rescale(words[record + role], words[record + role + DECIMALS], scale)
        if value < 0:
            verdict = INEXACT
        words[record + role] = value
    return verdict


@part
def _has_sense(words: Words, record: int) -> bool:
    """Ids are not negative and in order, the action is one of the dialect's, what the frame lacks and needs not is 0."""
    seen = words[record + SEEN]
    for role in range(_TIME, _CHECKSUM + 1):
        if (seen >> role) & 1 == 0:
            words[record + role] = 0
    has_sense: bool = (
        words[record + _ACTION] != ACTION_UNKNOWN
        and words[record + _LAST_ID] >= 0
        and words[record + _FIRST_ID] >= 0
        and ((seen >> _FIRST_ID) & 1 == 0 or words[record + _FIRST_ID] <= words[record + _LAST_ID])
        and words[record + _PREVIOUS_ID] >= -1
        and words[record + _SEQUENCE] >= 0
    )
    return has_sense


@part
def resolve(words: Words, record: int, is_in_list: bool) -> bool:
    """Find the record's route, join the frame's own members, check and scale; False: malformed.

    A number that cannot be held at the symbol's scale sets INEXACT_BIT.
    """
    if is_in_list:
        _join(words, RECORDS_AT, record)
    route = _find_route(words, record)
    words[record + ROUTE] = route
    if route < 0:
        return True
    seen = words[record + SEEN]
    if words[FORCED] != 0:
        words[record + _ACTION] = ACTION_SNAPSHOT
        words[record + SEEN] = seen | 1 << _ACTION
        needs = 1 << _LAST_ID | LEVEL_LISTS & words[BOOK_NEEDS]
    else:
        needs = words[BOOK_NEEDS] if route & 3 == KIND_BOOK else words[QUOTE_NEEDS]
    if seen & needs != needs or not _has_sense(words, record):
        return False
    symbol = words[SYMBOLS_AT] + SYMBOL_WORDS * (route >> 2)
    price_scale, size_scale = words[symbol + PRICE_SCALE], words[symbol + SIZE_SCALE]
    has_prices = route & 3 == KIND_QUOTE and seen & TOP_PRICES != 0
    verdict = _scale_levels(words, record, price_scale, size_scale)
    if has_prices and _scale_prices(words, record, price_scale, size_scale) == INEXACT:
        words[record + SEEN] |= INEXACT_BIT
    if verdict == INEXACT:
        words[record + SEEN] |= INEXACT_BIT
    return verdict != _WRONG
