"""What `execute` checks on chain, and what it does not answer: block window, profit, payment, callbacks, ether."""

import pytest
from executor_market import ETHER, FOREVER, cycle, rows

CALLBACKS = "uniswapV2Call", "pancakeCall"


@pytest.fixture
def good(market, weth, token):
    plan, gain = cycle(2 * ETHER, (market.uniswap_token, weth), (market.pancake_token, token))
    assert gain > 0
    return plan, gain


def test_the_window_holds_on_both_ends(good, execute, execute_refused, chain, recipient, weth):
    """eth_call runs in a block of the latest number or the next, a sent transaction in the next: leave room for both."""
    plan, gain = good
    now = chain.blocks.height
    for window in [(now + 2, FOREVER), (0, now - 1), (now + 2, now - 1)]:
        assert execute_refused(plan, window=window) == "executor: block window"
    execute(plan, window=(now + 1, now + 1))
    assert weth.balanceOf(recipient) == gain


def test_the_window_is_checked_before_all_else(good, execute_refused, stranger):
    assert execute_refused(good[0], window=(0, 0), sender=stranger) == "executor: block window"


def test_min_profit_is_the_exact_bound(good, execute, execute_refused, recipient, weth):
    plan, gain = good
    assert execute_refused(plan, min_profit=gain + 1) == "executor: min profit"
    assert execute_refused(plan, min_profit=gain, payment=1) == "executor: min profit"
    assert execute_refused(plan, payment=gain + 1) == "executor: min profit"
    assert execute_refused(plan, min_profit=2**256 - 1, payment=1) == ""  # the sum overflows
    execute(plan, min_profit=gain - 1, payment=1)
    assert weth.balanceOf(recipient) == gain - 1


def test_only_weth_pays_a_builder(execute_refused, market, weth, token):
    plan, gain = cycle(2_000 * ETHER, (market.pancake_token, token), (market.uniswap_token, weth))
    assert gain > 1
    assert execute_refused(plan, base=token, payment=1) == "executor: payment needs weth"


def test_a_builder_that_refuses_payment_gets_none(
    good, execute, execute_refused, provider, built, deployer, weth, builder, recipient
):
    refuser = deployer.deploy(built("FakePool"))
    refuser.set_script([(weth, weth.transfer.encode_input(deployer, 1))], sender=deployer)
    provider.make_request("anvil_setCoinbase", [refuser.address])
    plan, gain = good
    try:
        assert execute_refused(plan, payment=1) == "executor: builder refused"
        execute(plan, min_profit=gain)
        assert weth.balanceOf(recipient) == gain
    finally:
        provider.make_request("anvil_setCoinbase", [builder.address])


def test_a_builders_contract_gets_little_gas(
    good, execute_refused, provider, built, deployer, builder, token, attacker
):
    """A mint to a newcomer writes two slots: more than the 30,000 gas that go with the payment."""
    busy = deployer.deploy(built("FakePool"))
    busy.set_script([(token, token.mint.encode_input(attacker, 1))], sender=deployer)
    busy.swap(0, 0, busy, b"", sender=deployer)  # with enough gas it works
    busy.set_script([(token, token.mint.encode_input(builder, 1))], sender=deployer)
    provider.make_request("anvil_setCoinbase", [busy.address])
    try:
        assert execute_refused(good[0], payment=1) == "executor: builder refused"
    finally:
        provider.make_request("anvil_setCoinbase", [builder.address])


def test_a_builders_contract_is_paid(good, execute, provider, built, deployer, builder):
    contract = deployer.deploy(built("FakePool"))
    provider.make_request("anvil_setCoinbase", [contract.address])
    try:
        plan, gain = good
        before = contract.balance
        execute(plan, payment=gain, max_priority_fee=0)
        assert contract.balance - before == gain
    finally:
        provider.make_request("anvil_setCoinbase", [builder.address])


def test_a_cycle_has_two_to_four_hops_and_an_end(good, execute_refused, refused, executor, operator, weth):
    amount_in, hops = good[0]
    assert execute_refused((amount_in, hops[:1])) == "executor: hops"
    assert execute_refused((amount_in, [*hops, *hops, hops[1]])) == ""  # no room for a fifth
    endless = [*rows(good[0]), rows(good[0])[0]]
    arguments = [endless, weth, 0, 0, 0, FOREVER]
    assert refused(executor.execute, *arguments, sender=operator) == "executor: hops"


@pytest.mark.parametrize("name", CALLBACKS)
@pytest.mark.parametrize("role", ["stranger", "operator", "owner"])
def test_callbacks_outside_a_swap_are_refused(name, role, request, executor, refused):
    sender, callback = request.getfixturevalue(role), getattr(executor, name)
    assert refused(callback, executor, 1, 0, b"\x01", sender=sender) == "executor: unexpected callback"
    assert refused(callback, sender, 1, 0, b"\x01", sender=sender) == "executor: not our swap"


def test_a_real_pair_called_by_a_stranger_is_refused(market, executor, refused, stranger):
    """The pair is genuine and calls back as it should, but it was not us who called it."""
    for pair in (market.uniswap_token, market.pancake_token):
        swap = pair.contract.swap
        assert refused(swap, 1, 0, executor, b"\x01", sender=stranger) == "executor: not our swap"


@pytest.mark.parametrize("role", ["stranger", "operator", "owner", "recipient"])
def test_ether_is_refused(role, request, executor, refused, weth):
    sender = request.getfixturevalue(role)
    assert refused("0x", sender=sender, value=1, to=executor.address) == "executor: only weth pays"
    assert refused("0x", sender=sender, to=executor.address) == "executor: only weth pays"
    assert refused("0xdeadbeef", sender=sender, to=executor.address) == "executor: only weth pays"
    assert refused(executor.execute, [], weth, 0, 0, 0, FOREVER, sender=sender, value=1) == ""
