"""The 32-byte words of logs, answers and calldata, read by hand; what its type does not hold raises ValueError."""

from typing import Final

from bot.core.identity import Address
from bot.core.units import UINT256_MAX

WORD: Final = 32
_NO_BYTES: Final = bytes(12)


def check_length(data: bytes, expected: int, what: str) -> None:
    if len(data) != expected:
        raise ValueError(f"{what} has {len(data)} bytes, expected {expected}")


def read_uint(data: bytes, place: int, most: int, what: str) -> int:
    """Word number `place` as an unsigned integer of at most `most`."""
    value = int.from_bytes(data[place * WORD : (place + 1) * WORD], "big")
    if value > most:
        raise ValueError(f"{what} {value} is above {most}, the most its type holds")
    return value


def read_int(data: bytes, place: int, least: int, most: int, what: str) -> int:
    """Word number `place` as a signed integer within `least` and `most`."""
    value = int.from_bytes(data[place * WORD : (place + 1) * WORD], "big", signed=True)
    if not least <= value <= most:
        raise ValueError(f"{what} {value} is not within {least} and {most}")
    return value


def read_address(word: bytes) -> Address:
    if len(word) != WORD or word[:12] != _NO_BYTES:
        raise ValueError(f"0x{word.hex()} is no address in a word")
    return Address(word[12:])


def address_word(address: Address) -> bytes:
    if len(address) != 20:
        raise ValueError(f"an address has 20 bytes, this one {len(address)}: 0x{address.hex()}")
    return bytes(12) + address


def uint_word(value: int) -> bytes:
    if not 0 <= value <= UINT256_MAX:
        raise ValueError(f"{value} does not fit uint256")
    return value.to_bytes(WORD, "big")


def int_word(value: int) -> bytes:
    """Two's complement. `value` within int256, else OverflowError."""
    return value.to_bytes(WORD, "big", signed=True)
