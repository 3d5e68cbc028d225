"""The best input of a cycle over two or three pools of either kind, on exact amounts.

The amount of one of its tokens decides a cycle: the pools before it are bought backwards for the least input, those
after it are sold forwards for the most output, and both are exact. So the search is over one integer, the amount of
the token whose unit is worth most, the coarsest. In real numbers the gain is concave in it, as each pool's price only
gets worse; the slope at an amount is the exact product of the prices that the pools show after it, against one. The
last amount with a slope upwards is closed in upon, and its neighbours are tried as well.

Each swap rounds by a unit or two a step of its pool, so the gain is within the worth of a few units of the coarsest
token of the best there is: `slack`, held by a test against searches over the input. Two pairs in a row are sized in
closed form.
"""

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from oracle.constant_product import best_cycle
from oracle.legs import Leg, PairLeg, Price, Step

_NEIGHBOURS = 4
_FIRST_POWER, _POWERS, _MOST_POWER = 24, 4, 256
"""Amounts are tried in powers of two, up or down by four of them, up to what a contract can count."""


@dataclass(frozen=True)
class SizedCycle:
    """`amounts`: into the first pool, then out of each."""

    amounts: tuple[int, ...]
    ticks_crossed: tuple[int, ...]
    """By pool."""
    slack: int
    """Of the base token: nothing over these pools gains more than `gain` and this together."""

    @property
    def gain(self) -> int:
        return self.amounts[-1] - self.amounts[0]


def looks_profitable(legs: Sequence[Leg]) -> bool:
    """Whether spot prices, fees taken off, multiply to more than one: exact, and necessary for any gain."""
    return _slope([leg.price for leg in legs]) > 0


def best_size(legs: Sequence[Leg]) -> SizedCycle | None:
    """None where nothing gains."""
    if not looks_profitable(legs):
        return None
    if len(legs) == 2 and all(isinstance(leg, PairLeg) for leg in legs):
        first, second = (leg.side for leg in legs if isinstance(leg, PairLeg))
        sized = best_cycle(first, second)
        return (
            SizedCycle((sized.amount_in, sized.middle, sized.amount_out), (0, 0), slack(legs))
            if sized
            else None
        )
    place = _coarsest(legs)
    top = _last_that_rises(legs, place)
    around = range(max(1, top - _NEIGHBOURS), top + _NEIGHBOURS + 1)
    sizes = [steps for amount in around if (steps := _run_if_possible(legs, place, amount)) is not None]
    best = max(sizes, key=_gain, default=None)
    if best is None or _gain(best) <= 0:
        return None
    amounts = (best[0].amount_in, *(step.amount_out for step in best))
    return SizedCycle(amounts, tuple(step.ticks_crossed for step in best), slack(legs))


class _TooMuchError(Exception):
    """A pool does not hold what is to be bought of it."""


def _run(legs: Sequence[Leg], place: int, amount: int) -> list[Step] | None:
    """With `amount` going into the leg at `place`: the least in, the most out; None where that brings nothing.

    Raises _TooMuchError.
    """
    steps: list[Step] = []
    wanted = amount
    for leg in reversed(legs[:place]):
        step = leg.buy(wanted)
        if step is None:
            raise _TooMuchError
        steps.insert(0, step)
        wanted = step.amount_in
    for leg in legs[place:]:
        step = leg.sell(steps[-1].amount_out if steps else amount)
        if step is None:
            return None
        steps.append(step)
    return steps


def _run_if_possible(legs: Sequence[Leg], place: int, amount: int) -> list[Step] | None:
    try:
        return _run(legs, place, amount)
    except _TooMuchError:
        return None


def _gain(steps: Sequence[Step]) -> int:
    return steps[-1].amount_out - steps[0].amount_in


def _last_that_rises(legs: Sequence[Leg], place: int) -> int:
    """An amount at which a little more would gain a little more, and one unit further it would not; 0 where none."""

    def slope(amount: int) -> float:
        """Positive exactly where a little more brings more than it costs, or where the amount brings nothing yet."""
        try:
            steps = _run(legs, place, amount)
        except _TooMuchError:
            return -1.0
        return 1.0 if steps is None else _slope([step.price_after for step in steps])

    power = _FIRST_POWER
    if slope(1 << power) > 0:
        above = range(power + _POWERS, _MOST_POWER + 1, _POWERS)
        power = next((bits for bits in above if slope(1 << bits) <= 0), 0)
        return _crossing(slope, 1 << power - _POWERS, 1 << power) if power else 0
    below = next((bits for bits in range(power - _POWERS, -1, -_POWERS) if slope(1 << bits) > 0), None)
    return _crossing(slope, 0, 1) if below is None else _crossing(slope, 1 << below, 1 << below + _POWERS)


def _crossing(slope: Callable[[int], float], low: int, high: int) -> int:
    """Between `low`, where the slope is positive, and `high`, where it is not: the last one before it turns.

    Only the sign of the slope decides. Its size says where to look next: on the straight line through both ends, and a
    little to either side of it; by halves where that does not halve what is left.
    """
    at_low, at_high = slope(low) if low else 1.0, slope(high)
    while high - low > 1:
        width = high - low
        straight = low + int(width * (at_low / (at_low - at_high)))
        margin = width >> 16
        for guess in (straight, straight - margin, straight + margin + 1, (low + high) // 2):
            if not low < guess < high:
                continue
            here = slope(guess)
            if here > 0:
                low, at_low = guess, here
            else:
                high, at_high = guess, here
            if 2 * (high - low) <= width:
                break
    return low


def slack(legs: Sequence[Leg]) -> int:
    """What rounding may have cost the best size: two units of the coarsest token at each pool."""
    return 2 * len(legs) * math.ceil(_worth(legs, _coarsest(legs)))


def _coarsest(legs: Sequence[Leg]) -> int:
    """The leg whose incoming token's smallest unit is worth most of the base token."""
    return max(range(len(legs)), key=lambda place: _worth(legs, place))


def _worth(legs: Sequence[Leg], place: int) -> Fraction:
    """Of a unit of what goes into the leg at `place`, in the base token at spot."""
    value = Fraction(1)
    for leg in legs[place:] if place else ():
        value *= Fraction(*leg.price)
    return value


def _slope(prices: Sequence[Price]) -> float:
    """Of the last unit: what it brings for one, less one. The sign is exact."""
    above = below = 1
    for out, into in prices:
        above, below = above * out, below * into
    slope = (above - below) / below
    return slope if slope or above <= below else sys.float_info.min
