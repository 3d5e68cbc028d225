import pytest
from eth_abi import decode
from execution_stage import CONFIG, ETHER, GWEI, MAIN, OPERATOR, TOKEN, address, head_at, opportunity, plan_on
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.core.decisions import Plan
from bot.core.errors import BrokenInvariant
from bot.core.identity import to_checksum
from bot.core.transaction import decode_unsigned
from bot.core.units import Bps, WeiPerGas
from bot.costs.base_fee import next_base_fee
from bot.costs.gas_table import BUILDER_ROOM, HopShape, estimate_gas
from bot.execution.plan import NotWorthIt, Room, build_plan
from bot.protocols.executor import EXECUTE_SELECTOR

UNSEEN = 7_200
"""What the gas limit holds for each pool of an unknown venue."""
ARGUMENTS = [
    "(uint256,uint256)[]",
    "address",
    "uint256",
    "uint256",
    "uint256",
    "uint256",
]


@st.composite
def plan_input(draw):
    head = head_at(
        draw(st.integers(1, 10**8)),
        base_fee=draw(st.integers(7, 500 * GWEI)),
        gas_used=draw(st.integers(0, 30_000_000)),
    )
    found = [
        opportunity(
            head,
            name=str(i),
            profit=draw(st.integers(1, ETHER)),
            amount_in=draw(st.integers(1, 1_000 * ETHER)),
        )
        for i in range(draw(st.integers(1, 10)))
    ]
    config = replace(
        CONFIG,
        bid_share=Bps(draw(st.integers(0, 10_000))),
        priority_fee=WeiPerGas(draw(st.integers(0, GWEI))),
        min_net_profit=draw(st.integers(0, ETHER // 100)),
        window_blocks=draw(st.integers(1, 5)),
    )
    return head, found, config


@settings(max_examples=150, deadline=None)
@given(plan_input(), st.integers(0, 10**6))
def test_the_calldata_decoded_by_eth_abi_is_the_plan(given_input, nonce):
    head, found, config = given_input
    plan = build_plan(found, MAIN, OPERATOR, nonce, head, 31337, config)
    if isinstance(plan, NotWorthIt):
        return
    fields = decode_unsigned(plan.transaction.unsigned_payload())
    assert fields == plan.transaction
    assert fields.data[:4] == EXECUTE_SELECTOR
    rows, base, min_profit, payment, first, last = decode(ARGUMENTS, fields.data[4:])
    merged = found[:8]
    assert list(plan.opportunities) == merged
    assert list(rows) == [
        (
            int.from_bytes(leg.pool) | leg.zero_for_one << 160 | (leg is one.legs[-1]) << 162,
            leg.amount_out | (one.amount_in if leg is one.legs[0] else 0) << 128,
        )
        for one in merged
        for leg in one.legs
    ]
    assert base == "0x" + config.weth.hex()
    assert (min_profit, payment) == (plan.min_profit, plan.payment)
    assert (first, last) == (plan.window.first_block, plan.window.last_block)
    assert (first, last) == (head.number + 1, head.number + config.window_blocks)


@settings(max_examples=150, deadline=None)
@given(plan_input())
def test_what_lands_never_loses(given_input):
    head, found, config = given_input
    plan = build_plan(found, MAIN, OPERATOR, 0, head, 31337, config)
    gross = sum(one.gross_profit for one in found[:8])
    if isinstance(plan, NotWorthIt):
        assert str(gross) in plan.actual
        return
    fields = plan.transaction
    assert plan.min_profit >= fields.gas_limit * fields.max_fee_per_gas + config.min_net_profit
    assert plan.predicted_profit == gross - plan.payment >= plan.min_profit
    assert plan.payment >= 0
    assert fields.max_fee_per_gas >= next_base_fee(head) + config.priority_fee
    estimate = estimate_gas([(HopShape("here"), HopShape("there"))] * len(plan.opportunities))
    assert fields.gas_limit == -(-estimate * 13 // 10) + BUILDER_ROOM + 2 * UNSEEN * len(plan.opportunities)
    assert plan.notional == sum(one.amount_in for one in plan.opportunities)


@settings(max_examples=150, deadline=None)
@given(plan_input(), st.integers(0, 3_000_000), st.integers(0, 8_000), st.integers(0, 1_000))
def test_a_plan_keeps_within_the_wallets_limits_where_its_best_does(given_input, gas, notional, worst):
    head, found, config = given_input
    room = Room(gas, notional * ETHER, worst * ETHER // 1_000)
    plan = build_plan(found, MAIN, OPERATOR, 0, head, 31337, config, room)
    if isinstance(plan, NotWorthIt):
        return
    fields = plan.transaction
    assert plan.opportunities[0] == found[0]
    assert list(plan.opportunities) == [one for one in found if one in plan.opportunities]
    if len(plan.opportunities) > 1:
        assert fields.gas_limit <= room.gas
        assert plan.notional <= room.notional
        assert plan.worst_gas_cost <= room.worst_cost
    left = [one for one in found if one not in plan.opportunities]
    if left and len(plan.opportunities) < 8 and plan.notional <= room.notional:
        gas_of_one_more = estimate_gas(
            [(HopShape("here"), HopShape("there"))] * (len(plan.opportunities) + 1)
        )
        gas_limit = -(-gas_of_one_more * 13 // 10) + BUILDER_ROOM + 2 * UNSEEN * (len(plan.opportunities) + 1)
        assert (
            gas_limit > room.gas
            or gas_limit * fields.max_fee_per_gas > room.worst_cost
            or all(plan.notional + one.amount_in > room.notional for one in left)
        )


def test_one_too_large_for_what_is_left_makes_place_for_smaller_ones():
    head = head_at(100)
    found = [
        opportunity(head, name="best", amount_in=5 * ETHER),
        opportunity(head, name="large", amount_in=6 * ETHER),
        opportunity(head, name="small", amount_in=4 * ETHER),
    ]
    room = Room(gas=10**7, notional=10 * ETHER, worst_cost=ETHER)
    plan = build_plan(found, MAIN, OPERATOR, 0, head, 31337, CONFIG, room)
    assert plan.opportunities == (found[0], found[2])
    assert plan.notional == 9 * ETHER


def test_v3_legs_are_marked_and_their_ticks_are_paid_for():
    head = head_at(100)
    pairs = opportunity(head)
    legs = (
        pairs.legs[0],
        replace(pairs.legs[1], protocol="uniswap_v3", venue="uniswap-v3", ticks_crossed=3, words_passed=2),
    )
    plan = plan_on(head, replace(pairs, legs=legs))
    rows, *_ = decode(ARGUMENTS, plan.transaction.data[4:])
    assert [pool >> 160 & 0b110 for pool, _ in rows] == [0b000, 0b110]
    shapes = [(HopShape("here"), HopShape("uniswap-v3", 3, 2))]
    unseen = (0 if legs[1].zero_for_one else 3 * 34_200) + 2 * UNSEEN
    assert plan.transaction.gas_limit == -(-estimate_gas(shapes) * 13 // 10) + BUILDER_ROOM + unseen


def test_both_sweeps_above_meet_plans():
    assert isinstance(plan_on(head_at(100)), Plan)


def test_one_block_ahead_needs_no_more_than_the_exact_base_fee():
    head = head_at(100, gas_used=30_000_000)
    assert plan_on(head).transaction.max_fee_per_gas == next_base_fee(head) == GWEI * 9 // 8


def test_a_wider_window_is_bounded_by_full_blocks():
    head = head_at(100, gas_used=30_000_000)
    plan = plan_on(head, config=replace(CONFIG, window_blocks=4))
    fee = next_base_fee(head)
    for number in range(101, 104):
        full = head_at(number, base_fee=fee, gas_used=30_000_000)
        fee = next_base_fee(full)
    assert plan.transaction.max_fee_per_gas >= fee
    assert plan.target_block == 101


def test_the_same_content_has_the_same_id_and_each_part_changes_it():
    head = head_at(100)
    base = plan_on(head)
    assert plan_on(head).id == base.id
    variants = [
        plan_on(head, nonce=8),
        plan_on(head_at(101)),
        plan_on(head, opportunity(head, "b")),
        plan_on(head, config=replace(CONFIG, priority_fee=WeiPerGas(1))),
        plan_on(head, config=replace(CONFIG, gas_margin=Bps(3_001))),
    ]
    ids = {base.id, *(plan.id for plan in variants)}
    assert len(ids) == 1 + len(variants)
    assert all(len(one) == 8 for one in ids)


def test_small_profit_is_not_worth_it_and_says_both_numbers():
    head = head_at(100)
    verdict = build_plan([opportunity(head, profit=1_000)], MAIN, OPERATOR, 0, head, 31337, CONFIG)
    worst = (
        estimate_gas([(HopShape("here"), HopShape("there"))]) * 13 // 10 + BUILDER_ROOM + 2 * UNSEEN
    ) * GWEI
    assert verdict == NotWorthIt(
        "profit below worst gas cost and minimum", f">= {worst + CONFIG.min_net_profit} wei", "1000 wei"
    )


def test_profit_in_a_token_without_a_price_is_not_worth_it():
    head = head_at(100)
    verdict = build_plan([opportunity(head, base_token=TOKEN)], MAIN, OPERATOR, 0, head, 31337, CONFIG)
    assert verdict == NotWorthIt("profit without price", to_checksum(CONFIG.weth), to_checksum(TOKEN))


def test_an_amount_that_no_hop_holds_is_not_worth_it():
    head = head_at(100)
    found = opportunity(head)
    first, second = found.legs
    for most, is_plan in ((2**128 - 1, True), (2**128, False)):
        legs = (replace(first, amount_out=most), replace(second, amount_in=most))
        verdict = build_plan([replace(found, legs=legs)], MAIN, OPERATOR, 0, head, 31337, CONFIG)
        assert isinstance(verdict, Plan) == is_plan
    assert verdict == NotWorthIt("amount over uint128", f"<= {2**128 - 1}", str(2**128))


def test_a_shared_pool_breaks_the_invariant():
    head = head_at(100)
    first, second = opportunity(head, "a"), opportunity(head, "b")
    sharing = replace(second, legs=(second.legs[0], replace(second.legs[1], pool=first.legs[0].pool)))
    with pytest.raises(BrokenInvariant, match="used twice"):
        plan_on(head, first, sharing)


def test_another_state_breaks_the_invariant():
    head, sibling = head_at(100), head_at(100, fork="other")
    with pytest.raises(BrokenInvariant, match="block 100"):
        plan_on(head, opportunity(head, "a"), opportunity(sibling, "b"))


def test_another_base_token_breaks_the_invariant():
    head = head_at(100)
    other = opportunity(head, "b", base_token=address("other base"))
    with pytest.raises(BrokenInvariant, match="was given"):
        plan_on(head, opportunity(head, "a"), other)


def test_no_opportunity_breaks_the_invariant():
    with pytest.raises(BrokenInvariant):
        build_plan([], MAIN, OPERATOR, 0, head_at(100), 31337, CONFIG)
