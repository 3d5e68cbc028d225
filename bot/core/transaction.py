"""An EIP-1559 transaction before and after its signature: the one form that is simulated, signed and sent.

`TransactionFields.digest()` is keccak256(0x02 ‖ rlp(unsigned fields)): the hash that is signed, and at the same
time a commitment to (chain, nonce, to, value, data, gas, fees, access list). Law 4 compares these digests.
"""

import msgspec

from bot.core.identity import Address, TxHash, keccak
from bot.core.rlp_codec import Item, decode, encode_bytes, encode_integer, encode_joined, encode_list
from bot.core.units import Gas, Wei, WeiPerGas

EIP1559_TYPE = b"\x02"
_EMPTY_LIST = b"\xc0"
SECP256K1_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
"""n // 2: a larger s is the same signature turned over, and refused by EIP-2."""

AccessList = tuple[tuple[Address, tuple[bytes, ...]], ...]


class TransactionFields(msgspec.Struct, frozen=True):
    """Everything a signature covers. `to` is never empty: this bot does not create contracts from a hot key."""

    chain_id: int
    nonce: int
    max_priority_fee_per_gas: WeiPerGas
    max_fee_per_gas: WeiPerGas
    gas_limit: Gas
    to: Address
    value: Wei
    data: bytes
    access_list: AccessList = ()

    def unsigned_payload(self) -> bytes:
        """0x02 ‖ rlp of the nine unsigned fields."""
        return EIP1559_TYPE + encode_joined(self.encoded())

    def digest(self) -> bytes:
        """32 bytes: what is signed; equal digests mean equal fields."""
        return keccak(self.unsigned_payload())

    def signed_payload(self, y_parity: int, r: int, s: int) -> bytes:
        """The raw transaction a node accepts."""
        return signed_payload(self.encoded(), y_parity, r, s)

    def encoded(self) -> bytes:
        """RLP of the nine unsigned fields, one after the other: what both payloads have in common."""
        return b"".join(
            (
                encode_integer(self.chain_id),
                encode_integer(self.nonce),
                encode_integer(self.max_priority_fee_per_gas),
                encode_integer(self.max_fee_per_gas),
                encode_integer(self.gas_limit),
                encode_bytes(self.to),
                encode_integer(self.value),
                encode_bytes(self.data),
                encode_list([_encoded_entry(address, slots) for address, slots in self.access_list])
                if self.access_list
                else _EMPTY_LIST,
            )
        )


class SignedTransaction(msgspec.Struct, frozen=True):
    """`raw` is the bytes for the wire; `hash` is its keccak, the name the chain gives it."""

    raw: bytes
    hash: TxHash
    fields: TransactionFields


def unsigned_digest(encoded: bytes) -> bytes:
    """As `TransactionFields.digest`, of fields that are encoded already."""
    return keccak(EIP1559_TYPE + encode_joined(encoded))


def signed_payload(encoded: bytes, y_parity: int, r: int, s: int) -> bytes:
    """As `TransactionFields.signed_payload`, of fields that are encoded already."""
    return EIP1559_TYPE + encode_joined(
        encoded + encode_integer(y_parity) + encode_integer(r) + encode_integer(s)
    )


def decode_unsigned(payload: bytes) -> TransactionFields:
    """Inverse of `unsigned_payload`. Raises ValueError for another type, a wrong count, or non-canonical integers."""
    return _fields(_items(payload, 9))


def decode_signed(raw: bytes) -> tuple[TransactionFields, int, int, int]:
    """Fields and (y_parity, r, s) of a raw type-2 transaction. Raises ValueError as `decode_unsigned`."""
    items = _items(raw, 12)
    return _fields(items[:9]), _integer(items[9]), _integer(items[10]), _integer(items[11])


def _encoded_entry(address: Address, slots: tuple[bytes, ...]) -> bytes:
    return encode_list([encode_bytes(address), encode_list([encode_bytes(slot) for slot in slots])])


def _items(payload: bytes, count: int) -> list[Item]:
    if payload[:1] != EIP1559_TYPE:
        raise ValueError(
            f"transaction type {payload[:1].hex() or 'none'}: only type 02 (EIP-1559) is understood"
        )
    items = decode(payload[1:])
    if not isinstance(items, list) or len(items) != count:
        raise ValueError(f"{len(items) if isinstance(items, list) else 'no'} fields, expected {count}")
    return items


def _fields(items: list[Item]) -> TransactionFields:
    to = _bytes(items[5])
    if len(to) != 20:
        raise ValueError(f"`to` has {len(to)} bytes, expected 20 (contract creation is not signed)")
    return TransactionFields(
        chain_id=_integer(items[0]),
        nonce=_integer(items[1]),
        max_priority_fee_per_gas=WeiPerGas(_integer(items[2])),
        max_fee_per_gas=WeiPerGas(_integer(items[3])),
        gas_limit=Gas(_integer(items[4])),
        to=Address(to),
        value=Wei(_integer(items[6])),
        data=_bytes(items[7]),
        access_list=_access_list(items[8]),
    )


def _access_list(item: Item) -> AccessList:
    if not isinstance(item, list):
        raise ValueError("access list is not a list")  # noqa: TRY004  # malformed input, not a wrong call
    entries: list[tuple[Address, tuple[bytes, ...]]] = []
    for entry in item:
        if not isinstance(entry, list) or len(entry) != 2 or not isinstance(entry[1], list):
            raise ValueError("access list entry is not [address, [slot, ...]]")
        entries.append((Address(_bytes(entry[0])), tuple(_bytes(slot) for slot in entry[1])))
    return tuple(entries)


def _integer(item: Item) -> int:
    raw = _bytes(item)
    if raw[:1] == b"\x00":
        raise ValueError(f"integer {raw.hex()} has a leading zero")
    return int.from_bytes(raw, "big")


def _bytes(item: Item) -> bytes:
    if not isinstance(item, bytes):
        raise ValueError("a list stands where bytes belong")  # noqa: TRY004  # malformed input, not a wrong call
    return item
