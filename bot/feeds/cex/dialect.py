"""What an exchange's market data frames look like, as data: one table-driven kernel reads the frames of all of them."""

from collections.abc import Iterable
from enum import IntEnum

import msgspec


class Context(IntEnum):
    """Where in a frame a member stands: the same name means different things in different places."""

    TOP = 0
    ARGUMENT = 1
    """OKX's `arg`."""
    DATA = 2
    """The object, or each object of the list, that holds the data."""
    LEVEL = 3
    """One level of a book, where levels are objects."""


class Role(IntEnum):
    """What a member of a frame is to us. What has no role is skipped, whatever it holds."""

    CHANNEL = 1
    """Text: which stream."""
    SYMBOL = 2
    """Text: which book."""
    TIME = 3
    FIRST_ID = 4
    """Integer from 0: the first update in this frame."""
    LAST_ID = 5
    """Integer from 0: the last update in this frame."""
    PREVIOUS_ID = 6
    """Integer from -1: LAST_ID of the frame before."""
    SEQUENCE = 7
    """Integer from 0: number of this frame in its connection."""
    ACTION = 8
    """Text: snapshot or update."""
    CHECKSUM = 9
    BID_PRICE = 10
    BID_SIZE = 11
    ASK_PRICE = 12
    ASK_SIZE = 13
    BIDS = 14
    """List of levels; where it is a number instead, the BID_PRICE."""
    ASKS = 15
    """As BIDS."""
    LEVELS = 16
    """List of levels of both sides, each with its SIDE."""
    CONTROL = 17
    """Only control frames have it."""
    PRICE = 18
    SIZE = 19
    SIDE = 20
    ARGUMENT = 32 + Context.ARGUMENT
    """The object behind it is read as Context.ARGUMENT."""
    DATA = 32 + Context.DATA
    """The object, or the objects of the list, behind it are read as Context.DATA."""


class TimeFormat(IntEnum):
    MILLISECONDS = 0
    """Since 1970, as a number or as text."""
    RFC3339 = 1
    """With up to nine decimals; `Z` or an offset."""


class Continuity(IntEnum):
    """How it is seen that no update of a book is missing."""

    NONE = 0
    """Nothing in the frame itself: the checksum (Kraken) or the connection's sequence (Coinbase) tells."""
    RANGE = 1
    """Binance spot: FIRST_ID to LAST_ID joins the last one without a hole; the book begins with a REST snapshot."""
    RANGE_THEN_PREVIOUS = 2
    """Binance USD-M: the first range holds the snapshot's id, then PREVIOUS_ID is the last LAST_ID."""
    PREVIOUS = 3
    """OKX: PREVIOUS_ID is the last LAST_ID, which may go down."""
    CONSECUTIVE = 4
    """Bybit: LAST_ID is the last one and 1; LAST_ID 1 begins anew."""


class QuoteOrder(IntEnum):
    """Which best bid and offer is the newer one, and whether one side of it may come alone."""

    AS_RECEIVED = 0
    BY_ID = 1
    """LAST_ID grows: one that is not above the last is a repetition."""
    BY_ID_AND_TIME = 2
    """As BY_ID, but LAST_ID may be set back: a lower one is newer where its time is."""
    CONSECUTIVE = 3
    """Bybit: an update may bring one side, and its LAST_ID is the last one and 1; snapshots bring both, repeated or not."""


class ChecksumRule(IntEnum):
    NONE = 0
    KRAKEN = 1
    """In every frame of a book."""
    OKX = 2
    """Where the frame carries one that is not 0."""


class Member(msgspec.Struct, frozen=True):
    """One name in one place, and what it is."""

    context: Context
    name: str
    role: Role


def members(context: Context, **roles: Role) -> tuple[Member, ...]:
    """Members of one place by their names."""
    return tuple(Member(context, name, role) for name, role in roles.items())


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """The frames of one exchange."""

    name: str
    members: tuple[Member, ...]
    book_channels: tuple[str, ...]
    """CHANNEL of frames that change a book; `{symbol}` and `{depth}` stand for the book's. Empty text: no CHANNEL in it."""
    quote_channels: tuple[str, ...]
    """CHANNEL of frames with the best bid and offer; empty: the exchange has no such stream."""
    book_needs: tuple[Role, ...]
    """A frame of a book without one of these is malformed."""
    quote_needs: tuple[Role, ...] = ()
    snapshot: str = ""
    """ACTION of a frame that holds the whole book."""
    update: str = ""
    """ACTION of a frame that holds changes."""
    bid: str = ""
    """SIDE of bids."""
    offer: str = ""
    """SIDE of asks."""
    time: TimeFormat
    continuity: Continuity
    quote_order: QuoteOrder = QuoteOrder.AS_RECEIVED
    checksum: ChecksumRule = ChecksumRule.NONE
    truncates: bool = False
    """The reader cuts the book to the subscribed depth: the exchange does not, or may not, take out what falls below it.
    What comes back into the depth is told again, as a change of what is shown.
    """
    plain_reply: str = ""
    """A frame that is this text and no JSON is a control frame."""


def mask(roles: Iterable[Role]) -> int:
    """One bit a role."""
    bits = 0
    for role in roles:
        bits |= 1 << role
    return bits
