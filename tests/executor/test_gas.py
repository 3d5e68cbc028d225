"""Gas of the plainest transaction: one two-hop cycle over real pairs, the builder paid, the profit sent."""

from collections.abc import Iterator

import pytest
from executor_chain import call_data
from executor_stage import ETHER, FOREVER, Stage, deploy_executor
from gas_frames import BUILDER, own_gas

OWN_GAS_BOUND = 23_000
"""What the Executor's own instructions may cost, its calls' cold accounts and the value transfer included."""


@pytest.fixture
def fresh_stage(stage: Stage) -> Iterator[Stage]:
    """An Executor that holds nothing, and a builder that has been paid before, as builders have."""
    snapshot = stage.chain.rpc("evm_snapshot")
    deployer, shared = stage.chain.accounts[0], stage.executor
    stage.executor = deploy_executor(
        stage.chain, deployer, stage.owner, stage.recipient, stage.weth, [stage.operator]
    )
    stage.chain.rpc("anvil_setBalance", BUILDER, "0x1")
    stage.chain.rpc("anvil_setCoinbase", BUILDER)
    for pair in (
        stage.uniswap.address,
        stage.pancake.address,
    ) * 2:  # pairs that have traded before, some time ago
        stage.chain.rpc("evm_increaseTime", 12)
        stage.chain.send(deployer, pair, call_data("sync()"))
    stage.chain.rpc("evm_increaseTime", 12)
    stage.chain.rpc("evm_mine")
    yield stage
    stage.executor = shared
    stage.chain.rpc("anvil_setCoinbase", "0x" + "00" * 20)
    stage.chain.rpc("evm_revert", snapshot)


def test_gas_of_a_two_hop_cycle(fresh_stage: Stage) -> None:
    stage = fresh_stage
    plan, gain = stage.cycle(2 * ETHER, [stage.uniswap, stage.pancake], [stage.weth, stage.token])
    assert gain > 0
    data = stage.execute_data([plan], gain // 2, gain // 2, (0, FOREVER))
    fields = {"from": stage.operator, "to": stage.executor, "data": "0x" + data.hex(), "gas": hex(3_000_000)}
    spent, traced = own_gas(stage.chain, stage.executor, fields)
    first = stage.chain.send(stage.operator, stage.executor, data)
    used, own = int(first["gasUsed"], 16), spent.total()
    intrinsic = 21_000 + sum(16 if byte else 4 for byte in data)
    calls_and_slots = sum(spent[op] for op in ("CALL", "STATICCALL", "SLOAD"))
    print(
        f"\ntwo hops, builder paid, recipient's first WETH: {used} gas after refunds, {intrinsic} intrinsic"
    )
    print(
        f"  the Executor's own instructions {own}: {calls_and_slots} calls and slots, {own - calls_and_slots} rest"
    )
    print(f"  {dict(spent.most_common(8))}")
    assert traced == used
    assert 0 < own <= OWN_GAS_BOUND
    assert spent["CALL"] > 0


def test_an_expired_plan_costs_little(fresh_stage: Stage) -> None:
    """A leaked payload that lands too late must be cheap: the window is the first check."""
    stage = fresh_stage
    plan, _ = stage.cycle(2 * ETHER, [stage.uniswap, stage.pancake], [stage.weth, stage.token])
    data = stage.execute_data([plan], 0, 0, (0, 1))
    fields = {"from": stage.operator, "to": stage.executor, "data": "0x" + data.hex(), "gas": hex(3_000_000)}
    hash_ = stage.chain.rpc("eth_sendTransaction", fields)
    stage.chain.rpc("evm_mine")
    receipt = stage.chain.rpc("eth_getTransactionReceipt", hash_)
    floor = 21_000 + sum(40 if byte else 10 for byte in data)
    used = int(receipt["gasUsed"], 16)
    print(
        f"\nan expired plan: {used} gas; the least a transaction of {len(data)} such bytes can cost is {floor}"
    )
    assert receipt["status"] == "0x0"
    assert used == floor  # EIP-7623: what runs costs less than the bytes
