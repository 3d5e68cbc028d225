"""Other people's signed transactions of types 0 to 4: from a node's JSON to the bytes that a block holds, and back.

What each type signs: EIP-155 and what was before it (0), EIP-2930 (1), EIP-1559 (2), EIP-4844 (3), EIP-7702 (4). A blob
transaction is read and written as in a block, without blobs, commitments and proofs. Decoded by hand; no signature is
recovered here: that the bytes hash to the announced hash is the check.
"""

from collections.abc import Mapping
from typing import Any, Final

from bot.core.ethereum_json import MalformedAnswer, decode_data, decode_quantity
from bot.core.identity import Address, hex_bytes
from bot.core.pending import Authorization, PendingTransaction
from bot.core.signed_fields import (
    BLOB,
    DYNAMIC_FEE,
    LEGACY,
    SET_CODE,
    SIGNED_FIELDS,
    SignedFields,
    checked,
    read_raw,
)
from bot.core.transaction import AccessList

_CALLDATA_NAMES: Final = ("input", "data", "callData")
"""Nodes say `input`, some add or prefer `data`; order-flow auctions say `callData`."""


def from_json(body: Mapping[str, Any]) -> PendingTransaction:
    """A transaction as `eth_getTransactionByHash` or a full `newPendingTransactions` gives it.

    Raises ValueError, with both hashes, unless its bytes hash to the `hash` it bears, and for a type above 4, a
    missing field or one of another form (MalformedAnswer).
    """
    announced = decode_data(body.get("hash"), 32)
    found = from_signed_json(body)
    if found.hash != announced:
        raise HashMismatch(found.hash, announced)
    return found


class HashMismatch(ValueError):  # noqa: N818  # what it is, not an error of ours
    """A body that is not the transaction it is announced as."""

    def __init__(self, found: bytes, announced: bytes) -> None:
        super().__init__(f"the body hashes to {hex_bytes(found)}, it was announced as {hex_bytes(announced)}")


def from_signed_json(body: Mapping[str, Any]) -> PendingTransaction:
    """As `from_json`, and no hash is looked at: for a source that announces another name. Raises ValueError."""
    signed = _read_json(body)
    return signed.pending(signed.raw(), Address(decode_data(body.get("from"), 20)))


def from_raw(raw: bytes, sender: Address) -> PendingTransaction:
    """A transaction from its bytes as in a block; its hash is theirs.

    `sender` is believed (`signed_fields.signing_parts` is for recovering it). Raises ValueError for what is no
    canonical encoding of types 0 to 4, the network form of a blob transaction included.
    """
    return read_raw(raw).pending(raw, sender)


def _read_json(body: Mapping[str, Any]) -> SignedFields:
    """Nodes before EIP-2718 name no type: 0. Quantities may be padded to 32 bytes, as some do with r and s."""
    kind = decode_quantity(body.get("type", "0x0"))
    if kind not in SIGNED_FIELDS:
        raise ValueError(f"transaction type {kind:#x}: types 0 to 4 are understood")

    def number(name: str) -> int:
        return decode_quantity(body.get(name))

    price = number("maxFeePerGas" if kind >= DYNAMIC_FEE else "gasPrice")
    to = body.get("to")
    parity = body.get("yParity") if kind != LEGACY else None
    return checked(
        SignedFields(
            type=kind,
            chain_id=0 if kind == LEGACY else number("chainId"),
            nonce=number("nonce"),
            tip=number("maxPriorityFeePerGas") if kind >= DYNAMIC_FEE else price,
            price=price,
            gas=number("gas"),
            to=b"" if to is None else decode_data(to, 20),
            value=number("value"),
            data=decode_data(next((body[name] for name in _CALLDATA_NAMES if name in body), None)),
            access_list=() if kind == LEGACY else _access_list_of_json(body.get("accessList")),
            blob_fee=number("maxFeePerBlobGas") if kind == BLOB else 0,
            blob_hashes=_blob_hashes_of_json(body.get("blobVersionedHashes")) if kind == BLOB else (),
            authorizations=_authorizations_of_json(body.get("authorizationList")) if kind == SET_CODE else (),
            v=decode_quantity(body.get("v") if parity is None else parity),
            r=number("r"),
            s=number("s"),
        )
    )


def _access_list_of_json(value: object) -> AccessList:
    entries = []
    for entry in _list(value, "accessList"):
        slots = _list(_object(entry, "accessList").get("storageKeys"), "storageKeys")
        entries.append(
            (Address(decode_data(entry.get("address"), 20)), tuple(decode_data(slot, 32) for slot in slots))
        )
    return tuple(entries)


def _blob_hashes_of_json(value: object) -> tuple[bytes, ...]:
    return tuple(decode_data(one, 32) for one in _list(value, "blobVersionedHashes"))


def _authorizations_of_json(value: object) -> tuple[Authorization, ...]:
    found = []
    for entry in _list(value, "authorizationList"):
        one = _object(entry, "authorizationList")
        parity = one.get("yParity")
        found.append(
            Authorization(
                chain_id=decode_quantity(one.get("chainId")),
                address=Address(decode_data(one.get("address"), 20)),
                nonce=decode_quantity(one.get("nonce")),
                y_parity=decode_quantity(one.get("v") if parity is None else parity),
                r=decode_quantity(one.get("r")),
                s=decode_quantity(one.get("s")),
            )
        )
    return tuple(found)


def _object(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise MalformedAnswer(f"{what} holds something else than objects")
    return value


def _list(value: object, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise MalformedAnswer(f"{what} is not a list")
    return value
