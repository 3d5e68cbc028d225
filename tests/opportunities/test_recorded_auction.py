"""A real market graph: 351 constant-product pools of one mainnet block, 2023-09-12, at 15.19 gwei.

Cycles that look profitable at spot are there; a correct engine stays silent on them.
"""

import gzip
import json
from decimal import Decimal

import pytest

from bot.core.identity import ZERO_HASH, BlockRef, address_from_hex
from bot.core.units import TokenUnits, WeiPerGas
from bot.opportunities.search import ArbitrageSearch, SearchConfig
from bot.state.pool_table import PoolTable, V2Pool

STATE = BlockRef(0, ZERO_HASH)
DUST = TokenUnits(10**12)
"""A millionth of an ether: what a pool must hold for its spot price to be called one."""


@pytest.fixture
def auction(ground_truth):
    path = ground_truth("cow_auctions") / "7400681_prod_mainnet.json.gz"
    document = json.loads(gzip.decompress(path.read_bytes()))
    table = PoolTable()
    for amm in document["amms"].values():
        if amm["kind"] == "ConstantProduct":
            (token0, reserve0), (token1, reserve1) = sorted(
                (address_from_hex(token), int(amount)) for token, amount in amm["reserves"].items()
            )
            numerator = int((1 - Decimal(amm["fee"])) * 10_000)
            pool = V2Pool(address_from_hex(amm["address"]), "recorded", token0, token1, numerator, 10_000)
            table.add(pool, reserve0, reserve1)
    metadata = document["metadata"]
    return table, address_from_hex(metadata["native_token"]), WeiPerGas(int(metadata["gas_price"]))


def looks_profitable(table, weth, least_depth):
    """Directed cycles whose spot prices, fees included, multiply to more than one: exact, in integers."""
    count = 0
    for i, one in enumerate(table.pools):
        for j, two in enumerate(table.pools):
            if (
                i == j
                or (one.token0, one.token1) != (two.token0, two.token1)
                or weth not in (one.token0, one.token1)
            ):
                continue
            first, second = (table.reserve0[i], table.reserve1[i]), (table.reserve0[j], table.reserve1[j])
            if one.token1 == weth:
                first, second = first[::-1], second[::-1]
            if min(*first, *second) == 0 or min(first[0], second[0]) < least_depth:
                continue
            gain = one.fee_numerator * two.fee_numerator * first[1] * second[0]
            count += gain > one.fee_denominator * two.fee_denominator * first[0] * second[1]
    return count


def test_forty_seven_look_profitable_and_none_is(auction, ground_truth):
    table, weth, gas_price = auction
    assert len(table) == 351
    assert looks_profitable(table, weth, DUST) == 47
    search = ArbitrageSearch(table, [weth], SearchConfig(weth=weth, least_depth=DUST, most_sized=1_000))
    free = search.search([], STATE, WeiPerGas(0))
    assert free.profitable_at_screen == free.sized == len(free.opportunities) == 47
    assert max(one.gross_profit for one in free.opportunities) == 195_045_230_373_022
    assert search.search([], STATE, gas_price).opportunities == ()
    ground_truth.count(47)


def test_dust_changes_nothing_about_it(auction, ground_truth):
    """With every pool let in, nine more cycles look profitable, and the best is the same 0.0002 ether."""
    table, weth, gas_price = auction
    config = SearchConfig(weth=weth, least_depth=TokenUnits(0), most_sized=1_000)
    search = ArbitrageSearch(table, [weth], config)
    free = search.search([], STATE, WeiPerGas(0))
    assert len(free.opportunities) == looks_profitable(table, weth, 0) == 56
    assert free.opportunities[0].gross_profit == 195_045_230_373_022
    assert search.search([], STATE, gas_price).opportunities == ()
    ground_truth.count(56)
