"""Frames of Binance spot and of its USD-M futures, raw and from combined streams.

A frame is routed by `e` and `s` of its data; spot's bookTicker alone has no `e`, and no time. Sources:
binance-spot-api-docs web-socket-streams.md; developers.binance.com, USD-M "How to manage a local order book correctly".
"""

from typing import Final

from bot.feeds.cex.dialect import Context, Continuity, Dialect, Member, QuoteOrder, Role, TimeFormat

_BOTH: Final = {
    "e": Role.CHANNEL,
    "E": Role.TIME,
    "s": Role.SYMBOL,
    "U": Role.FIRST_ID,
    "u": Role.LAST_ID,
    "b": Role.BIDS,
    "B": Role.BID_SIZE,
    "a": Role.ASKS,
    "A": Role.ASK_SIZE,
}
_USD_M: Final = _BOTH | {"pu": Role.PREVIOUS_ID}
_TOP: Final = (
    Member(Context.TOP, "data", Role.DATA),
    Member(Context.TOP, "result", Role.CONTROL),
    Member(Context.TOP, "error", Role.CONTROL),
    Member(Context.TOP, "code", Role.CONTROL),
    # of the REST snapshot
    Member(Context.TOP, "lastUpdateId", Role.LAST_ID),
    Member(Context.TOP, "bids", Role.BIDS),
    Member(Context.TOP, "asks", Role.ASKS),
)
_QUOTE: Final = (Role.LAST_ID, Role.BID_PRICE, Role.BID_SIZE, Role.ASK_PRICE, Role.ASK_SIZE)
_BOOK: Final = (Role.TIME, Role.FIRST_ID, Role.LAST_ID, Role.BIDS, Role.ASKS)


def _members(data: dict[str, Role]) -> tuple[Member, ...]:
    """The data stand below `data` in frames of combined streams, at the top in raw ones."""
    return _TOP + tuple(
        Member(context, name, role) for context in (Context.TOP, Context.DATA) for name, role in data.items()
    )


BINANCE: Final = Dialect(
    name="binance",
    members=_members(_BOTH),
    book_channels=("depthUpdate",),
    quote_channels=("bookTicker", ""),
    book_needs=_BOOK,
    quote_needs=_QUOTE,
    time=TimeFormat.MILLISECONDS,
    continuity=Continuity.RANGE,
    quote_order=QuoteOrder.BY_ID,
)
BINANCE_USDM: Final = Dialect(
    name="binance-usdm",
    members=_members(_USD_M),
    book_channels=("depthUpdate",),
    quote_channels=("bookTicker",),
    book_needs=(*_BOOK, Role.PREVIOUS_ID),
    quote_needs=(*_QUOTE, Role.TIME),
    time=TimeFormat.MILLISECONDS,
    continuity=Continuity.RANGE_THEN_PREVIOUS,
    quote_order=QuoteOrder.BY_ID,
)
