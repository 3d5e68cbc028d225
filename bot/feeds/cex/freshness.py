"""Whether a quote or book of a connection may be used now. The monotonic time is an argument; UTC is the connection's."""

from typing import Protocol

from bot.core.units import Nanoseconds
from bot.feeds.cex.config import SECOND, CexConfig
from bot.feeds.cex.connection import Connection


class Priced(Protocol):
    """A book, or the record of best bid and offer: what both tell of themselves."""

    @property
    def received(self) -> int | None: ...

    @property
    def exchange_time(self) -> int | None: ...

    @property
    def lag(self) -> int | None: ...

    def best(self) -> tuple[int, int, int, int] | None: ...


def book_staleness(connection: Connection, index: int, now: Nanoseconds, config: CexConfig) -> str | None:
    """Why this book must not be used; None: it is fresh."""
    book = connection.reader.books[index]
    reason = _connection_reason(connection, index)
    if reason is None and not book.is_synced:
        reason = connection.trouble or "its book has not come yet"
    return reason or _staleness(book, now, config) or _backlog(book, connection.utc_ahead(), config)


def record_staleness(connection: Connection, index: int, now: Nanoseconds, config: CexConfig) -> str | None:
    """Why the best bid and offer must not be used; None: they are fresh.

    Where the stream carries no exchange time (Binance spot), frames of the same book on the same socket vouch for
    the record's lag: without them a backlog read after a stall would look new.
    """
    record = connection.reader.quotes[index]
    reason = _connection_reason(connection, index) or _staleness(record, now, config)
    if reason is not None:
        return reason
    if record.exchange_time:
        return _backlog(record, connection.utc_ahead(), config)
    book = connection.reader.books[index]
    if not book.received or (record.received or 0) - book.received > config.quote_lag:
        return (
            f"carries no time, and no frame of its book vouches for it within {config.quote_lag / SECOND:g} s"
        )
    if book.lag is not None and book.lag > config.quote_lag:
        return f"carries no time, and its book is {book.lag / SECOND:.1f} s behind"
    late = _backlog(book, connection.utc_ahead(), config)
    return late and f"carries no time, and its book was {late}"


def served(connection: Connection, now: Nanoseconds, config: CexConfig) -> set[int]:
    """What is fresh on a connection: twice the index of each book, and one more of each best bid and offer."""
    count = len(connection.reader.books)
    books = {2 * index for index in range(count) if book_staleness(connection, index, now, config) is None}
    records = {
        2 * index + 1 for index in range(count) if record_staleness(connection, index, now, config) is None
    }
    return books | records


def is_newer(one: Priced, other: Priced) -> bool:
    """By the exchange's clock where both have it: streams of one socket may overtake each other."""
    if one.exchange_time and other.exchange_time:
        return one.exchange_time > other.exchange_time
    return (one.received or 0) > (other.received or 0)


def _connection_reason(connection: Connection, index: int) -> str | None:
    if not connection.is_open:
        return connection.reason or "not connected"
    return connection.recovery.refusal(index) or connection.halted or None


def _staleness(priced: Priced, now: Nanoseconds, config: CexConfig) -> str | None:
    best = priced.best()
    if best is None:
        return "bid or ask is missing"
    if not 0 < best[0] < best[2]:
        return "bid is not below ask"
    age = now - (priced.received or 0)
    if age > config.quote_age:
        return f"last frame {age / SECOND:.1f} s ago, more than {config.quote_age / SECOND:g} s"
    if priced.lag is not None and priced.lag > config.quote_lag:
        return f"{priced.lag / SECOND:.1f} s behind, more than {config.quote_lag / SECOND:g} s"
    return None


def _backlog(priced: Priced, utc_ahead: Nanoseconds, config: CexConfig) -> str | None:
    """By the two clocks themselves; `utc_ahead`: UTC minus the monotonic clock.

    An exchange's clock that is ahead of ours is no lag, by however much.
    """
    if not priced.exchange_time:
        return None
    delay = (priced.received or 0) + utc_ahead - priced.exchange_time
    if delay <= config.clock_limit:
        return None
    return (
        f"sent {delay / SECOND:.1f} s ago by the exchange's clock, more than {config.clock_limit / SECOND:g} s: a backlog, "
        "or one of the two clocks is wrong (NTP)"
    )
