"""Two hundred mined calls of a stranger over every selector: nothing of the Executor changes.

The ten thousand of tests/executor are traced, these are mined. STRANGER_SEED repeats a run.
"""

import os
import random
from collections import Counter

import pytest
from eth_utils import keccak
from executor_market import ETHER, FOREVER, cycle, rows

CALLS = 200
SEED = int(os.environ.get("STRANGER_SEED", random.SystemRandom().randrange(2**32)))
GAS = hex(1_000_000)
STORAGE_SLOTS = 30  # more than the contract has
UNKNOWN_SELECTOR = "(no such selector)"


@pytest.fixture
def observe(executor, provider, operator, stranger, weth, token, coin):
    """All that a hole could change: storage, code, nonce, roles, and what the Executor holds."""

    def now():
        ask, address = provider.make_request, executor.address
        slots = [ask("eth_getStorageAt", [address, hex(slot), "latest"]) for slot in range(STORAGE_SLOTS)]
        account = [
            ask(method, [address, "latest"])
            for method in ("eth_getCode", "eth_getTransactionCount", "eth_getBalance")
        ]
        roles = [executor.operators(operator), executor.operators(stranger)]
        return slots, account, roles, [held.balanceOf(address) for held in (weth, token, coin)]

    return now


@pytest.fixture
def send(executor, provider):
    """Mines a call as it is, without asking first whether it would revert; returns its status."""

    def mined(sender, data, value=0):
        fields = {"from": str(sender), "to": executor.address, "data": data, "value": hex(value), "gas": GAS}
        hash_ = provider.make_request("eth_sendTransaction", [fields])
        provider.make_request("evm_mine", [])
        return int(provider.make_request("eth_getTransactionReceipt", [hash_])["status"], 16)

    return mined


@pytest.fixture
def riches(executor, provider, weth, token, deployer):
    """Something of everything to take, which the Executor never has by itself."""
    weth.deposit(value=ETHER, sender=deployer)
    weth.transfer(executor, ETHER, sender=deployer)
    token.mint(executor, ETHER, sender=deployer)
    provider.make_request("anvil_setBalance", [executor.address, hex(ETHER)])


@pytest.fixture
def aimed(executor, market, weth, token, stranger):
    """For each function the call that would hurt, were it let through."""
    good, gain = cycle(ETHER, (market.uniswap_token, weth), (market.pancake_token, token))
    assert gain > 0
    arguments = {
        "execute": [rows(good), weth, 0, 0, 0, FOREVER],
        "uniswapV2Call": [executor, 1, 0, b"\x01"],
        "pancakeCall": [executor, 1, 0, b"\x01"],
        "uniswapV3SwapCallback": [1, -1, b""],
        "pancakeV3SwapCallback": [1, -1, b""],
        "set_operator": [stranger, True],
        "set_recipient": [stranger],
        "set_paused": [True],
        "sweep": [weth],
        "offer_ownership": [stranger],
        "accept_ownership": [],
    }
    return {name: getattr(executor, name).encode_input(*values).hex() for name, values in arguments.items()}


def test_two_hundred_mined_calls_change_nothing(executor, riches, aimed, observe, send, stranger):
    draw, seen, statuses = random.Random(SEED), Counter(), Counter()
    selectors = {method.name: keccak(text=method.selector)[:4] for method in executor.contract_type.methods}
    before = observe()
    for _ in range(CALLS):
        name = draw.choice([*selectors, UNKNOWN_SELECTOR])
        noise = selectors.get(name, b"") + draw.randbytes(draw.choice([0, 4, 32, 64, 300]))
        data = aimed[name] if name in aimed and draw.random() < 0.5 else "0x" + noise.hex()
        statuses[send(stranger, data, draw.choice([0, 0, 0, 1, ETHER]))] += 1
        seen[name] += 1
    print(f"\nSTRANGER_SEED={SEED}: {dict(seen)}, statuses {dict(statuses)}")
    assert observe() == before, f"STRANGER_SEED={SEED}"
    assert seen.total() == CALLS
    assert set(aimed) < set(seen), f"STRANGER_SEED={SEED}"
    assert set(statuses) == {0, 1}  # the views answer


@pytest.mark.parametrize(
    "name", ["execute", "set_operator", "set_recipient", "set_paused", "sweep", "offer_ownership"]
)
def test_control_the_aimed_calls_do_harm_from_the_right_hands(
    name, riches, aimed, observe, send, operator, owner, recipient, weth
):
    before = observe(), weth.balanceOf(recipient)
    assert send(operator if name == "execute" else owner, aimed[name]) == 1
    assert (observe(), weth.balanceOf(recipient)) != before
