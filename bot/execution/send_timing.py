"""When to send, when to bid again, when cancelling is over: decided from an expected block and measured times. Pure.

One-way latency is taken as half of a round trip: an answer tells no more. Times are monotonic nanoseconds.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from bot.core.units import Nanoseconds, mul_div_up
from bot.execution.slot_clock import NEVER, ExpectedBlock

LATENCY_PERCENT: Final = 90
"""So many of a hundred round trips of a route are no longer than what is reckoned with."""
ROUND_TRIPS_KEPT: Final = 128
TIMES_KEPT: Final = 9
ROUND_TRIP_PRIOR: Final = Nanoseconds(200_000_000)
"""Of a route that has not answered yet: an endpoint on another continent."""
REBID_BEFORE_CLOSE: Final = (2_800_000_000, 2_000_000_000, 1_500_000_000, 1_000_000_000)
"""On a chain of twelve seconds: what is known of prices is freshest just before the auction closes. With mainnet's close
at 2.5 s these are the moments -0.3, +0.5, +1.0 and +1.5 s of the slot. Shorter blocks shrink them in proportion."""
_TWELVE_SECONDS: Final = 12_000_000_000


class SendNow(msgspec.Struct, frozen=True):
    """It reaches the builder before the close."""

    arrives_at: Nanoseconds
    closes_at: Nanoseconds

    @property
    def spare(self) -> Nanoseconds:
        return Nanoseconds(self.closes_at - self.arrives_at)


class TooLate(msgspec.Struct, frozen=True):
    """It would reach the builder at or after the close, and may execute in no later block."""

    arrives_at: Nanoseconds
    closes_at: Nanoseconds


class AimAtNext(msgspec.Struct, frozen=True):
    """Too late for this block, in time for one that the transaction may still execute in."""

    arrives_at: Nanoseconds
    closes_at: Nanoseconds
    target_block: int


SendDecision = SendNow | TooLate | AimAtNext


class UsualTime:
    """Of something that is done again and again: one stall does not make it slow."""

    def __init__(self) -> None:
        self._times: deque[int] = deque(maxlen=TIMES_KEPT)

    def note(self, took: Nanoseconds) -> None:
        self._times.append(took)

    def doubt(self) -> None:
        """Forget the longest: it keeps us from measuring anew."""
        if self._times:
            self._times.remove(max(self._times))

    @property
    def usual(self) -> Nanoseconds:
        """The median, the lower of two; 0 before the first."""
        ordered = sorted(self._times)
        return Nanoseconds(ordered[(len(ordered) - 1) // 2] if ordered else 0)


class RouteLatency:
    """Round trips of every route, by its name."""

    def __init__(self) -> None:
        self._round_trips: dict[str, deque[int]] = {}

    def note(self, route: str, answered_after: Nanoseconds) -> None:
        """An answer of any kind: a refusal has travelled as far. A silence is none, and is not to be noted."""
        kept = self._round_trips.setdefault(route, deque(maxlen=ROUND_TRIPS_KEPT))
        kept.append(answered_after)

    def doubt(self) -> None:
        """Forget the longest round trip of each route: it keeps us from measuring anew."""
        for kept in self._round_trips.values():
            if kept:
                kept.remove(max(kept))

    def one_way_up(self, route: str) -> Nanoseconds:
        """Half of the round trip that LATENCY_PERCENT of them do not exceed, rounded up; a prior before any answer."""
        kept = sorted(self._round_trips.get(route, ())) or [ROUND_TRIP_PRIOR]
        rank = mul_div_up(len(kept), LATENCY_PERCENT, 100)
        return Nanoseconds(mul_div_up(kept[rank - 1], 1, 2))

    def slowest_up(self, routes: Sequence[str]) -> Nanoseconds:
        """Of the routes a bundle goes to: what all of them need. 0 for none."""
        return Nanoseconds(max((self.one_way_up(route) for route in routes), default=0))

    def quickest_up(self, routes: Sequence[str]) -> Nanoseconds:
        """What the first of them needs: until then something can still be reached. 0 for none."""
        return Nanoseconds(min((self.one_way_up(route) for route in routes), default=0))

    def seen(self) -> Mapping[str, Nanoseconds]:
        """One-way latency of each route that has answered."""
        return {route: self.one_way_up(route) for route in self._round_trips}


def when_to_send(
    expected: ExpectedBlock,
    now: Nanoseconds,
    one_way: Nanoseconds,
    preparation: Nanoseconds,
    last_block: int | None = None,
) -> SendDecision:
    """For a bundle that has to be simulated, judged and signed first, which takes `preparation`.

    `last_block`: of the transaction's window; None where it is the expected block alone. Of the close after this one
    no more is known than the interval.
    """
    arrives_at = Nanoseconds(now + preparation + one_way)
    if expected.closes_at == NEVER or arrives_at < expected.closes_at:
        return SendNow(arrives_at, expected.closes_at)
    blocks_late = 1 + (arrives_at - expected.closes_at) // max(1, expected.interval)
    target = expected.number + blocks_late
    if last_block is not None and target <= last_block:
        closes_at = Nanoseconds(expected.closes_at + blocks_late * expected.interval)
        return AimAtNext(arrives_at, closes_at, target)
    return TooLate(arrives_at, expected.closes_at)


def rebid_moments(
    expected: ExpectedBlock, now: Nanoseconds, one_way: Nanoseconds, preparation: Nanoseconds
) -> tuple[Nanoseconds, ...]:
    """When to begin to bid again for the same block, in order, all of them ahead and none too late to arrive.

    Empty where the chain waits for us: nothing new can happen before it goes on.
    """
    if expected.closes_at == NEVER:
        return ()
    lead = preparation + one_way
    shrunk = (
        before * min(expected.interval, _TWELVE_SECONDS) // _TWELVE_SECONDS for before in REBID_BEFORE_CLOSE
    )
    arrivals = (expected.closes_at - before for before in shrunk)
    return tuple(Nanoseconds(arrival - lead) for arrival in arrivals if arrival - lead > now)


def last_cancel(expected: ExpectedBlock, one_way: Nanoseconds) -> Nanoseconds:
    """A cancellation sent at or after this reaches its builder when it is too late. NEVER where the chain waits."""
    if expected.closes_at == NEVER:
        return NEVER
    return Nanoseconds(expected.closes_at - one_way)
