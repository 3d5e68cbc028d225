"""Ours right behind somebody else's transaction of each type, on a real anvil; and what a node may answer instead."""

import pytest
from eth_account import Account
from msgspec.structs import replace

from bot.chain.reader import RpcChainReader
from bot.chain.rpc import open_rpc
from bot.chain.simulation import NodeSimulator
from bot.clock import SystemClock
from bot.core.decisions import BlockEnvironment
from bot.core.identity import BlockRef, keccak
from bot.core.pending import Authorization, Behind, PendingTransaction, StorageOverride
from bot.core.result import Ok, Reverted, Unknown
from bot.core.transaction import TransactionFields

THEIRS = Account.from_key(keccak(b"somebody else"))
SENDER, OURS = bytes.fromhex(THEIRS.address[2:]), b"\x33" * 20
COUNTER, REVERTER = b"\x11" * 20, b"\x12" * 20
COUNTS_AND_TELLS = "6000546001018060005560005260ff60206000a100"
"""Adds one to slot 0 and logs it."""
TYPES = [0, 1, 2, 4]


def pending(kind=2, **changes):
    fields = {
        "raw": b"raw",
        "hash": keccak(b"raw"),
        "type": kind,
        "sender": SENDER,
        "nonce": 0,
        "to": COUNTER,
        "value": 0,
        "data": b"",
        "gas_limit": 200_000,
        "max_fee_per_gas": 10**9,
        "max_priority_fee_per_gas": 10**9 if kind < 2 else 1,
    }
    return PendingTransaction(**(fields | changes))


def ours(**changes):
    fields = {
        "chain_id": 31337,
        "nonce": 0,
        "max_priority_fee_per_gas": 0,
        "max_fee_per_gas": 10**9,
        "gas_limit": 100_000,
        "to": COUNTER,
        "value": 0,
        "data": b"",
    }
    return TransactionFields(**(fields | changes))


def behind(theirs, **changes):
    return Behind("node", theirs.hash, theirs, **changes)


def counted(call):
    return [int.from_bytes(log.data, "big") for log in call.logs]


class OnAnvil:
    def __init__(self, rpc, head):
        self.simulator = NodeSimulator(rpc)
        self.at = head.ref
        self.told = BlockEnvironment(head.number + 1, head.timestamp + 12, 7, 30_000_000, b"\xcc" * 20)

    async def behind(self, followed, transaction=None):
        return await self.simulator.simulate(transaction or ours(), OURS, self.at, self.told, followed)

    async def pending(self, theirs):
        return await self.simulator.run_pending(theirs, self.at, self.told)


@pytest.fixture
async def stage(anvil):
    for account, code in ((COUNTER, COUNTS_AND_TELLS), (REVERTER, "60006000fd")):
        await anvil.rpc("anvil_setCode", ["0x" + account.hex(), "0x" + code])
    for account in (SENDER, OURS):
        await anvil.rpc("anvil_setBalance", ["0x" + account.hex(), hex(10**20)])
    await anvil.rpc("evm_mine")
    rpc = await open_rpc(anvil.url, SystemClock(), 10 * 10**9)
    yield OnAnvil(rpc, (await RpcChainReader(rpc).head()).value)
    await rpc.close()


def delegated_to(target):
    signed = THEIRS.sign_authorization({"chainId": 31337, "address": "0x" + target.hex(), "nonce": 1})
    return Authorization(31337, target, 1, signed.y_parity, signed.r, signed.s)


def of_type(kind):
    if kind == 4:  # its own account becomes a counter, and is called
        return pending(4, to=SENDER, authorizations=(delegated_to(COUNTER),))
    return pending(kind, access_list=((COUNTER, (bytes(32),)),) if kind else ())


async def test_ours_sees_what_theirs_of_each_type_left_and_is_told_alone(stage):
    alone = await stage.behind(None)
    for kind in TYPES:
        theirs = of_type(kind)
        ran = await stage.pending(theirs)
        assert counted(ran.value) == [1], (kind, ran)
        call = ours(to=theirs.to)
        answer = await stage.behind(behind(theirs), call)
        assert counted(answer.value) == [2], kind
        assert answer.value.gas_used < alone.value.gas_used + 5_000
    assert counted(alone.value) == [1]


async def test_what_goes_before_and_fails_leaves_nothing_known_of_ours(stage):
    theirs = pending(to=REVERTER)
    assert isinstance(await stage.pending(theirs), Reverted)
    answer = await stage.behind(behind(theirs))
    assert isinstance(answer, Unknown)
    assert answer.cause.startswith("what goes before it fails: ")


async def test_ours_that_reverts_behind_theirs_is_reverted(stage):
    answer = await stage.behind(behind(pending()), ours(to=REVERTER))
    assert isinstance(answer, Reverted)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"nonce": 3}, "another of its sender comes first: nonce 3, its sender is at 0"),
        ({"max_fee_per_gas": 6, "max_priority_fee_per_gas": 1}, "pays 6 per gas, the base fee is 7"),
        ({"type": 3}, "blobs"),
        ({"value": 10**30}, "nsufficient"),
        ({"gas_limit": 20_000}, "eth_simulateV1"),
    ],
)
async def test_what_could_not_be_in_the_next_block_is_unknown(stage, change, words):
    theirs = replace(pending(), **change)
    for answer in (await stage.pending(theirs), await stage.behind(behind(theirs))):
        assert isinstance(answer, Unknown), answer
        assert words in answer.cause


async def test_behind_a_hidden_one_ours_runs_on_the_storage_that_stands_in(stage):
    words = (StorageOverride(COUNTER, bytes(32), (41).to_bytes(32, "big")),)
    hidden = Behind("hints", b"\x01" * 32, None, words)
    assert counted((await stage.behind(hidden)).value) == [42]
    assert counted((await stage.behind(None)).value) == [1]
    nothing = await stage.behind(Behind("hints", b"\x01" * 32, None))
    assert isinstance(nothing, Unknown)


async def test_a_creation_that_this_node_cannot_run_is_unknown(stage):
    """Anvil 1.7.1 wants a recipient."""
    creation = pending(to=None, data=bytes.fromhex("600160005500"))
    assert isinstance(await stage.behind(behind(creation)), Unknown)


BLOCK = {
    "number": "0x2",
    "timestamp": "0x18",
    "baseFeePerGas": "0x7",
    "gasLimit": hex(30_000_000),
    "miner": "0x" + "cc" * 20,
}
FINE = {"status": "0x1", "gasUsed": "0x5208", "logs": []}


@pytest.mark.parametrize(
    ("count", "calls", "words"),
    [
        ("0x0", [FINE, FINE], None),
        ("0x0", [FINE], "exactly 2 calls"),
        ("0x0", [FINE, FINE, FINE], "exactly 2 calls"),
        ("0x0", [FINE, None], "exactly 2 calls"),
        ("0x0", [{"status": "0x2"}, FINE], "status is 2"),
        ("0x0", [{"status": "0x0", "returnData": "0x"}, FINE], "what goes before it fails"),
        ("0x1", [FINE, FINE], "its sender is at 1"),
        ("many", [FINE, FINE], "the nonce of what goes before it"),
    ],
)
async def test_the_two_of_one_block_or_nothing(node, count, calls, words):
    asked = []
    node.handlers["eth_getTransactionCount"] = lambda *_: count
    node.handlers["eth_simulateV1"] = lambda payload, at: (
        asked.append((payload, at)) or [BLOCK | {"calls": calls}]
    )
    rpc = await open_rpc(await node.start_ipc(), SystemClock())
    told = BlockEnvironment(2, 24, 7, 30_000_000, b"\xcc" * 20)
    on = BlockRef(1, b"\x01" * 32)
    answer = await NodeSimulator(rpc).simulate(ours(), OURS, on, told, behind(pending()))
    await rpc.close()
    if words is None:
        assert isinstance(answer, Ok)
    else:
        assert isinstance(answer, Unknown)
        assert words in answer.cause
    [(payload, at)] = asked
    [block] = payload["blockStateCalls"]
    assert [call["from"] for call in block["calls"]] == ["0x" + SENDER.hex(), "0x" + OURS.hex()]
    assert at == {"blockHash": "0x" + "01" * 32, "requireCanonical": True}


async def test_each_type_is_sent_with_the_fields_it_has(node):
    asked = []
    node.handlers["eth_getTransactionCount"] = lambda *_: "0x0"
    node.handlers["eth_simulateV1"] = lambda payload, _: asked.append(payload) or [BLOCK | {"calls": [FINE]}]
    rpc = await open_rpc(await node.start_ipc(), SystemClock())
    told = BlockEnvironment(2, 24, 7, 30_000_000, b"\xcc" * 20)
    for kind in TYPES:
        await NodeSimulator(rpc).run_pending(of_type(kind), BlockRef(1, b"\x01" * 32), told)
    await rpc.close()
    sent = [payload["blockStateCalls"][0]["calls"][0] for payload in asked]
    assert [call["type"] for call in sent] == ["0x0", "0x1", "0x2", "0x4"]
    assert ["gasPrice" in call for call in sent] == [True, True, False, False]
    assert ["maxFeePerGas" in call for call in sent] == [False, False, True, True]
    assert ["accessList" in call for call in sent] == [False, True, True, True]
    assert ["authorizationList" in call for call in sent] == [False, False, False, True]
