import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.units import Bps, Gas, TokenUnits, Wei
from bot.execution.bidding import builder_payment, priority_fee_bid

AMOUNTS = st.integers(0, 10**24)


@given(gross=AMOUNTS, expected=AMOUNTS, margin=AMOUNTS, least=AMOUNTS, share=st.integers(0, 10_000))
def test_what_is_left_covers_the_worst_case_and_the_minimum(gross, expected, margin, least, share):
    worst = expected + margin
    payment = builder_payment(TokenUnits(gross), Wei(expected), Wei(worst), Wei(least), Bps(share))
    if payment is None:
        assert gross < worst + least
    else:
        assert gross - payment - worst >= least
        assert payment >= 0
        assert (payment - 1) * 10_000 < max(0, gross - expected) * share or payment == 0


@given(gross=AMOUNTS, expected=AMOUNTS, margin=AMOUNTS, least=AMOUNTS)
def test_a_higher_share_never_pays_less(gross, expected, margin, least):
    worst = Wei(expected + margin)
    payments = [
        builder_payment(TokenUnits(gross), Wei(expected), worst, Wei(least), Bps(share))
        for share in (0, 1, 5_000, 9_999, 10_000)
    ]
    if gross < worst + least:
        assert payments == [None] * 5
    else:
        assert payments == sorted(payments)
        assert payments[0] == 0
        assert payments[-1] == min(max(0, gross - expected), gross - worst - least)


def test_the_share_is_of_what_is_left_after_expected_gas_and_rounds_up():
    assert builder_payment(TokenUnits(1_001), Wei(100), Wei(200), Wei(0), Bps(5_000)) == 451


def test_the_cap_binds_before_the_share():
    assert builder_payment(TokenUnits(1_000), Wei(100), Wei(800), Wei(150), Bps(5_000)) == 50


def test_one_wei_short_is_not_worth_it():
    assert builder_payment(TokenUnits(949), Wei(100), Wei(800), Wei(150), Bps(5_000)) is None
    assert builder_payment(TokenUnits(950), Wei(100), Wei(800), Wei(150), Bps(5_000)) == 0


GAS = st.integers(1, 30_000_000)


@given(
    gross=AMOUNTS,
    expected=AMOUNTS,
    margin=AMOUNTS,
    least=AMOUNTS,
    share=st.integers(0, 10_000),
    gas=GAS,
    more=GAS,
)
def test_a_tip_on_the_whole_gas_limit_leaves_the_minimum(gross, expected, margin, least, share, gas, more):
    worst, limit = expected + margin, gas + more
    costs = (TokenUnits(gross), Wei(expected), Wei(worst), Wei(least), Bps(share))
    tip = priority_fee_bid(*costs, expected_gas=Gas(gas), gas_limit=Gas(limit))
    payment = builder_payment(*costs)
    if payment is None:
        assert tip is None
        return
    assert tip >= 0
    assert gross - worst - tip * limit >= least
    assert tip * gas < payment + gas
    # Short of the same bid only where one wei more could cost the minimum.
    assert tip * gas >= payment or gross - worst - (tip + 1) * limit < least


def test_a_tip_is_the_payment_by_gas_rounded_up():
    costs = (TokenUnits(10_000), Wei(1_000), Wei(1_500), Wei(0), Bps(5_000))
    assert builder_payment(*costs) == 4_500
    assert priority_fee_bid(*costs, expected_gas=Gas(100), gas_limit=Gas(130)) == 45
    assert priority_fee_bid(*costs, expected_gas=Gas(101), gas_limit=Gas(130)) == 45
    assert priority_fee_bid(*costs, expected_gas=Gas(99), gas_limit=Gas(130)) == 46
    assert priority_fee_bid(*costs, expected_gas=Gas(99), gas_limit=Gas(200)) == 42


@pytest.mark.parametrize(("expected_gas", "gas_limit"), [(0, 1), (2, 1), (-1, 5)])
def test_gas_that_cannot_be_is_refused(expected_gas, gas_limit):
    costs = (TokenUnits(10_000), Wei(1_000), Wei(1_500), Wei(0), Bps(5_000))
    with pytest.raises(ValueError, match=f"expected gas {expected_gas} and gas limit {gas_limit}"):
        priority_fee_bid(*costs, expected_gas=Gas(expected_gas), gas_limit=Gas(gas_limit))
