"""Pools that lie. The Executor holds a donation throughout: whatever a pool does, that is not touched.

FakePool runs a script of calls in its `swap`; a call that fails takes the whole transaction with it.
"""

import pytest
from executor_market import ETHER, FOREVER, cycle, rows

DONATION = 3 * ETHER


@pytest.fixture(autouse=True)
def donation(weth, executor, deployer):
    weth.deposit(value=DONATION, sender=deployer)
    weth.transfer(executor, DONATION, sender=deployer)
    yield
    assert weth.balanceOf(executor) == DONATION


@pytest.fixture
def fake_pool(deployer, built, weth):
    """A fake pool that holds ten WETH and does what the given calls say when told to swap."""

    def deploy(*script):
        pool = deployer.deploy(built("FakePool"))
        weth.deposit(value=10 * ETHER, sender=deployer)
        weth.transfer(pool, 10 * ETHER, sender=deployer)
        pool.set_script(list(script), sender=deployer)
        return pool

    return deploy


@pytest.fixture
def calls_back(executor):
    """The call with which an honest pair would call back, from whoever is made to send it."""
    return (executor, executor.uniswapV2Call.encode_input(executor, 1, 0, b"\x01"))


@pytest.fixture
def sends(weth, executor):
    def amount(wei):
        return (weth, weth.transfer.encode_input(executor, wei))

    return amount


@pytest.fixture
def plan(market, weth, token):
    found, gain = cycle(2 * ETHER, (market.uniswap_token, weth), (market.pancake_token, token))
    assert gain > 0
    return found, gain


def borrowed_from(pool, amount_in, first_pool):
    """A cycle whose last pool, the one that calls back, is `pool`."""
    return (amount_in, [(first_pool.address, True, 1), (pool.address, True, 1)])


def test_control_a_fake_pool_that_behaves_is_served(fake_pool, sends, calls_back, execute, recipient, weth):
    sink, giver = fake_pool(), fake_pool(sends(2 * ETHER), calls_back)
    execute(borrowed_from(giver, ETHER, sink), min_profit=ETHER)
    assert weth.balanceOf(recipient) == ETHER


def test_a_pool_that_does_nothing(fake_pool, execute_refused):
    assert execute_refused(borrowed_from(fake_pool(), ETHER, fake_pool())) == "executor: no callback"


def test_a_pool_that_sends_and_does_not_call_back(fake_pool, sends, execute_refused):
    pool = fake_pool(sends(2 * ETHER))
    assert execute_refused(borrowed_from(pool, ETHER, fake_pool())) == "executor: no callback"


def test_a_pool_that_is_no_contract(execute_refused, stranger, fake_pool):
    assert execute_refused(borrowed_from(stranger, ETHER, fake_pool())) == "executor: no callback"


def test_a_pool_that_calls_back_and_sends_nothing(fake_pool, calls_back, execute_refused):
    """Paid from the donation the first pool could be; the balance afterwards tells."""
    pool = fake_pool(calls_back)
    assert execute_refused(borrowed_from(pool, ETHER, fake_pool())) == "executor: min profit"


def test_a_pool_that_would_take_another_cycles_gain(fake_pool, calls_back, plan, execute_refused):
    found, gain = plan
    thief = borrowed_from(fake_pool(calls_back), 1, fake_pool())
    assert execute_refused(found, thief, min_profit=gain) == "executor: min profit"


def test_a_pool_that_calls_back_twice(fake_pool, sends, calls_back, execute_refused):
    pool = fake_pool(sends(5 * ETHER), calls_back, calls_back)
    assert execute_refused(borrowed_from(pool, ETHER, fake_pool())) == "executor: unexpected callback"


def test_a_pool_that_calls_back_as_another_name(fake_pool, sends, calls_back, executor, execute_refused):
    again = (executor, executor.pancakeCall.encode_input(executor, 1, 0, b"\x01"))
    pool = fake_pool(sends(5 * ETHER), calls_back, again)
    assert execute_refused(borrowed_from(pool, ETHER, fake_pool())) == "executor: unexpected callback"


def test_a_first_pool_that_keeps_what_it_is_paid(fake_pool, market, weth, token, execute_refused):
    amount = market.pancake_token.quote(token, 1000 * ETHER)
    last = (market.pancake_token.address, market.pancake_token.sells_token0(token), amount)
    unpaid = (ETHER // 10, [(fake_pool().address, True, 1), last])
    assert execute_refused(unpaid) == "Pancake: INSUFFICIENT_INPUT_AMOUNT"


def test_a_pool_that_makes_a_real_pair_call_back(fake_pool, sends, market, executor, execute_refused):
    pair = market.uniswap_token.contract
    borrowing = (pair, pair.swap.encode_input(ETHER, 0, executor, b"\x01"))
    pool = fake_pool(sends(ETHER), borrowing)
    assert execute_refused(borrowed_from(pool, ETHER, fake_pool())) == "executor: not our swap"


def test_a_pool_that_makes_its_accomplice_call_back(fake_pool, sends, calls_back, execute_refused):
    accomplice = fake_pool(calls_back)
    pool = fake_pool(sends(ETHER), (accomplice, accomplice.swap.encode_input(0, 0, accomplice, b"")))
    assert execute_refused(borrowed_from(pool, ETHER, fake_pool())) == "executor: unexpected callback"


def test_a_first_pool_that_calls_back_inside_a_callback(
    fake_pool, calls_back, market, token, execute_refused
):
    last = (market.pancake_token.address, market.pancake_token.sells_token0(token), ETHER)
    nested = (ETHER // 10, [(fake_pool(calls_back).address, True, 1), last])
    assert execute_refused(nested) == "executor: unexpected callback"


@pytest.mark.parametrize("place", ["first", "last"])
def test_an_operators_pool_that_executes_again(
    place, fake_pool, sends, calls_back, plan, executor, owner, operator, weth, execute_refused, recipient
):
    """Even a pool that is an operator cannot; on its own, outside of `execute`, the very same call works."""
    found, gain = plan
    inner = (executor, executor.execute.encode_input(rows(found), weth, gain, 0, 0, FOREVER))
    pool = fake_pool(inner)
    executor.set_operator(pool, True, sender=owner)
    honest = fake_pool(sends(2 * ETHER), calls_back)
    outer = borrowed_from(honest, ETHER, pool) if place == "first" else borrowed_from(pool, ETHER, honest)
    assert execute_refused(outer) == "executor: locked"
    pool.swap(0, 0, pool, b"", sender=operator)
    assert weth.balanceOf(recipient) == gain


def test_a_pool_that_calls_back_once_more_inside_its_own_callback(
    fake_pool, sends, calls_back, execute_refused
):
    """It is first and last pool at once, so that serving its callback makes it swap, and call back, again."""
    pool = fake_pool(sends(2 * ETHER), calls_back)
    assert execute_refused(borrowed_from(pool, ETHER, pool)) == "executor: unexpected callback"


def test_an_owners_pool_that_sweeps(
    fake_pool, sends, calls_back, executor, owner, operator, weth, execute_refused
):
    """An owner that is a contract cannot sweep in the middle of a trade."""
    pool = fake_pool((executor, executor.accept_ownership.encode_input()))
    executor.offer_ownership(pool, sender=owner)
    pool.swap(0, 0, pool, b"", sender=operator)
    assert executor.owner() == pool
    pool.set_script([(executor, executor.sweep.encode_input(weth))], sender=operator)
    honest = fake_pool(sends(2 * ETHER), calls_back)
    assert execute_refused(borrowed_from(honest, ETHER, pool)) == "executor: locked"
