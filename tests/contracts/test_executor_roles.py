"""Who may do what: the owner administers, operators execute, and no address is both."""

import ape
import pytest
from executor_market import ETHER, cycle

ZERO = "0x" + "00" * 20


@pytest.fixture
def plan(market, weth, token):
    found, gain = cycle(ETHER, (market.uniswap_token, weth), (market.pancake_token, token))
    assert gain > 0
    return found


def test_the_constructor_sets_the_roles(executor, owner, recipient, operator, weth, stranger):
    assert executor.owner() == owner
    assert executor.recipient() == recipient
    assert executor.WETH() == weth
    assert executor.operators(operator)
    assert not executor.operators(stranger)
    assert not executor.operators(owner)
    assert not executor.paused()
    assert executor.pending_owner() == ZERO


@pytest.mark.parametrize(
    ("roles", "reason"),
    [
        ({"owner": ZERO}, "executor: zero owner"),
        ({"recipient": ZERO}, "executor: recipient"),
        ({"weth": "0x" + "77" * 20}, "executor: weth has no code"),
        ({"operators": [ZERO]}, "executor: zero operator"),
        ({"operators": "owner"}, "executor: owner is operator"),
    ],
)
def test_the_constructor_refuses(roles, reason, project, deployer, owner, operator, recipient, weth):
    given = {"owner": owner, "recipient": recipient, "weth": weth, "operators": [operator], **roles}
    if given["operators"] == "owner":
        given["operators"] = [operator, owner]
    with ape.reverts(reason):
        deployer.deploy(project.Executor, *given.values())


@pytest.mark.parametrize("role", ["owner", "stranger", "recipient", "deployer"])
def test_only_operators_execute(role, request, plan, execute_refused):
    sender = request.getfixturevalue(role)
    assert execute_refused(plan, sender=sender) == "executor: not operator"


def test_a_mined_call_of_a_stranger_says_why_it_failed(executor, stranger, weth):
    with ape.reverts("executor: not operator"):
        executor.execute([], weth, 0, 0, 0, 2**64, sender=stranger)


@pytest.mark.parametrize("role", ["operator", "stranger", "recipient", "deployer"])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("set_operator", ["0x" + "77" * 20, True]),
        ("set_recipient", ["0x" + "77" * 20]),
        ("set_paused", [True]),
        ("sweep", [ZERO]),
        ("offer_ownership", ["0x" + "77" * 20]),
    ],
)
def test_only_the_owner_administers(role, name, arguments, request, executor, refused):
    sender = request.getfixturevalue(role)
    assert refused(getattr(executor, name), *arguments, sender=sender) == "executor: not owner"


def test_an_operator_comes_and_goes(executor, owner, stranger, execute, execute_refused, plan, operator):
    executor.set_operator(stranger, True, sender=owner)
    execute(plan, sender=stranger)
    executor.set_operator(stranger, False, sender=owner)
    executor.set_operator(operator, False, sender=owner)
    assert execute_refused(plan, sender=stranger) == "executor: not operator"
    assert execute_refused(plan, sender=operator) == "executor: not operator"


def test_the_owner_is_never_an_operator(executor, owner, operator, refused):
    assert refused(executor.set_operator, owner, True, sender=owner) == "executor: owner is operator"
    assert refused(executor.set_operator, ZERO, True, sender=owner) == "executor: zero operator"
    executor.offer_ownership(operator, sender=owner)
    assert refused(executor.accept_ownership, sender=operator) == "executor: owner is operator"


def test_ownership_moves_in_two_steps(executor, owner, stranger, attacker, refused):
    executor.offer_ownership(stranger, sender=owner)
    assert executor.owner() == owner
    assert refused(executor.set_paused, True, sender=stranger) == "executor: not owner"
    assert refused(executor.accept_ownership, sender=attacker) == "executor: not pending owner"
    executor.accept_ownership(sender=stranger)
    assert (executor.owner(), executor.pending_owner()) == (stranger, ZERO)
    assert refused(executor.set_paused, True, sender=owner) == "executor: not owner"
    executor.set_paused(True, sender=stranger)
    assert executor.paused()


def test_an_offer_of_ownership_can_be_withdrawn(executor, owner, stranger, refused):
    executor.offer_ownership(stranger, sender=owner)
    executor.offer_ownership(ZERO, sender=owner)
    assert refused(executor.accept_ownership, sender=stranger) == "executor: not pending owner"


def test_pausing_stops_execution_and_nothing_else(
    executor, owner, plan, execute, execute_refused, recipient, weth
):
    executor.set_paused(True, sender=owner)
    assert executor.paused()
    assert executor.recipient() == recipient
    assert execute_refused(plan) == "executor: paused"
    executor.set_paused(False, sender=owner)
    execute(plan)
    assert weth.balanceOf(recipient) > 0


def test_a_new_recipient_receives_and_does_not_unpause(
    executor, owner, stranger, plan, execute, execute_refused, recipient, weth
):
    executor.set_paused(True, sender=owner)
    executor.set_recipient(stranger, sender=owner)
    assert executor.paused()
    assert execute_refused(plan) == "executor: paused"
    executor.set_paused(False, sender=owner)
    execute(plan)
    assert weth.balanceOf(stranger) > 0
    assert weth.balanceOf(recipient) == 0


def test_the_recipient_is_neither_zero_nor_the_executor(executor, owner, refused):
    assert refused(executor.set_recipient, ZERO, sender=owner) == "executor: recipient"
    assert refused(executor.set_recipient, executor.address, sender=owner) == "executor: recipient"


@pytest.mark.parametrize("paused", [False, True])
def test_sweeping_goes_to_the_recipient_alone(
    paused, executor, owner, recipient, deployer, weth, token, coin, provider
):
    executor.set_paused(paused, sender=owner)
    weth.deposit(value=5, sender=deployer)
    weth.transfer(executor, 5, sender=deployer)
    token.mint(executor, 6, sender=deployer)
    coin.mint(executor, 7, sender=deployer)
    provider.make_request("anvil_setBalance", [executor.address, hex(8)])
    ether = recipient.balance
    for swept in (weth.address, token.address, coin.address, ZERO):
        executor.sweep(swept, sender=owner)
    assert [asset.balanceOf(recipient) for asset in (weth, token, coin)] == [5, 6, 7]
    assert recipient.balance - ether == 8
    assert [asset.balanceOf(executor) for asset in (weth, token, coin)] == [0, 0, 0]
    assert executor.balance == 0
