"""What a connection does by time alone: its pings, when silence means that it is gone, when its successor is due. Pure."""

from bot.core.units import Nanoseconds
from bot.feeds.cex.config import SECOND
from bot.feeds.cex.venue import ConnectionLimits

LIFE_PARTS = 24
"""A successor is due one such part before the end (23 of 24 hours), and up to as much earlier: not all at once."""


class ConnectionTimes:
    """`heard_at` is written by the connection with every frame, ping and pong."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self.heard_at = Nanoseconds(0)
        self.round_trip: Nanoseconds | None = None
        """Of the last answered ping."""
        self._heartbeat = limits.heartbeat
        self._life = limits.life
        self._ping_at = Nanoseconds(0)
        self._pinged_at: Nanoseconds | None = None
        self._successor_at: Nanoseconds | None = None
        self._held_until = Nanoseconds(0)

    def begin(self, now: Nanoseconds, jitter: float) -> None:
        self.heard_at = now
        self._ping_at = Nanoseconds(now + self._heartbeat)
        if self._life is not None:
            early = self._life // LIFE_PARTS
            self._successor_at = Nanoseconds(now + self._life - early - int(early * jitter))

    def half_open(self, now: Nanoseconds) -> str | None:
        """Why the socket must be dropped: two intervals without anything, though a ping was sent in each."""
        silent = now - max(self.heard_at, self._held_until)
        if silent < 2 * self._heartbeat:
            return None
        return f"half open: nothing heard for {silent / SECOND:g} s, pings included"

    def hold(self, until: Nanoseconds) -> None:
        """The exchange finds us too fast: silence before `until` is no sign of anything."""
        self._held_until = max(self._held_until, until)

    def is_ping_due(self, now: Nanoseconds) -> bool:
        """Once an interval."""
        if now < self._ping_at:
            return False
        self._ping_at = Nanoseconds(now + self._heartbeat)
        return True

    def pinged(self, now: Nanoseconds) -> None:
        self._pinged_at = now

    def ponged(self, now: Nanoseconds) -> None:
        if self._pinged_at is not None:
            self.round_trip = Nanoseconds(now - self._pinged_at)
            self._pinged_at = None

    def is_successor_due(self, now: Nanoseconds) -> bool:
        """Once."""
        if self._successor_at is None or now < self._successor_at:
            return False
        self._successor_at = None
        return True

    def next_time(self) -> Nanoseconds:
        """When one of these has something to say at the earliest."""
        half_open_at = Nanoseconds(max(self.heard_at, self._held_until) + 2 * self._heartbeat)
        soonest = min(self._ping_at, half_open_at)
        return soonest if self._successor_at is None else min(soonest, self._successor_at)
