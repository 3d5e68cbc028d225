"""When a feed counts as silent, by the monotonic clock. Pure: the time comes as an argument."""

from bot.core.messages import FeedSilent
from bot.core.units import Nanoseconds

SHORTEST_WAIT = Nanoseconds(1_000_000)


class SilenceWatch:
    """Two limits on one quiet: `heartbeat` without any message asks for a probe, `allowed` without a block is silence."""

    def __init__(self, heartbeat: Nanoseconds, allowed: Nanoseconds, now: Nanoseconds) -> None:
        self._heartbeat = heartbeat
        self._allowed = allowed
        self._last_block = now
        self._last_message = now
        self._told = False

    def heard_block(self, now: Nanoseconds) -> None:
        """A block that was new to us: ends a silence."""
        self._last_block = self._last_message = now
        self._told = False

    def heard_message(self, now: Nanoseconds) -> None:
        """The node answered something: the connection lives, the chain may still be standing."""
        self._last_message = now

    def is_probe_due(self, now: Nanoseconds) -> bool:
        return now - self._last_message >= self._heartbeat

    def silence(self, now: Nanoseconds) -> FeedSilent | None:
        """The event to deliver, once per silence."""
        silent_for = Nanoseconds(now - self._last_block)
        if self._told or silent_for <= self._allowed:
            return None
        self._told = True
        return FeedSilent(silent_for=silent_for, allowed=self._allowed)

    def until_silence(self, now: Nanoseconds) -> Nanoseconds:
        """How long until `silence` may have an event; once it has been told, the heartbeat."""
        left = self._heartbeat if self._told else self._allowed - (now - self._last_block) + 1
        return Nanoseconds(max(left, SHORTEST_WAIT))

    def until_next_check(self, now: Nanoseconds) -> Nanoseconds:
        """How long to wait for a message before looking again."""
        until_probe = self._heartbeat - (now - self._last_message)
        return Nanoseconds(max(min(until_probe, self.until_silence(now)), SHORTEST_WAIT))
