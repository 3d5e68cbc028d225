"""A raw transaction as a node reads it: its fields, its sender, and the checks that need no state.

Types 0, 1 and 2 are understood; blob and set-code transactions are refused, as nothing in the market sends them.
"""

from __future__ import annotations

from typing import Any

import msgspec
import rlp
from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes

from bot.core.identity import Address, TxHash, hex_bytes, hex_quantity, keccak, to_checksum
from bot.core.transaction import AccessList
from bot.core.units import Gas, Wei, WeiPerGas
from bot.world.json_rpc import RpcError, invalid_params, refused

LARGEST_TRANSACTION = 128 * 1024
"""Bytes; geth's txMaxSize."""
_HALF_CURVE_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_LEGACY_FIELDS = 9
_FIRST_EIP155_V = 35


class RawTransaction(msgspec.Struct, frozen=True):
    """One signed transaction. A legacy gas price counts as both caps."""

    raw: bytes
    hash: TxHash
    type: int
    chain_id: int | None
    """None: signed before EIP-155, valid on any chain."""
    sender: Address
    nonce: int
    max_fee_per_gas: WeiPerGas
    max_priority_fee_per_gas: WeiPerGas
    gas_limit: Gas
    to: Address | None
    """None creates a contract."""
    value: Wei
    data: bytes
    access_list: AccessList
    v: int
    r: int
    s: int

    @property
    def upfront_cost(self) -> Wei:
        """What the sender must hold before it runs."""
        return Wei(self.gas_limit * self.max_fee_per_gas + self.value)

    def effective_tip(self, base_fee: WeiPerGas) -> WeiPerGas:
        """What the builder gets for each gas; negative where the fee cap is under the base fee."""
        return WeiPerGas(min(self.max_priority_fee_per_gas, self.max_fee_per_gas - base_fee))

    def call_object(self) -> dict[str, Any]:
        """The transaction as eth_simulateV1 takes a call: every field, no signature."""
        call: dict[str, Any] = {
            "from": to_checksum(self.sender),
            "nonce": hex_quantity(self.nonce),
            "gas": hex_quantity(self.gas_limit),
            "maxFeePerGas": hex_quantity(self.max_fee_per_gas),
            "maxPriorityFeePerGas": hex_quantity(self.max_priority_fee_per_gas),
            "value": hex_quantity(self.value),
            "input": hex_bytes(self.data),
        }
        if self.to is not None:
            call["to"] = to_checksum(self.to)
        if self.access_list:
            call["accessList"] = self._access_list_json()
        return call

    def pending_json(self) -> dict[str, Any]:
        """The body eth_getTransactionByHash gives while it is in no block."""
        body: dict[str, Any] = {
            "blockHash": None,
            "blockNumber": None,
            "transactionIndex": None,
            "hash": hex_bytes(self.hash),
            "type": hex_quantity(self.type),
            "from": to_checksum(self.sender).lower(),
            "to": None if self.to is None else hex_bytes(self.to),
            "nonce": hex_quantity(self.nonce),
            "gas": hex_quantity(self.gas_limit),
            "gasPrice": hex_quantity(self.max_fee_per_gas),
            "value": hex_quantity(self.value),
            "input": hex_bytes(self.data),
            "v": hex_quantity(self.v),
            "r": hex_quantity(self.r),
            "s": hex_quantity(self.s),
        }
        if self.chain_id is not None:
            body["chainId"] = hex_quantity(self.chain_id)
        if self.type >= 1:
            body |= {"accessList": self._access_list_json(), "yParity": hex_quantity(self.v)}
        if self.type >= 2:
            body["maxFeePerGas"] = hex_quantity(self.max_fee_per_gas)
            body["maxPriorityFeePerGas"] = hex_quantity(self.max_priority_fee_per_gas)
        return body

    def _access_list_json(self) -> list[dict[str, Any]]:
        return [
            {"address": hex_bytes(address), "storageKeys": [hex_bytes(slot) for slot in slots]}
            for address, slots in self.access_list
        ]


def decode_hex(text: Any) -> bytes:
    """The bytes of a `0x…` JSON string. Raises RpcError."""
    if not isinstance(text, str) or not text.startswith("0x"):
        raise invalid_params(f"expected a 0x-prefixed hex string, got {str(text)[:40]!r}")
    try:
        return bytes.fromhex(text[2:])
    except ValueError as error:
        raise invalid_params(f"not hex: {text[:40]!r}") from error


def decode_raw(raw: bytes) -> RawTransaction:
    """Decode and recover the sender. Raises RpcError where it cannot be a transaction of ours."""
    if len(raw) > LARGEST_TRANSACTION:
        raise refused(f"oversized data: transaction size {len(raw)}, limit {LARGEST_TRANSACTION}")
    if not raw:
        raise invalid_params("empty transaction")
    if raw[0] in {1, 2}:
        fields = _typed_fields(raw)
    elif raw[0] >= 0xC0:
        fields = _legacy_fields(raw)
    else:
        raise refused(f"transaction type not supported: {raw[0]}")
    if fields["s"] > _HALF_CURVE_ORDER:
        raise refused("invalid sender: signature is malleable (s in the upper half)")
    return RawTransaction(raw=raw, hash=TxHash(keccak(raw)), sender=_recover_sender(raw), **fields)


def _recover_sender(raw: bytes) -> Address:
    try:
        return Address(bytes.fromhex(str(Account.recover_transaction(raw))[2:]))
    except Exception as error:  # the library's decoders raise many kinds for bytes that are no signature
        raise refused(f"invalid sender: {error}") from error


def _typed_fields(raw: bytes) -> dict[str, Any]:
    try:
        decoded = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    except Exception as error:  # the library's decoders raise many kinds for malformed bytes
        raise _malformed(error) from error
    cap = decoded.get("maxFeePerGas", decoded.get("gasPrice", 0))
    to = bytes(decoded["to"])
    return {
        "type": raw[0],
        "chain_id": decoded["chainId"],
        "nonce": decoded["nonce"],
        "max_fee_per_gas": cap,
        "max_priority_fee_per_gas": decoded.get("maxPriorityFeePerGas", cap),
        "gas_limit": decoded["gas"],
        "to": Address(to) if to else None,
        "value": decoded["value"],
        "data": bytes(decoded["data"]),
        "access_list": tuple(
            (Address(bytes(entry["address"])), tuple(_slot(key) for key in entry["storageKeys"]))
            for entry in decoded["accessList"]
        ),
        "v": decoded["v"],
        "r": decoded["r"],
        "s": decoded["s"],
    }


def _slot(key: int | bytes) -> bytes:
    """The library hands storage keys back as integers."""
    return key.to_bytes(32, "big") if isinstance(key, int) else bytes(key)


def _legacy_fields(raw: bytes) -> dict[str, Any]:
    try:
        items = rlp.decode(raw)
        if len(items) != _LEGACY_FIELDS:
            raise _malformed(f"{len(items)} fields, expected {_LEGACY_FIELDS}")
        nonce, price, gas, value, v, r, s = (int.from_bytes(items[i], "big") for i in (0, 1, 2, 4, 6, 7, 8))
        to, data = bytes(items[3]), bytes(items[5])
    except (rlp.exceptions.RLPException, ValueError, TypeError) as error:
        raise _malformed(error) from error
    if len(to) not in {0, 20}:
        raise _malformed(f"`to` has {len(to)} bytes")
    return {
        "type": 0,
        "chain_id": (v - _FIRST_EIP155_V) // 2 if v >= _FIRST_EIP155_V else None,
        "nonce": nonce,
        "max_fee_per_gas": price,
        "max_priority_fee_per_gas": price,
        "gas_limit": gas,
        "to": Address(to) if to else None,
        "value": value,
        "data": data,
        "access_list": (),
        "v": v,
        "r": r,
        "s": s,
    }


def _malformed(error: object) -> RpcError:
    return refused(f"rlp: malformed transaction: {error}")
