"""What is to be sent on one connection, in the exchange's pace; pings go before everything else."""

from collections import deque
from collections.abc import Iterable

from bot.core.units import Nanoseconds
from bot.feeds.cex.rate_budget import RateBudget

RESERVE = 1
"""Of the budget, kept for pings while anything else waits."""


class Outbox:
    def __init__(self, messages: int, per: Nanoseconds) -> None:
        self._budget = RateBudget(messages, per)
        self._reserved = RESERVE if messages > RESERVE + 1 else 0
        self._waiting: deque[bytes] = deque()
        self._ping_waits = False
        self._held_until = Nanoseconds(0)

    def add(self, payloads: Iterable[bytes]) -> None:
        self._waiting.extend(payloads)

    def add_ping(self) -> None:
        """One at most waits."""
        self._ping_waits = True

    def take_ping(self, now: Nanoseconds) -> bool:
        """Whether a ping is to be sent now; counted then."""
        if not self._ping_waits or self._budget.wait(now):
            return False
        self._ping_waits = False
        self._budget.take(now)
        return True

    def take(self, now: Nanoseconds) -> bytes | None:
        """The next message that may be sent now; counted then."""
        if not self._waiting or self._wait(now):
            return None
        self._budget.take(now)
        return self._waiting.popleft()

    def count(self, now: Nanoseconds) -> None:
        """Something was sent without asking: the pong to their ping."""
        self._budget.take(now)

    def hold(self, until: Nanoseconds) -> None:
        """Nothing but pings before `until`: without them the connection is lost."""
        self._held_until = max(self._held_until, until)

    @property
    def is_empty(self) -> bool:
        return not self._waiting and not self._ping_waits

    def next_time(self, now: Nanoseconds) -> Nanoseconds | None:
        """When something may be sent at the earliest; None: nothing waits."""
        if self._ping_waits:
            return Nanoseconds(now + self._budget.wait(now))
        if self._waiting:
            return Nanoseconds(now + self._wait(now))
        return None

    def _wait(self, now: Nanoseconds) -> Nanoseconds:
        """How long what is no ping has to wait."""
        return max(self._budget.wait(now, 1 + self._reserved), Nanoseconds(self._held_until - now))
