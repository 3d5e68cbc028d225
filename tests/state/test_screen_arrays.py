"""The screen arrays are always those of a table built afresh from the same pools, whatever happened before."""

import math
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.errors import BrokenInvariant
from bot.protocols.v3_pool import ConcentratedPool, TickLiquidity
from bot.protocols.v3_tick_math import MAX_TICK, MIN_TICK, sqrt_price_at_tick
from bot.state.market_state import v2_pool
from bot.state.pool_table import PoolTable, V3Pool
from tests.state.blocks import TOKENS, VENUE
from tests.state.screens import (
    assert_screen_is_true,
    assert_screens_are_fresh,
    assert_slices_apart,
    screen_of,
)

A, B = TOKENS[:2]
SPACINGS = {1: 100, 10: 500, 60: 3000, 200: 10_000}
Q96 = 1 << 96


def v3_pool(number, spacing=60):
    return V3Pool(number.to_bytes(20, "big"), "v3", A, B, SPACINGS[spacing], spacing)


def one_pool(held):
    table = PoolTable()
    table.add_concentrated(v3_pool(1, held.tick_spacing), held)
    return table


class RandomTable:
    """A table under random use, as the state would use it; `done` counts what happened."""

    def __init__(self, seed):
        self.draw = random.Random(seed)
        self.table = PoolTable()
        self.positions = {}
        self.done = Counter()

    def step(self):
        kinds = [self.add, self.mint, self.mint, self.burn, self.move, self.set_reserves, self.standing]
        kind = self.draw.choice(kinds)
        self.done[kind.__name__] += bool(kind())

    def add(self):
        number = len(self.table) + 1
        if self.draw.random() < 0.3:
            self.table.add(v2_pool(VENUE, number.to_bytes(20, "big"), A, B), self._reserve(), self._reserve())
        else:
            spacing = self.draw.choice(list(SPACINGS))
            held = ConcentratedPool(SPACINGS[spacing], spacing)
            if self.draw.random() < 0.8:
                held.set_price(*self._price(held))
            self.positions[self.table.add_concentrated(v3_pool(number, spacing), held)] = []
        return True

    def mint(self):
        index = self._initialised()
        if index is None:
            return False
        held = self.table.concentrated[index]
        widest = MAX_TICK // held.tick_spacing
        lower, upper = sorted(self.draw.sample(range(-widest, widest + 1), 2))
        if self.draw.random() < 0.4:
            lower, upper = -widest, self.draw.choice([-widest + 1, widest])
        change = (lower * held.tick_spacing, upper * held.tick_spacing, self.draw.randint(1, 10**24))
        held.change_liquidity(*change)
        self.table.note_changed(index)
        self.positions[index].append(change)
        return True

    def burn(self):
        index = self._initialised()
        if index is None or not self.positions[index]:
            return False
        lower, upper, amount = self.positions[index].pop()
        self.table.concentrated[index].change_liquidity(lower, upper, -amount)
        self.table.note_changed(index)
        return True

    def move(self):
        index = self._initialised()
        if index is None:
            return False
        held = self.table.concentrated[index]
        held.set_price(*self._price(held))
        self.table.note_moved(index)
        return True

    def set_reserves(self):
        pairs = [index for index, held in self._in_service() if held is None]
        if pairs:
            self.table.set_reserves(self.draw.choice(pairs), self._reserve(), self._reserve())
        return bool(pairs)

    def standing(self):
        if not self.table.pools:
            return False
        index, table = self.draw.randrange(len(self.table)), self.table
        table_does = self.draw.choice(
            ["stop", "resume", "bar", "unbar", "take_out_of_service", "put_into_service"]
        )
        getattr(table, table_does)(index, *(["it is a honeypot"] if table_does == "bar" else []))
        if table_does.endswith("service") and index in self.positions:
            self.positions[index] = []
        return True

    def _in_service(self):
        every = enumerate(self.table.concentrated)
        return [(index, held) for index, held in every if self.table.in_service(index)]

    def _initialised(self):
        found = [index for index, held in self._in_service() if held is not None and held.sqrt_price]
        return self.draw.choice(found) if found else None

    def _reserve(self):
        return self.draw.choice([0, 1, self.draw.randrange(2**112)])

    def _price(self, held):
        """(price, tick, liquidity) anywhere, often right on a tick of the pool, seen from above or from below."""
        ticks = list(held.ticks) or [0]
        tick = self.draw.choice([self.draw.choice(ticks), self.draw.randint(MIN_TICK, MAX_TICK - 1)])
        tick = min(tick, MAX_TICK - 1)
        price = sqrt_price_at_tick(tick)
        if self.draw.random() < 0.3 and tick > MIN_TICK and tick % held.tick_spacing == 0:
            tick -= 1  # a swap downwards that ended on the tick has crossed it
        active = sum(one.net for at, one in held.ticks.items() if at <= tick)
        return price, tick, active


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 80))
def test_after_any_use_the_arrays_are_those_of_a_fresh_table(seed, steps):
    one = RandomTable(seed)
    for _ in range(steps):
        one.step()
        assert_slices_apart(one.table)
    assert_screens_are_fresh(one.table)
    for index, held in enumerate(one.table.concentrated):
        if held is not None and one.table.live[index]:
            assert_screen_is_true(one.table, index)


def test_long_use_grows_and_moves_slices_and_leaves_them_true():
    one = RandomTable(7)
    sizes, firsts = set(), set()
    for step in range(3_000):
        one.step()
        sizes.add(len(one.table.screen.range_bound))
        if len(one.table):
            firsts.add(tuple(one.table.screen.first_range[:5].tolist()))
        if step % 500 == 499:
            assert_screens_are_fresh(one.table)
    print(dict(one.done), sorted(sizes), len(firsts))
    assert len(one.table) > 300, "the pool arrays grew"
    assert len(sizes) > 2, "the flat arrays grew"
    assert len(firsts) > 5, "slices moved"
    assert set(one.done) == {"add", "mint", "burn", "move", "set_reserves", "standing"}


def test_numbers_of_a_pool_of_two_ranges_with_a_gap_between():
    held = ConcentratedPool(3000, 60, Q96, 0, 0)
    held.change_liquidity(-120, -60, 1000)
    held.change_liquidity(60, 120, 3000)
    table = one_pool(held)
    gamma = math.log(0.997)
    bounds = [sqrt_price_at_tick(tick) / Q96 for tick in (MIN_TICK, -120, -60, 60, 120, MAX_TICK)]
    rates = [gamma + 2 * math.log(bounds[2]), gamma - 2 * math.log(bounds[3])]
    expected = (0.997, 0.0, 0.0, rates, 1.0, 2, bounds, [0.0, 1000.0, 0.0, 3000.0, 0.0], True)
    assert screen_of(table, 0) == expected, "in the gap: what the next range either way pays at its edge"
    held.set_price(sqrt_price_at_tick(60), 60, 3000)
    table.note_moved(0)
    root = sqrt_price_at_tick(60) / Q96
    assert screen_of(table, 0)[1:6] == (
        3000 / root,
        3000 * root,
        [gamma + 2 * math.log(root), gamma - 2 * math.log(root)],
        root,
        3,
    )
    assert table.screen.log_rate.dtype == table.screen.range_bound.dtype == np.float64


def test_a_price_on_a_bound_is_in_the_range_that_its_tick_says():
    held = ConcentratedPool(3000, 60, Q96, 0, 0)
    held.change_liquidity(0, 60, 1000)
    table = one_pool(held)
    assert table.screen.current_range[0] == 1
    held.set_price(Q96, -1, 0)
    table.note_moved(0)
    assert (table.screen.current_range[0], table.screen.sqrt_price[0]) == (0, 1.0)
    assert table.screen.log_rate[0] == -math.inf, "nothing lies below"
    assert table.screen.log_rate[1] == math.log(0.997)


@pytest.mark.parametrize("price", [(0, 0, 0), (Q96, 0, 0)])
def test_without_liquidity_nothing_can_be_sold_either_way(price):
    table = one_pool(ConcentratedPool(3000, 60, *price))
    assert table.screen.log_rate.tolist() == [-math.inf, -math.inf]
    assert table.live.tolist() == [price[0] > 0]
    assert table.screen.range_count.tolist() == [int(price[0] > 0)]


def test_full_range_of_spacing_one_has_no_empty_ends():
    ticks = {MIN_TICK: TickLiquidity(9, 9), MAX_TICK: TickLiquidity(9, -9)}
    table = one_pool(ConcentratedPool(100, 1, Q96, 0, 9, ticks))
    assert (table.screen.range_count[0], table.screen.current_range[0]) == (1, 0)
    assert_screen_is_true(table, 0)


def test_a_barred_pool_is_not_live_until_unbarred_whatever_else_happens():
    table = one_pool(ConcentratedPool(3000, 60, Q96, 0, 0))
    table.bar(0, "transfers take a fee")
    assert table.why_barred(0) == "transfers take a fee"
    table.stop(0)
    table.resume(0)
    table.note_changed(0)
    assert not table.live[0]
    table.unbar(0)
    assert table.live[0]
    assert table.why_barred(0) is None


def test_contents_of_another_pool_are_refused():
    table = PoolTable()
    with pytest.raises(BrokenInvariant, match="spacing"):
        table.add_concentrated(v3_pool(1, 60), ConcentratedPool(500, 10))
    assert len(table) == len(table.screen) == 0
    index = table.add(v2_pool(VENUE, bytes(20), A, B), 1, 1)
    with pytest.raises(BrokenInvariant, match="no V3 pool"):
        table.note_changed(index)
