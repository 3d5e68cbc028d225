"""One direction of one pool, of either kind, as a step of a cycle: what it costs, what it brings, at which price.

A step is bought, by exact output: the Executor asks every pool for an amount and pays what the pool then demands. So
`sell` finds the greatest output that the input still pays for.
"""

from dataclasses import dataclass, replace
from functools import cached_property

from oracle.concentrated_liquidity import MILLION, Swapped, SwapRefusedError, Way
from oracle.constant_product import Side, least_in, most_out
from oracle.facts import Pair, Pool, PoolState, V3Pool, V3State

Price = tuple[int, int]
"""Exact: (out, in) at which the same swap would go on, the fee taken off: the slope of what comes out."""
_NOTHING: Price = (0, 1)


@dataclass(frozen=True)
class Step:
    """`amount_in` is the least that pays for `amount_out`.

    `price_after` of a sale is where all that was given would leave the pool, which may be far beyond what paid for the
    output; nothing for something where the pool could not take it all.
    """

    amount_in: int
    amount_out: int
    price_after: Price
    ticks_crossed: int = 0
    rounding: tuple[int, int] = (1, 1)
    """Units at most by which `amount_in` is more than real numbers would ask, and `amount_out` less than they give."""


@dataclass(frozen=True, eq=False)
class PairLeg:
    pool: Pair
    side: Side

    @property
    def price(self) -> Price:
        return self._price(self.side.reserve_out)

    def buy(self, amount_out: int) -> Step | None:
        """None where the pair does not hold so much."""
        if not 0 < amount_out < self.side.reserve_out:
            return None
        price = self._price(self.side.reserve_out - amount_out)
        return Step(least_in(self.side, amount_out), amount_out, price)

    def sell(self, amount_in: int) -> Step | None:
        """The most that `amount_in` buys; None where that is nothing."""
        return self.buy(most_out(self.side, amount_in))

    def _price(self, left: int) -> Price:
        """With `left` of the outgoing token still there. The fee stays out of the product that the swap keeps."""
        side = self.side
        return left * left * side.fee.numerator, side.reserve_in * side.reserve_out * side.fee.denominator


@dataclass(frozen=True, eq=False)
class V3Leg:
    pool: V3Pool
    state: V3State
    zero_for_one: bool

    @cached_property
    def _way(self) -> Way:
        return Way(self.state, self.pool.fee, self.pool.tick_spacing, self.zero_for_one)

    @property
    def price(self) -> Price:
        """At the current price, whether or not there is liquidity: what can be had is never better."""
        return self._price(self.state.sqrt_price)

    def buy(self, amount_out: int) -> Step | None:
        """None where the pool does not hold so much between here and the end of prices."""
        swapped = self._swap(-amount_out)
        if swapped is None or swapped.amount_out < amount_out:
            return None
        price = self._price(swapped.sqrt_price)
        return Step(swapped.amount_in, amount_out, price, swapped.ticks_crossed, self._rounding(swapped))

    def _rounding(self, swapped: Swapped) -> tuple[int, int]:
        """Each step rounds its input up, its fee up and its output down; where the last one ends between ticks its
        price is rounded by one in 2 ** 96, which moves the incoming token by the liquidity's share of that.
        """
        square = swapped.sqrt_price * swapped.sqrt_price
        grain = swapped.liquidity << 96, square if self.zero_for_one else 1 << 192
        return 2 * swapped.steps - (-grain[0] // grain[1]), swapped.steps

    def sell(self, amount_in: int) -> Step | None:
        """The most that `amount_in` pays for; None where that is nothing.

        An exact input brings about that much. From there outwards in doubling steps, then by halving: exact, for
        what a pool demands never falls with what is asked of it.
        """
        swapped = self._swap(amount_in)
        if swapped is None:
            return None
        price = _NOTHING if swapped.amount_in < amount_in else self._price(swapped.sqrt_price)
        step = self._dearest(max(1, swapped.amount_out), amount_in)
        return replace(step, price_after=price) if step is not None else None

    def _dearest(self, start: int, amount_in: int) -> Step | None:
        """The greatest output that `amount_in` pays for, looked for around `start`."""
        enough = self._within(start, amount_in)
        reach = 1
        while enough is None and reach < start:  # the input's rounding was the kinder one
            enough = self._within(start - reach, amount_in)
            reach *= 2
        enough = enough or self._within(1, amount_in)
        if enough is None:
            return None
        reach = 1
        while (more := self._within(enough.amount_out + reach, amount_in)) is not None:
            enough, reach = more, 2 * reach
        while reach > 1:
            reach //= 2
            enough = self._within(enough.amount_out + reach, amount_in) or enough
        return enough

    def _within(self, amount_out: int, amount_in: int) -> Step | None:
        step = self.buy(amount_out)
        return step if step is not None and step.amount_in <= amount_in else None

    def _swap(self, specified: int) -> Swapped | None:
        if specified == 0:
            return None
        try:
            return self._way.swap(specified)
        except SwapRefusedError:
            return None

    def _price(self, sqrt_price: int) -> Price:
        square, whole = sqrt_price * sqrt_price, 1 << 192
        kept = MILLION - self.pool.fee
        return (square * kept, whole * MILLION) if self.zero_for_one else (whole * kept, square * MILLION)


Leg = PairLeg | V3Leg


def leg(pool: Pool, state: PoolState, token_in: bytes) -> Leg | None:
    """`pool` as one sees it who pays in `token_in`; None where there is no price."""
    zero_for_one = token_in == pool.token0
    if isinstance(pool, V3Pool):
        assert isinstance(state, V3State)
        return V3Leg(pool, state, zero_for_one) if state.sqrt_price else None
    assert isinstance(state, tuple)
    reserve_in, reserve_out = state if zero_for_one else state[::-1]
    return PairLeg(pool, Side(reserve_in, reserve_out, pool.fee)) if reserve_in and reserve_out else None
