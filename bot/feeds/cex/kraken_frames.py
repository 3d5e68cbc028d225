"""Frames of Kraken's websocket v2: `book` with its checksum, `ticker` driven by the best bid and offer.

Prices and sizes are JSON numbers in the venue's own digits, trailing zeros with them: the checksum is over those. Source:
docs.kraken.com, websocket v2 book, ticker and "Book checksum (WebSocket v2)".
"""

from typing import Final

from bot.feeds.cex.dialect import ChecksumRule, Context, Continuity, Dialect, Role, TimeFormat, members

KRAKEN: Final = Dialect(
    name="kraken",
    members=members(
        Context.TOP,
        channel=Role.CHANNEL,
        type=Role.ACTION,
        data=Role.DATA,
        method=Role.CONTROL,
        error=Role.CONTROL,
    )
    + members(
        Context.DATA,
        symbol=Role.SYMBOL,
        bids=Role.BIDS,
        asks=Role.ASKS,
        checksum=Role.CHECKSUM,
        timestamp=Role.TIME,
        bid=Role.BID_PRICE,
        bid_qty=Role.BID_SIZE,
        ask=Role.ASK_PRICE,
        ask_qty=Role.ASK_SIZE,
    )
    + members(Context.LEVEL, price=Role.PRICE, qty=Role.SIZE),
    book_channels=("book",),
    quote_channels=("ticker",),
    book_needs=(Role.ACTION, Role.BIDS, Role.ASKS, Role.CHECKSUM),
    quote_needs=(Role.BID_PRICE, Role.BID_SIZE, Role.ASK_PRICE, Role.ASK_SIZE),
    snapshot="snapshot",
    update="update",
    time=TimeFormat.RFC3339,
    continuity=Continuity.NONE,
    checksum=ChecksumRule.KRAKEN,
    truncates=True,
)
