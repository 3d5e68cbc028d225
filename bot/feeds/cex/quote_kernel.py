"""Whether a best bid and offer follows the one held, and the change itself, compiled. Rules: bot.feeds.cex.dialect.QuoteOrder."""

from bot.feeds.cex.dialect import QuoteOrder, Role
from bot.feeds.cex.frame_layout import (
    ACTION_SNAPSHOT,
    END_LEVEL,
    FIRST_LEVEL,
    FRAME_LEVEL_WORDS,
    LEVEL_PRICE,
    LEVEL_SIDE,
    LEVEL_SIZE,
    LEVELS_AT,
    QUOTE_AT,
    QUOTE_BID,
    QUOTE_EXCHANGE_TIME,
    QUOTE_IS_SYNCED,
    QUOTE_LAG,
    QUOTE_LAST_ID,
    QUOTE_ORDER,
    QUOTE_RECEIVED,
    SEEN,
    TOP_PRICES,
)
from bot.feeds.cex.lag_kernel import lag_of
from bot.feeds.cex.outcome import Outcome
from bot.feeds.cex.pointer_kernel import part
from bot.state.book_layout import Words

_QUOTE, _AWAITS, _DUPLICATE, _GAP = (
    int(Outcome.QUOTE),
    int(Outcome.AWAITS_SNAPSHOT),
    int(Outcome.DUPLICATE),
    int(Outcome.GAP),
)
_BY_ID, _BY_ID_AND_TIME, _QUOTE_CONSECUTIVE = (
    int(QuoteOrder.BY_ID),
    int(QuoteOrder.BY_ID_AND_TIME),
    int(QuoteOrder.CONSECUTIVE),
)
_TIME, _LAST_ID, _ACTION, _BID_PRICE = (
    int(Role.TIME),
    int(Role.LAST_ID),
    int(Role.ACTION),
    int(Role.BID_PRICE),
)
_SIDE_BIT = 1


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
def apply_quote(words: Words, symbol: int, record: int, received: int) -> int:
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
    words[quote + QUOTE_LAG] = lag_of(words, record, received)
    words[quote + QUOTE_IS_SYNCED] = 1
    return _QUOTE
