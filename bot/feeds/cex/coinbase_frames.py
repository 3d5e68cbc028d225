"""Frames of Coinbase Advanced Trade: `l2_data` of the channel level2.

`sequence_num` counts the frames of the connection, of all channels and control frames too. Its `ticker` moves with trades
only, so that the best bid and offer is the top of the book. Source: docs.cdp.coinbase.com, Advanced Trade WebSocket.
"""

from typing import Final

from bot.feeds.cex.dialect import Context, Continuity, Dialect, Role, TimeFormat, members

COINBASE: Final = Dialect(
    name="coinbase",
    members=members(
        Context.TOP,
        channel=Role.CHANNEL,
        timestamp=Role.TIME,
        sequence_num=Role.SEQUENCE,
        events=Role.DATA,
    )
    + members(Context.DATA, type=Role.ACTION, product_id=Role.SYMBOL, updates=Role.LEVELS)
    + members(Context.LEVEL, side=Role.SIDE, price_level=Role.PRICE, new_quantity=Role.SIZE),
    book_channels=("l2_data",),
    quote_channels=(),
    book_needs=(Role.TIME, Role.SEQUENCE, Role.ACTION, Role.LEVELS),
    snapshot="snapshot",
    update="update",
    bid="bid",
    offer="offer",
    time=TimeFormat.RFC3339,
    continuity=Continuity.NONE,
)
