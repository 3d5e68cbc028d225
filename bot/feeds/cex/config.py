"""What an exchange's feed is told, and what it counts."""

import msgspec

from bot.core.units import Nanoseconds

MILLISECOND = 10**6
SECOND = 10**9


class CexConfig(msgspec.Struct, frozen=True):
    """Times are of the Clock port."""

    quote_age: Nanoseconds = Nanoseconds(5 * SECOND)
    """A quote or book without a frame of its own for longer is stale. Bybit repeats a quiet quote each 3 s, and a dollar
    pair may be quiet that long anywhere.
    """
    quote_lag: Nanoseconds = Nanoseconds(1 * SECOND)
    """One whose last frame took longer on its way than the connection's fastest is stale: a backlog."""
    clock_limit: Nanoseconds = Nanoseconds(5 * SECOND)
    """One whose exchange time is further behind our UTC at its reception is stale, however quick it was beside others: a
    backlog that was there from the beginning, or one of the two clocks is wrong.
    """
    connect_limit: Nanoseconds = Nanoseconds(10 * SECOND)
    """TCP, TLS and handshake together."""
    fetch_limit: Nanoseconds = Nanoseconds(10 * SECOND)
    """One REST answer."""
    first_backoff: Nanoseconds = Nanoseconds(250 * MILLISECOND)
    """Before the second attempt to connect; doubles with each failure."""
    longest_backoff: Nanoseconds = Nanoseconds(60 * SECOND)
    first_resync: Nanoseconds = Nanoseconds(100 * MILLISECOND)
    """Before a book is asked for the second time in a row; the first time is at once. Doubles."""
    longest_resync: Nanoseconds = Nanoseconds(30 * SECOND)
    book_limit: Nanoseconds = Nanoseconds(15 * SECOND)
    """A book asked for must be there after this, else it is asked for again."""
    book_attempts: int = 4
    """Times a book is asked for in a row before the connection is given up."""
    longest_book_wait: Nanoseconds = Nanoseconds(3600 * SECOND)
    """Between connections that are opened only for books that came on none of them; it begins with twice `book_limit` and
    doubles.
    """
    data_limit: Nanoseconds = Nanoseconds(60 * SECOND)
    """A connection without any book or quote for longer wants a successor, by `longest_book_wait` too."""
    book_data_limit: Nanoseconds = Nanoseconds(300 * SECOND)
    """One book without an update for longer, while others have them, is asked for anew; doubles while it stays so."""
    steady: Nanoseconds = Nanoseconds(30 * SECOND)
    """Good for this long, a book or connection has earned a quick retry at its next failure."""
    hand_over_limit: Nanoseconds = Nanoseconds(60 * SECOND)
    """A second connection must serve all the first one serves after this, else it is closed and tried again."""
    first_event: Nanoseconds = Nanoseconds(1 * SECOND)
    """How long a REST snapshot waits for the stream's first event of its book."""
    buffered_frames: int = 4096
    """Of one book, while its REST snapshot is on its way; when more come it begins anew."""
    buffered_bytes: int = 8 * 1024 * 1024
    """Likewise."""
    least_known: int = 100
    """Levels of a side: with fewer left of a partial snapshot (Binance 1,000, Coinbase 4,096) the book is asked for anew."""
    thin_wait: Nanoseconds = Nanoseconds(600 * SECOND)
    """Between such requests for one book."""
    too_fast_wait: Nanoseconds = Nanoseconds(30 * SECOND)
    """After a 429 or 418 without Retry-After."""
    refused_wait: Nanoseconds = Nanoseconds(300 * SECOND)
    """After any other 4xx at the handshake, and after a firewall's 403: neither changes in seconds. Before a refused book
    is asked for again; that doubles up to `longest_book_wait`.
    """


class CexCounters(msgspec.Struct):
    """Of one exchange since its feed was made; read by status and metrics, written by the feed alone."""

    attempts: int = 0
    """Connections tried."""
    connections: int = 0
    """Connections that opened."""
    failed_connections: int = 0
    reconnects: int = 0
    """Connections opened after an earlier one was lost; a hand-over is none."""
    hand_overs: int = 0
    failed_hand_overs: int = 0
    half_open: int = 0
    messages: int = 0
    """Data frames."""
    control_frames: int = 0
    duplicates: int = 0
    foreign: int = 0
    gaps: int = 0
    checksums: int = 0
    """Failed ones."""
    crossed: int = 0
    malformed: int = 0
    resyncs: int = 0
    snapshots_fetched: int = 0
    snapshots_too_old: int = 0
    """Older than the first buffered event, or overtaken by a break in the buffer: fetched again."""
    overflows: int = 0
    """Buffers of a book begun anew because they were full."""
    too_fast: int = 0
    """429, 418 and the exchange's own words for them."""
