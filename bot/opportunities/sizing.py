"""A cycle to an opportunity: two V2 pools in closed form, as told here, everything else by chain_sizing.

Base token goes into `first`, the token between into `second`, base token comes out.

**Unit of search.** Profit as a function of the integer input is a sawtooth: the input that is rounded away in the
first pool is lost. So the search runs over the amount *between* the pools, y. With first (reserves r1 in, s1 out, fee
n1/d1) and second (r2 in, s2 out, n2/d2), for real y

    x(y) = d1·r1·y / (n1·(s1 - y))          what `first` asks for y
    z(y) = n2·s2·y / (d2·r2 + n2·y)         what `second` pays for y
    G(y) = z(y) - x(y)                      concave on 0 <= y < s1; its maximum is the real-valued optimum P

and for integer y the exact profit is floor(z) - ceil(x) > G(y) - 2. G'(y) >= 0 exactly when

    n1·n2·d2·r2·s2·(s1 - y)² >= d1·r1·s1·(d2·r2 + n2·y)²

so the last integer y0 that satisfies it is found without any rounding, and the answer is the better of y0, y0 + 1.

**Bound.** By the two tangents of the concave G, P <= max(G(y0), G(y0+1)) + (G'(y0) - G'(y0+1)) / 4. Hence

    profit > P - 2 - (G'(y0) - G'(y0+1)) / 4

two units of the base token, and a quarter of what the marginal profit changes over one unit of the token between
(below 1e-9 for a pool of 18 decimals, tens of wei against 8 decimals, anything in a pool that holds a handful of
units). Where y0 + 1 is out of reach (`first` holds no more, or a reserve would pass uint112 and the pair revert),
profit > P' - 2 - G'(y0), with P' the optimum within reach. No integer input earns over one unit more than the answer.
"""

from collections.abc import Sequence
from math import isqrt
from typing import Final

import msgspec

from bot.core.decisions import Leg, Opportunity
from bot.core.identity import BlockRef
from bot.core.units import UINT112_MAX, TokenUnits
from bot.costs.gas_table import estimate_gas, shape_of
from bot.opportunities.chain_sizing import best_chain_trade
from bot.opportunities.exact_legs import ExactPools, OrientedPool, exact_leg
from bot.protocols.uniswap_v2 import amount_out_down, least_amount_in
from bot.state.pool_table import Pool, V2Pool

STRATEGY: Final = "arbitrage"


class TwoPoolTrade(msgspec.Struct, frozen=True, gc=False):
    """Exact amounts; `amount_in` is the least that buys `amount_between`."""

    amount_in: TokenUnits
    amount_between: TokenUnits
    amount_out: TokenUnits

    @property
    def profit(self) -> TokenUnits:
        """In units of the base token, before gas and bid."""
        return TokenUnits(self.amount_out - self.amount_in)


def best_two_pool_trade(first: OrientedPool, second: OrientedPool) -> TwoPoolTrade | None:
    """The trade of the module's docstring; None where no integer input earns a unit within the stated bound."""
    reach = _reach(first, second)
    last_rising = min(_last_rising(first, second), reach)
    best: TwoPoolTrade | None = None
    for between in (last_rising, last_rising + 1):
        if 0 < between <= reach:
            trade = _trade(first, second, between, reach)
            if trade.profit > (best.profit if best else 0):
                best = trade
    return best


def size_cycle(
    table: ExactPools, edges: Sequence[int], amount_in: float, state: BlockRef
) -> Opportunity | None:
    """The best trade of the cycle of these edges by the pools' exact state, which is that of `state`.

    `amount_in`: where the screen saw the optimum. Two V2 pools are sized in closed form, all else as
    bot.opportunities.chain_sizing says. None where nothing earns a unit.
    """
    legs = [exact_leg(table, edge) for edge in edges]
    if len(legs) == 2 and isinstance(legs[0], OrientedPool) and isinstance(legs[1], OrientedPool):
        trade = best_two_pool_trade(legs[0], legs[1])
        if trade is None:
            return None
        amounts: tuple[int, ...] = (trade.amount_in, trade.amount_between, trade.amount_out)
        stops: Sequence[tuple[int, int]] = ((0, 0), (0, 0))
    else:
        chain = best_chain_trade(legs, int(amount_in))
        if chain is None:
            return None
        amounts = chain.amounts
        stops = tuple(zip(chain.ticks_crossed, chain.words_passed, strict=True))
    swaps = tuple(
        _leg(table.pools[edge >> 1], edge & 1 == 0, amounts[at], amounts[at + 1], stops[at])
        for at, edge in enumerate(edges)
    )
    return Opportunity(
        strategy=STRATEGY,
        state=state,
        base_token=swaps[0].token_in,
        legs=swaps,
        gas_estimate=estimate_gas([shape_of(swaps)]),
    )


def _leg(pool: Pool, zero_for_one: bool, amount_in: int, amount_out: int, stops: tuple[int, int]) -> Leg:
    """`stops`: ticks crossed and words passed."""
    return Leg(
        venue=pool.venue,
        pool=pool.address,
        token_in=pool.token0 if zero_for_one else pool.token1,
        token_out=pool.token1 if zero_for_one else pool.token0,
        zero_for_one=zero_for_one,
        amount_in=TokenUnits(amount_in),
        amount_out=TokenUnits(amount_out),
        protocol="uniswap_v2" if isinstance(pool, V2Pool) else pool.protocol,
        ticks_crossed=stops[0],
        words_passed=stops[1],
    )


def _reach(first: OrientedPool, second: OrientedPool) -> int:
    """The most that can pass between the pools: neither may be emptied, nor hold more than uint112 afterwards."""
    most_in = UINT112_MAX - first.reserve_in
    bought = amount_out_down(
        most_in, first.reserve_in, first.reserve_out, first.fee_numerator, first.fee_denominator
    )
    return min(bought, UINT112_MAX - second.reserve_in)


def _last_rising(first: OrientedPool, second: OrientedPool) -> int:
    """y0: the last integer at which one more still pays at the margin; -1 where not even the first does."""
    gain = first.fee_numerator * second.fee_numerator * second.fee_denominator
    gain *= second.reserve_in * second.reserve_out
    cost = first.fee_denominator * first.reserve_in * first.reserve_out
    held, sold = first.reserve_out, second.fee_denominator * second.reserve_in
    if gain * held * held <= cost * sold * sold:
        return -1
    root = isqrt(gain * cost)
    between = (gain * held - root * sold) // (gain + root * second.fee_numerator)
    # The root was rounded down, which moves the quotient up, by less than one over the product of a fee's parts.
    while gain * (held - between) ** 2 < cost * (sold + second.fee_numerator * between) ** 2:
        between -= 1
    return between


def _trade(first: OrientedPool, second: OrientedPool, between: int, reach: int) -> TwoPoolTrade:
    """The least input that buys `between`, and what it all brings: one unit of a coarse base token buys many more."""
    amount_in = least_amount_in(
        between, first.reserve_in, first.reserve_out, first.fee_numerator, first.fee_denominator
    )
    bought = amount_out_down(
        amount_in, first.reserve_in, first.reserve_out, first.fee_numerator, first.fee_denominator
    )
    amount_between = TokenUnits(min(bought, reach))
    amount_out = amount_out_down(
        amount_between, second.reserve_in, second.reserve_out, second.fee_numerator, second.fee_denominator
    )
    return TwoPoolTrade(amount_in, amount_between, amount_out)
