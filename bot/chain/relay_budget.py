"""Requests per minute, kept on our side: a relay that has to refuse us remembers it."""

from collections import deque
from typing import Final

from bot.core.ports import Clock

_MINUTE: Final = 60 * 10**9
"""Nanoseconds."""


class MinuteBudget:
    """At most `limit` in any 60 s of the monotonic clock. A bucket of tokens would let twice as many through at once."""

    def __init__(self, limit: int, clock: Clock) -> None:
        self._clock = clock
        self._limit = limit
        self._taken: deque[int] = deque()
        self.refused = 0
        """Requests that were not made for lack of budget."""

    def take(self) -> bool:
        """True: one request may be made now, and is counted."""
        now = self._clock.monotonic()
        while self._taken and now - self._taken[0] >= _MINUTE:
            self._taken.popleft()
        if len(self._taken) >= self._limit:
            self.refused += 1
            return False
        self._taken.append(now)
        return True
