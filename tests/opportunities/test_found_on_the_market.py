"""What the search finds on the local market is executed by the Executor: profit to the unit, gas by the table."""

import pytest
from gapped_market import GappedMarket

from bot.core.units import Bps, WeiPerGas
from bot.costs.gas_table import estimate_gas, shape_of
from bot.opportunities.ranking import choose_disjoint
from bot.opportunities.search import ArbitrageSearch, SearchConfig
from bot.world.tokens import WETH

GAS_PRICE = WeiPerGas(10**9)
FIRST_SWAP_GAS = 34_200
"""Of a pair: its two price accumulators leave zero."""


@pytest.fixture
async def market(tmp_path):
    opened = await GappedMarket.open(tmp_path)
    yield opened
    await opened.close()


async def found_in(market):
    """Opens a gap of a few percent in every WETH pair of one venue, either way; the disjoint choice."""
    gapped = [
        pair
        for pair in market.pairs
        if WETH.address in (pair.token0.token.address, pair.token1.token.address)
    ]
    uniswap = [pair for pair in gapped if pair.venue.name == "uniswap-v2"]
    for place, pair in enumerate(uniswap):
        await market.gap(pair, 8 if place % 2 else -8)
    table = await market.table()
    config = SearchConfig(weth=WETH.address, bid_share=Bps(2_000))
    result = ArbitrageSearch(table, [WETH.address], config).search([], await market.head(), GAS_PRICE)
    chosen = choose_disjoint(result.opportunities, GAS_PRICE)
    assert len(chosen) > 5
    assert {leg.venue for one in chosen for leg in one.legs} == {"uniswap-v2", "pancakeswap-v1"}
    assert {len(one.legs) for one in chosen} > {2}
    return chosen


async def executed(market, chosen):
    """Gas used; the recipient has got, in one transfer, what was predicted."""
    gross = sum(one.gross_profit for one in chosen)
    payment = gross // 3
    receipt, paid_out = await market.execute(chosen, payment)
    assert receipt["status"] == "0x1"
    assert paid_out == [gross - payment]
    return int(receipt["gasUsed"], 16)


def shapes(chosen):
    return [shape_of(one.legs) for one in chosen]


async def test_every_opportunity_earns_what_was_predicted(market):
    await market.age()
    chosen = await found_in(market)
    for one in chosen:
        gas = await executed(market, [one])
        assert gas <= one.gas_estimate <= gas * 1.03
    for count in (2, 5, 8):
        gas = await executed(market, chosen[:count])
        assert gas <= estimate_gas(shapes(chosen[:count])) <= gas * 1.03


async def test_the_first_swap_of_a_pair_costs_more_once(market):
    chosen = (await found_in(market))[:1]
    fresh = await executed(market, chosen)
    await market.age()
    aged = await executed(market, chosen)
    assert fresh - aged == len(chosen[0].legs) * FIRST_SWAP_GAS
