"""Tokens that re-enter, lie or take a fee: the transaction reverts, or the accounts are exact; never a loss."""

import pytest
from executor_market import ETHER, FOREVER, Pair, cycle, open_pair, rows

FEE_BPS = 100


def after_fee(amount: int) -> int:
    return amount - amount * FEE_BPS // 10_000


@pytest.fixture
def hostile(deployer, built):
    return deployer.deploy(built("HostileToken"))


@pytest.fixture
def hostile_pairs(hostile, weth, uniswap, pancake, deployer) -> tuple[Pair, Pair]:
    """The hostile token is cheaper in the first."""
    return (
        open_pair(uniswap, {weth: 100 * ETHER, hostile: 200_000 * ETHER}, deployer),
        open_pair(pancake, {weth: 100 * ETHER, hostile: 180_000 * ETHER}, deployer),
    )


@pytest.fixture
def bases(hostile, hostile_pairs, weth):
    """The hostile token in the middle, and as the base token: base token, plan and gain."""
    cheap, dear = hostile_pairs
    return {
        "middle": (weth, *cycle(2 * ETHER, (cheap, weth), (dear, hostile))),
        "base": (hostile, *cycle(2_000 * ETHER, (dear, hostile), (cheap, weth))),
    }


@pytest.fixture
def reentries(executor, market, weth, token, hostile, owner, attacker):
    """What a token could try in the middle of `execute`; to make it hard, it is an operator itself."""
    executor.set_operator(hostile, True, sender=owner)
    inner, gain = cycle(2 * ETHER, (market.uniswap_token, weth), (market.pancake_token, token))
    assert gain > 0
    pair = market.uniswap_token.contract
    return {
        "execute": (executor, executor.execute.encode_input(rows(inner), weth, 0, 0, 0, FOREVER)),
        "uniswapV2Call": (executor, executor.uniswapV2Call.encode_input(executor, 1, 0, b"\x01")),
        "pancakeCall": (executor, executor.pancakeCall.encode_input(executor, 1, 0, b"\x01")),
        "set_recipient": (executor, executor.set_recipient.encode_input(attacker)),
        "sweep": (executor, executor.sweep.encode_input(weth)),
        "another pair": (pair, pair.swap.encode_input(1, 0, executor, b"\x01")),
    }


@pytest.mark.parametrize("place", ["middle", "base"])
@pytest.mark.parametrize(
    "attempt", ["execute", "uniswapV2Call", "pancakeCall", "set_recipient", "sweep", "another pair"]
)
def test_a_reentering_token_gets_nowhere(
    place, attempt, bases, reentries, hostile, deployer, execute, executor, recipient, weth
):
    """Its failures are swallowed, so the plan goes through, and the accounts are those of a harmless token."""
    base, plan, gain = bases[place]
    assert gain > 0
    hostile.set_script([reentries[attempt]], sender=deployer)
    execute(plan, base=base, min_profit=gain)
    assert hostile.attempted() > 0
    assert hostile.succeeded() == 0
    assert base.balanceOf(recipient) == gain
    assert weth.balanceOf(executor) == hostile.balanceOf(executor) == 0


def test_control_the_same_reentry_works_from_outside(reentries, hostile, deployer, recipient, weth):
    hostile.mint(deployer, 1, sender=deployer)
    hostile.set_script([reentries["execute"]], sender=deployer)
    hostile.transfer(deployer, 1, sender=deployer)
    assert hostile.succeeded() == 1
    assert weth.balanceOf(recipient) > 0


@pytest.mark.parametrize("place", ["middle", "base"])
def test_a_token_that_answers_false(place, bases, hostile, deployer, execute_refused):
    base, plan, _ = bases[place]
    hostile.set_answers_false(True, sender=deployer)
    assert execute_refused(plan, base=base) in {"UniswapV2: TRANSFER_FAILED", "Pancake: TRANSFER_FAILED"}


def test_false_is_believed_by_the_executor_itself(executor, built, hostile, deployer, execute_refused):
    """With a pool that does not check, so that the Executor's own transfer is the first to be refused."""
    pool = deployer.deploy(built("FakePool"))
    pool.set_script(
        [(executor, executor.uniswapV2Call.encode_input(executor, 1, 0, b"\x01"))], sender=deployer
    )
    hostile.set_answers_false(True, sender=deployer)
    plan = (1, [(pool.address, True, 1), (pool.address, True, 1)])
    assert execute_refused(plan, base=hostile) == "executor: transfer"


def test_a_base_token_without_code(executor, execute_refused, stranger, market):
    """Neither a balance nor a transfer of nothing counts."""
    plan = (1, [(market.uniswap_token.address, True, 1), (market.pancake_token.address, True, 1)])
    assert execute_refused(plan, base=stranger) == ""


def test_profit_that_a_token_only_claims_cannot_be_paid_out(
    bases, hostile, deployer, execute_refused, executor, recipient
):
    _, plan, gain = bases["base"]
    claim = (hostile, hostile.claim_more.encode_input(executor, 1000 * ETHER))
    hostile.set_script([claim], sender=deployer)
    assert execute_refused(plan, base=hostile, min_profit=gain + 1) == ""
    assert hostile.balanceOf(recipient) == 0


@pytest.mark.parametrize("place", ["middle", "base"])
def test_a_fee_on_transfer_that_was_not_reckoned_with(place, market, weth, token, deployer, execute_refused):
    if place == "middle":
        base, (plan, _) = weth, cycle(2 * ETHER, (market.uniswap_token, weth), (market.pancake_token, token))
    else:
        base, (plan, _) = (
            token,
            cycle(2000 * ETHER, (market.pancake_token, token), (market.uniswap_token, weth)),
        )
    token.set_fee_bps(FEE_BPS, sender=deployer)
    assert execute_refused(plan, base=base) in {"UniswapV2: K", "Pancake: K"}


def test_a_fee_on_transfer_that_was_reckoned_with_leaves_nothing_behind(
    market, weth, token, deployer, execute, execute_refused, executor, recipient
):
    """The gain is what arrived, to the unit; the token takes its fee once more on the way to the recipient."""
    token.set_fee_bps(FEE_BPS, sender=deployer)
    first, last, amount_in = market.pancake_token, market.uniswap_token, 2000 * ETHER
    ether = first.quote(token, after_fee(amount_in))
    amount_out = last.quote(weth, ether)
    hops = [
        (first.address, first.sells_token0(token), ether),
        (last.address, last.sells_token0(weth), amount_out),
    ]
    gain = after_fee(amount_out) - amount_in
    assert gain > 0
    assert execute_refused((amount_in, hops), base=token, min_profit=gain + 1) == "executor: min profit"
    execute((amount_in, hops), base=token, min_profit=gain)
    assert token.balanceOf(recipient) == after_fee(gain)
    assert token.balanceOf(executor) == weth.balanceOf(executor) == 0
