"""No pool twice; any order of arrival gives the same choice; ties fall by content."""

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_market import STATE, WETH, draw_table

from bot.core.decisions import Leg, Opportunity
from bot.core.identity import Address
from bot.core.units import Bps, Gas, TokenUnits, WeiPerGas, gas_cost
from bot.costs.gas_table import estimate_gas
from bot.opportunities.ranking import added_by, choose_disjoint, net_of_costs, rank
from bot.opportunities.search import ArbitrageSearch, SearchConfig

GAS_PRICE = WeiPerGas(10**9)


@pytest.fixture(scope="module")
def opportunities():
    table = draw_table(31, pools=80, tokens=6)
    config = SearchConfig(weth=WETH, most_hops=3, most_sized=10_000, most_sized_per_pool=10_000)
    found = ArbitrageSearch(table, [WETH], config).search([], STATE, GAS_PRICE).opportunities
    assert len(found) > 20
    return found


def added(opportunities, gas_price=GAS_PRICE):
    return sum(added_by(one, gas_price) for one in opportunities)


def best_by_trying_all(opportunities, gas_price=GAS_PRICE):
    """What the best disjoint set adds, the transaction's own gas off."""

    def best(rest):
        if not rest:
            return 0
        first, others = rest[0], rest[1:]
        apart = [other for other in others if not other.pools & first.pools]
        taken = added_by(first, gas_price) + best(apart)
        return taken if len(apart) == len(others) else max(taken, best(others))

    return best([one for one in opportunities if added_by(one, gas_price) > 0])


def test_no_pool_goes_twice_and_nothing_free_is_left(opportunities):
    chosen = choose_disjoint(opportunities, GAS_PRICE)
    pools = [pool for one in chosen for pool in one.pools]
    assert 1 < len(chosen) < len(opportunities)
    assert len(pools) == len(set(pools))
    for one in opportunities:
        assert (
            one in chosen or any(one.pools & other.pools for other in chosen) or added_by(one, GAS_PRICE) <= 0
        )


def invented(draw, count, pools, most=4):
    """Opportunities over few pools, so that they conflict; nets repeat."""
    made = []
    for _ in range(count):
        using = draw.sample(range(pools), draw.randint(2, most))
        gross, gas = draw.randint(1, 12) * 10**14, Gas(estimate_gas(()) + 50_000 * len(using))
        legs = [
            Leg(
                "uniswap-v2",
                Address(bytes([at]) * 20),
                WETH,
                WETH,
                True,
                TokenUnits(10**18),
                TokenUnits(10**18),
            )
            for at in using
        ]
        legs[-1] = msgspec.structs.replace(legs[-1], amount_out=TokenUnits(10**18 + gross))
        made.append(Opportunity("arbitrage", STATE, WETH, tuple(legs), gas))
    return made


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 14), st.integers(4, 16))
def test_a_small_group_s_choice_is_the_best_there_is(seed, count, pools):
    draw = random.Random(seed)  # a few hundred draws a case, too slow for hypothesis' own on a busy machine
    made = invented(draw, count, pools)
    chosen = choose_disjoint(made, GAS_PRICE)
    base = gas_cost(estimate_gas(()), GAS_PRICE)
    best = best_by_trying_all(made)
    assert added(chosen) == (best if best > base else 0)
    used = [pool for one in chosen for pool in one.pools]
    assert len(used) == len(set(used))
    shuffled = list(made)
    draw.shuffle(shuffled)
    assert choose_disjoint(shuffled, GAS_PRICE) == chosen


def test_large_groups_come_close_to_the_best():
    draw, ratios = random.Random(4), []
    for _ in range(20):
        made = invented(draw, 26, 18, most=3)
        ratios.append(added(choose_disjoint(made, GAS_PRICE)) / best_by_trying_all(made))
    print(f"worst {min(ratios):.3f}, mean {sum(ratios) / len(ratios):.4f}")
    assert sum(ratios) / len(ratios) > 0.95
    assert min(ratios) > 0.85


def test_two_together_pay_what_neither_pays_alone():
    price = GAS_PRICE
    draw = random.Random(1)
    one, other = invented(draw, 1, 2, most=2)[0], invented(draw, 1, 2, most=2)[0]
    legs = [
        msgspec.structs.replace(leg, pool=Address(bytes([77 + at]) * 20)) for at, leg in enumerate(other.legs)
    ]
    gross = gas_cost(one.gas_estimate, price) - 10**12

    def with_gross(legs):
        last = msgspec.structs.replace(legs[-1], amount_out=TokenUnits(legs[0].amount_in + gross))
        return msgspec.structs.replace(one, legs=(*legs[:-1], last))

    pair = [with_gross(one.legs), with_gross(legs)]
    assert all(net_of_costs(each, price, Bps(0)) < 0 for each in pair)
    assert choose_disjoint(pair[:1], price) == ()
    assert set(choose_disjoint(pair, price)) == set(pair)


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
