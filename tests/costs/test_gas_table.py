"""Estimates add up by shape. Real executions are held against them in tests/executor/test_gas_by_shape.py."""

from bot.costs.gas_table import GAS_TABLE, HopShape, estimate_gas

TWO_HOPS = (HopShape("uniswap-v2"), HopShape("pancakeswap-v1"))


def test_what_is_shared_is_counted_once():
    one, two = estimate_gas([TWO_HOPS]), estimate_gas([TWO_HOPS, TWO_HOPS])
    assert two - one == one - GAS_TABLE.transaction
    assert estimate_gas([]) == GAS_TABLE.transaction


def test_order_does_not_matter_and_every_hop_counts():
    assert estimate_gas([TWO_HOPS]) == estimate_gas([TWO_HOPS[::-1]])
    three = (*TWO_HOPS, HopShape("uniswap-v2"))
    assert estimate_gas([three]) - estimate_gas([TWO_HOPS]) == GAS_TABLE.hops["uniswap-v2"].swap


def test_the_first_tick_costs_more_than_each_further_one():
    gas = GAS_TABLE.hops["uniswap-v3"]
    none, one, two, three = (estimate_gas([(HopShape("uniswap-v3", ticks),)]) for ticks in range(4))
    assert (one - none, two - one, three - two) == (gas.first_tick, gas.further_tick, gas.further_tick)
    assert gas.first_tick > gas.further_tick > 0


def test_an_unknown_venue_is_no_cheaper_than_any_known_one():
    for ticks in (0, 1, 5):
        known = [estimate_gas([(HopShape(venue, ticks),)]) for venue in GAS_TABLE.hops]
        assert estimate_gas([(HopShape("somewhere", ticks),)]) >= max(known)
