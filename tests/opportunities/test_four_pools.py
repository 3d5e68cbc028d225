"""The survivors of the bound are the top of the full enumeration: none missed, no pool twice, touched or kept."""

import random

import numpy as np
import pytest
from slow_optimum import walks
from synthetic_market import WETH, add_pool, draw_table, move

from bot.opportunities.cycles import Cycles
from bot.opportunities.four_pools import FEW, FourPools
from bot.opportunities.screened import market_of


def enumerated(table, cycles):
    """{token in the middle: rates of all cycles of four pools over it that are above zero, best first}."""
    rates, found = table.screen.log_rate, {}
    for edges in walks(table, WETH, 4):
        rate = sum(rates[edge] for edge in edges)
        if len(edges) == 4 and rate > 1e-12:
            found.setdefault(int(cycles.tokens[edges[2]]), []).append(rate)
    return {token: sorted(of_token, reverse=True) for token, of_token in found.items()}


def kept(table, four):
    rates, found = table.screen.log_rate, {}
    for row, edges in enumerate(four.legs.tolist()):
        if edges[0] >= 0:
            assert len({edge >> 1 for edge in edges}) == 4
            found.setdefault(row // FEW, []).append(sum(rates[edge] for edge in edges))
    return found


@pytest.mark.parametrize("seed", range(6))
def test_survivors_are_the_top_of_the_enumeration(seed):
    draw = random.Random(seed)
    table = draw_table(seed, pools=18, tokens=4, concentrated=0.4)
    cycles = Cycles(table, [WETH])
    four, compared = FourPools(cycles), 0
    touched = range(len(table))
    for height in range(12):
        four.screen(np.array(sorted(set(touched)), np.int32), market_of(table.screen), 0.0)
        expected, found = enumerated(table, cycles), kept(table, four)
        for token, rates in expected.items():
            assert found.get(token, []) == pytest.approx(rates[:FEW], rel=1e-9, abs=1e-12)
        assert all(token in expected or max(rates) < 1e-9 for token, rates in found.items())
        compared += sum(map(len, found.values()))
        touched = draw.sample(range(len(table)), 3)
        for index in touched:
            move(table, draw, index)
        if height == 5:
            touched.append(add_pool(table, draw, 1_000, 4, 0.4))
            cycles.extend()
            four.grow()
    assert compared > 20
    members = four.kept.ids.tolist()
    assert sorted(members) == np.flatnonzero(four.kept.values > 0).tolist()
