"""The slow way to every cycle's best trade: all walks of two and three pools, each sized by halving over all integers.

Shares with the code only the exact quotes of single pools, which have tests of their own. Where the code starts from a
float optimum, this starts from nothing: around the best power of two the input is closed in on by thirds, and then
every amount on the way is tried with its neighbours.
"""

import math

from bot.costs.gas_table import HopShape, shape_of
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
    """{(pool and direction, hop by hop): (exact gain, shape, bound)} of every cycle that gains.

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
                HopShape(table.pools[edge >> 1].venue, *exact_leg(table, edge).buy(amounts[at + 1])[1:])
                for at, edge in enumerate(edges)
            )
            found[key] = amounts[-1] - amounts[0], shape, bound(table, edges, amounts, shape)
    return found


def hops(opportunity):
    """An opportunity by the same key."""
    return tuple((leg.pool, leg.zero_for_one) for leg in opportunity.legs)


def bound(table, edges, amounts, shape):
    """What bot.opportunities.chain_sizing states, in floats; two words of the tick bitmap are reckoned with a swap."""
    worth = [amounts[0] / amount for amount in amounts]
    steps = [
        1 if table.concentrated[edge >> 1] is None else 3 + hop.ticks_crossed
        for edge, hop in zip(edges, shape, strict=True)
    ]
    rounding = sum(step * (worth[at] + worth[at + 1]) for at, step in enumerate(steps))
    virtual = table.screen.virtual0, table.screen.virtual1
    kinks = sum(
        worth[at] * virtual[edge & 1][edge >> 1]
        for at, edge in enumerate(edges)
        if table.concentrated[edge >> 1]
    )
    gain = max(0, amounts[-1] - amounts[0])
    return 2 + 2 * rounding + gain / min(amounts) ** 2 + 1e-14 * kinks + 1e-13 * amounts[-1]


def bound_of(table, opportunity):
    amounts = [opportunity.amount_in, *(leg.amount_out for leg in opportunity.legs)]
    edges = [2 * table.index(leg.pool) + (not leg.zero_for_one) for leg in opportunity.legs]
    return bound(table, edges, amounts, shape_of(opportunity.legs))
