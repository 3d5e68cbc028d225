"""What a rollup's data fee depends on, read at one block: OP-stack's L1 attributes, Arbitrum's own estimate."""

from typing import Final

from bot.chain.reader import block_id
from bot.core.ethereum_json import MalformedAnswer, decode_data, decoded
from bot.core.identity import Address, BlockRef, address_from_hex, hex_bytes, hex_quantity, keccak
from bot.core.ports import JsonRpc
from bot.core.profile import FeeKind
from bot.core.result import Ok, Unknown, in_words
from bot.core.units import Gas, WeiPerGas
from bot.costs.rollup_fee import ArbitrumFee, OpStackFee, RollupFee

L1_BLOCK: Final = address_from_hex("0x4200000000000000000000000000000000000015")
"""OP-stack predeploy; its storage as op-geth reads it (core/types/rollup_cost.go, specs: isthmus/exec-engine.md)."""
_BASE_FEE_SLOT, _SCALARS_SLOT, _BLOB_BASE_FEE_SLOT, _OPERATOR_SLOT = 1, 3, 7, 8
NODE_INTERFACE: Final = address_from_hex("0x00000000000000000000000000000000000000C8")
"""Arbitrum: exists for eth_call alone (nitro-contracts, NodeInterface.sol)."""
_ESTIMATE_L1: Final = keccak(b"gasEstimateL1Component(address,bool,bytes)")[:4]
_WORD: Final = 32


async def read_rollup_fee(
    rpc: JsonRpc, kind: FeeKind, at: BlockRef, to: Address, data: bytes
) -> Ok[RollupFee | None] | Unknown:
    """The fee of a chain at a block; None on layer 1. What could not be read whole is Unknown, never a zero.

    Arbitrum answers for a call of `to` with `data`; on an OP-stack chain they do not matter.
    """
    if kind == "layer-1":
        return Ok(None)
    if kind == "arbitrum":
        return await _arbitrum(rpc, at, to, data)
    return await _op_stack(rpc, kind, at)


async def _op_stack(rpc: JsonRpc, kind: FeeKind, at: BlockRef) -> Ok[RollupFee | None] | Unknown:
    """All four slots in one batch, of one block by its hash."""
    slots = (_BASE_FEE_SLOT, _SCALARS_SLOT, _BLOB_BASE_FEE_SLOT, _OPERATOR_SLOT)
    answers = await rpc.batch(
        [("eth_getStorageAt", (hex_bytes(L1_BLOCK), hex_quantity(slot), block_id(at.hash))) for slot in slots]
    )
    words: list[bytes] = []
    for slot, answer in zip(slots, answers, strict=True):
        word = decoded(answer, _word, "storage")
        if not isinstance(word, Ok):
            return Unknown(f"L1Block's slot {slot}: {in_words(word)}")
        words.append(word.value)
    base_fee, scalars, blob_base_fee, operator = words
    fee = OpStackFee(
        fork=kind,
        base_fee=WeiPerGas(int.from_bytes(base_fee, "big")),
        blob_base_fee=WeiPerGas(int.from_bytes(blob_base_fee, "big")),
        base_fee_scalar=int.from_bytes(scalars[16:20], "big"),
        blob_base_fee_scalar=int.from_bytes(scalars[20:24], "big"),
        operator_scalar=int.from_bytes(operator[20:24], "big"),
        operator_constant=int.from_bytes(operator[24:], "big"),
    )
    if fee.base_fee == 0 or (fee.blob_base_fee, fee.base_fee_scalar, fee.blob_base_fee_scalar) == (0, 0, 0):
        return Unknown(f"L1Block at block {at.number} holds no L1 attributes: is the profile's {kind} right?")
    return Ok(fee)


async def _arbitrum(rpc: JsonRpc, at: BlockRef, to: Address, data: bytes) -> Ok[RollupFee | None] | Unknown:
    call = {"to": hex_bytes(NODE_INTERFACE), "input": hex_bytes(_estimate_call(to, data))}
    answer = decoded(
        await rpc.request("eth_call", [call, block_id(at.hash)]), _gas_for_l1, "gasEstimateL1Component"
    )
    if not isinstance(answer, Ok):
        return Unknown(f"gasEstimateL1Component: {in_words(answer)}")
    return Ok(ArbitrumFee(answer.value))


def _estimate_call(to: Address, data: bytes) -> bytes:
    words = (bytes(12) + to, bytes(_WORD), _number(3 * _WORD), _number(len(data)))
    return _ESTIMATE_L1 + b"".join(words) + data + bytes(-len(data) % _WORD)


def _gas_for_l1(value: object) -> Gas:
    """The first of three words: gasEstimateForL1, baseFee, l1BaseFeeEstimate."""
    return Gas(int.from_bytes(decode_data(value, 3 * _WORD)[:_WORD], "big"))


def _word(value: object) -> bytes:
    """A node may leave out leading zeros of a slot; nothing at all is not a zero."""
    raw = decode_data(value)
    if not 1 <= len(raw) <= _WORD:
        raise MalformedAnswer(f"{len(raw)} bytes, expected {_WORD}")
    return raw.rjust(_WORD, b"\x00")


def _number(value: int) -> bytes:
    return value.to_bytes(_WORD, "big")
