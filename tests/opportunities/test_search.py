"""The search against a slow one over every cycle of two and three pools, block by block, while pools of both kinds
move, stop and appear.
"""

import random

import numpy as np
import pytest
from slow_optimum import bound_of, hops, slow_finds
from synthetic_market import ETHER, STATE, WETH, add_pool, draw_table, move, token

from bot.core.errors import BadConfiguration
from bot.core.identity import BlockHash, BlockRef
from bot.core.units import Bps, Gas, TokenUnits, WeiPerGas, gas_cost
from bot.costs.gas_table import estimate_gas, shape_of
from bot.opportunities.ranking import added_by, net_of_costs
from bot.opportunities.search import ArbitrageSearch, SearchConfig

GWEI = 10**9
CONFIG = SearchConfig(
    weth=WETH,
    bid_share=Bps(3_000),
    least_depth=TokenUnits(0),
    most_hops=3,
    most_sized=10_000,
    most_sized_per_pool=10_000,
)
FOUR = SearchConfig(weth=WETH, bid_share=Bps(3_000), most_sized_per_pool=3)


def searched(table, config=CONFIG):
    return ArbitrageSearch(table, [WETH], config)


def agrees(table, result, gas_price):
    """What pays its own gas is found, none else, each within the stated bound; how many, how many to the wei."""
    expected = slow_finds(table, WETH)
    found = {hops(one): one for one in result.opportunities}
    exact = 0
    for key, one in found.items():
        assert abs(one.gross_profit - expected[key][0]) <= bound_of(table, one), (one, expected[key])
        assert added_by(one, gas_price) > 0
        exact += one.gross_profit == expected[key][0]
    for key, (gain, shape, unsure) in expected.items():
        if gain > gas_cost(Gas(estimate_gas([shape]) - estimate_gas(())), gas_price) + unsure:
            assert key in found, (key, gain)
    return len(found), exact


def test_block_by_block_equals_the_slow_way():
    draw = random.Random(11)
    table = draw_table(11, pools=20, tokens=5, concentrated=0.4)
    search = searched(table)
    stopped, kinds = set(), {"moved": 0, "stopped": 0, "added": 0, "found": 0, "exact": 0}
    for height in range(8):
        gas_price = WeiPerGas(draw.choice([0, 1, 5]) * GWEI)
        touched = draw.sample(range(len(table)), draw.randint(0, 8))
        for index in touched:
            move(table, draw, index)
        kinds["moved"] += len(touched)
        if draw.random() < 0.3:
            index = draw.randrange(len(table))
            (table.resume if index in stopped else table.stop)(index)
            stopped ^= {index}
            kinds["stopped"] += 1
        if draw.random() < 0.3:
            touched.append(add_pool(table, draw, 1_000 + height, 5, 0.4))
            kinds["added"] += 1
        state = BlockRef(height, BlockHash(bytes([height]) * 32))
        result = search.search(touched, state, gas_price)
        found, exact = agrees(table, result, gas_price)
        kinds["found"], kinds["exact"] = kinds["found"] + found, kinds["exact"] + exact
        nets = [net_of_costs(one, gas_price, CONFIG.bid_share) for one in result.opportunities]
        assert nets == sorted(nets, reverse=True)
        assert all(one.state == state for one in result.opportunities)
        kept = search._kept
        assert sorted(kept.ids.tolist()) == np.flatnonzero(kept.values > 0).tolist()
    print(kinds)
    assert min(kinds.values()) > 1
    assert kinds["exact"] > 50


def test_the_legs_are_whole():
    table = draw_table(2, concentrated=0.4)
    result = searched(table, FOUR).search([], STATE, WeiPerGas(GWEI))
    assert {len(one.legs) for one in result.opportunities} == {2, 3, 4}
    assert {leg.protocol for one in result.opportunities for leg in one.legs} == {"uniswap_v2", "uniswap_v3"}
    assert any(leg.ticks_crossed for one in result.opportunities for leg in one.legs)
    for one in result.opportunities:
        assert one.legs[0].token_in == one.legs[-1].token_out == one.base_token == WETH
        assert len(one.pools) == len(one.legs)
        for before, leg in zip(one.legs, one.legs[1:], strict=False):
            assert (before.token_out, before.amount_out) == (leg.token_in, leg.amount_in)
        for leg in one.legs:
            known = table.pools[table.index(leg.pool)]
            assert leg.venue == known.venue
            assert (leg.token_in, leg.token_out) == (
                (known.token0, known.token1) if leg.zero_for_one else (known.token1, known.token0)
            )
        assert one.gas_estimate == estimate_gas([shape_of(one.legs)])


def test_only_touched_cycles_are_screened_again():
    table = draw_table(4, concentrated=0.4)
    search = searched(table)
    before = search.search([], STATE, WeiPerGas(GWEI))
    assert before.screened == 0
    assert before.opportunities
    index = table.index(before.opportunities[0].legs[0].pool)
    after = search.search([index, index], STATE, WeiPerGas(GWEI))
    cycles = search._cycles
    assert after.screened == cycles.offsets[index + 1] - cycles.offsets[index] < search.cycle_count
    assert after.opportunities == before.opportunities
    assert search.search(range(len(table)), STATE, WeiPerGas(GWEI)).screened == search.cycle_count


def test_an_untouched_cycle_stays_a_candidate_as_gas_moves():
    table = draw_table(6)
    search = searched(table)
    cheap = search.search([], STATE, WeiPerGas(GWEI))
    dear = search.search([], STATE, WeiPerGas(10**15))
    assert cheap.opportunities
    assert not dear.opportunities
    assert dear.profitable_at_screen == 0
    assert search.search([], STATE, WeiPerGas(GWEI)) == cheap


def test_nothing_is_sized_where_all_together_do_not_pay_a_transaction():
    table = draw_table(6, pools=12)
    search = searched(table)
    free = search.search([], STATE, WeiPerGas(0))
    own = max(one.gross_profit / (one.gas_estimate - estimate_gas(())) for one in free.opportunities)
    result = search.search([], STATE, WeiPerGas(int(own * 0.99)))
    assert result.profitable_at_screen > 0
    assert result.sized == 0


def test_a_barred_pool_is_in_nothing_and_comes_back_untouched():
    table = draw_table(2, concentrated=0.4)
    search = searched(table, FOUR)
    before = search.search([], STATE, WeiPerGas(GWEI))
    barred = before.opportunities[0].legs[0].pool
    table.bar(table.index(barred), "takes a fee on transfer")
    without = search.search([], STATE, WeiPerGas(GWEI))
    assert without.opportunities
    assert not any(barred in one.pools for one in without.opportunities)
    table.unbar(table.index(barred))
    assert search.search([], STATE, WeiPerGas(GWEI)).opportunities == before.opportunities


def test_what_is_not_sized_is_counted_and_the_best_go_first():
    table = draw_table(8, pools=200)
    every = searched(table).search([], STATE, WeiPerGas(GWEI))
    few = SearchConfig(
        weth=WETH,
        bid_share=CONFIG.bid_share,
        least_depth=TokenUnits(0),
        most_hops=3,
        most_sized=4,
        most_sized_per_pool=10_000,
    )
    capped = searched(table, few).search([], STATE, WeiPerGas(GWEI))
    assert every.sized == every.profitable_at_screen > 4
    assert (capped.sized, capped.profitable_at_screen) == (4, every.profitable_at_screen)
    assert capped.opportunities == every.opportunities[:4]


def test_no_pool_is_sized_in_more_cycles_than_it_may_be():
    table = draw_table(8, pools=200, concentrated=0.3)
    for most in (1, 2, 5):
        config = SearchConfig(weth=WETH, most_sized=10_000, most_sized_per_pool=most)
        search = searched(table, config)
        result = search.search([], STATE, WeiPerGas(GWEI))
        using = [pool for one in result.opportunities for pool in one.pools]
        assert most == max(using.count(pool) for pool in using)
        assert not search._used.any()


def test_dust_is_not_looked_at():
    table = draw_table(3, pools=120)
    config = SearchConfig(weth=WETH, most_sized=10_000, most_sized_per_pool=10_000)
    shallow = {
        pool.address
        for index, pool in enumerate(table.pools)
        if WETH in (pool.token0, pool.token1)
        and (table.reserve0 if pool.token0 == WETH else table.reserve1)[index] < config.least_depth
    }
    assert len(shallow) > 3
    result = searched(table, config).search([], STATE, WeiPerGas(0))
    assert result.opportunities
    assert not any(one.pools & shallow for one in result.opportunities)
    let_in = searched(table).search([], STATE, WeiPerGas(0))
    assert any(one.pools & shallow for one in let_in.opportunities)


def test_an_empty_market_and_a_late_one():
    table = draw_table(0, pools=0)
    search = searched(table, FOUR)
    assert search.search([], STATE, WeiPerGas(GWEI)).opportunities == ()
    draw = random.Random(12)
    for number in range(60):
        add_pool(table, draw, number, concentrated=0.4)
    assert search.extend() == search.cycle_count > 20
    assert search.extend() == 0
    late, fresh = (one.search([], STATE, WeiPerGas(GWEI)) for one in (search, searched(table, FOUR)))
    assert late == fresh
    assert late.opportunities


def test_a_base_token_without_a_price_is_refused():
    with pytest.raises(BadConfiguration, match="can be set against gas"):
        ArbitrageSearch(draw_table(1), [WETH, token(1)], CONFIG)


@pytest.mark.parametrize("hops", [1, 2, 5])
def test_other_lengths_are_refused(hops):
    with pytest.raises(BadConfiguration, match=f"most_hops is {hops}"):
        searched(draw_table(1), SearchConfig(weth=WETH, most_hops=hops))


def test_history_does_not_decide():
    """Two searches that saw the same end by other ways give the same result, order included."""
    draw = random.Random(21)
    table = draw_table(21, pools=150, concentrated=0.3)
    travelled = searched(table, FOUR)
    for _ in range(20):
        touched = draw.sample(range(len(table)), 20)
        for index in touched:
            move(table, draw, index)
        travelled.search(touched, STATE, WeiPerGas(GWEI))
    fresh = searched(table, FOUR)
    ends = [search.search([], STATE, WeiPerGas(GWEI)) for search in (travelled, fresh)]
    assert ends[0] == ends[1]
    assert 0 < ends[0].opportunities[0].gross_profit < 1_000 * ETHER
