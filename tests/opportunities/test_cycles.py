"""The flat arrays hold exactly the cycles that a plain double loop finds, also when the table grows in steps."""

import random

import pytest
from synthetic_market import WETH, add_pool, draw_table, pool, token

from bot.core.errors import BrokenInvariant
from bot.core.identity import Address
from bot.opportunities.cycles import TwoPoolCycles
from bot.state.pool_table import PoolTable, V2Pool


def expected(table, bases):
    cycles = set()
    for base in bases:
        for i, one in enumerate(table.pools):
            for j, two in enumerate(table.pools):
                pair = {one.token0, one.token1}
                if i != j and base in pair and pair == {two.token0, two.token1}:
                    cycles.add((i, j, one.token0 == base))
    return cycles


def listed(cycles):
    return list(
        zip(cycles.first.tolist(), cycles.second.tolist(), cycles.base_is_token0.tolist(), strict=True)
    )


@pytest.mark.parametrize("seed", range(4))
def test_all_cycles_and_no_other(seed):
    table = draw_table(seed)
    cycles = TwoPoolCycles(table, [WETH])
    assert len(cycles) == len(listed(cycles)) > 20
    assert set(listed(cycles)) == expected(table, [WETH])
    assert len(set(listed(cycles))) == len(cycles)


def test_two_base_tokens_each_have_their_cycles():
    table = draw_table(9)
    bases = [WETH, token(3)]
    assert len(expected(table, bases)) > len(expected(table, [WETH]))
    assert set(listed(TwoPoolCycles(table, [*bases, WETH]))) == expected(table, bases)


def test_incident_lists_are_the_pools_cycles():
    table = draw_table(5)
    cycles = TwoPoolCycles(table, [WETH])
    for index in range(len(table)):
        ids = cycles.incident[cycles.offsets[index] : cycles.offsets[index + 1]].tolist()
        of_pool = [c for c, (one, two, _) in enumerate(listed(cycles)) if index in (one, two)]
        assert sorted(ids) == of_pool


@pytest.mark.parametrize("seed", range(3))
def test_grown_in_steps_equals_built_at_once_and_ids_stay(seed):
    draw = random.Random(seed)
    table = PoolTable()
    cycles = TwoPoolCycles(table, [WETH])
    assert len(cycles) == 0
    for step in range(12):
        before = listed(cycles)
        for number in range(step * 5, step * 5 + draw.randint(0, 5)):
            add_pool(table, draw, number)
        brought = cycles.extend()
        assert brought == range(len(before), len(cycles))
        assert listed(cycles)[: len(before)] == before
    assert len(cycles) > 10
    assert set(listed(cycles)) == expected(table, [WETH])


def test_tokens_out_of_order_are_a_defect():
    table = PoolTable()
    right = pool(1, WETH, token(1), "uniswap-v2")
    table.add(V2Pool(Address(bytes(20)), "odd", right.token1, right.token0, 997, 1000), 1, 1)
    with pytest.raises(BrokenInvariant, match="ascending order"):
        TwoPoolCycles(table, [WETH])
