"""How far below the best there is in real numbers a plan may be that was sized at that optimum, in integers."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from oracle.legs import Leg, PairLeg

_FLOAT_OF_AMOUNT = Fraction(1, 1 << 40)
"""Relative: a walk over some hundred ranges in doubles, each a few roundings of 2 ** -53."""
_FLOAT_OF_DEPTH = Fraction(1, 1 << 48)
"""Of a V3 pool's virtual reserve: the end of a range is a difference of prices, each a double, times that reserve."""


def most_lost(legs: Sequence[Leg], amounts: Sequence[int]) -> Fraction:
    """Of base token. `amounts`: into the first pool, then out of each.

    Rounding. Every pool rounds its input up and its output down by the units that `Step.rounding` counts. What a unit
    costs is the price at which one more would be bought at the plan's own amounts: cost is convex, so that is the most
    that the plan's roundings cost together.

    Place. The optimum is where doubles put it, and one unit of the coarsest token or the roundings above off. The gain
    is concave in the input, so it lacks at most the slope at the plan times that distance. Where prices are smooth the
    slope is next to nothing; where a pool's liquidity ends it is not.

    Raises ValueError where a pool does not hold its amount.
    """
    steps = [one.buy(amount) for one, amount in zip(legs, amounts[1:], strict=True)]
    if not all(steps):
        raise ValueError(f"amounts {tuple(amounts)} are more than the pools hold")
    worth = [Fraction(1)]
    rounding = Fraction(0)
    for step in steps:
        out, into = step.price_after
        worth.append(worth[-1] * into / out)
        rounding += step.rounding[0] * worth[-2] + step.rounding[1] * worth[-1]
    slope = abs(1 / worth[-1] - 1)
    floats = amounts[0] * _FLOAT_OF_AMOUNT
    for one, unit in zip(legs, worth, strict=False):
        floats += unit * _virtual_reserve(one) * _FLOAT_OF_DEPTH
    return rounding + slope * (rounding + max(worth[:-1]) + floats)


def _virtual_reserve(one: Leg) -> Fraction:
    """Of what goes in, where the price is now; nothing for a pair, whose optimum is found in one formula."""
    if isinstance(one, PairLeg):
        return Fraction(0)
    liquidity, root = one.state.liquidity, one.state.sqrt_price
    return Fraction(liquidity << 96, root) if one.zero_for_one else Fraction(liquidity * root, 1 << 96)


def is_what_pools_ask(legs: Sequence[Leg], hops: Sequence[tuple[int, int]]) -> bool:
    """Whether each hop's (in, out) is what its pool trades, to the unit, paid by what the hop before it brought.

    A pair may be sent more than the least that pays, where not one unit more would come out.
    """
    for one, (amount_in, amount_out) in zip(legs, hops, strict=True):
        step = one.buy(amount_out)
        if step is None or step.amount_in > amount_in:
            return False
        if step.amount_in < amount_in:
            most = one.sell(amount_in) if isinstance(one, PairLeg) else None
            if most is None or most.amount_out != amount_out:
                return False
    return all(before[1] >= after[0] for before, after in pairwise(hops))
