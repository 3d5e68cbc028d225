"""Signed raw transactions of every type, read back field by field; the sender is recovered, never believed.

Types: 0 (EIP-155 or older), 1 (EIP-2930), 2 (EIP-1559), 3 (EIP-4844, with or without its network wrapper),
4 (EIP-7702).
"""

from dataclasses import dataclass
from typing import Any

import rlp
from eth_keys import keys
from eth_utils import keccak

AccessList = tuple[tuple[bytes, tuple[bytes, ...]], ...]

_SIGNED_FIELDS = {1: 11, 2: 12, 3: 14, 4: 13}


@dataclass(frozen=True)
class DecodedTransaction:
    """All a signature covers, and what follows from it. Fees in wei per gas; a legacy price stands in both."""

    kind: int
    chain_id: int | None
    """None for a legacy transaction from before EIP-155."""
    nonce: int
    max_priority_fee_per_gas: int
    max_fee_per_gas: int
    gas_limit: int
    to: bytes | None
    value: int
    data: bytes
    access_list: AccessList
    signing_hash: bytes
    """Keccak of the unsigned payload: what was signed."""
    hash: bytes
    sender: bytes


def decode_transaction(raw: bytes) -> DecodedTransaction:
    """Raises ValueError for what is no signed transaction of a known type."""
    if not raw:
        raise ValueError("no bytes")
    if raw[0] >= 0xC0:
        return _legacy(raw)
    kind = raw[0]
    if kind not in _SIGNED_FIELDS:
        raise ValueError(f"transaction type {kind} is not known")
    return _typed(kind, raw)


def _typed(kind: int, raw: bytes) -> DecodedTransaction:
    fields = _decode_list(raw[1:])
    if kind == 3 and fields and isinstance(fields[0], list):
        fields = fields[0]
        raw = b"\x03" + rlp.encode(fields)
    if len(fields) != _SIGNED_FIELDS[kind]:
        raise ValueError(f"type {kind} has {len(fields)} fields, expected {_SIGNED_FIELDS[kind]}")
    unsigned, (y_parity, r, s) = fields[:-3], map(_integer, fields[-3:])
    signing_hash = keccak(bytes([kind]) + rlp.encode(unsigned))
    # Type 1 has one price where the later types have two; behind it all are alike.
    prices = [_integer(unsigned[2])] * 2 if kind == 1 else [_integer(unsigned[2]), _integer(unsigned[3])]
    rest = unsigned[3:] if kind == 1 else unsigned[4:]
    return DecodedTransaction(
        kind=kind,
        chain_id=_integer(unsigned[0]),
        nonce=_integer(unsigned[1]),
        max_priority_fee_per_gas=prices[0],
        max_fee_per_gas=prices[1],
        gas_limit=_integer(rest[0]),
        to=rest[1] or None,
        value=_integer(rest[2]),
        data=rest[3],
        access_list=tuple((address, tuple(slots)) for address, slots in rest[4]),
        signing_hash=signing_hash,
        hash=keccak(raw),
        sender=_recover(signing_hash, y_parity, r, s),
    )


def _legacy(raw: bytes) -> DecodedTransaction:
    fields = _decode_list(raw)
    if len(fields) != 9:
        raise ValueError(f"a legacy transaction has 9 fields, this one {len(fields)}")
    v, r, s = map(_integer, fields[6:])
    chain_id = (v - 35) // 2 if v >= 35 else None
    unsigned = fields[:6] if chain_id is None else [*fields[:6], _minimal(chain_id), b"", b""]
    signing_hash = keccak(rlp.encode(unsigned))
    price = _integer(fields[1])
    return DecodedTransaction(
        kind=0,
        chain_id=chain_id,
        nonce=_integer(fields[0]),
        max_priority_fee_per_gas=price,
        max_fee_per_gas=price,
        gas_limit=_integer(fields[2]),
        to=fields[3] or None,
        value=_integer(fields[4]),
        data=fields[5],
        access_list=(),
        signing_hash=signing_hash,
        hash=keccak(raw),
        sender=_recover(signing_hash, v - 27 if chain_id is None else (v - 35) % 2, r, s),
    )


def _decode_list(payload: bytes) -> list[Any]:
    try:
        fields = rlp.decode(payload)
    except rlp.exceptions.RLPException as error:
        raise ValueError(f"not RLP: {error}") from error
    if not isinstance(fields, list):
        raise ValueError("RLP of a string where a list belongs")  # noqa: TRY004  # malformed input, not a wrong call
    return fields


def _recover(signing_hash: bytes, y_parity: int, r: int, s: int) -> bytes:
    return (
        keys.Signature(vrs=(y_parity, r, s))
        .recover_public_key_from_msg_hash(signing_hash)
        .to_canonical_address()
    )


def _integer(field: bytes) -> int:
    if field[:1] == b"\0":
        raise ValueError(f"integer {field.hex()} has a leading zero")
    return int.from_bytes(field, "big")


def _minimal(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
