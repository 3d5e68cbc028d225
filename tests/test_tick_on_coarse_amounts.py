"""Anybody can make a market whose amounts no hop of the Executor holds: the tick goes on, and takes what fits."""

import math

import pytest
from listed_chain import ETHER, START, TOKEN, WETH, address, block_at
from small_market import SmallMarket

from bot.core.funnel import Funnel
from bot.core.units import UINT128_MAX
from bot.loop import World
from bot.opportunities.search import ArbitrageSearch, SearchConfig
from bot.protocols.v3_pool import ConcentratedPool
from bot.protocols.v3_tick_math import tick_at_sqrt_price
from bot.state.market_state import MarketState
from bot.state.pool_table import PoolTable, V3Pool
from bot.tick import tick


def concentrated_market(units_of_an_ether):
    """Two full-range pools; the second pays half as much again for the token."""
    table = PoolTable()
    first, second = sorted((TOKEN, WETH))
    for fee, spacing, units in ((500, 10, units_of_an_ether), (3000, 60, units_of_an_ether * 2 // 3)):
        reserves = (100 * ETHER, 100 * units) if first == WETH else (100 * units, 100 * ETHER)
        price = math.isqrt((reserves[1] << 192) // reserves[0])
        pool = ConcentratedPool(fee, spacing, price, tick_at_sqrt_price(price))
        end = 887272 // spacing * spacing
        pool.change_liquidity(-end, end, math.isqrt(reserves[0] * reserves[1]))
        named = V3Pool(address(f"pool {fee}"), "uniswap-v3", first, second, fee, spacing)
        table.add_concentrated(named, pool)
    return World(MarketState(table, (), START), ArbitrageSearch(table, [WETH], SearchConfig(weth=WETH)))


@pytest.mark.parametrize("bits", [100, 118, 121, 122, 123, 124, 126, 128, 132])
async def test_the_tick_goes_on(bits):
    world, market, block = concentrated_market(1 << bits), SmallMarket(), block_at(100)
    funnel = Funnel(block, 2)
    deps = market.tick_deps()
    await tick(block, [0, 1], [market.wallet(block.head)], deps, world.search, funnel)
    await deps.dispatcher.collect(wait=True)
    assert funnel.sized > 0, "the gap was not seen"
    amounts = [
        amount
        for intent in market.journal.of("intent")
        for found in intent.plan.opportunities
        for leg in found.legs
        for amount in (leg.amount_in, leg.amount_out)
    ]
    assert max(amounts, default=0) <= UINT128_MAX
    assert funnel.sent == 1 or bits > 126, funnel.drops
