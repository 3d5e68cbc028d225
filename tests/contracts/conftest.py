"""Roles, real pairs with price gaps, and the Executor. ape takes every test back to the state before it."""

import pytest
from ape.exceptions import ProviderError
from executor_market import (
    ETHER,
    FOREVER,
    PANCAKE_KEEPS,
    UNISWAP_KEEPS,
    Market,
    Venue,
    build_sources,
    built_container,
    open_pair,
    rows,
    shipped,
)


@pytest.fixture(scope="session")
def deployer(accounts):
    return accounts[0]


@pytest.fixture(scope="session")
def owner(accounts):
    return accounts[1]


@pytest.fixture(scope="session")
def operator(accounts):
    return accounts[2]


@pytest.fixture(scope="session")
def recipient(accounts):
    return accounts[3]


@pytest.fixture(scope="session")
def stranger(accounts):
    return accounts[4]


@pytest.fixture(scope="session")
def attacker(accounts):
    return accounts[5]


@pytest.fixture(scope="session")
def builder(accounts, provider):
    """The block's coinbase."""
    provider.make_request("anvil_setCoinbase", [accounts[6].address])
    return accounts[6]


@pytest.fixture(scope="session")
def provider(chain):
    return chain.provider


@pytest.fixture(scope="session")
def built():
    """Test contracts of our own, by name, compiled when first asked for."""
    build_sources()
    return built_container


@pytest.fixture(scope="session")
def weth(deployer):
    return deployer.deploy(shipped("weth9", "WETH9"))


@pytest.fixture(scope="session")
def token(deployer, built):
    """18 decimals."""
    return deployer.deploy(built("TestToken"), 18)


@pytest.fixture(scope="session")
def coin(deployer, built):
    """6 decimals, and returns nothing on transfer."""
    return deployer.deploy(built("SilentToken"))


@pytest.fixture(scope="session")
def uniswap(deployer):
    factory = deployer.deploy(shipped("uniswap-v2", "UniswapV2Factory"), deployer)
    return Venue(factory, shipped("uniswap-v2", "UniswapV2Pair"), UNISWAP_KEEPS)


@pytest.fixture(scope="session")
def pancake(deployer):
    factory = deployer.deploy(shipped("pancake-v2", "PancakeFactory"), deployer)
    return Venue(factory, shipped("pancake-v2", "PancakePair"), PANCAKE_KEEPS)


@pytest.fixture(scope="session")
def market(deployer, weth, token, coin, uniswap, pancake):
    """The token is cheap on Uniswap, the coin on PancakeSwap; token and coin trade one to one."""
    return Market(
        uniswap_token=open_pair(uniswap, {weth: 100 * ETHER, token: 200_000 * ETHER}, deployer),
        pancake_token=open_pair(pancake, {weth: 100 * ETHER, token: 180_000 * ETHER}, deployer),
        uniswap_coin=open_pair(uniswap, {weth: 100 * ETHER, coin: 180_000 * 10**6}, deployer),
        pancake_coin=open_pair(pancake, {weth: 100 * ETHER, coin: 200_000 * 10**6}, deployer),
        uniswap_cross=open_pair(uniswap, {token: 300_000 * ETHER, coin: 300_000 * 10**6}, deployer),
    )


@pytest.fixture(scope="session")
def executor(project, deployer, owner, operator, recipient, weth):
    return deployer.deploy(project.Executor, owner, recipient, weth, [operator])


@pytest.fixture
def execute(executor, operator, weth, builder):
    """Runs cycles as the operator unless told otherwise; returns the receipt."""

    def run(*cycles, base=weth, min_profit=0, payment=0, window=(0, FOREVER), sender=operator, **transaction):
        return executor.execute(
            rows(*cycles), base, min_profit, payment, *window, sender=sender, **transaction
        )

    return run


@pytest.fixture
def refused(provider):
    """The reason with which a call reverts; a call that does not revert fails the test.

    By eth_call: ape's own way through a mined revert decodes every frame of its trace and takes seconds.
    """

    def reason(method, *args, sender, value=0, to=None):
        fields = {
            "from": str(sender),
            "to": to or method.contract.address,
            "data": method if isinstance(method, str) else method.encode_input(*args).hex(),
            "value": hex(value),
        }
        with pytest.raises(ProviderError) as caught:
            provider.make_request("eth_call", [fields, "latest"])
        message = str(caught.value)
        assert "revert" in message, message
        return message.partition("execution reverted: ")[2]

    return reason


@pytest.fixture
def execute_refused(refused, executor, operator, weth, builder):
    """As `execute`, but must revert; returns the reason."""

    def reason(*cycles, base=weth, min_profit=0, payment=0, window=(0, FOREVER), sender=operator):
        arguments = [rows(*cycles), base, min_profit, payment, *window]
        return refused(executor.execute, *arguments, sender=sender)

    return reason
