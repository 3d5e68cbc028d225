"""The fields of a signed transaction of types 0 to 4, and their one encoding: as a block holds it.

EIP-155 and what was before it (0), EIP-2930 (1), EIP-1559 (2), EIP-4844 (3, without blobs, commitments and proofs),
EIP-7702 (4). Reading is strict: one encoding of each meaning.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from bot.core.identity import Address, TxHash, keccak
from bot.core.pending import Authorization, PendingTransaction
from bot.core.rlp_codec import Item, decode, encode_bytes, encode_integer, encode_joined, encode_list
from bot.core.transaction import AccessList
from bot.core.units import UINT256_MAX, Gas, Wei, WeiPerGas

LEGACY, ACCESS_LIST, DYNAMIC_FEE, BLOB, SET_CODE = range(5)
SIGNED_FIELDS: Final = {LEGACY: 9, ACCESS_LIST: 11, DYNAMIC_FEE: 12, BLOB: 14, SET_CODE: 13}
"""How many each type has, by its number."""
_FIRST_EIP155_V: Final = 35


class SignedFields(msgspec.Struct, frozen=True):
    """Every field of one signed transaction, of whatever type."""

    type: int
    chain_id: int
    """Of type 0 it is in `v`, and 0 here."""
    nonce: int
    tip: int
    price: int
    """Fee cap; of types 0 and 1 the gas price."""
    gas: int
    to: bytes
    """Empty: a contract creation."""
    value: int
    data: bytes
    access_list: AccessList
    blob_fee: int
    blob_hashes: tuple[bytes, ...]
    authorizations: tuple[Authorization, ...]
    v: int
    """Of typed transactions the parity."""
    r: int
    s: int

    def raw(self) -> bytes:
        number = encode_integer
        numbers: tuple[int, ...]
        if self.type == LEGACY:
            numbers = (self.nonce, self.price, self.gas)
        elif self.type == ACCESS_LIST:
            numbers = (self.chain_id, self.nonce, self.price, self.gas)
        else:
            numbers = (self.chain_id, self.nonce, self.tip, self.price, self.gas)
        parts = [*map(number, numbers), encode_bytes(self.to), number(self.value), encode_bytes(self.data)]
        if self.type != LEGACY:
            parts.append(_encoded_access_list(self.access_list))
        if self.type == BLOB:
            parts += [number(self.blob_fee), encode_list([encode_bytes(one) for one in self.blob_hashes])]
        if self.type == SET_CODE:
            parts.append(encode_list([_encoded_authorization(one) for one in self.authorizations]))
        parts += [number(self.v), number(self.r), number(self.s)]
        return (bytes((self.type,)) if self.type != LEGACY else b"") + encode_joined(b"".join(parts))

    def pending(self, raw: bytes, sender: Address) -> PendingTransaction:
        return PendingTransaction(
            raw=raw,
            hash=TxHash(keccak(raw)),
            type=self.type,
            sender=sender,
            nonce=self.nonce,
            to=Address(self.to) if self.to else None,
            value=Wei(self.value),
            data=self.data,
            gas_limit=Gas(self.gas),
            max_fee_per_gas=WeiPerGas(self.price),
            max_priority_fee_per_gas=WeiPerGas(self.tip),
            access_list=self.access_list,
            authorizations=self.authorizations,
        )


class SigningParts(msgspec.Struct, frozen=True):
    """What recovers the sender of a raw transaction."""

    digest: bytes
    """32 bytes: what was signed."""
    y_parity: int
    r: int
    s: int


def read_raw(raw: bytes) -> SignedFields:
    if not raw:
        raise ValueError("no bytes where a transaction belongs")
    kind = LEGACY if raw[0] >= 0xC0 else raw[0]
    if kind not in SIGNED_FIELDS or (kind == LEGACY and raw[0] < 0xC0):
        raise ValueError(f"transaction type {raw[0]:#x}: types 0 to 4 are understood")
    items = decode(raw if kind == LEGACY else raw[1:])
    if not isinstance(items, list) or len(items) != SIGNED_FIELDS[kind]:
        count = len(items) if isinstance(items, list) else "no"
        network = " (with its blobs it is not what a block holds)" if kind == BLOB else ""
        raise ValueError(f"type {kind} with {count} fields, expected {SIGNED_FIELDS[kind]}{network}")
    return checked(_fields(kind, items))


def _fields(kind: int, items: list[Item]) -> SignedFields:
    numbers = iter(items)

    def number() -> int:
        return _integer(next(numbers))

    chain_id = 0 if kind == LEGACY else number()
    nonce, tip = number(), number()
    price = number() if kind >= DYNAMIC_FEE else tip
    gas, to, value, data = number(), _bytes(next(numbers)), number(), _bytes(next(numbers))
    access_list = () if kind == LEGACY else _access_list_of_items(next(numbers))
    return SignedFields(
        type=kind,
        chain_id=chain_id,
        nonce=nonce,
        tip=tip,
        price=price,
        gas=gas,
        to=to,
        value=value,
        data=data,
        access_list=access_list,
        blob_fee=number() if kind == BLOB else 0,
        blob_hashes=tuple(_bytes(one) for one in _items(next(numbers))) if kind == BLOB else (),
        authorizations=_authorizations_of_items(next(numbers)) if kind == SET_CODE else (),
        v=number(),
        r=number(),
        s=number(),
    )


def _access_list_of_items(item: Item) -> AccessList:
    entries = []
    for entry in _items(item):
        address, slots = _items(entry, 2)
        entries.append((Address(_bytes(address)), tuple(_bytes(slot) for slot in _items(slots))))
    return tuple(entries)


def _authorizations_of_items(item: Item) -> tuple[Authorization, ...]:
    found = []
    for entry in _items(item):
        chain_id, address, nonce, y_parity, r, s = _items(entry, 6)
        found.append(
            Authorization(
                _integer(chain_id),
                Address(_bytes(address)),
                _integer(nonce),
                _integer(y_parity),
                _integer(r),
                _integer(s),
            )
        )
    return tuple(found)


def signing_parts(raw: bytes) -> SigningParts:
    """What the sender signed, and the signature, of a transaction as in a block. Raises ValueError as `from_raw`."""
    signed = read_raw(raw)
    items = _items(decode(raw if signed.type == LEGACY else raw[1:]))
    unsigned = [_encoded(item) for item in items[:-3]]
    if signed.type != LEGACY:
        digest = keccak(bytes((signed.type,)) + encode_list(unsigned))
        return SigningParts(digest, signed.v, signed.r, signed.s)
    if signed.v < _FIRST_EIP155_V:
        return SigningParts(keccak(encode_list(unsigned)), signed.v - 27, signed.r, signed.s)
    chain_id, parity = divmod(signed.v - _FIRST_EIP155_V, 2)
    unsigned += [encode_integer(chain_id), b"\x80", b"\x80"]
    return SigningParts(keccak(encode_list(unsigned)), parity, signed.r, signed.s)


def checked(signed: SignedFields) -> SignedFields:
    """What the chain's own rules say of sizes; the hash says the rest."""
    addresses = [address for address, _ in signed.access_list] + [
        one.address for one in signed.authorizations
    ]
    if any(len(address) != 20 for address in addresses) or len(signed.to) not in (0, 20):
        raise ValueError("an address that has not 20 bytes")
    if not signed.to and signed.type >= BLOB:
        raise ValueError(f"type {signed.type} creates no contract, and `to` is empty")
    words = [slot for _, slots in signed.access_list for slot in slots] + list(signed.blob_hashes)
    if any(len(word) != 32 for word in words):
        raise ValueError("a storage key or blob hash that has not 32 bytes")
    if (
        max(signed.nonce, signed.gas) >> 64
        or max(signed.value, signed.price, signed.tip, signed.r, signed.s) > UINT256_MAX
    ):
        raise ValueError("a nonce or gas limit above 64 bits, or an amount above 256")
    if signed.v > 1 if signed.type != LEGACY else signed.v not in (27, 28) and signed.v < _FIRST_EIP155_V:
        raise ValueError(f"type {signed.type} with v = {signed.v}")
    return signed


def _encoded_access_list(access_list: AccessList) -> bytes:
    return encode_list(
        [
            encode_list([encode_bytes(address), encode_list([encode_bytes(slot) for slot in slots])])
            for address, slots in access_list
        ]
    )


def _encoded_authorization(one: Authorization) -> bytes:
    number: Callable[[int], bytes] = encode_integer
    return encode_list(
        [
            number(one.chain_id),
            encode_bytes(one.address),
            *map(number, (one.nonce, one.y_parity, one.r, one.s)),
        ]
    )


def _encoded(item: Item) -> bytes:
    return encode_bytes(item) if isinstance(item, bytes) else encode_list([_encoded(one) for one in item])


def _items(item: Item, count: int | None = None) -> list[Item]:
    if not isinstance(item, list) or (count is not None and len(item) != count):
        raise ValueError("a list of another length, or none, where one belongs")
    return item


def _bytes(item: Item) -> bytes:
    if not isinstance(item, bytes):
        raise ValueError("a list stands where bytes belong")  # noqa: TRY004  # malformed input, not a wrong call
    return item


def _integer(item: Item) -> int:
    raw = _bytes(item)
    if raw[:1] == b"\x00":
        raise ValueError(f"integer {raw.hex()} has a leading zero")
    return int.from_bytes(raw, "big")
