"""Whether what a frame says follows what is held, and the change itself, compiled.

All records of a frame are looked at before the first is applied: a frame with anything malformed in it changes nothing.
Rules by venue: bot.feeds.cex.dialect.Continuity and QuoteOrder.
"""

from bot.feeds.cex.dialect import ChecksumRule, Continuity, QuoteOrder, Role
from bot.feeds.cex.frame_layout import (
    ACTION_SNAPSHOT,
    AWAITS_FIRST,
    BOOK_AT,
    CHECKSUM_RULE,
    CONTINUITY,
    END_LEVEL,
    FIRST_LEVEL,
    FORCED,
    FRAME_LEVEL_WORDS,
    KIND_BOOK,
    LAST_LAG,
    LEAST_BEFORE,
    LEAST_DELAY,
    LEVEL_PRICE,
    LEVEL_SIDE,
    LEVEL_SIZE,
    LEVEL_TEXT,
    LEVELS_AT,
    NEXT_SEQUENCE,
    NO_DELAY,
    QUOTE_AT,
    QUOTE_BID,
    QUOTE_EXCHANGE_TIME,
    QUOTE_IS_SYNCED,
    QUOTE_LAG,
    QUOTE_LAST_ID,
    QUOTE_ORDER,
    QUOTE_RECEIVED,
    RECORD_WORDS,
    RECORDS_AT,
    ROUTE,
    SEEN,
    SYMBOL_COUNT,
    SYMBOL_WORDS,
    SYMBOLS_AT,
    TABLES_AT,
    TOP_PRICES,
    WINDOW,
    WINDOW_START,
)
from bot.feeds.cex.outcome import Outcome
from bot.feeds.cex.pointer_kernel import part
from bot.feeds.cex.resolve_kernel import resolve
from bot.state.book_layout import EXCHANGE_TIME, IS_SYNCED, LAG, LAST_ID, RECEIVED, Words
from bot.state.checksum_kernel import kraken_checksum, okx_checksum
from bot.state.order_book_kernel import clear, is_crossed, put, truncate

(
    _CONTROL,
    _BOOK,
    _QUOTE,
    _AWAITS,
    _DUPLICATE,
    _GAP,
    _SEQUENCE_LOST,
    _CHECKSUM,
    _CROSSED,
    _MALFORMED,
    _FOREIGN,
) = (
    int(Outcome.CONTROL),
    int(Outcome.BOOK),
    int(Outcome.QUOTE),
    int(Outcome.AWAITS_SNAPSHOT),
    int(Outcome.DUPLICATE),
    int(Outcome.GAP),
    int(Outcome.SEQUENCE_LOST),
    int(Outcome.CHECKSUM),
    int(Outcome.CROSSED),
    int(Outcome.MALFORMED),
    int(Outcome.FOREIGN),
)
_RANGE, _RANGE_THEN_PREVIOUS, _PREVIOUS, _CONSECUTIVE = (
    int(Continuity.RANGE),
    int(Continuity.RANGE_THEN_PREVIOUS),
    int(Continuity.PREVIOUS),
    int(Continuity.CONSECUTIVE),
)
_BY_ID, _BY_ID_AND_TIME, _QUOTE_CONSECUTIVE = (
    int(QuoteOrder.BY_ID),
    int(QuoteOrder.BY_ID_AND_TIME),
    int(QuoteOrder.CONSECUTIVE),
)
_KRAKEN, _OKX = int(ChecksumRule.KRAKEN), int(ChecksumRule.OKX)
_TIME, _FIRST_ID, _LAST_ID, _PREVIOUS_ID, _SEQUENCE, _ACTION, _CHECKSUM_ROLE, _BID_PRICE, _ASK_PRICE = (
    int(Role.TIME),
    int(Role.FIRST_ID),
    int(Role.LAST_ID),
    int(Role.PREVIOUS_ID),
    int(Role.SEQUENCE),
    int(Role.ACTION),
    int(Role.CHECKSUM),
    int(Role.BID_PRICE),
    int(Role.ASK_PRICE),
)
_CONTROL_ROLE, _SYMBOL_ROLE = int(Role.CONTROL), int(Role.SYMBOL)
_SIDE_BIT = 1
_OUTCOME_BITS, _OUTCOME_MASK = 8, 255


@part
def unsync_all(words: Words) -> None:
    """No book and no quote of the connection may be used, and any SEQUENCE may come next."""
    for index in range(words[SYMBOL_COUNT]):
        symbol = words[SYMBOLS_AT] + SYMBOL_WORDS * index
        words[words[symbol + BOOK_AT] + IS_SYNCED] = 0
        words[words[symbol + QUOTE_AT] + QUOTE_IS_SYNCED] = 0
    words[NEXT_SEQUENCE] = -1


@part
def _sequence(words: Words, sequence: int) -> int:
    """BOOK where the connection's frame is the one due, else DUPLICATE or SEQUENCE_LOST."""
    due = words[NEXT_SEQUENCE]
    if due >= 0 and sequence < due:
        return _DUPLICATE
    if due >= 0 and sequence > due:
        unsync_all(words)
        words[NEXT_SEQUENCE] = sequence + 1
        return _SEQUENCE_LOST
    words[NEXT_SEQUENCE] = sequence + 1
    return _BOOK


@part
def _follows(words: Words, symbol: int, book: int, record: int) -> int:  # noqa: C901, PLR0911  # one return a rule of a venue
    """BOOK where the change in `record` follows the synced book, else DUPLICATE or GAP."""
    rule = words[CONTINUITY]
    held, last = words[book + LAST_ID], words[record + _LAST_ID]
    if rule == _RANGE:
        if last <= held:
            return _DUPLICATE
        return _GAP if words[record + _FIRST_ID] > held + 1 else _BOOK
    if rule == _RANGE_THEN_PREVIOUS:
        joins = words[record + _PREVIOUS_ID] == held
        if words[symbol + AWAITS_FIRST] == 1:
            if last < held:
                return _DUPLICATE
            return _BOOK if joins or words[record + _FIRST_ID] <= held else _GAP
        if last <= held:
            return _DUPLICATE
        return _BOOK if joins else _GAP
    if rule == _PREVIOUS:
        if words[record + _PREVIOUS_ID] == held:
            return _BOOK
        # ids may be set back, so that only the very last frame is known to be old
        return _DUPLICATE if last == held else _GAP
    if rule == _CONSECUTIVE:
        if last == held + 1:
            return _BOOK
        return _DUPLICATE if last == held else _GAP
    return _BOOK


@part
def _lag(words: Words, record: int, received: int) -> int:
    """How much later than the quickest frame of the last one to two windows this one came.

    A frame without a time has the lag of the connection's last one with it. A window ends with the first frame after its
    time: silence forgets nothing, or the first frames after a stall would set the measure.
    """
    if words[record + SEEN] >> _TIME & 1 == 0 or words[FORCED] != 0:
        held: int = words[LAST_LAG]
        return held
    delay = received - words[record + _TIME]
    if words[LEAST_DELAY] == NO_DELAY:
        words[WINDOW_START], words[LEAST_DELAY] = received, delay
    elif received - words[WINDOW_START] >= WINDOW:
        words[LEAST_BEFORE] = words[LEAST_DELAY]
        words[WINDOW_START], words[LEAST_DELAY] = received, delay
    else:
        words[LEAST_DELAY] = min(words[LEAST_DELAY], delay)
    lag: int = delay - min(words[LEAST_DELAY], words[LEAST_BEFORE])
    words[LAST_LAG] = lag
    return lag


@part
def _put_levels(words: Words, book: int, record: int, is_snapshot: bool) -> None:
    first, end = words[record + FIRST_LEVEL], words[record + END_LEVEL]
    levels = words[LEVELS_AT]
    if is_snapshot:
        clear(words, book)
    for place in range(first, end):
        level = levels + FRAME_LEVEL_WORDS * place
        put(
            words,
            book,
            words[level + LEVEL_SIDE] & _SIDE_BIT,
            words[level + LEVEL_PRICE],
            words[level + LEVEL_SIZE],
            words[level + LEVEL_TEXT],
        )
    truncate(words, book)


@part
def _checksum_holds(words: Words, book: int, record: int) -> bool:
    rule = words[CHECKSUM_RULE]
    said: int = words[record + _CHECKSUM_ROLE]
    if rule == _KRAKEN:
        return said == kraken_checksum(words, book, words[TABLES_AT])
    if rule == _OKX and (words[record + SEEN] >> _CHECKSUM_ROLE) & 1 and said != 0:
        return said == okx_checksum(words, book, words[TABLES_AT])
    return True


@part
def _apply_book(words: Words, symbol: int, record: int, received: int) -> int:
    """A frame's change of a book; what does not follow leaves the book as it is, but for IS_SYNCED at a GAP."""
    book = words[symbol + BOOK_AT]
    is_snapshot = words[record + _ACTION] == ACTION_SNAPSHOT or (
        words[CONTINUITY] == _CONSECUTIVE and words[record + _LAST_ID] == 1
    )
    if not is_snapshot:
        if words[book + IS_SYNCED] == 0:
            return _AWAITS
        outcome = _follows(words, symbol, book, record)
        if outcome != _BOOK:
            if outcome == _GAP:
                words[book + IS_SYNCED] = 0
            return outcome
    _put_levels(words, book, record, is_snapshot)
    words[book + LAST_ID] = words[record + _LAST_ID]
    words[book + EXCHANGE_TIME] = words[record + _TIME]
    words[book + RECEIVED] = received
    words[book + LAG] = _lag(words, record, received)
    words[symbol + AWAITS_FIRST] = words[FORCED] != 0
    words[book + IS_SYNCED] = 0
    if not _checksum_holds(words, book, record):
        return _CHECKSUM
    if is_crossed(words, book):
        return _CROSSED
    words[book + IS_SYNCED] = 1
    return _BOOK


@part
def _quote_follows(words: Words, quote: int, record: int, is_whole: bool) -> int:
    """QUOTE where `record` is newer than the quote held, else why not."""
    order = words[QUOTE_ORDER]
    last, held = words[record + _LAST_ID], words[quote + QUOTE_LAST_ID]
    if words[quote + QUOTE_IS_SYNCED] == 0:
        return _QUOTE if is_whole else _AWAITS
    if order == _BY_ID and last <= held:
        return _DUPLICATE
    if (
        order == _BY_ID_AND_TIME
        and last < held
        and words[record + _TIME] <= words[quote + QUOTE_EXCHANGE_TIME]
    ):
        return _DUPLICATE
    if order == _QUOTE_CONSECUTIVE and not is_whole and last != held + 1:
        return _DUPLICATE if last == held else _GAP
    return _QUOTE


@part
def _put_quote(words: Words, quote: int, record: int, is_whole: bool) -> None:
    if words[record + SEEN] & TOP_PRICES:
        for place in range(4):
            words[quote + QUOTE_BID + place] = words[record + _BID_PRICE + place]
        return
    if is_whole:
        for place in range(4):
            words[quote + QUOTE_BID + place] = 0
    for place in range(words[record + FIRST_LEVEL], words[record + END_LEVEL]):
        level = words[LEVELS_AT] + FRAME_LEVEL_WORDS * place
        side = quote + QUOTE_BID + 2 * (words[level + LEVEL_SIDE] & _SIDE_BIT)
        price, size = words[level + LEVEL_PRICE], words[level + LEVEL_SIZE]
        if size > 0:
            words[side], words[side + 1] = price, size
        elif words[side] == price:
            words[side], words[side + 1] = 0, 0


@part
def _apply_quote(words: Words, symbol: int, record: int, received: int) -> int:
    quote = words[symbol + QUOTE_AT]
    is_whole = (
        words[QUOTE_ORDER] != _QUOTE_CONSECUTIVE
        or words[record + _ACTION] == ACTION_SNAPSHOT
        or words[record + _LAST_ID] == 1
    )
    outcome = _quote_follows(words, quote, record, is_whole)
    if outcome != _QUOTE:
        if outcome == _GAP:
            words[quote + QUOTE_IS_SYNCED] = 0
        return outcome
    _put_quote(words, quote, record, is_whole)
    words[quote + QUOTE_LAST_ID] = words[record + _LAST_ID]
    words[quote + QUOTE_EXCHANGE_TIME] = words[record + _TIME]
    words[quote + QUOTE_RECEIVED] = received
    words[quote + QUOTE_LAG] = _lag(words, record, received)
    words[quote + QUOTE_IS_SYNCED] = 1
    return _QUOTE


@part
def _apply(words: Words, record: int, received: int) -> int:
    route: int = words[record + ROUTE]
    if route < 0:
        return _CONTROL if route == -1 else _FOREIGN
    index = route >> 2
    symbol = words[SYMBOLS_AT] + SYMBOL_WORDS * index
    if route & 3 == KIND_BOOK:
        outcome = _apply_book(words, symbol, record, received)
    else:
        outcome = _apply_quote(words, symbol, record, received)
    return outcome | index << _OUTCOME_BITS


@part
def _is_taken(outcome: int) -> bool:
    return outcome & _OUTCOME_MASK == _BOOK or outcome & _OUTCOME_MASK == _QUOTE


@part
def _has_failed(outcome: int) -> bool:
    """It is about a book or quote of ours, and was not taken."""
    return (
        not _is_taken(outcome) and outcome & _OUTCOME_MASK != _FOREIGN and outcome & _OUTCOME_MASK != _CONTROL
    )


@part
def judge(words: Words, elements: int, received: int) -> int:
    """Outcome of the frame whose records were read; of several objects the first that failed, else the last one taken.

    Objects of one list stand for themselves: one that fails keeps no other from being applied, unless it is malformed.
    """
    is_control = (words[RECORDS_AT + SEEN] >> _CONTROL_ROLE) & 1 == 1
    first = RECORDS_AT if elements == 0 else RECORDS_AT + RECORD_WORDS
    count = max(elements, 1)
    if not is_control:
        for place in range(count):
            if not resolve(words, first + RECORD_WORDS * place, elements > 0):
                return _MALFORMED
    if (words[RECORDS_AT + SEEN] >> _SEQUENCE) & 1:
        outcome = _sequence(words, words[RECORDS_AT + _SEQUENCE])
        if outcome != _BOOK:
            return outcome
    if is_control:
        return _CONTROL
    outcome = _apply(words, first, received)
    for place in range(1, count):
        following = _apply(words, first + RECORD_WORDS * place, received)
        if not _has_failed(outcome) and (_has_failed(following) or _is_taken(following)):
            outcome = following
    return outcome
