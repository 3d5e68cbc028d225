"""One exchange's feed as an operator wants to see it, in words."""

from typing import TYPE_CHECKING

from bot.core.market_data import ExchangeStatus
from bot.core.ports import Clock
from bot.core.units import Nanoseconds
from bot.feeds.cex.config import SECOND
from bot.feeds.cex.connection import Connection
from bot.feeds.cex.connection_keeper import ConnectionKeeper

if TYPE_CHECKING:
    from bot.feeds.cex.exchange_feed import ExchangeFeed


def feed_status(
    feed: "ExchangeFeed", keeper: ConnectionKeeper, clock: Clock, now: Nanoseconds, *, is_running: bool
) -> ExchangeStatus:
    counters, connection = feed.counters, keeper.active
    state, reason = _state(feed, keeper, now, is_running=is_running)
    return ExchangeStatus(
        exchange=feed.venue.name,
        state=state,
        reason=reason,
        age=_age(connection, now),
        messages_per_second=keeper.rate.per_second(now, counters.messages),
        messages=counters.messages,
        gaps=counters.gaps + counters.checksums,
        resyncs=counters.resyncs,
        reconnects=counters.reconnects,
        malformed=counters.malformed,
        clock_offset=_clock_offset(connection, clock),
        pairs=_pairs(feed, connection),
    )


def _state(
    feed: "ExchangeFeed", keeper: ConnectionKeeper, now: Nanoseconds, *, is_running: bool
) -> tuple[str, str]:
    connection = keeper.active
    if not is_running:
        return "stopped", keeper.reason if feed.pairs else "none of its pairs can be followed"
    if connection is not None and connection.is_open:
        return _state_of(feed, keeper, connection, now)
    if keeper.is_connecting:
        return "connecting", keeper.reason
    wait = keeper.until_attempt(now) / SECOND
    return "waiting", f"{keeper.reason}; next attempt in {wait:.1f} s"


def _state_of(
    feed: "ExchangeFeed", keeper: ConnectionKeeper, connection: Connection, now: Nanoseconds
) -> tuple[str, str]:
    """Of an open connection."""
    recovery = connection.recovery
    if recovery.awaited:
        reason = connection.trouble or _named(feed, sorted(recovery.awaited))
        if connection.wants and (wait := keeper.until_next(now)):
            reason += f"; next connection in {wait / SECOND:.0f} s"
        return "syncing", reason
    if all(map(recovery.refusal, range(len(feed.pairs)))):
        return "stale", "all its pairs are refused"
    stale = [
        f"{pair}: {quote.stale if quote is not None else 'nothing came yet'}"
        for index, pair in enumerate(feed.pairs)
        if not recovery.refusal(index)
        and ((quote := feed.quote(pair, now)) is None or quote.stale is not None)
    ]
    if stale:
        reason = "; ".join(stale[:2]) + (f"; {len(stale) - 2} more" if len(stale) > 2 else "")
        if connection.wants and (wait := keeper.until_next(now)):
            reason += f"; next connection in {wait / SECOND:.0f} s"
        return "stale", reason
    return "live", ""


def _named(feed: "ExchangeFeed", awaited: list[int]) -> str:
    names = ", ".join(str(feed.pairs[index]) for index in awaited[:3])
    return f"awaits the books of {names}{' …' if len(awaited) > 3 else ''}"


def _pairs(feed: "ExchangeFeed", connection: Connection | None) -> tuple[str, ...]:
    followed = []
    for index, pair in enumerate(feed.pairs):
        refusal = connection.recovery.refusal(index) if connection is not None else ""
        followed.append(f"{pair} ({refusal})" if refusal else str(pair))
    return (*followed, *(f"{pair} ({why})" for pair, why in feed.left_out.items()))


def _age(connection: Connection | None, now: Nanoseconds) -> Nanoseconds | None:
    if connection is None or connection.data_at is None:
        return None
    return Nanoseconds(now - connection.data_at)


def _clock_offset(connection: Connection | None, clock: Clock) -> Nanoseconds | None:
    """Theirs minus ours: received (monotonic) minus their time is the shortest delay less our monotonic clock's start."""
    least = connection.reader.least_delay if connection is not None else None
    if least is None:
        return None
    return Nanoseconds(-(least + clock.utc() - clock.monotonic()))
