"""Frames of OKX v5: `books` (400 levels, incremental) and `bbo-tbt`.

A level is [price, size, "0", orders]. `checksum` is 0 in today's frames, which says nothing; one that is not is checked.
Whether a level that falls out of the 400 is told of is not documented: cut off, it cannot stay (ccxt cuts there too).
Source: OKX API v5, "WS / Order book channel".
"""

from typing import Final

from bot.feeds.cex.dialect import (
    ChecksumRule,
    Context,
    Continuity,
    Dialect,
    QuoteOrder,
    Role,
    TimeFormat,
    members,
)

OKX: Final = Dialect(
    name="okx",
    members=members(Context.TOP, arg=Role.ARGUMENT, action=Role.ACTION, data=Role.DATA, event=Role.CONTROL)
    + members(Context.ARGUMENT, channel=Role.CHANNEL, instId=Role.SYMBOL)
    + members(
        Context.DATA,
        asks=Role.ASKS,
        bids=Role.BIDS,
        ts=Role.TIME,
        checksum=Role.CHECKSUM,
        prevSeqId=Role.PREVIOUS_ID,
        seqId=Role.LAST_ID,
    ),
    book_channels=("books",),
    quote_channels=("bbo-tbt",),
    book_needs=(Role.ACTION, Role.ASKS, Role.BIDS, Role.TIME, Role.PREVIOUS_ID, Role.LAST_ID),
    quote_needs=(Role.ASKS, Role.BIDS, Role.TIME, Role.LAST_ID),
    snapshot="snapshot",
    update="update",
    time=TimeFormat.MILLISECONDS,
    continuity=Continuity.PREVIOUS,
    quote_order=QuoteOrder.BY_ID_AND_TIME,
    checksum=ChecksumRule.OKX,
    truncates=True,
    plain_reply="pong",
)
