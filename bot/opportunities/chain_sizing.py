"""The best integer trade of a cycle of two to four pools of any kind, from where the screen saw its optimum.

**A trade is its last output.** Every hop is an exact output, so for a last output o the least each hop before it must
pay follows backwards, pool by pool, without any surplus between them: B(o) goes in, o comes out, and o - B(o) is the
profit. What is left is the choice of o.

**Search.** An amount of any token on the way decides the rest: sold forwards it gives o. So the amounts at the screen's
optimum are computed forwards, and the search runs over the token with the fewest units, the coarsest, since one unit
of it is what a choice can lose most by. Around the first amount the neighbours are tried, and while one is better the
search goes on that way in doubling steps. Where a unit of the coarsest token is so small that a step of one cannot move
the smooth part of the profit by a unit of base (profit < amount²: profit falls off with the square of the relative
distance from its optimum), the first amount stands; not so under _COARSE units.

**Bound.** With P the optimum over real numbers without rounding, v[i] what one unit of the i-th token is worth in base
at the optimum, and s[i] the steps that hop i takes (1 for V2, one more for each range or word of the tick bitmap
that a V3 swap passes):

    profit > P - 2 - 2 · sum of s[i]·(v[i] + v[i+1]) - C

Each step rounds its input up and its output down, by one unit at most each, once where the output is found and once
where the inputs are; C is the quarter of the change of marginal profit over one unit of the coarsest token that
integers cost in any case (bot.opportunities.sizing), nothing where P < amount². The screen's own error, of some 1e-12
of the amount, costs its square. Where the optimum is the end of a V3 range, at which the slope jumps, the screen knows
the place to 1e-14 of the pool's virtual reserve, and the profit may lack as much; and 1e-13 of the output in any case.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from bot.opportunities.exact_legs import ExactLeg

_MOST_STEPS: Final = 24
_COARSE: Final = 1_000
"""So few units that the optimum over real numbers may be a poor guide; the neighbours are always tried."""


class ChainTrade(msgspec.Struct, frozen=True, gc=False):
    amounts: tuple[int, ...]
    """Into the first pool, then out of each, all of which goes into the next."""
    ticks_crossed: tuple[int, ...]
    """By pool."""
    words_passed: tuple[int, ...]
    """Of the tick bitmap, by pool."""

    @property
    def profit(self) -> int:
        """In units of the base token, before gas and bid."""
        return self.amounts[-1] - self.amounts[0]


def best_chain_trade(legs: Sequence[ExactLeg], amount_in: int) -> ChainTrade | None:
    """The trade of the module's docstring near the input `amount_in`; None where none there earns a unit."""
    forwards = [max(1, amount_in)]
    for leg in legs:
        forwards.append(leg.sell(forwards[-1]))
        if forwards[-1] == 0:  # less than a unit of this token is the optimum: one unit may still earn
            forwards[-1] = 1
            break
    place = min(range(len(forwards)), key=forwards.__getitem__)
    amount = forwards[place]
    best = _trade(legs, forwards[-1]) if len(forwards) > len(legs) else _sold(legs, place, amount)
    profit = best.profit if best is not None else 0
    if best is None or amount < _COARSE or amount * amount < profit:
        best = _climb(legs, place, amount, best)
    return best if best is not None and best.profit > 0 else None


def _climb(legs: Sequence[ExactLeg], place: int, amount: int, best: ChainTrade | None) -> ChainTrade | None:
    for direction in (1, -1):
        step, at, moved = direction, amount, False
        for _ in range(_MOST_STEPS):
            if at + step < 1:
                break
            trade = _sold(legs, place, at + step)
            if trade is not None and (best is None or trade.profit > best.profit):
                best, at, moved, step = trade, at + step, True, 2 * step
            elif abs(step) == 1:
                break
            else:
                step = direction
        if moved:
            break
    return best


def _sold(legs: Sequence[ExactLeg], place: int, amount: int) -> ChainTrade | None:
    """With `amount` of the token that goes into the leg at `place`."""
    for leg in legs[place:]:
        amount = leg.sell(amount)
        if amount == 0:
            return None
    return _trade(legs, amount)


def _trade(legs: Sequence[ExactLeg], amount_out: int) -> ChainTrade | None:
    """The least that brings `amount_out`; None where a pool cannot pay what it would have to."""
    amounts, crossed, words = [amount_out], [], []
    for leg in reversed(legs):
        bought = leg.buy(amounts[-1])
        if bought is None:
            return None
        amounts.append(bought[0])
        crossed.append(bought[1])
        words.append(bought[2])
    return ChainTrade(tuple(reversed(amounts)), tuple(reversed(crossed)), tuple(reversed(words)))
