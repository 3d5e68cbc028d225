"""Gas and bid go off the gross, rounded against us."""

from hypothesis import given
from hypothesis import strategies as st

from bot.core.units import Bps
from bot.costs.net import net_profit_down

WEI = st.integers(0, 10**24)


@given(WEI, st.integers(0, 10**7), st.integers(0, 10**13), st.integers(0, 10_000).map(Bps))
def test_the_parts_add_up_and_the_bid_never_makes_a_loss(gross, gas, price, share):
    found = net_profit_down(gross, gas, price, share)
    left = gross - gas * price
    assert found.net + found.payment + found.gas_cost == gross
    assert found.gas_cost == gas * price
    if left <= 0:
        assert found.payment == 0
        assert found.net == left
    else:
        assert left * share <= found.payment * 10_000 < left * share + 10_000
        assert 0 <= found.net <= left


def test_known_values():
    assert net_profit_down(1_000_001, 1_000, 100, Bps(5_000)).net == 450_000
    assert net_profit_down(100, 1_000, 100, Bps(5_000)).net == -99_900
