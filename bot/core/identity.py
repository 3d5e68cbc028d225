"""What names a thing: addresses, hashes, blocks, wallets, intents. Bytes inside, checksummed text at the edge."""

from base64 import b32encode
from functools import lru_cache
from typing import NewType

import msgspec
from sha3 import keccak_256

Address = NewType("Address", bytes)
"""20 bytes."""
BlockHash = NewType("BlockHash", bytes)
"""32 bytes."""
TxHash = NewType("TxHash", bytes)
"""32 bytes."""
IntentId = NewType("IntentId", str)
"""Eight characters; a unique prefix is accepted wherever a person types one."""
WalletName = NewType("WalletName", str)
"""The operator's own name for a wallet, as in BOT_WALLETS; lower case."""

ZERO_ADDRESS = Address(bytes(20))
ZERO_HASH = BlockHash(bytes(32))


class BlockRef(msgspec.Struct, frozen=True, order=True):
    """One block, beyond doubt: a number alone names several blocks around a reorg."""

    number: int
    hash: BlockHash


def keccak(data: bytes) -> bytes:
    """Keccak-256 (the pre-standard SHA-3 of Ethereum), 32 bytes."""
    digest: bytes = keccak_256(data).digest()
    return digest


def address_from_hex(text: str) -> Address:
    """Parse 0x + 40 hex digits. Mixed case must be a valid EIP-55 checksum; raises ValueError otherwise."""
    if len(text) != 42 or not text.startswith("0x"):
        raise ValueError(
            f"{text!r} is not an address: 0x and 40 hex digits are expected, got {len(text)} characters"
        )
    try:
        raw = Address(bytes.fromhex(text[2:]))
    except ValueError as error:
        raise ValueError(f"{text!r} is not an address: it holds a character that is no hex digit") from error
    digits = text[2:]
    if digits not in (digits.lower(), digits.upper()) and to_checksum(raw) != text:
        raise ValueError(f"{text!r} fails its EIP-55 checksum; the checksummed form is {to_checksum(raw)}")
    return raw


@lru_cache(maxsize=4096)
def to_checksum(address: bytes) -> str:
    """EIP-55 text of a 20-byte address. Reports name the same few again and again."""
    digits = address.hex()
    marks = keccak(digits.encode()).hex()
    return "0x" + "".join(c.upper() if int(m, 16) >= 8 else c for c, m in zip(digits, marks, strict=False))


def hex_bytes(raw: bytes) -> str:
    """0x-prefixed lower-case hex, as JSON-RPC writes data and hashes."""
    return "0x" + raw.hex()


def hex_quantity(value: int) -> str:
    """JSON-RPC quantity: 0x, no leading zeros."""
    return hex(value)


def from_hex(text: str) -> bytes:
    """Bytes of 0x-prefixed hex. Raises ValueError when the prefix is missing or a digit is wrong."""
    if not text.startswith("0x"):
        raise ValueError(f"{text[:20]!r} lacks the 0x prefix")
    return bytes.fromhex(text[2:])


def intent_id(*parts: bytes) -> IntentId:
    """Eight characters from the content, so that two runs of a seed name an intent alike."""
    return IntentId(b32encode(keccak(b"\x00".join(parts))[:5]).decode().lower())
