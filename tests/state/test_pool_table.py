import numpy as np
import pytest

from bot.core.errors import BrokenInvariant
from bot.core.units import UINT112_MAX
from bot.state.market_state import v2_pool
from bot.state.pool_table import PoolTable
from tests.state.blocks import TOKENS, VENUE

A, B = TOKENS[:2]


def pool(number):
    return v2_pool(VENUE, number.to_bytes(20, "big"), A, B)


def test_screens_follow_the_exact_values_through_growth():
    table = PoolTable()
    for number in range(1000):
        assert table.add(pool(number), 10**30 + number, number) == number
    table.set_reserves(7, 3, 4)
    assert len(table) == len(table.screen.virtual0) == len(table.live) == 1000
    assert table.screen.virtual0.tolist() == [float(value) for value in table.reserve0]
    assert table.screen.virtual1.tolist() == [float(value) for value in table.reserve1]
    assert table.screen.virtual0.dtype == np.float64
    assert table.live.tolist() == [value > 0 for value in table.reserve1]
    assert table.index((7).to_bytes(20, "big")) == 7
    assert table.index(b"\xff" * 20) is None


@pytest.mark.parametrize("reserves", [(-1, 5), (5, UINT112_MAX + 1)])
def test_reserves_that_no_pair_can_hold_are_refused_and_nothing_is_added(reserves):
    table = PoolTable()
    with pytest.raises(BrokenInvariant):
        table.add(pool(1), *reserves)
    assert len(table) == 0
    assert table.index(pool(1).address) is None


def test_an_address_is_added_once():
    table = PoolTable()
    table.add(pool(1), 1, 1)
    with pytest.raises(BrokenInvariant, match="already"):
        table.add(pool(1), 1, 1)


def test_only_a_pool_with_two_reserves_in_service_and_not_stopped_is_live():
    table = PoolTable()
    index = table.add(pool(1), 5, 6)
    assert table.live[index]
    table.set_reserves(index, 0, 6)
    assert not table.live[index]
    table.set_reserves(index, 5, 6)
    table.stop(index)
    table.set_reserves(index, 7, 8)
    assert not table.live[index], "new reserves do not end a stop"
    table.resume(index)
    assert table.live[index]
    table.take_out_of_service(index)
    table.resume(index)
    assert not table.live[index]
    table.put_into_service(index)
    table.set_reserves(index, 1, 1)
    assert table.live[index]
