"""How much may still be done in a sliding window: connection attempts, messages, REST weight. Pure: time is an argument."""

from collections import deque

from bot.core.units import Nanoseconds


class RateBudget:
    """At most `allowed` of weight in any window of `per`, both ends included."""

    def __init__(self, allowed: int, per: Nanoseconds) -> None:
        self.allowed = allowed
        self.per = per
        self._taken: deque[tuple[Nanoseconds, int]] = deque()
        self._used = 0
        self._held_until = Nanoseconds(0)

    def wait(self, now: Nanoseconds, weight: int = 1) -> Nanoseconds:
        """How long until `weight` may be taken; 0: now. More than the whole budget waits for an empty window."""
        self._forget(now)
        free_at = max(now, self._held_until)
        missing = self._used + min(weight, self.allowed) - self.allowed
        for taken_at, taken in self._taken:
            if missing <= 0:
                break
            missing -= taken
            free_at = max(free_at, Nanoseconds(taken_at + self.per + 1))
        return Nanoseconds(free_at - now)

    def take(self, now: Nanoseconds, weight: int = 1) -> None:
        """Counts, whether or not `wait` allowed it: what was sent was sent."""
        self._forget(now)
        self._taken.append((now, weight))
        self._used += weight

    def hold(self, until: Nanoseconds) -> None:
        """Nothing before `until`: the exchange said so."""
        self._held_until = max(self._held_until, until)

    def _forget(self, now: Nanoseconds) -> None:
        while self._taken and now - self._taken[0][0] > self.per:
            self._used -= self._taken.popleft()[1]
