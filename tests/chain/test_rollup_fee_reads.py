"""L1 attributes and Arbitrum's estimate as a node gives them; whatever is missing makes the whole unknown."""

import pytest
from eth_abi import encode

from bot.chain.rollup_fee_reads import L1_BLOCK, NODE_INTERFACE, read_rollup_fee
from bot.chain.rpc import open_rpc
from bot.clock import SystemClock
from bot.core.identity import BlockRef, keccak
from bot.core.result import Ok, Unknown
from bot.costs.rollup_fee import ArbitrumFee, OpStackFee
from tests.chain.fake_node import NodeFault

AT = BlockRef(124_665_056, b"\x07" * 32)
WHERE = {"blockHash": "0x" + "07" * 32, "requireCanonical": True}
TO, DATA = b"\x44" * 20, bytes(range(70))
FEE = OpStackFee("op-jovian", 1_055_991_687, 3, 5_227, 1_014_213, 0xCAFE, 0xBEEF0001)


def storage(fee):
    """Packed as op-geth unpacks it; what lies beside the scalars is somebody else's."""
    scalars = fee.base_fee_scalar.to_bytes(4, "big") + fee.blob_base_fee_scalar.to_bytes(4, "big")
    operator = fee.operator_scalar.to_bytes(4, "big") + fee.operator_constant.to_bytes(8, "big")
    return {
        1: fee.base_fee.to_bytes(32, "big"),
        3: b"\xee" * 16 + scalars + b"\xee" * 8,
        7: fee.blob_base_fee.to_bytes(32, "big"),
        8: b"\xee" * 20 + operator,
    }


def serve(node, slots):
    def get(address, slot, block):
        assert (address, block) == ("0x" + L1_BLOCK.hex(), WHERE)
        return "0x" + slots[int(slot, 16)].hex()

    node.handlers["eth_getStorageAt"] = get


@pytest.fixture
async def op_rpc(node):
    made = await open_rpc(await node.start_ipc(), SystemClock())
    yield made
    await made.close()


async def read(rpc, kind="op-jovian"):
    return await read_rollup_fee(rpc, kind, AT, TO, DATA)


async def test_four_slots_of_one_block_in_any_order(node, op_rpc):
    serve(node, storage(FEE))
    assert await read(op_rpc) == Ok(FEE)
    node.reverses_batches = True
    assert await read(op_rpc) == Ok(FEE)
    assert node.requests["eth_getStorageAt"] == 8


async def test_layer_1_asks_nothing(node, op_rpc):
    assert await read(op_rpc, "layer-1") == Ok(None)
    assert not node.requests


@pytest.mark.parametrize("slot", [1, 3, 7, 8])
@pytest.mark.parametrize("fault", ["refused", "empty", "too long", "no data"])
async def test_one_slot_that_cannot_be_read_makes_the_fee_unknown(node, op_rpc, slot, fault):
    slots = storage(FEE)
    serve(node, slots)
    whole = node.handlers["eth_getStorageAt"]

    def get(address, asked, block):
        if int(asked, 16) != slot:
            return whole(address, asked, block)
        if fault == "refused":
            raise NodeFault(-32000, "missing trie node")
        return {"empty": "0x", "too long": "0x" + "00" * 33, "no data": None}[fault]

    node.handlers["eth_getStorageAt"] = get
    found = await read(op_rpc)
    assert isinstance(found, Unknown)
    assert f"slot {slot}" in found.cause


async def test_a_chain_without_l1_attributes_is_not_a_free_one(node, op_rpc):
    serve(node, dict.fromkeys((1, 3, 7, 8), bytes(32)))
    found = await read(op_rpc, "op-ecotone")
    assert isinstance(found, Unknown)
    assert "op-ecotone" in found.cause


async def test_arbitrum_is_asked_for_the_very_call(node, op_rpc):
    signature = b"gasEstimateL1Component(address,bool,bytes)"
    asked = keccak(signature)[:4] + encode(["address", "bool", "bytes"], [TO, False, DATA])

    def call(fields, block):
        assert fields == {"to": "0x" + NODE_INTERFACE.hex(), "input": "0x" + asked.hex()}
        assert block == WHERE
        return "0x" + encode(["uint64", "uint256", "uint256"], [12_345, 20_000_000, 10**9]).hex()

    node.handlers["eth_call"] = call
    assert await read(op_rpc, "arbitrum") == Ok(ArbitrumFee(12_345))


@pytest.mark.parametrize("answer", ["0x", "0x" + "00" * 32, None])
async def test_an_estimate_of_another_shape_is_unknown(node, op_rpc, answer):
    node.handlers["eth_call"] = lambda *_: answer
    assert isinstance(await read(op_rpc, "arbitrum"), Unknown)
