"""Whether what a frame says follows what is held, and the change itself, compiled.

All records of a frame are looked at before the first is applied: a frame with anything malformed in it changes nothing.
Rules by venue: bot.feeds.cex.dialect.Continuity.
"""

from bot.feeds.cex.dialect import ChecksumRule, Continuity, Role
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
    INEXACT_BIT,
    KIND_BOOK,
    LEVEL_PRICE,
    LEVEL_SIDE,
    LEVEL_SIZE,
    LEVEL_TEXT,
    LEVELS_AT,
    NEXT_SEQUENCE,
    QUOTE_AT,
    QUOTE_IS_SYNCED,
    RECORD_WORDS,
    RECORDS_AT,
    ROUTE,
    SEEN,
    SYMBOL_COUNT,
    SYMBOL_WORDS,
    SYMBOLS_AT,
    TABLES_AT,
)
from bot.feeds.cex.lag_kernel import lag_of
from bot.feeds.cex.outcome import Outcome
from bot.feeds.cex.pointer_kernel import part
from bot.feeds.cex.quote_kernel import apply_quote
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
    _INEXACT,
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
    int(Outcome.INEXACT),
)
_RANGE, _RANGE_THEN_PREVIOUS, _PREVIOUS, _CONSECUTIVE = (
    int(Continuity.RANGE),
    int(Continuity.RANGE_THEN_PREVIOUS),
    int(Continuity.PREVIOUS),
    int(Continuity.CONSECUTIVE),
)
_KRAKEN, _OKX = int(ChecksumRule.KRAKEN), int(ChecksumRule.OKX)
_TIME, _FIRST_ID, _LAST_ID, _PREVIOUS_ID, _SEQUENCE, _ACTION, _CHECKSUM_ROLE = (
    int(Role.TIME),
    int(Role.FIRST_ID),
    int(Role.LAST_ID),
    int(Role.PREVIOUS_ID),
    int(Role.SEQUENCE),
    int(Role.ACTION),
    int(Role.CHECKSUM),
)
_CONTROL_ROLE = int(Role.CONTROL)
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
    """BOOK where the connection's frame is the one due, DUPLICATE for the one before it again, else SEQUENCE_LOST.

    TCP brings no older frame late: a lower number is a counter set back, of which nobody knows what it left out.
    """
    due = words[NEXT_SEQUENCE]
    if due >= 0 and sequence == due - 1:
        return _DUPLICATE
    if due >= 0 and sequence != due:
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
    words[book + LAG] = lag_of(words, record, received)
    words[symbol + AWAITS_FIRST] = words[FORCED] != 0
    words[book + IS_SYNCED] = 0
    if not _checksum_holds(words, book, record):
        return _CHECKSUM
    if is_crossed(words, book):
        return _CROSSED
    words[book + IS_SYNCED] = 1
    return _BOOK


@part
def _unsync_inexact(words: Words, symbol: int, kind: int) -> int:
    if kind == KIND_BOOK:
        words[words[symbol + BOOK_AT] + IS_SYNCED] = 0
    else:
        words[words[symbol + QUOTE_AT] + QUOTE_IS_SYNCED] = 0
    return _INEXACT


@part
def _apply(words: Words, record: int, received: int) -> int:
    route: int = words[record + ROUTE]
    if route < 0:
        return _CONTROL if route == -1 else _FOREIGN
    index = route >> 2
    symbol = words[SYMBOLS_AT] + SYMBOL_WORDS * index
    if words[record + SEEN] & INEXACT_BIT:
        outcome = _unsync_inexact(words, symbol, route & 3)
    elif route & 3 == KIND_BOOK:
        outcome = _apply_book(words, symbol, record, received)
    else:
        outcome = apply_quote(words, symbol, record, received)
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
