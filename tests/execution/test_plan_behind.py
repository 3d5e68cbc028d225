"""A plan that stands behind somebody else's transaction, and a bid by tip: what lands has never lost."""

import pytest
from execution_stage import CONFIG, ETHER, GWEI, MAIN, OPERATOR, head_at, opportunity, plan_on, profit_log
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.core.errors import BrokenInvariant
from bot.core.pending import Behind
from bot.core.ports import SimulatedCall
from bot.core.result import Ok
from bot.core.units import Bps, WeiPerGas
from bot.costs.base_fee import next_base_fee
from bot.costs.gas_table import estimate_gas, shape_of
from bot.execution.bid_policy import BidChoice
from bot.execution.bidding import builder_payment
from bot.execution.plan import BACKRUN, NotWorthIt, build_plan
from bot.execution.simulate import simulate_plan

HEAD = head_at(100)
FIRST, SECOND = (Behind("node", bytes([mark]) * 32, None) for mark in (1, 2))


def opened(head=HEAD, **changes):
    return replace(opportunity(head, **changes), strategy=BACKRUN)


def built(found=None, behind=FIRST, bid=None, config=CONFIG):
    return build_plan([found or opened()], MAIN, OPERATOR, 7, HEAD, 31337, config, behind=behind, bid=bid)


def test_what_it_follows_is_in_its_name_and_its_block_is_the_only_one():
    plan = built(config=replace(CONFIG, window_blocks=4))
    assert (plan.strategy, plan.behind) == ("backrun", FIRST)
    assert (plan.window.first_block, plan.window.last_block, plan.target_block) == (101, 101, 101)
    other = built(behind=SECOND, config=replace(CONFIG, window_blocks=4))
    assert other.transaction == plan.transaction
    assert other.id != plan.id


def test_a_plan_behind_nothing_is_named_as_ever():
    assert plan_on(HEAD).behind is None
    assert plan_on(HEAD).bid_reason == "the configured share"


@pytest.mark.parametrize(("found", "behind"), [(opportunity(HEAD), FIRST), (opened(), None)])
def test_what_only_pays_behind_somebody_is_never_planned_alone_nor_the_other_way_round(found, behind):
    with pytest.raises(BrokenInvariant, match="behind"):
        built(found, behind)


def test_the_chosen_share_and_its_reason_are_the_plans():
    plan = built(bid=BidChoice(Bps(9_000), "won 3 of 4 at 90 %", 0.75))
    assert (plan.bid_share, plan.bid_reason) == (9_000, "won 3 of 4 at 90 %")
    assert plan.payment > built(bid=BidChoice(Bps(1_000), "", None)).payment


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, ETHER),
    st.integers(0, 10_000),
    st.integers(0, ETHER // 100),
    st.integers(0, 3 * GWEI),
)
def test_a_bid_by_tip_leaves_the_minimum_and_costs_what_the_payment_would(profit, share, least, tip):
    config = replace(CONFIG, bid_by="priority_fee", min_net_profit=least, priority_fee=WeiPerGas(tip))
    one, bid = opened(profit=profit), BidChoice(Bps(share), "", None)
    plan, by_payment = (
        built(one, bid=bid, config=config),
        built(one, bid=bid, config=replace(config, bid_by="payment")),
    )
    assert isinstance(plan, NotWorthIt) == isinstance(by_payment, NotWorthIt)
    if isinstance(plan, NotWorthIt):
        return
    fields, gas = plan.transaction, estimate_gas([shape_of(one.legs)])
    assert (plan.payment, plan.min_profit, plan.predicted_profit) == (0, profit, profit)
    assert fields.max_priority_fee_per_gas >= tip
    assert fields.max_fee_per_gas >= next_base_fee(HEAD) + fields.max_priority_fee_per_gas
    assert profit - fields.gas_limit * fields.max_fee_per_gas >= least
    wanted = builder_payment(
        profit, gas * (next_base_fee(HEAD) + tip), by_payment.worst_gas_cost, least, Bps(share)
    )
    offered = (fields.max_priority_fee_per_gas - tip) * gas
    assert offered < wanted + gas
    room = profit - by_payment.worst_gas_cost - least
    assert offered >= wanted or (fields.max_priority_fee_per_gas - tip) == room // fields.gas_limit


async def test_it_is_simulated_behind_what_it_follows():
    class Simulator:
        async def simulate(self, transaction, sender, on, environment, behind=None):
            self.behind = behind
            return Ok(SimulatedCall(100_000, (profit_log(1),)))

    simulator, plan = Simulator(), built()
    assert isinstance(await simulate_plan(simulator, plan, HEAD, CONFIG), Ok)
    assert simulator.behind == FIRST
