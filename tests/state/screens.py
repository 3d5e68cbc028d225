"""What the screen arrays say, in a form that two tables can be compared by."""

import math

import numpy as np

from bot.protocols.v3_pool import ConcentratedPool
from bot.state.pool_table import PoolTable


def screen_of(table, index):
    """Everything of one pool, wherever its slice lies."""
    screen = table.screen
    first, count = int(screen.first_range[index]), int(screen.range_count[index])
    bounds = screen.range_bound[first : first + count + 1].tolist() if count else []
    return (
        float(screen.gamma[index]),
        float(screen.virtual0[index]),
        float(screen.virtual1[index]),
        screen.log_rate[2 * index : 2 * index + 2].tolist(),
        float(screen.sqrt_price[index]),
        int(screen.current_range[index]),
        bounds,
        screen.range_liquidity[first : first + count].tolist(),
        bool(table.live[index]),
    )


def fresh_table(table):
    """A table built from nothing of the same pools as they are now, with the same stops, bars and absences."""
    fresh = PoolTable()
    for index, pool in enumerate(table.pools):
        held = table.concentrated[index]
        if held is None:
            fresh.add(pool, table.reserve0[index], table.reserve1[index])
        else:
            copy = ConcentratedPool(
                held.fee, held.tick_spacing, held.sqrt_price, held.tick, held.liquidity, dict(held.ticks)
            )
            fresh.add_concentrated(pool, copy)
        if not table.in_service(index):
            fresh.take_out_of_service(index)
        if table.is_stopped(index):
            fresh.stop(index)
        if table.why_barred(index) is not None:
            fresh.bar(index, table.why_barred(index))
    return fresh


def assert_screens_are_fresh(table):
    fresh = fresh_table(table)
    for index in range(len(table)):
        assert screen_of(table, index) == screen_of(fresh, index), table.pools[index]
    assert_slices_apart(table)


def assert_slices_apart(table):
    """No pool's ranges lie in another's slice, nor outside the flat arrays."""
    screen = table.screen
    taken = np.zeros(len(screen.range_bound), dtype=np.int64)
    for first, count in zip(screen.first_range, screen.range_count, strict=True):
        if count:
            assert first + count + 1 <= len(screen.range_bound) == len(screen.range_liquidity)
            taken[first : first + count + 1] += 1
    assert taken.max(initial=0) <= 1


def assert_screen_is_true(table, index):
    """The screen of a V3 pool follows from the exact pool by the meaning of each number, computed another way."""
    pool, screen = table.concentrated[index], table.screen
    if not pool.sqrt_price:
        assert screen.range_count[index] == 0
        assert screen.log_rate[2 * index] == screen.log_rate[2 * index + 1] == -math.inf
        return
    root = pool.sqrt_price / 2**96
    assert screen.sqrt_price[index] == root
    first, count, current = (
        int(array[index]) for array in (screen.first_range, screen.range_count, screen.current_range)
    )
    bounds = screen.range_bound[first : first + count + 1]
    assert (np.diff(bounds) > 0).all()
    assert bounds[current] <= root * (1 + 1e-15)
    assert root <= bounds[current + 1] * (1 + 1e-15)
    ticks = sorted(pool.ticks)
    for place in range(count):
        middle = 2 * math.log(math.sqrt(bounds[place]) * math.sqrt(bounds[place + 1])) / math.log(1.0001)
        active = sum(pool.ticks[tick].net for tick in ticks if tick <= middle)
        assert screen.range_liquidity[first + place] == float(active)
    assert screen.range_liquidity[first + current] == float(pool.liquidity)
    assert math.isclose(
        screen.virtual0[index] * screen.virtual1[index], float(pool.liquidity) ** 2, rel_tol=1e-12
    )
