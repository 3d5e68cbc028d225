"""The slow way to every cycle's best trade: all walks of two and three pools, each sized by halving over all integers.

Shares with the code only the exact quotes of single pools, which have tests of their own. Where the code starts from a
float optimum, this starts from nothing: around the best power of two the input is closed in on by thirds, and then
every amount on the way is tried with its neighbours.
"""

import math

from bot.costs.gas_table import HopShape
from bot.opportunities.exact_legs import exact_leg

NEIGHBOURS = 12


def sold(legs, place, amount):
    """[amounts] with `amount` of the token into the leg at `place`; None where that brings nothing."""
    for leg in legs[place:]:
        amount = leg.sell(amount)
        if amount == 0:
            return None
    amounts = [amount]
    for leg in reversed(legs):
        bought = leg.buy(amounts[0])
        if bought is None:
            return None
        amounts.insert(0, bought[0])
    return amounts


def profit(amounts):
    return -math.inf if amounts is None else amounts[-1] - amounts[0]


def slow_best(legs):
    """[amounts] of the best trade found, which may lose; None where nothing comes out."""
    powers = [1 << bits for bits in range(113)]
    nearest = max(powers, key=lambda amount: profit(sold(legs, 0, amount)))
    low, high = nearest // 2 or 1, nearest * 2
    while high - low > 2:
        one, two = low + (high - low) // 3, high - (high - low) // 3
        first, second = sold(legs, 0, one), sold(legs, 0, two)
        if first is None or profit(second) > profit(first):
            low = one
        else:
            high = two
    best = max((sold(legs, 0, amount) for amount in range(low, high + 1)), key=profit)
    if best is None:
        return None
    around = [
        sold(legs, place, amount + step)
        for place, amount in enumerate(best)
        for step in range(-NEIGHBOURS, NEIGHBOURS + 1)
        if amount + step > 0
    ]
    return max([best, *around], key=profit)


def walks(table, base, most=3):
    """Edges of every cycle of two to `most` different live pools."""
    beside = {}
    for index, pool in enumerate(table.pools):
        if table.live[index]:
            beside.setdefault(pool.token0, []).append((2 * index, pool.token1))
            beside.setdefault(pool.token1, []).append((2 * index + 1, pool.token0))

    def onwards(token, edges):
        for edge, after in beside.get(token, ()):
            if edge >> 1 in {one >> 1 for one in edges}:
                continue
            if after == base and edges:
                yield (*edges, edge)
            elif after != base and len(edges) < most - 1:
                yield from onwards(after, (*edges, edge))

    return list(onwards(base, ()))


def slow_finds(table, base, most=3):
    """{(pool and direction, hop by hop): (exact gain, shape)} of every cycle that gains.

    Spot prices alone rule one out.
    """
    found = {}
    rates = table.screen.log_rate
    for edges in walks(table, base, most):
        if sum(rates[edge] for edge in edges) < -1e-9:
            continue
        amounts = slow_best([exact_leg(table, edge) for edge in edges])
        if profit(amounts) > 0:
            key = tuple((table.pools[edge >> 1].address, edge & 1 == 0) for edge in edges)
            shape = tuple(
                HopShape(table.pools[edge >> 1].venue, exact_leg(table, edge).buy(amounts[at + 1])[1])
                for at, edge in enumerate(edges)
            )
            found[key] = amounts[-1] - amounts[0], shape
    return found


def hops(opportunity):
    """An opportunity by the same key."""
    return tuple((leg.pool, leg.zero_for_one) for leg in opportunity.legs)


def bound(opportunity):
    """What bot.opportunities.chain_sizing states, in floats; two words of the tick bitmap are reckoned with a swap."""
    amounts = [opportunity.amount_in, *(leg.amount_out for leg in opportunity.legs)]
    worth = [opportunity.amount_in / amount for amount in amounts]
    rounding = sum(
        (1 if leg.protocol == "uniswap_v2" else 3 + leg.ticks_crossed) * (worth[at] + worth[at + 1])
        for at, leg in enumerate(opportunity.legs)
    )
    return 2 + 2 * rounding + opportunity.gross_profit / min(amounts) ** 2 + 1e-11 * amounts[0]
