"""Access lists as a node makes them, on anvil and from nodes that answer otherwise."""

import msgspec
import pytest

from bot.chain.access_lists import created_access_list, listing_that_pays
from bot.chain.reader import RpcChainReader
from bot.chain.rpc import open_rpc
from bot.clock import SystemClock
from bot.core.identity import BlockRef
from bot.core.result import Ok, Reverted, Unknown
from bot.core.transaction import TransactionFields
from bot.costs.gas_schedule import GLAMSTERDAM, OSAKA
from bot.protocols.executor import EXECUTE_SELECTOR
from tests.chain.fake_node import NodeFault

SENDER, CALLER, READ, BUILDER = (bytes([value]) * 20 for value in (0x33, 0x44, 0x55, 0xCC))
READS_THREE_SLOTS = "600054506001545060025450" + "00"
CALLS_IT = "60006000600060006000" + "73" + READ.hex() + "5af1" + "00"
ON = BlockRef(6, b"\x01" * 32)
TX = TransactionFields(31337, 0, 1, 10**9, 300_000, CALLER, 0, b"")


def text(address):
    return "0x" + address.hex()


async def test_on_anvil_the_list_saves_just_what_is_said(anvil):
    await anvil.rpc("anvil_setCode", [text(CALLER), "0x" + CALLS_IT])
    await anvil.rpc("anvil_setCode", [text(READ), "0x" + READS_THREE_SLOTS])
    await anvil.rpc("anvil_setBalance", [text(SENDER), hex(10**20)])
    await anvil.rpc("anvil_impersonateAccount", [text(SENDER)])
    await anvil.rpc("evm_mine")
    rpc = await open_rpc(anvil.url, SystemClock())
    on = (await RpcChainReader(rpc).head()).value.ref
    found = (await listing_that_pays(rpc, TX, SENDER, on, BUILDER, OSAKA)).value
    await rpc.close()
    assert found.entries == ((READ, tuple(number.to_bytes(32, "big") for number in range(3))),)
    assert found.saving == 400
    used = []
    for entries in ((), found.entries):
        listed = [
            {"address": text(address), "storageKeys": ["0x" + slot.hex() for slot in slots]}
            for address, slots in entries
        ]
        call = {"from": text(SENDER), "to": text(CALLER), "gas": hex(300_000), "accessList": listed}
        tx = await anvil.rpc("eth_sendTransaction", [call])
        await anvil.rpc("evm_mine")
        used.append(int((await anvil.rpc("eth_getTransactionReceipt", [tx]))["gasUsed"], 16))
    assert used[0] - used[1] == found.saving


async def ask(node, answer, transaction=TX, schedule=OSAKA):
    def handler(*params):
        handler.params = params
        if isinstance(answer, Exception):
            raise answer
        return answer

    node.handlers["eth_createAccessList"] = handler
    rpc = await open_rpc(await node.start_ipc(), SystemClock())
    try:
        return await listing_that_pays(rpc, transaction, SENDER, ON, BUILDER, schedule), handler
    finally:
        await rpc.close()


def entry(address, *slots):
    return {
        "address": text(address),
        "storageKeys": ["0x" + bytes([slot]).rjust(32, b"\0").hex() for slot in slots],
    }


async def test_warm_accounts_are_left_out(node):
    listed = [entry(SENDER, 1), entry(CALLER, 1), entry(BUILDER), entry(READ, 9)]
    found, _ = await ask(node, {"accessList": listed, "gasUsed": "0x5208"})
    assert found.value.entries == ((READ, (bytes(31) + b"\x09",)),)
    assert found.value.saving == 200


async def test_where_no_list_can_pay_nobody_is_asked(node):
    found, _ = await ask(node, {"accessList": [entry(READ, 9)]}, schedule=GLAMSTERDAM)
    assert (found.value.entries, found.value.saving) == ((), 0)
    assert not node.requests


async def test_the_window_of_an_execute_is_opened_for_the_block_it_runs_in(node):
    data = EXECUTE_SELECTOR + b"".join(value.to_bytes(32, "big") for value in (192, 1, 2, 3, 7, 8, 0))
    _, handler = await ask(node, {"accessList": []}, msgspec.structs.replace(TX, data=data))
    fields, where = handler.params
    words = bytes.fromhex(fields["input"][2:])[4:]
    assert [int.from_bytes(words[at : at + 32], "big") for at in range(0, 7 * 32, 32)] == [
        192,
        1,
        2,
        3,
        6,
        8,
        0,
    ]
    assert where == {"blockHash": "0x" + "01" * 32, "requireCanonical": True}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"accessList": [], "error": "execution reverted"}, Reverted),
        (NodeFault(3, "execution reverted: K"), Reverted),
        (NodeFault(-32601, "the method does not exist"), Unknown),
        (NodeFault(-32005, "rate"), Unknown),
        ({"gasUsed": "0x1"}, Unknown),
        ({"accessList": [{"address": "0x12", "storageKeys": []}]}, Unknown),
        ({"accessList": [{"address": text(READ)}]}, Unknown),
        ({"accessList": [{"address": text(READ), "storageKeys": ["0x01"]}]}, Unknown),
        ({"accessList": ["?"]}, Unknown),
        ("0x", Unknown),
        (None, Unknown),
    ],
)
async def test_any_other_answer_is_no_list(node, answer, kind):
    found, _ = await ask(node, answer)
    assert isinstance(found, kind)


async def test_nothing_touched_is_an_empty_list(node):
    node.handlers["eth_createAccessList"] = lambda *_: {"accessList": []}
    rpc = await open_rpc(await node.start_ipc(), SystemClock())
    assert await created_access_list(rpc, TX, SENDER, ON) == Ok(())
    await rpc.close()
