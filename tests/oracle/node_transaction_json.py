"""The JSON that a node gives of a pending transaction (execution-apis, `eth_getTransactionByHash`), from its raw bytes."""

from typing import Any

import rlp
from eth_utils import keccak

from oracle.transaction_decoder import decode_transaction

_NAMES = {
    0: ("nonce", "gasPrice", "gas", "to", "value", "input", "v", "r", "s"),
    1: ("chainId", "nonce", "gasPrice", "gas", "to", "value", "input", "accessList", "yParity", "r", "s"),
    2: ("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas", "to", "value", "input", "accessList",
        "yParity", "r", "s"),
    3: ("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas", "to", "value", "input", "accessList",
        "maxFeePerBlobGas", "blobVersionedHashes", "yParity", "r", "s"),
    4: ("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas", "to", "value", "input", "accessList",
        "authorizationList", "yParity", "r", "s"),
}  # fmt: skip


def node_json(raw: bytes, sender: bytes | None = None, *, pads_signature: bool = False) -> dict[str, Any]:
    """`sender` is recovered where none is given. `pads_signature`: r and s as 32 bytes, as some nodes write them."""
    kind = 0 if raw[0] >= 0xC0 else raw[0]
    items = rlp.decode(raw if kind == 0 else raw[1:])
    body = {name: _value(name, item) for name, item in zip(_NAMES[kind], items, strict=True)}
    if pads_signature:
        body |= {name: "0x" + body[name][2:].zfill(64) for name in ("r", "s")}
    if kind:
        body["v"] = body["yParity"]
    if kind >= 2:
        body["gasPrice"] = body["maxFeePerGas"]
    sender = decode_transaction(raw).sender if sender is None else sender
    return body | {
        "blockHash": None,
        "blockNumber": None,
        "transactionIndex": None,
        "hash": "0x" + keccak(raw).hex(),
        "type": hex(kind),
        "from": "0x" + sender.hex(),
    }


def _value(name: str, item: Any) -> Any:
    if name == "to":
        return "0x" + item.hex() if item else None
    if name == "input":
        return "0x" + item.hex()
    if name == "accessList":
        return [
            {"address": "0x" + address.hex(), "storageKeys": ["0x" + slot.hex() for slot in slots]}
            for address, slots in item
        ]
    if name == "blobVersionedHashes":
        return ["0x" + one.hex() for one in item]
    if name == "authorizationList":
        return [
            {"chainId": _quantity(one[0]), "address": "0x" + one[1].hex()}
            | {
                field: _quantity(value)
                for field, value in zip(("nonce", "yParity", "r", "s"), one[2:], strict=True)
            }
            for one in item
        ]
    return _quantity(item)


def _quantity(item: bytes) -> str:
    return hex(int.from_bytes(item, "big"))
