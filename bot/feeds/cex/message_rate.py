"""Messages a second from a counter that is looked at now and then, so that a message itself costs nothing."""

from collections import deque

from bot.core.units import Nanoseconds

SECOND = 10**9
WINDOW = 10 * SECOND


class MessageRate:
    """Samples of a growing count, a second apart, over the last ten seconds."""

    def __init__(self) -> None:
        self._samples: deque[tuple[Nanoseconds, int]] = deque(maxlen=WINDOW // SECOND + 1)

    def sample(self, now: Nanoseconds, count: int) -> None:
        if not self._samples or now - self._samples[-1][0] >= SECOND:
            self._samples.append((now, count))

    def per_second(self, now: Nanoseconds, count: int) -> float:
        """Since the oldest sample that is at most ten seconds old; 0 before the first."""
        for sampled_at, sampled in self._samples:
            if 0 < now - sampled_at <= WINDOW:
                return (count - sampled) * SECOND / (now - sampled_at)
        return 0.0
