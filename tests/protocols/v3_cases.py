"""Random V3 pools and swaps, with the corners drawn on purpose: what kind each is stands beside it."""

from probe_chain import OWN_TIERS, TIERS

from bot.protocols.v3_pool import ConcentratedPool, TickLiquidity
from bot.protocols.v3_tick_math import (
    MAX_SQRT_PRICE,
    MAX_TICK,
    MIN_SQRT_PRICE,
    max_liquidity_per_tick,
    sqrt_price_at_tick,
    tick_at_sqrt_price,
)

INT256_MAX = (1 << 255) - 1
POOL_KINDS = (
    "positions",
    "empty words",
    "gaps",
    "on a tick",
    "left a tick",
    "at the edges",
    "at the limits",
    "full liquidity",
    "wide and heavy",
    "dust",
    "nothing",
)
AMOUNT_KINDS = (
    "one unit",
    "any size",
    "within reach",
    "to a stop",
    "beside a stop",
    "all there is",
)
ALL_TIERS = TIERS | OWN_TIERS
WIDE_TIERS = {fee: spacing for fee, spacing in ALL_TIERS.items() if spacing >= 5000}
"""Where a step reaches so far that what it takes times the price is over uint256."""
STOPS_LOOKED_AHEAD = 40


def log_uniform(draw, most):
    return draw.randint(1, min(most, 1 << draw.randint(1, max(1, most.bit_length()))))


def pool_of(fee, spacing, positions, price, tick):
    """A pool from (lower, upper, liquidity) triples; None where the ticks cannot hold them."""
    ticks = {}
    for lower, upper, liquidity in positions:
        for at, net in ((lower, liquidity), (upper, -liquidity)):
            gross_before, net_before = ticks.get(at, (0, 0))
            ticks[at] = (gross_before + liquidity, net_before + net)
    inside = sum(liquidity for lower, upper, liquidity in positions if lower <= tick < upper)
    infos = {at: TickLiquidity(*info) for at, info in ticks.items()}
    try:
        return ConcentratedPool(fee, spacing, price, tick, inside, infos)
    except ValueError:
        return None


def draw_positions(draw, kind, spacing, tick):
    """(lower, upper, liquidity) on multiples of `spacing`, as the kind has them."""
    edge = MAX_TICK // spacing
    here = tick // spacing
    most = max_liquidity_per_tick(spacing)
    if kind == "wide and heavy":
        return [(-edge * spacing, edge * spacing, most - draw.randint(0, most >> draw.randint(0, 9)))]
    reach = {"empty words": 1200, "gaps": 700, "at the limits": 2 * edge, "at the edges": 40}.get(kind, 60)
    sizes = {"dust": 3000, "full liquidity": most}.get(kind, min(most, 10**24))
    positions = []
    for _ in range(0 if kind == "nothing" else draw.randint(1, 2 if kind == "empty words" else 9)):
        one, other = (max(-edge, min(edge, here + draw.randint(-reach, reach))) for _ in range(2))
        if kind == "empty words":
            one, other = here - draw.randint(0, reach), here + draw.randint(0, reach)
            one, other = max(one, -edge), min(other, edge)
        if kind == "gaps":
            # Short ones, mostly not where the price is.
            other = min(edge, one + draw.randint(1, 9))
        if draw.random() < 0.05 or (kind == "at the edges" and draw.random() < 0.5):
            one, other = draw.choice([(-edge, edge), (-edge, one), (other, edge)])
        if one != other:
            liquidity = log_uniform(draw, sizes)
            if kind == "full liquidity" and draw.random() < 0.5:
                liquidity = most - draw.randint(0, 9)
            lower, upper = sorted((one, other))
            positions.append((lower * spacing, upper * spacing, liquidity))
    return positions


def draw_price(draw, kind, spacing):
    """(square root price, tick)."""
    if kind == "at the limits":
        near = draw.choice((0, 1, 2, 3, log_uniform(draw, 1 << 20)))
        price = draw.choice((MIN_SQRT_PRICE + near, MAX_SQRT_PRICE - 1 - near))
        return price, tick_at_sqrt_price(price)
    edge = MAX_TICK - 1
    if kind == "wide and heavy":
        tick = draw.randint(200_000, edge)
    elif kind == "at the edges":
        tick = draw.choice((-1, 1)) * (edge - draw.randint(0, 600 * spacing) % edge)
    else:
        tick = int(draw.triangular(-edge, edge, 0)) if draw.random() < 0.7 else draw.randint(-300, 300)
    low, high = sqrt_price_at_tick(tick), sqrt_price_at_tick(tick + 1)
    return draw.choice((low, high - 1, draw.randrange(low, high))), tick


def draw_pool(draw):
    """(kind, pool)."""
    while True:
        kind = draw.choice(POOL_KINDS[:-1]) if draw.random() < 0.97 else "nothing"
        tiers = WIDE_TIERS if kind == "wide and heavy" else ALL_TIERS
        fee, spacing = draw.choice(tuple(tiers.items()))
        price, tick = draw_price(draw, kind, spacing)
        positions = draw_positions(draw, kind, spacing, tick)
        if kind in {"on a tick", "left a tick"} and positions:
            at = draw.choice([bound for position in positions for bound in position[:2]])
            if abs(at) == MAX_TICK:
                continue
            price, tick = sqrt_price_at_tick(at), at - (kind == "left a tick")
        pool = pool_of(fee, spacing, positions, price, tick)
        if pool is not None:
            return kind, pool


def stops(pool, zero_for_one, exact_in):
    """What it takes, or pays, to come exactly to each of the next stops."""
    ladder, entry = pool._on_ladder(zero_for_one)
    for _ in range(STOPS_LOOKED_AHEAD):
        if ladder._ends:
            break
        ladder._extend()
    totals, before = (ladder.total_in, entry.total_in) if exact_in else (ladder.total_out, entry.total_out)
    return [total - before for total in totals[entry.first :] if total > before]


def draw_amount(draw, pool, zero_for_one, exact_in):
    """(kind, amount), the amount within 1 and 2**255 - 1."""
    kind = draw.choice(AMOUNT_KINDS[:-1]) if draw.random() < 0.96 else "all there is"
    if kind == "one unit":
        return kind, 1
    if kind == "all there is":
        return kind, INT256_MAX
    reachable = stops(pool, zero_for_one, exact_in)
    if kind == "any size" or not reachable:
        return "any size", log_uniform(draw, INT256_MAX if draw.random() < 0.2 else 1 << 110)
    stop = draw.choice(reachable)
    if kind == "within reach":
        return kind, draw.randint(1, stop)
    if kind == "beside a stop":
        return kind, max(1, stop + draw.choice((-1, 1)))
    return kind, stop
