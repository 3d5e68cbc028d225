"""Estimates add up by shape. Real executions are held against them in tests/opportunities/test_found_on_the_market."""

from bot.costs.gas_table import V2_GAS_TABLE, HopShape, estimate_gas

TWO_HOPS = (HopShape("uniswap-v2"), HopShape("pancakeswap-v1"))


def test_what_is_shared_is_counted_once():
    one, two = estimate_gas([TWO_HOPS]), estimate_gas([TWO_HOPS, TWO_HOPS])
    assert two - one == one - V2_GAS_TABLE.transaction
    assert estimate_gas([]) == V2_GAS_TABLE.transaction


def test_order_does_not_matter_and_every_hop_counts():
    assert estimate_gas([TWO_HOPS]) == estimate_gas([TWO_HOPS[::-1]])
    assert (
        estimate_gas([(*TWO_HOPS, HopShape("uniswap-v2"))]) - estimate_gas([TWO_HOPS])
        == V2_GAS_TABLE.hops["uniswap-v2"]
    )


def test_an_unknown_venue_is_no_cheaper_than_any_known_one():
    assert V2_GAS_TABLE.other_hop >= max(V2_GAS_TABLE.hops.values())
    assert estimate_gas([(HopShape("somewhere"), HopShape("else"))]) > estimate_gas([TWO_HOPS])
