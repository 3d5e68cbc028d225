"""A market drawn from a seed: pools of WETH and others on two venues, prices a little apart, dust among them."""

import random

from bot.core.identity import Address, BlockHash, BlockRef, keccak
from bot.state.pool_table import PoolTable, V2Pool

WETH = Address(bytes.fromhex("c02aaa39b223fe8d0a0e5c4f27ead9083c756cc2"))
STATE = BlockRef(100, BlockHash(b"\x64" * 32))
VENUES = {"uniswap-v2": (997, 1000), "pancakeswap-v1": (998, 1000), "elsewhere-v2": (9975, 10000)}
"""The last one is not in the gas table: dearer than the others."""
ETHER = 10**18


def token(number):
    """Addresses on both sides of WETH's."""
    return Address(keccak(b"token %d" % number)[:20])


def pool(number, one, two, venue):
    token0, token1 = sorted((one, two))
    return V2Pool(Address(keccak(b"pool %d" % number)[:20]), venue, token0, token1, *VENUES[venue])


def with_base(found, base_amount, other_amount, base=WETH):
    return (base_amount, other_amount) if found.token0 == base else (other_amount, base_amount)


def draw_reserves(draw, found, spread=0.02):
    """Reserves at a price fixed by the other token, up to `spread` off; one pool in twelve is dust."""
    if WETH not in (found.token0, found.token1):
        return draw.randint(10**18, 10**24), draw.randint(10**18, 10**24)
    other = found.token1 if found.token0 == WETH else found.token0
    price = 1 + other[19] * 10 ** (other[18] % 12)
    depth = draw.randint(1, 10**6) if draw.random() < 1 / 12 else draw.randint(ETHER, 500 * ETHER)
    tilted = int(depth * (1 + draw.uniform(-spread, spread)))
    return with_base(found, depth, min(max(1, tilted * price // 10**6), 2**112 - 1))


def draw_table(seed, pools=60, tokens=12):
    draw = random.Random(seed)
    table = PoolTable()
    for number in range(pools):
        add_pool(table, draw, number, tokens)
    return table


def add_pool(table, draw, number, tokens=12):
    one = WETH if draw.random() < 0.8 else token(draw.randrange(tokens))
    two = token(draw.randrange(tokens))
    while two == one:
        two = token(draw.randrange(tokens))
    found = pool(number, one, two, draw.choice(list(VENUES)))
    return table.add(found, *draw_reserves(draw, found))
