"""The flat arrays hold exactly the cycles that a plain double loop finds, also when the table grows in steps."""

import random

import pytest
from synthetic_market import WETH, add_pool, draw_table, pool, token

from bot.core.errors import BrokenInvariant
from bot.core.identity import Address
from bot.opportunities.cycles import Cycles
from bot.state.pool_table import PoolTable, V2Pool


def edge_between(pool, index, token_in):
    return 2 * index + (pool.token0 != token_in)


def expected(table, bases):
    """Every cycle of two and three different pools from a base token back to it, by walking all ways."""
    found = set()

    def walk(base, token, edges):
        for index, one in enumerate(table.pools):
            if token not in (one.token0, one.token1) or index in {edge >> 1 for edge in edges}:
                continue
            after = one.token1 if token == one.token0 else one.token0
            way = (*edges, edge_between(one, index, token))
            if after == base:
                if len(way) > 1:
                    found.add(way)
            elif len(way) < 3:
                walk(base, after, way)

    for base in bases:
        walk(base, base, ())
    return found


def listed(cycles):
    return [tuple(edge for edge in row if edge >= 0) for row in cycles.legs.tolist()]


@pytest.mark.parametrize("seed", range(4))
def test_all_cycles_and_no_other(seed):
    table = draw_table(seed)
    cycles = Cycles(table, [WETH])
    assert set(listed(cycles)) == expected(table, [WETH])
    assert len(set(listed(cycles))) == len(cycles) > 100
    assert {len(one) for one in listed(cycles)} == {2, 3}
    assert cycles.left_out == 0


def test_two_base_tokens_each_have_their_cycles():
    table = draw_table(9)
    bases = [WETH, token(3)]
    assert len(expected(table, bases)) > len(expected(table, [WETH]))
    assert set(listed(Cycles(table, [*bases, WETH]))) == expected(table, bases)


def test_beyond_the_cap_cycles_are_counted_and_those_of_two_pools_come_first():
    table = draw_table(5)
    every = Cycles(table, [WETH])
    of_two = sum(len(one) == 2 for one in listed(every))
    for most in (0, 1, of_two, of_two + 7, len(every) - 1, len(every)):
        few = Cycles(table, [WETH], most)
        assert listed(few) == listed(every)[: len(few)]
        assert most - 1 <= len(few) <= most
        assert len(few) + few.left_out == len(every)
    grown = Cycles(table, [WETH], of_two)
    draw = random.Random(1)
    for number in range(1_000, 1_020):
        add_pool(table, draw, number)
    assert len(grown.extend()) == 0
    assert len(grown) + grown.left_out == len(Cycles(table, [WETH]))


def test_incident_lists_are_the_pools_cycles():
    table = draw_table(5)
    cycles = Cycles(table, [WETH])
    for index in range(len(table)):
        ids = cycles.incident[cycles.offsets[index] : cycles.offsets[index + 1]].tolist()
        of_pool = [c for c, edges in enumerate(listed(cycles)) if index in {edge >> 1 for edge in edges}]
        assert ids == of_pool


@pytest.mark.parametrize("seed", range(3))
def test_grown_in_steps_equals_built_at_once_and_ids_stay(seed):
    draw = random.Random(seed)
    table = PoolTable()
    cycles = Cycles(table, [WETH])
    assert len(cycles) == 0
    for step in range(12):
        before = listed(cycles)
        for number in range(step * 5, step * 5 + draw.randint(0, 5)):
            add_pool(table, draw, number)
        brought = cycles.extend()
        assert brought == range(len(before), len(cycles))
        assert listed(cycles)[: len(before)] == before
    assert len(cycles) > 20
    assert set(listed(cycles)) == expected(table, [WETH])


def test_tokens_out_of_order_are_a_defect():
    table = PoolTable()
    right = pool(1, WETH, token(1), "uniswap-v2")
    table.add(V2Pool(Address(bytes(20)), "odd", right.token1, right.token0, 997, 1000), 1, 1)
    with pytest.raises(BrokenInvariant, match="ascending order"):
        Cycles(table, [WETH])
