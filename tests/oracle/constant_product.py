"""Exact swaps on constant-product pairs, and the best cycle over two of them.

A pair keeps (reserve_in + in * fee) * (reserve_out - out) >= reserve_in * reserve_out, in integers
(UniswapV2Pair.swap). All that is asked here follows from that inequality alone.
"""

from dataclasses import dataclass
from math import isqrt

from oracle.facts import Fee

_PRECISION = 1 << 128
"""Of the square root in `best_middle`: far finer than one unit of any token."""


@dataclass(frozen=True)
class Side:
    """A pair seen in one direction."""

    reserve_in: int
    reserve_out: int
    fee: Fee


def is_paid(side: Side, amount_in: int, amount_out: int) -> bool:
    """Whether the pair would give `amount_out` for `amount_in`."""
    if not 0 < amount_out < side.reserve_out:
        return False
    whole = side.fee.denominator
    kept = side.reserve_in * whole + amount_in * side.fee.numerator
    return kept * (side.reserve_out - amount_out) >= side.reserve_in * side.reserve_out * whole


def most_out(side: Side, amount_in: int) -> int:
    """The greatest output that is paid by `amount_in`."""
    kept = side.reserve_in * side.fee.denominator + amount_in * side.fee.numerator
    least_left = -(-side.reserve_in * side.reserve_out * side.fee.denominator // kept)
    return side.reserve_out - least_left


def least_in(side: Side, amount_out: int) -> int:
    """The smallest input that pays for `amount_out`, which is below the reserve."""
    left = side.reserve_out - amount_out
    missing = side.reserve_in * amount_out * side.fee.denominator
    return -(-missing // (left * side.fee.numerator))


@dataclass(frozen=True)
class PairCycle:
    """`amount_in` into the first pair, `middle` of the other token between them, `amount_out` back."""

    amount_in: int
    middle: int
    amount_out: int

    @property
    def gain(self) -> int:
        return self.amount_out - self.amount_in


def size(first: Side, second: Side, middle: int) -> PairCycle:
    """The cheapest way to that amount of the middle token, all that it buys, and the most that brings."""
    amount_in = least_in(first, middle)
    bought = most_out(first, amount_in)
    return PairCycle(amount_in, bought, most_out(second, bought))


def best_cycle(first: Side, second: Side) -> PairCycle | None:
    """The most profitable cycle, to within two units; None where none gains.

    Inputs that buy the same middle amount differ in cost alone, so the middle amount is what is searched. Its
    real-valued gain is concave; rounding takes at most one unit at each of the two swaps, so the better of the two
    integers at the optimum is within two units, and what one unit of a coarse middle token costs, of anything that
    can be had.
    """
    optimum = best_middle(first, second)
    candidates = range(max(1, optimum), min(first.reserve_out - 1, optimum + 1) + 1)
    best = max(
        (size(first, second, middle) for middle in candidates), key=lambda cycle: cycle.gain, default=None
    )
    return best if best is not None and best.gain > 0 else None


def best_middle(first: Side, second: Side) -> int:
    """The integer below the real optimum; negative or zero where the two prices leave no gain.

    The first pair takes a*b*D/(F*(b-m)) - a*D/F for m out of reserves (a, b) at fee F/D, the second gives
    e*G*m/(d*E + G*m) from reserves (d, e) at fee G/E. The slopes meet where (b-m) = s*(d*E + G*m) with
    s*s = a*b*D / (F*G*e*d*E).
    """
    fee, other = first.fee, second.fee
    above = first.reserve_in * first.reserve_out * fee.denominator
    below = fee.numerator * other.numerator * second.reserve_out * second.reserve_in * other.denominator
    root = isqrt(above * below * _PRECISION * _PRECISION)  # s * below * PRECISION
    unit = below * _PRECISION
    numerator = first.reserve_out * unit - root * second.reserve_in * other.denominator
    return numerator // (unit + root * other.numerator)
