"""What a signature may give away: cycles that gain, in WETH, and most of what they gain kept on chain."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_samples import ETHER, GWEI, POOLS, TOKEN, WETH
from signer_stage import LIMITS, Desk, sample_transaction, signer_config

from bot.core.signer_protocol import Refused, Signed
from bot.core.units import BPS_WHOLE
from bot.protocols.executor import Cycle, Hop, encode_execute
from bot.signer.decode import decode_execute
from bot.signer.policy import execution_rules, first_broken
from bot.signer.totals import WalletTotals

WORST = 300_000 * 20 * GWEI


def cycle(amount_in, amount_out, middle=ETHER):
    return Cycle(amount_in, (Hop(POOLS[0], True, middle), Hop(POOLS[1], False, amount_out)))


def calldata(*cycles, base_token=WETH, min_profit=None, payment=0):
    """All the gain but the payment is demanded, unless `min_profit` says otherwise."""
    if min_profit is None:
        min_profit = max(0, sum(each.hops[-1].amount_out - each.amount_in for each in cycles) - payment)
    return encode_execute(cycles, base_token, min_profit, payment, 101, 101)


def answer(folder, data, **changes):
    return Desk(folder, **changes).sign(sample_transaction(data=data))


def test_another_base_token_than_weth_is_refused(tmp_path):
    """Its profit cannot be compared with gas; a payment in it the Executor refuses anyway."""
    refused = answer(tmp_path, calldata(cycle(1, ETHER), base_token=TOKEN))
    assert refused.rule == "base_token"


@pytest.mark.parametrize(("amount_in", "amount_out"), [(ETHER, ETHER), (ETHER, ETHER - 1), (2**127, 0)])
def test_a_cycle_that_gains_nothing_is_refused_beside_one_that_does(tmp_path, amount_in, amount_out):
    losing, gaining = cycle(amount_in, amount_out), cycle(ETHER, 2**128 - 1)
    for cycles in ((losing,), (losing, gaining), (gaining, losing)):
        refused = answer(tmp_path, calldata(*cycles, min_profit=WORST))
        assert refused == Refused("cycle_gain", f"more out than the {amount_in} that go in", str(amount_out))
    assert isinstance(answer(tmp_path, calldata(gaining)), Signed)


def test_gains_of_all_cycles_count_and_outputs_in_between_do_not(tmp_path):
    cycles = [cycle(ETHER, ETHER + gain, middle=2**128 - 1) for gain in (WORST, 2 * WORST, 3 * WORST)]
    assert isinstance(answer(tmp_path, calldata(*cycles, payment=5 * WORST)), Signed)
    assert answer(tmp_path, calldata(*cycles, payment=5 * WORST + 1)).rule == "min_profit"


def test_a_made_up_cycle_does_not_widen_the_share_of_the_real_one(tmp_path):
    """Pools of the attacker's own claim a gain that the chain never gives: then the chain must refuse it all."""
    real, made_up = cycle(ETHER, 2 * ETHER), cycle(1, 100 * ETHER)
    all_but_gas = ETHER - WORST
    assert answer(tmp_path, calldata(real, payment=all_but_gas, min_profit=WORST)).rule == "payment"
    refused = answer(tmp_path, calldata(real, made_up, payment=all_but_gas, min_profit=WORST))
    assert refused.rule == "whole_claim"
    demands = calldata(real, made_up, payment=all_but_gas)
    assert isinstance(answer(tmp_path, demands), Signed)
    assert decode_execute(demands).min_profit > 100 * ETHER, "which the real cycle does not give: a revert"


@pytest.mark.parametrize("share", [0, 1, 5_000, 9_999, 10_000])
def test_the_share_is_the_configured_one(tmp_path, share):
    most = ETHER * share // BPS_WHOLE
    data = [calldata(cycle(ETHER, 2 * ETHER), payment=paid) for paid in (most, most + 1)]
    free = sample_transaction(max_fee_per_gas=0)
    desk = Desk(tmp_path, payment_share=share)
    largest, above = (desk.sign(msgspec.structs.replace(free, data=each)) for each in data)
    if share == BPS_WHOLE:
        assert largest.rule == above.rule == "min_profit", "something must be left"
    else:
        assert isinstance(largest, Signed)
        assert above.rule == "payment"


def test_the_cap_of_the_tip_is_the_configured_one(tmp_path):
    desk = Desk(tmp_path, priority_fee_cap=GWEI)
    assert isinstance(desk.sign(sample_transaction(max_priority_fee_per_gas=GWEI)), Signed)
    refused = desk.sign(sample_transaction(max_priority_fee_per_gas=GWEI + 1))
    assert refused == Refused("priority_fee_cap", f"<= {GWEI} wei", f"{GWEI + 1} wei")


near = st.integers(0, 2 * WORST)
anything = near | st.integers(0, 2**125)


@given(
    pairs=st.lists(st.tuples(anything, anything), min_size=1, max_size=4),
    min_profit=anything | st.none(),
    payment=anything,
    share=st.integers(0, BPS_WHOLE),
    gas=st.integers(1, 300_000),
    fee=st.integers(0, 20 * GWEI),
)
@settings(max_examples=400, deadline=None)
def test_whatever_is_allowed_lands_without_loss(
    tmp_path_factory, pairs, min_profit, payment, share, gas, fee
):
    """The contract reverts below payment + min_profit, so what is allowed pays for its gas by itself."""
    cycles = [cycle(*pair) for pair in pairs]
    data = calldata(*cycles, min_profit=min_profit, payment=payment)
    fields = sample_transaction(data=data, gas_limit=gas, max_fee_per_gas=fee)
    config = signer_config(tmp_path_factory.getbasetemp(), payment_share=share)
    totals = WalletTotals(config.chain_id, bytes(20), next_nonce=7, head=100)
    refused = first_broken(execution_rules(fields, decode_execute(data), config, LIMITS, totals, 0))
    min_profit, gain = decode_execute(data).min_profit, sum(out - given for given, out in pairs)
    allowed = (
        all(out > given for given, out in pairs)
        and min_profit >= max(1, gas * fee)
        and payment * BPS_WHOLE < gain * share + BPS_WHOLE
        and payment + min_profit == gain
    )
    assert (refused is None) == allowed
