"""A bid by tip is part of the fee per gas, which a wallet limits: what a bid exceeds is cut, and the plan still made."""

import pytest
from execution_stage import CONFIG, ETHER, GWEI, MAIN, OPERATOR, head_at, opportunity
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.core.units import Bps, WeiPerGas
from bot.execution.bidding import priority_fee_bid
from bot.execution.plan import NotWorthIt, Room, build_plan

BY_TIP = replace(CONFIG, bid_by="priority_fee", bid_share=Bps(9_000))
HEAD = head_at(100)
WIDE = Room(gas=10**8, notional=10**6 * ETHER, worst_cost=10**6 * ETHER)


def planned(room, profit=ETHER, config=BY_TIP):
    return build_plan([opportunity(HEAD, profit=profit)], MAIN, OPERATOR, 0, HEAD, 31337, config, room)


FREE = planned(WIDE)
LEAST = planned(WIDE, config=replace(BY_TIP, bid_share=Bps(0))).transaction.max_fee_per_gas


def test_a_dear_bid_is_cut_to_the_wallets_limit():
    assert FREE.transaction.max_fee_per_gas > 100 * GWEI > LEAST, "there is something to cut"
    plan = planned(replace(WIDE, fee_per_gas=WeiPerGas(100 * GWEI)))
    fields = plan.transaction
    assert fields.max_fee_per_gas == 100 * GWEI
    assert fields.max_priority_fee_per_gas == BY_TIP.priority_fee + 100 * GWEI - LEAST


def test_a_dear_bid_is_cut_to_what_may_be_in_flight():
    limit = FREE.worst_gas_cost // 2
    plan = planned(replace(WIDE, worst_cost=limit))
    assert limit - plan.transaction.gas_limit < plan.worst_gas_cost <= limit


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10 * ETHER), st.none() | st.integers(0, 10**13), st.integers(0, 2 * ETHER))
def test_a_bid_never_brings_a_plan_beyond_its_limits(profit, fee, worst):
    fee = None if fee is None else WeiPerGas(fee)
    plan, free = planned(replace(WIDE, fee_per_gas=fee, worst_cost=worst), profit), planned(WIDE, profit)
    if isinstance(free, NotWorthIt):
        assert plan == free
        return
    highest, without = plan.transaction.max_fee_per_gas, LEAST
    assert without <= highest <= free.transaction.max_fee_per_gas
    if highest > without:
        assert fee is None or highest <= fee
        assert plan.worst_gas_cost <= worst
    if (fee is None or free.transaction.max_fee_per_gas <= fee) and free.worst_gas_cost <= worst:
        assert plan == free


def test_a_bid_by_payment_is_no_fee():
    paying = replace(BY_TIP, bid_by="payment")
    limit = replace(WIDE, fee_per_gas=WeiPerGas(1))
    assert planned(limit, config=paying) == planned(None, config=paying)


@pytest.mark.parametrize(("most", "tip"), [(None, 45), (45, 45), (44, 44), (0, 0)])
def test_the_most_binds_last(most, tip):
    costs = (10_000, 1_000, 1_500, 0, Bps(5_000))
    assert priority_fee_bid(*costs, expected_gas=100, gas_limit=130, most=most) == tip
