"""The search against a plain loop over every pair of pools, block by block, while pools move, stop and appear."""

import random

import numpy as np
import pytest
from synthetic_market import ETHER, STATE, WETH, add_pool, draw_reserves, draw_table, token

from bot.core.errors import BadConfiguration
from bot.core.identity import BlockHash, BlockRef
from bot.core.units import Bps, WeiPerGas
from bot.costs.gas_table import HopShape, estimate_gas, shape_of
from bot.costs.net import net_profit_down
from bot.opportunities.ranking import net_of_costs
from bot.opportunities.search import ArbitrageSearch, SearchConfig
from bot.opportunities.sizing import best_two_pool_trade, oriented

GWEI = 10**9
CONFIG = SearchConfig(weth=WETH, bid_share=Bps(3_000), most_sized=10_000)


def by_hand(table, gas_price, config=CONFIG):
    """{(first pool, second pool): net} of everything that pays, without screen, cycles or kernel."""
    paying = {}
    for i, one in enumerate(table.pools):
        for j, two in enumerate(table.pools):
            same = i != j and (one.token0, one.token1) == (two.token0, two.token1)
            if not same or WETH not in (one.token0, one.token1) or not (table.live[i] and table.live[j]):
                continue
            first, second = (
                oriented(table, i, one.token0 == WETH),
                oriented(table, j, two.token0 != WETH),
            )
            if min(first.reserve_in, second.reserve_out) < config.least_depth:
                continue
            trade = best_two_pool_trade(first, second)
            gas = estimate_gas([(HopShape(one.venue), HopShape(two.venue))])
            net = net_profit_down(trade.profit, gas, gas_price, config.bid_share).net if trade else 0
            if net > 0:
                paying[one.address, two.address] = net
    return paying


def found_by(result, gas_price, config=CONFIG):
    return {
        tuple(leg.pool for leg in one.legs): net_of_costs(one, gas_price, config.bid_share)
        for one in result.opportunities
    }


def test_block_by_block_equals_the_plain_loop():
    draw = random.Random(11)
    table = draw_table(11)
    search = ArbitrageSearch(table, [WETH], CONFIG)
    stopped, kinds = set(), {"moved": 0, "stopped": 0, "added": 0, "opportunities": 0}
    last_found = ()
    for height in range(60):
        gas_price = WeiPerGas(draw.choice([1, 5, 30]) * GWEI)
        if last_found and draw.random() < 0.5:  # where the last of them just pays, or just does not
            one = draw.choice(last_found)
            gas_price = WeiPerGas(one.gross_profit // one.gas_estimate + draw.randint(0, 1))
        touched = draw.sample(range(len(table)), draw.randint(0, 8))
        for index in touched:
            table.set_reserves(index, *draw_reserves(draw, table.pools[index]))
        kinds["moved"] += len(touched)
        if draw.random() < 0.3:
            index = draw.randrange(len(table))
            (table.resume if index in stopped else table.stop)(index)
            stopped ^= {index}
            kinds["stopped"] += 1
        if draw.random() < 0.2:
            touched.append(add_pool(table, draw, 1_000 + height))
            kinds["added"] += 1
        state = BlockRef(height, BlockHash(bytes([height]) * 32))
        result = search.search(touched, state, gas_price)
        assert found_by(result, gas_price) == by_hand(table, gas_price)
        nets = [net_of_costs(one, gas_price, CONFIG.bid_share) for one in result.opportunities]
        assert nets == sorted(nets, reverse=True)
        assert all(one.state == state for one in result.opportunities)
        kinds["opportunities"] += len(nets)
        last_found = result.opportunities or last_found
        promising = search._promising[: search._size]
        assert sorted(promising.tolist()) == np.flatnonzero(search._values > 0).tolist()
    print(kinds)
    assert min(kinds.values()) > 5


def test_the_legs_are_whole():
    table = draw_table(2)
    result = ArbitrageSearch(table, [WETH], CONFIG).search([], STATE, WeiPerGas(GWEI))
    assert len(result.opportunities) > 3
    for one in result.opportunities:
        buy, sell = one.legs
        assert buy.token_in == sell.token_out == one.base_token == WETH
        assert buy.token_out == sell.token_in
        assert buy.amount_out == sell.amount_in
        for leg in one.legs:
            known = table.pools[table.index(leg.pool)]
            assert leg.venue == known.venue
            assert (leg.token_in, leg.token_out) == (
                (known.token0, known.token1) if leg.zero_for_one else (known.token1, known.token0)
            )
        assert one.gas_estimate == estimate_gas([shape_of(one.legs)])


def test_only_touched_cycles_are_screened_again():
    table = draw_table(4)
    search = ArbitrageSearch(table, [WETH], CONFIG)
    before = search.search([], STATE, WeiPerGas(GWEI))
    assert before.screened == 0
    assert before.opportunities
    moved = before.opportunities[0].legs[0]
    index = table.index(moved.pool)
    partners = sum(
        (pool.token0, pool.token1) == (table.pools[index].token0, table.pools[index].token1)
        for pool in table.pools
    )
    after = search.search([index, index], STATE, WeiPerGas(GWEI))
    assert after.screened == 2 * (partners - 1)
    assert after.opportunities == before.opportunities
    assert search.search(range(len(table)), STATE, WeiPerGas(GWEI)).screened == search.cycle_count


def test_an_untouched_cycle_stays_a_candidate_as_gas_moves():
    table = draw_table(6)
    search = ArbitrageSearch(table, [WETH], CONFIG)
    cheap = search.search([], STATE, WeiPerGas(GWEI))
    dear = search.search([], STATE, WeiPerGas(10**15))
    assert cheap.opportunities
    assert not dear.opportunities
    assert dear.profitable_at_screen == 0
    assert search.search([], STATE, WeiPerGas(GWEI)) == cheap


def test_what_is_not_sized_is_counted_and_the_best_go_first():
    table = draw_table(8, pools=200)
    every = ArbitrageSearch(table, [WETH], CONFIG).search([], STATE, WeiPerGas(GWEI))
    few = SearchConfig(weth=WETH, bid_share=CONFIG.bid_share, most_sized=4)
    capped = ArbitrageSearch(table, [WETH], few).search([], STATE, WeiPerGas(GWEI))
    assert every.sized == every.profitable_at_screen > 4
    assert (capped.sized, capped.profitable_at_screen) == (4, every.profitable_at_screen)
    assert capped.opportunities == every.opportunities[:4]


def test_dust_is_not_looked_at():
    table = draw_table(3, pools=120)
    shallow = {
        pool.address
        for index, pool in enumerate(table.pools)
        if WETH in (pool.token0, pool.token1)
        and (table.reserve0 if pool.token0 == WETH else table.reserve1)[index] < CONFIG.least_depth
    }
    assert len(shallow) > 3
    result = ArbitrageSearch(table, [WETH], CONFIG).search([], STATE, WeiPerGas(0))
    assert result.opportunities
    assert not any(one.pools & shallow for one in result.opportunities)


def test_an_empty_market_and_a_late_one():
    table = draw_table(0, pools=0)
    search = ArbitrageSearch(table, [WETH], CONFIG)
    assert search.search([], STATE, WeiPerGas(GWEI)).opportunities == ()
    draw = random.Random(12)
    for number in range(60):
        add_pool(table, draw, number)
    assert search.extend() == search.cycle_count > 20
    assert search.extend() == 0
    assert found_by(search.search([], STATE, WeiPerGas(GWEI)), GWEI) == by_hand(table, GWEI)


def test_a_base_token_without_a_price_is_refused():
    with pytest.raises(BadConfiguration, match="can be set against gas"):
        ArbitrageSearch(draw_table(1), [WETH, token(1)], CONFIG)


def test_history_does_not_decide():
    """Two searches that saw the same end by other ways give the same result, order included."""
    draw = random.Random(21)
    table = draw_table(21, pools=150)
    travelled = ArbitrageSearch(table, [WETH], CONFIG)
    for _ in range(20):
        touched = draw.sample(range(len(table)), 20)
        for index in touched:
            table.set_reserves(index, *draw_reserves(draw, table.pools[index]))
        travelled.search(touched, STATE, WeiPerGas(GWEI))
    fresh = ArbitrageSearch(table, [WETH], CONFIG)
    ends = [search.search([], STATE, WeiPerGas(GWEI)) for search in (travelled, fresh)]
    assert ends[0] == ends[1]
    assert ends[0].opportunities[0].gross_profit < 1_000 * ETHER
