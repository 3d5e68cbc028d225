"""Depth near the price, beside amounts added up range by range in exact integers."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.identity import keccak
from bot.protocols.v3_pool import ConcentratedPool, TickLiquidity
from bot.protocols.v3_tick_math import sqrt_price_at_tick
from bot.state.pool_depth import depth_down
from bot.state.pool_table import PoolTable, V2Pool, V3Pool

TOKEN0, TOKEN1 = b"\x01" * 20, b"\x02" * 20
FEE, SPACING = 3_000, 60

positions = st.lists(
    st.tuples(st.integers(-300, 299), st.integers(1, 300), st.integers(10**12, 10**24)),
    min_size=1,
    max_size=6,
)


def v3_table(tick, spans):
    """The pool of positions (lower, upper, liquidity) at the price of `tick`."""
    ticks = {}
    for lower, upper, liquidity in spans:
        for bound, sign in ((lower, 1), (upper, -1)):
            gross, net = ticks.get(bound, (0, 0))
            ticks[bound] = (gross + liquidity, net + sign * liquidity)
    ticks = {bound: TickLiquidity(*both) for bound, both in ticks.items()}
    active = sum(liquidity for lower, upper, liquidity in spans if lower <= tick < upper)
    concentrated = ConcentratedPool(FEE, SPACING, sqrt_price_at_tick(tick), tick, active, ticks)
    table = PoolTable()
    table.add_concentrated(
        V3Pool(keccak(b"pool")[12:], "uniswap-v3", TOKEN0, TOKEN1, FEE, SPACING), concentrated
    )
    return table


def held(tick, spans):
    """(token0, token1) of the positions, exact."""
    price, amount0, amount1 = Fraction(sqrt_price_at_tick(tick), 1 << 96), Fraction(0), Fraction(0)
    for lower, upper, liquidity in spans:
        low, high = (Fraction(sqrt_price_at_tick(bound), 1 << 96) for bound in (lower, upper))
        inside = min(max(price, low), high)
        amount0 += liquidity * (1 / inside - 1 / high)
        amount1 += liquidity * (inside - low)
    return amount0, amount1, price


@settings(deadline=None)
@given(positions, st.integers(-20_000, 20_000))
def test_no_more_than_what_is_held_and_as_much_where_something_is(drawn, tick):
    spans = [(lower * SPACING, (lower + width) * SPACING, liquidity) for lower, width, liquidity in drawn]
    table = v3_table(tick, spans)
    amount0, amount1, price = held(tick, spans)
    found0, found1 = (depth_down(table, 0, token) for token in (TOKEN0, TOKEN1))
    if not table.concentrated_at(0).liquidity:
        assert (found0, found1) == (0, 0)
        return
    expected = min(amount0, amount1 / price**2)
    assert abs(found0 - expected) <= expected / 10**6 + 2
    assert abs(found1 - expected * price**2) <= expected * price**2 / 10**6 + 2


def test_a_pair_is_as_deep_as_its_reserves():
    table = PoolTable()
    table.add(V2Pool(keccak(b"pair")[12:], "uniswap-v2", TOKEN0, TOKEN1, 997, 1000), 7_000, 9_000_000)
    assert (depth_down(table, 0, TOKEN0), depth_down(table, 0, TOKEN1)) == (7_000, 9_000_000)


def test_one_narrow_range_quotes_far_more_than_it_holds():
    table = v3_table(0, [(-60, 60, 10**24)])
    assert table.screen.virtual0[0] > 300 * depth_down(table, 0, TOKEN0) > 0


def test_a_price_outside_every_range_has_no_depth():
    table = v3_table(120, [(-60, 60, 10**24)])
    assert depth_down(table, 0, TOKEN0) == depth_down(table, 0, TOKEN1) == 0
