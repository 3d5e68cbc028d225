"""No pool twice; any order of arrival gives the same choice; ties fall by content."""

import random

import msgspec
import pytest
from synthetic_market import STATE, WETH, draw_table

from bot.core.units import Bps, Gas, WeiPerGas
from bot.opportunities.ranking import choose_disjoint, net_of_costs, rank
from bot.opportunities.search import ArbitrageSearch, SearchConfig

GAS_PRICE = WeiPerGas(10**9)


@pytest.fixture(scope="module")
def opportunities():
    table = draw_table(31, pools=200, tokens=6)
    config = SearchConfig(weth=WETH, most_sized=10_000)
    found = ArbitrageSearch(table, [WETH], config).search([], STATE, GAS_PRICE).opportunities
    assert len(found) > 50
    return found


def test_no_pool_goes_twice_and_nothing_free_is_left(opportunities):
    chosen = choose_disjoint(opportunities, GAS_PRICE)
    pools = [pool for one in chosen for pool in one.pools]
    assert 1 < len(chosen) < len(opportunities)
    assert len(pools) == len(set(pools))
    for one in opportunities:
        rivals = [other for other in chosen if one.pools & other.pools]
        assert one in chosen or max(net_of_costs(r, GAS_PRICE, Bps(0)) for r in rivals) >= net_of_costs(
            one, GAS_PRICE, Bps(0)
        )


def test_any_order_gives_the_same_choice(opportunities):
    equal = [msgspec.structs.replace(one, gas_estimate=Gas(0)) for one in opportunities]
    twins = [*opportunities, *equal]
    expected = choose_disjoint(twins, GAS_PRICE)
    ranked = rank(twins, GAS_PRICE)
    draw = random.Random(1)
    for _ in range(20):
        draw.shuffle(twins)
        assert choose_disjoint(twins, GAS_PRICE) == expected
        assert rank(twins, GAS_PRICE) == ranked


def test_equal_nets_fall_by_content(opportunities):
    """Two that differ in nothing but their pools, and whose nets are equal."""
    one = opportunities[0]
    legs = tuple(msgspec.structs.replace(leg, pool=bytes([7 - i]) * 20) for i, leg in enumerate(one.legs))
    other = msgspec.structs.replace(one, legs=legs)
    assert rank([one, other], GAS_PRICE) == rank([other, one], GAS_PRICE)
    assert choose_disjoint([one, other], GAS_PRICE) == choose_disjoint([other, one], GAS_PRICE)


def test_gas_turns_the_order(opportunities):
    one, other = opportunities[0], opportunities[1]
    heavy = msgspec.structs.replace(one, gas_estimate=Gas(one.gross_profit // GAS_PRICE + 1))
    assert rank([heavy, other], GAS_PRICE) == [other, heavy]
    assert rank([heavy, other], WeiPerGas(0)) == [heavy, other]
