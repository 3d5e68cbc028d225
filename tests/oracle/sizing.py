"""The best input of a cycle over two or three pools of either kind, on exact amounts.

The amount of one of its tokens decides a cycle: the pools before it are bought backwards for the least input, those
after it are sold forwards for the most output, and both are exact. So the search is over one integer, the amount of
the token whose unit is worth most, the coarsest. In real numbers the gain is concave in it, as each pool's price only
gets worse; the slope at an amount is the exact product of the prices that the pools show after it, against one. The
last amount with a slope upwards is found by halving over all integers, and its neighbours are tried as well.

Guaranteed: each swap rounds by at most a unit or two a step of its pool, so the gain is within the worth of a few
units of the coarsest token of the best there is. Two pairs in a row are
sized in closed form and are within two units of the base token.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import count

from oracle.constant_product import best_cycle
from oracle.legs import Leg, PairLeg, Price, Step

_NEIGHBOURS = 4
_POWERS = 4


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
    return _exceeds_one([leg.price for leg in legs])


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
    """The greatest amount at which a little more would gain a little more, or bring anything at all."""

    def rises(amount: int) -> bool:
        try:
            steps = _run(legs, place, amount)
        except _TooMuchError:
            return False
        return steps is None or _exceeds_one([step.price_after for step in steps])

    # Upwards by small steps: far beyond the optimum a pool's loop is long.
    power = next(power for power in count(0, _POWERS) if not rises(1 << power))
    return _last_true(rises, 1 << max(0, power - _POWERS), 1 << power)


def _last_true(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The greatest value in low..high where it holds, which it does up to there; low - 1 where nowhere."""
    low -= 1
    while low < high:
        middle = -(-(low + high) // 2)
        if holds(middle):
            low = middle
        else:
            high = middle - 1
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


def _exceeds_one(prices: Sequence[Price]) -> bool:
    above = below = 1
    for out, into in prices:
        above, below = above * out, below * into
    return above > below
