"""Frames of Bybit v5: `orderbook.<depth>.<symbol>`, the depth 1 being the best bid and offer.

Any snapshot replaces the book; `u` 1 means that the service began anew. Whether a level that falls out of the depth is told
of is not documented: cut off, it cannot stay. Source: bybit-exchange.github.io, v5 Orderbook.
"""

from typing import Final

from bot.feeds.cex.dialect import Context, Continuity, Dialect, QuoteOrder, Role, TimeFormat, members

_NEEDS: Final = (Role.TIME, Role.ACTION, Role.LAST_ID, Role.BIDS, Role.ASKS)

BYBIT: Final = Dialect(
    name="bybit",
    members=members(
        Context.TOP,
        topic=Role.CHANNEL,
        type=Role.ACTION,
        ts=Role.TIME,
        data=Role.DATA,
        success=Role.CONTROL,
        op=Role.CONTROL,
    )
    + members(Context.DATA, s=Role.SYMBOL, b=Role.BIDS, a=Role.ASKS, u=Role.LAST_ID),
    book_channels=("orderbook.{depth}.{symbol}",),
    quote_channels=("orderbook.1.{symbol}",),
    book_needs=_NEEDS,
    quote_needs=_NEEDS,
    snapshot="snapshot",
    update="delta",
    time=TimeFormat.MILLISECONDS,
    continuity=Continuity.CONSECUTIVE,
    quote_order=QuoteOrder.CONSECUTIVE,
    truncates=True,
)
