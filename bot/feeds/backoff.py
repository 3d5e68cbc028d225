"""How long to wait before the next attempt to connect: doubling, capped, jittered. Pure: the jitter is an argument."""

from bot.core.units import Nanoseconds


def delay(attempt: int, first: Nanoseconds, longest: Nanoseconds, jitter: float) -> Nanoseconds:
    """Between half and the whole of first · 2^attempt, capped at `longest`. `attempt` counts from 0, jitter is in [0, 1)."""
    whole = min(first << min(attempt, 40), longest)
    return Nanoseconds(whole // 2 + int(whole // 2 * jitter))
