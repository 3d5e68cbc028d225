"""Reads at one block hash and simulation, on a real anvil over every kind of connection."""

import pytest

from bot.chain.reader import RpcChainReader
from bot.chain.revert_reason import revert_reason
from bot.chain.rpc import open_rpc
from bot.chain.simulation import NodeSimulator
from bot.clock import SystemClock
from bot.core.decisions import BlockEnvironment
from bot.core.identity import BlockRef, from_hex
from bot.core.result import Ok, Reverted, Unknown
from bot.core.transaction import TransactionFields

SENDER, REVERTER, LOGGER, EMPTY = b"\x33" * 20, b"\x11" * 20, b"\x22" * 20, b"\x44" * 20
REVERTS_WITH_NO = (  # mstore the words of Error("no"), revert(0, 100)
    "7f08c379a000000000000000000000000000000000000000000000000000000000600052"
    "6020600452600260245261" + "6e6f" + "60f01b60445260646000fd"
)
LOGS_42_UNDER_FF = "602a60005260ff60206000a100"
TOPIC = bytes(31) + b"\xff"
COINBASE = b"\xcc" * 20


def text(address):
    return "0x" + address.hex()


@pytest.fixture
async def prepared(anvil):
    await anvil.rpc("anvil_setCode", [text(REVERTER), "0x" + REVERTS_WITH_NO])
    await anvil.rpc("anvil_setCode", [text(LOGGER), "0x" + LOGS_42_UNDER_FF])
    await anvil.rpc("anvil_setBalance", [text(SENDER), hex(10**20)])
    await anvil.rpc("anvil_impersonateAccount", [text(SENDER)])
    await anvil.rpc("evm_mine")
    return anvil


@pytest.fixture
def reader(prepared, anvil_rpc):
    return RpcChainReader(anvil_rpc)


async def mined_log(anvil):
    tx = await anvil.rpc(
        "eth_sendTransaction", [{"from": text(SENDER), "to": text(LOGGER), "gas": "0x15208"}]
    )
    await anvil.rpc("evm_mine")
    return from_hex(tx)


async def give(anvil, wei):
    await anvil.rpc(
        "eth_sendTransaction", [{"from": text(SENDER), "to": text(EMPTY), "value": hex(wei), "gas": "0x5208"}]
    )
    await anvil.rpc("evm_mine")


def transaction(to, **changes):
    fields = {
        "chain_id": 31337,
        "nonce": 0,
        "max_priority_fee_per_gas": 1,
        "max_fee_per_gas": 10**9,
        "gas_limit": 100_000,
        "to": to,
        "value": 0,
        "data": b"",
        "access_list": ((LOGGER, (bytes(32),)),),
    }
    return TransactionFields(**(fields | changes))


def environment(head, **changes):
    fields = {
        "number": head.number + 1,
        "timestamp": head.timestamp + 12,
        "base_fee": 7,
        "gas_limit": 30_000_000,
        "coinbase": COINBASE,
    }
    return BlockEnvironment(**(fields | changes))


async def test_reads_name_their_block_and_an_abandoned_one_is_unknown(prepared, reader):
    assert await reader.chain_id() == Ok(31337)
    first = (await reader.head()).value
    await give(prepared, 5)
    second = (await reader.head()).value
    assert second.parent_hash == first.hash
    assert await reader.balance(EMPTY, first.ref) == Ok(0)
    assert await reader.balance(EMPTY, second.ref) == Ok(5)
    assert await reader.transaction_count(SENDER, first.ref) == Ok(0)
    assert await reader.transaction_count(SENDER, second.ref) == Ok(1)
    assert (await reader.code(LOGGER, second.ref)).value == bytes.fromhex(LOGS_42_UNDER_FF)
    assert (await reader.code(EMPTY, second.ref)).value == b""
    await prepared.rpc("anvil_rollback", [1])
    await give(prepared, 6)
    for read in (
        reader.balance(EMPTY, second.ref),
        reader.transaction_count(SENDER, second.ref),
        reader.code(LOGGER, second.ref),
        reader.call(LOGGER, b"", second.ref),
        reader.logs(second.hash, []),
        reader.transactions(second.hash),
    ):
        assert isinstance(await read, Unknown)
    assert await reader.head_by_hash(second.hash) == Ok(None)
    assert await reader.head_by_number(99) == Ok(None)
    assert (await reader.head_by_number(first.number)).value == first
    assert (await reader.head_by_hash(first.hash)).value == first


async def test_a_call_that_reverts_says_why_and_no_code_is_empty(reader):
    head = (await reader.head()).value
    reverted = await reader.call(REVERTER, b"", head.ref)
    assert isinstance(reverted, Reverted)
    assert reverted.reason == "no"
    assert reverted.data[:4] == bytes.fromhex("08c379a0")
    assert await reader.call(EMPTY, b"\x01", head.ref) == Ok(b"")


async def test_logs_receipts_and_transactions_of_a_block(prepared, reader):
    tx = await mined_log(prepared)
    head = (await reader.head()).value
    [log] = (await reader.logs(head.hash, [TOPIC])).value
    assert (log.address, log.topics, log.data, log.tx_hash) == (LOGGER, (TOPIC,), bytes(31) + b"\x2a", tx)
    assert await reader.logs(head.hash, [bytes(32)]) == Ok(())
    receipt = (await reader.receipt(tx)).value
    assert (receipt.block, receipt.succeeded, receipt.logs) == (head.ref, True, (log,))
    assert receipt.gas_used == head.gas_used
    [mined] = (await reader.transactions(head.hash)).value
    assert (mined.hash, mined.sender, mined.to, mined.nonce, mined.index) == (tx, SENDER, LOGGER, 0, 0)
    assert (mined.value, mined.input_size > 0) == (0, False)
    assert await reader.receipts(head.hash) == Ok((receipt,))
    assert await reader.withdrawn(head.hash, SENDER) == Ok(0)
    assert await reader.receipt(bytes(32)) == Ok(None)
    for read in (reader.receipts(bytes(32)), reader.withdrawn(bytes(32), SENDER)):
        assert isinstance(await read, Unknown)


async def test_a_dead_connection_is_unknown_in_every_read(reader, anvil_rpc):
    head = (await reader.head()).value
    await anvil_rpc.close()
    for read in (reader.head(), reader.balance(EMPTY, head.ref), reader.receipt(bytes(32))):
        assert isinstance(await read, Unknown)


async def test_simulated_gas_and_logs_are_those_of_the_mined_transaction(prepared, reader, anvil_rpc):
    head = (await reader.head()).value
    simulated = await NodeSimulator(anvil_rpc).simulate(
        transaction(LOGGER, access_list=()), SENDER, head.ref, environment(head)
    )
    tx = await mined_log(prepared)
    receipt = (await reader.receipt(tx)).value
    assert simulated.value.gas_used == receipt.gas_used
    assert [(log.address, log.topics, log.data) for log in simulated.value.logs] == [
        (log.address, log.topics, log.data) for log in receipt.logs
    ]
    assert len(receipt.logs) == 1


async def test_a_simulation_sees_the_block_it_is_told(prepared, reader, anvil_rpc):
    reports_block = "43600052426020524860405241606052456080524460a05260a06000a000"
    await prepared.rpc("anvil_setCode", [text(EMPTY), "0x" + reports_block])
    await prepared.rpc("evm_mine")
    head = (await reader.head()).value
    told = environment(head, timestamp=head.timestamp + 999, base_fee=12345, gas_limit=12_345_678)
    simulated = await NodeSimulator(anvil_rpc).simulate(transaction(EMPTY), SENDER, head.ref, told)
    [log] = simulated.value.logs
    words = [int.from_bytes(log.data[start : start + 32], "big") for start in range(0, 160, 32)]
    assert words == [
        told.number,
        told.timestamp,
        told.base_fee,
        int.from_bytes(COINBASE, "big"),
        told.gas_limit,
    ]


async def test_a_simulated_revert_says_why(reader, anvil_rpc):
    head = (await reader.head()).value
    simulator = NodeSimulator(anvil_rpc)
    answer = await simulator.simulate(transaction(REVERTER), SENDER, head.ref, environment(head))
    assert isinstance(answer, Reverted)
    assert answer.reason == "no"


async def test_a_transaction_the_node_refuses_was_not_run_and_is_unknown(reader, anvil_rpc):
    head = (await reader.head()).value
    answer = await NodeSimulator(anvil_rpc).simulate(
        transaction(LOGGER, value=10**30), SENDER, head.ref, environment(head)
    )
    assert isinstance(answer, Unknown)
    assert "nsufficient" in answer.cause


async def test_a_parent_that_left_the_chain_is_unknown(prepared, reader, anvil_rpc):
    head = (await reader.head()).value
    await prepared.rpc("anvil_rollback", [1])
    answer = await NodeSimulator(anvil_rpc).simulate(transaction(LOGGER), SENDER, head.ref, environment(head))
    assert isinstance(answer, Unknown)


async def test_only_the_next_block_can_be_simulated(reader, anvil_rpc):
    head = (await reader.head()).value
    elsewhere = environment(head, number=head.number + 2)
    with pytest.raises(ValueError, match="only the next"):
        await NodeSimulator(anvil_rpc).simulate(transaction(LOGGER), SENDER, head.ref, elsewhere)


async def test_every_state_read_names_the_hash_and_asks_for_a_canonical_block(node):
    asked = {}
    for method in ("eth_call", "eth_getBalance", "eth_getTransactionCount", "eth_getCode", "eth_simulateV1"):
        node.handlers[method] = lambda *params, method=method: asked.setdefault(method, params[-1]) and "0x"
    rpc = await open_rpc(await node.start_ipc(), SystemClock())
    at = BlockRef(1, b"\x01" * 32)
    told = BlockEnvironment(number=2, timestamp=24, base_fee=7, gas_limit=30_000_000, coinbase=COINBASE)
    reader = RpcChainReader(rpc)
    await reader.call(LOGGER, b"", at)
    await reader.balance(LOGGER, at)
    await reader.transaction_count(LOGGER, at)
    await reader.code(LOGGER, at)
    await NodeSimulator(rpc).simulate(transaction(LOGGER), SENDER, at, told)
    await rpc.close()
    assert len(asked) == 5
    assert all(block == {"blockHash": "0x" + "01" * 32, "requireCanonical": True} for block in asked.values())


@pytest.mark.parametrize(
    "change",
    [
        {"baseFeePerGas": "0x8"},
        {"number": "0x9"},
        {"timestamp": "0x0"},
        {"miner": "0x" + "00" * 20},
        {"gasLimit": "0x1"},
        {"calls": []},
        {"calls": None},
        {"calls": [{"status": "0x2"}]},
        {"calls": [{"status": "0x1", "gasUsed": "0x1"}]},
        {"calls": [{"status": "0x1", "gasUsed": "many", "logs": []}]},
        {"calls": [{}]},
    ],
)
async def test_a_simulation_of_another_block_or_shape_is_unknown(node, change):
    on = BlockRef(1, b"\x01" * 32)
    told = BlockEnvironment(number=2, timestamp=24, base_fee=7, gas_limit=30_000_000, coinbase=COINBASE)
    good = {
        "number": "0x2",
        "timestamp": "0x18",
        "baseFeePerGas": "0x7",
        "gasLimit": hex(30_000_000),
        "miner": text(COINBASE),
        "calls": [{"status": "0x1", "gasUsed": "0x5208", "logs": []}],
    }
    answers = iter([[good], [good | change], [], {}, None])
    node.handlers["eth_simulateV1"] = lambda *_: next(answers)
    rpc = await open_rpc(await node.start_ipc(), SystemClock())
    simulator = NodeSimulator(rpc)
    simulated = [await simulator.simulate(transaction(LOGGER), SENDER, on, told) for _ in range(5)]
    await rpc.close()
    assert isinstance(simulated[0], Ok)
    assert all(isinstance(answer, Unknown) for answer in simulated[1:])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "reverted without a reason"),
        ("08c379a0" + f"{32:064x}{4:064x}" + b"K\xc3\xa9!".hex().ljust(64, "0"), "Ké!"),
        ("4e487b71" + f"{0x11:064x}", "panic 0x11: arithmetic overflow or underflow"),
        ("4e487b71" + f"{0x99:064x}", "panic 0x99: no known meaning"),
        ("deadbeef" + "01" * 32, f"custom error 0xdeadbeef(32 bytes: 0x{'01' * 32})"),
        ("08c379a0", "reverted with undecodable data 0x08c379a0"),
        ("08c379a0" + "ff" * 64, "reverted with undecodable data 0x08c379a0" + "ff" * 64),
        ("0102", "reverted with 0x0102"),
    ],
)
def test_revert_reasons(data, reason):
    assert revert_reason(bytes.fromhex(data)) == reason
