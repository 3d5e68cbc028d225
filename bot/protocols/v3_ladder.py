"""Where a swap in one direction has to stop, and what it takes and pays to get there, added up.

A pool's swap stops at every initialised tick and, as it looks for the next one in words of 256 ticks, at the end of
every word (`TickBitmap.nextInitializedTickWithinOneWord`); each stop rounds. Between stops a full step is independent
of the swap it belongs to: it is taken exactly when what is left covers the input needed and the fee on it rounded up,
for floor(left * (1e6 - fee) / 1e6) >= need is the same as left >= need + ceil(need * fee / (1e6 - fee)). So the
thresholds add up, and one bisection finds the step in which a swap ends. Without liquidity a step costs nothing and
is taken by whoever gets there with anything left: the word ends in between are left out.
"""

from bisect import bisect_left, bisect_right
from typing import Final

from bot.protocols.v3_swap_math import fee_up, paid_down, taken_up
from bot.protocols.v3_tick_math import (
    MAX_SQRT_PRICE,
    MAX_TICK,
    MIN_SQRT_PRICE,
    MIN_TICK,
    sqrt_price_at_tick,
)
from bot.protocols.v3_ticks import TickRanges

_REACH: Final = 16
"""Stops: a price that moved further ahead than this starts a new ladder."""
_BEHIND: Final = 1
"""Initialised ticks behind the price at which a ladder starts: it outlives moves within a range, and every stop more
would have to be reckoned after each that leaves it."""


class Ladder:
    """Parallel lists, one entry a stop, in the order a swap comes to them. Totals count from an arbitrary zero."""

    def __init__(self, ranges: TickRanges, fee: int, tick_spacing: int, zero_for_one: bool) -> None:
        self._ranges = ranges
        self._fee = fee
        self._spacing = tick_spacing
        self._word = 256 * tick_spacing
        self._zero_for_one = zero_for_one
        self._start = 0
        """A swap from this tick or beyond it comes to the stops from one of the first on."""
        self._keys: list[int] = []
        """The stops' ticks, negated going down: ascending either way."""
        self._ends = False
        """Whether the last stop is the price limit."""
        self.limit: Final = MIN_SQRT_PRICE + 1 if zero_for_one else MAX_SQRT_PRICE - 1
        self.sqrt_prices: list[int] = []
        self.ticks_after: list[int] = []
        """The pool's tick once it has stopped there: going down, the one below."""
        self.liquidity: list[int] = []
        """In the range beyond the stop."""
        self.total_in: list[int] = []
        """Fee included."""
        self.total_out: list[int] = []
        self.crossed: list[int] = []
        """Initialised ticks before this stop."""
        self.crosses: list[int] = []
        """1 where the stop itself is initialised; the price limit never is crossed."""

    def first_from(self, tick: int) -> int:
        """Place of the first stop of a swap that starts at `tick`."""
        if not self._stretches_to(tick):
            self._start_near(tick)
        return self._place_from(tick)

    def reach_in(self, total: int) -> None:
        """Extend until `total_in` gets to `total`, or to the price limit."""
        while self.total_in[-1] < total and not self._ends:
            self._extend()

    def reach_out(self, total: int) -> None:
        """Extend until `total_out` gets to `total`, or to the price limit."""
        while self.total_out[-1] < total and not self._ends:
            self._extend()

    def cut(self, lower: int, upper: int) -> None:
        """Drop what the liquidity from `lower` to `upper`, just changed, has part in; the stops before stay."""
        if self._zero_for_one:
            if self._start >= lower:
                self._cut_from(bisect_left(self._keys, -upper))
        elif self._start < upper:
            self._cut_from(bisect_left(self._keys, lower))

    def _cut_from(self, place: int) -> None:
        if place == len(self._keys):
            return
        self._ends = False
        for column in (
            self._keys,
            self.sqrt_prices,
            self.ticks_after,
            self.liquidity,
            self.total_in,
            self.total_out,
            self.crossed,
            self.crosses,
        ):
            del column[place:]

    def _place_from(self, tick: int) -> int:
        return bisect_left(self._keys, -tick) if self._zero_for_one else bisect_right(self._keys, tick)

    def _stretches_to(self, tick: int) -> bool:
        """Whether the ladder holds, extended a little if need be, the first stop from `tick`."""
        if not self._keys or (tick > self._start if self._zero_for_one else tick < self._start):
            return False
        for _ in range(_REACH):
            if self._place_from(tick) < len(self._keys):
                return True
            self._extend()
        return False

    def _start_near(self, tick: int) -> None:
        self._cut_from(0)
        bounds = self._ranges.bounds
        place = bisect_right(bounds, tick)
        self._start = tick
        if self._zero_for_one and place < len(bounds):
            behind = bounds[min(place + _BEHIND, len(bounds)) - 1]
            # No price is at MAX_TICK, though it may be initialised: nobody comes down from there.
            self._start = min(behind, tick + self._word, MAX_TICK - 1)
        elif not self._zero_for_one and place:
            self._start = max(bounds[max(place - _BEHIND, 0)], tick - self._word)
        liquidity = self._ranges.at(self._start)
        stop = self._next_stop(self._start, liquidity)
        self._append(stop, self._price_of(stop), liquidity, 0, 0, 0)
        while self._place_from(tick) == len(self._keys):
            self._extend()

    def _extend(self) -> None:
        price, liquidity = self.sqrt_prices[-1], self.liquidity[-1]
        stop = self._next_stop(self.ticks_after[-1], liquidity)
        target = self._price_of(stop)
        took, paid = full_step(price, target, liquidity, self._fee, self._zero_for_one)
        crossed = self.crossed[-1] + self.crosses[-1]
        self._append(stop, target, liquidity, self.total_in[-1] + took, self.total_out[-1] + paid, crossed)

    def _append(
        self, stop: int, price: int, liquidity: int, total_in: int, total_out: int, crossed: int
    ) -> None:
        """`liquidity` is that of the range before the stop."""
        self._ends = price == self.limit
        initialised = None if self._ends else self._ranges.ticks.get(stop)
        net = initialised.net if initialised else 0
        if self._zero_for_one:
            self._keys.append(-stop)
            self.ticks_after.append(MIN_TICK if self._ends else stop - 1)
            self.liquidity.append(liquidity - net)
        else:
            self._keys.append(stop)
            self.ticks_after.append(MAX_TICK - 1 if self._ends else stop)
            self.liquidity.append(liquidity + net)
        self.sqrt_prices.append(price)
        self.total_in.append(total_in)
        self.total_out.append(total_out)
        self.crossed.append(crossed)
        self.crosses.append(1 if initialised else 0)

    def _next_stop(self, tick: int, liquidity: int) -> int:
        """The tick at which a step that starts at `tick` ends, within MIN_TICK and MAX_TICK."""
        bounds = self._ranges.bounds
        place = bisect_right(bounds, tick)
        if self._zero_for_one:
            initialised = bounds[place - 1] if place else MIN_TICK
            return max(initialised, tick // self._word * self._word) if liquidity else initialised
        initialised = bounds[place] if place < len(bounds) else MAX_TICK
        looked_from = (tick // self._spacing + 1) * self._spacing
        last_of_word = looked_from // self._word * self._word + self._word - self._spacing
        return min(initialised, last_of_word) if liquidity else initialised

    def _price_of(self, stop: int) -> int:
        """At MIN_TICK and MAX_TICK the limit comes first."""
        return sqrt_price_at_tick(stop) if MIN_TICK < stop < MAX_TICK else self.limit


def full_step(sqrt_price: int, target: int, liquidity: int, fee: int, zero_for_one: bool) -> tuple[int, int]:
    """(what the trader pays with the fee, what he gets) for going all the way to `target`."""
    if not liquidity:
        return 0, 0
    taken = taken_up(sqrt_price, target, liquidity, zero_for_one)
    return taken + fee_up(taken, fee), paid_down(sqrt_price, target, liquidity, zero_for_one)
