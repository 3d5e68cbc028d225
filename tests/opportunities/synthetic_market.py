"""A market drawn from a seed: V2 and V3 pools of WETH and others, prices a little apart, dust and gaps among them."""

import random

from bot.core.identity import Address, BlockHash, BlockRef, keccak
from bot.protocols.v3_pool import ConcentratedPool, TickLiquidity
from bot.protocols.v3_tick_math import sqrt_price_at_tick, tick_at_sqrt_price
from bot.state.pool_table import PoolTable, V2Pool, V3Pool

WETH = Address(bytes.fromhex("c02aaa39b223fe8d0a0e5c4f27ead9083c756cc2"))
STATE = BlockRef(100, BlockHash(b"\x64" * 32))
VENUES = {"uniswap-v2": (997, 1000), "pancakeswap-v1": (998, 1000), "elsewhere-v2": (9975, 10000)}
"""The last one is not in the gas table: dearer than the others."""
TIERS = ((3000, 60), (10_000, 200))
"""The narrow ones make the oracle, which steps over every word of the bitmap, walk for minutes."""
ETHER = 10**18


def token(number):
    """Addresses on both sides of WETH's."""
    return Address(keccak(b"token %d" % number)[:20])


def pool(number, one, two, venue):
    token0, token1 = sorted((one, two))
    return V2Pool(Address(keccak(b"pool %d" % number)[:20]), venue, token0, token1, *VENUES[venue])


def with_base(found, base_amount, other_amount, base=WETH):
    return (base_amount, other_amount) if found.token0 == base else (other_amount, base_amount)


def price_of(one):
    """Smallest units of a token for a million wei."""
    return 10**6 if one == WETH else 1 + one[19] * 10 ** (one[18] % 12)


def draw_reserves(draw, found, spread=0.02):
    """Reserves in line with the tokens' prices, up to `spread` off; one pool in twelve is dust."""
    depth = draw.randint(1, 10**6) if draw.random() < 1 / 12 else draw.randint(ETHER, 500 * ETHER)
    tilted = int(depth * (1 + draw.uniform(-spread, spread)))
    amounts = (depth * price_of(found.token0) // 10**6, tilted * price_of(found.token1) // 10**6)
    return tuple(min(max(1, amount), 2**112 - 1) for amount in amounts)


def draw_concentrated(draw, found, spread=0.02):
    """Positions of many widths around a price in line with the tokens', some far from it, so that gaps occur."""
    depth = draw.randint(1, 10**6) if draw.random() < 1 / 12 else draw.randint(ETHER, 100 * ETHER)
    price = price_of(found.token1) / price_of(found.token0) * (1 + draw.uniform(-spread, spread))
    root = int(price**0.5 * 2**96)
    here, spacing = tick_at_sqrt_price(root), found.tick_spacing
    whole = max(1, int(depth * (price_of(found.token0) * price_of(found.token1)) ** 0.5 / 10**6))
    net, gross = {}, {}
    for _ in range(draw.randint(1, 8)):
        width = max(1, int(2 ** draw.uniform(0, 9) * 60 / spacing))
        lower = here // spacing - draw.randint(-1, width)
        liquidity = max(1, whole // draw.randint(1, 50))
        for tick, sign in ((lower * spacing, 1), ((lower + width) * spacing, -1)):
            net[tick] = net.get(tick, 0) + sign * liquidity
            gross[tick] = gross.get(tick, 0) + liquidity
    ticks = {tick: TickLiquidity(gross[tick], net[tick]) for tick in net}
    active = sum(amount for tick, amount in net.items() if tick <= here)
    assert sqrt_price_at_tick(here) <= root
    return ConcentratedPool(found.fee, spacing, root, here, active, ticks)


def move(table, draw, index):
    """New reserves or a new price; a V3 pool gets new positions as well."""
    found = table.pools[index]
    if isinstance(found, V2Pool):
        table.set_reserves(index, *draw_reserves(draw, found))
    else:
        table.replace_concentrated(index, draw_concentrated(draw, found))


def draw_table(seed, pools=60, tokens=12, concentrated=0.0):
    draw = random.Random(seed)
    table = PoolTable()
    for number in range(pools):
        add_pool(table, draw, number, tokens, concentrated)
    return table


def add_pool(table, draw, number, tokens=12, concentrated=0.0):
    """One in `concentrated` is a V3 pool."""
    one = WETH if draw.random() < 0.8 else token(draw.randrange(tokens))
    two = token(draw.randrange(tokens))
    while two == one:
        two = token(draw.randrange(tokens))
    if draw.random() < concentrated:
        token0, token1 = sorted((one, two))
        address = Address(keccak(b"pool %d" % number)[:20])
        found = V3Pool(address, "uniswap-v3", token0, token1, *draw.choice(TIERS))
        return table.add_concentrated(found, draw_concentrated(draw, found))
    found = pool(number, one, two, draw.choice(list(VENUES)))
    return table.add(found, *draw_reserves(draw, found))
