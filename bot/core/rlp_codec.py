"""Recursive Length Prefix (yellow paper, appendix B), strict both ways. On the hot path, and imported at every start.

Own code beside a well-kept library: `rlp` draws in eth_utils and eth_abi, half a second of import that `bot status`
and a restart after a crash would pay; tests/core holds this one equal to it.
"""

from collections.abc import Sequence

Item = bytes | list["Item"]
"""What decoding gives: bytes, or lists of items."""

MAX_DEPTH = 16
"""Deepest nesting that is decoded; an access list has 4."""


def encode_integer(value: int) -> bytes:
    """RLP of a non-negative integer: big endian without leading zeros; zero is the empty string."""
    if 0 < value < 0x80:
        return value.to_bytes(1, "big")
    return encode_bytes(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def encode_bytes(value: bytes) -> bytes:
    """RLP of a byte string."""
    if len(value) == 1 and value[0] < 0x80:
        return value
    return _prefix(0x80, len(value)) + value


def encode_list(encoded_items: Sequence[bytes]) -> bytes:
    """RLP of a list whose items are encoded already."""
    return encode_joined(b"".join(encoded_items))


def encode_joined(encoded_items: bytes) -> bytes:
    """As `encode_list`, of items that stand one after the other already."""
    return _prefix(0xC0, len(encoded_items)) + encoded_items


def decode(data: bytes) -> Item:
    """The one item that `data` is. Raises ValueError for anything but its canonical encoding, trailing bytes included."""
    item, end = _decode_at(data, 0, len(data), 0)
    if end != len(data):
        raise ValueError(f"{len(data) - end} bytes follow the RLP item")
    return item


def _prefix(offset: int, length: int) -> bytes:
    if length < 56:
        return bytes((offset + length,))
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((offset + 55 + len(size),)) + size


def _decode_at(data: bytes, start: int, limit: int, depth: int) -> tuple[Item, int]:
    """The item that begins at `start`, which must end by `limit`, and where it ends."""
    if start >= limit:
        raise ValueError("an RLP item is cut short")
    first = data[start]
    if first < 0x80:
        return data[start : start + 1], start + 1
    is_list = first >= 0xC0
    begin, end = _span(data, start, limit, 0xC0 if is_list else 0x80)
    if not is_list:
        if end - begin == 1 and data[begin] < 0x80:
            raise ValueError("a single byte under 0x80 is its own RLP")
        return data[begin:end], end
    if depth == MAX_DEPTH:
        raise ValueError(f"RLP nested deeper than {MAX_DEPTH} lists")
    items: list[Item] = []
    while begin < end:
        item, begin = _decode_at(data, begin, end, depth + 1)
        items.append(item)
    return items, end


def _span(data: bytes, start: int, limit: int, offset: int) -> tuple[int, int]:
    """Where the payload of a string or list begins and ends."""
    short = data[start] - offset
    begin, length = start + 1, short
    if short > 55:
        begin = start + 1 + short - 55
        size = data[start + 1 : begin]
        if len(size) != short - 55 or size[:1] == b"\x00":
            raise ValueError("an RLP length is cut short or has a leading zero")
        length = int.from_bytes(size, "big")
        if length < 56:
            raise ValueError(f"RLP length {length} in the long form")
    if begin + length > limit:
        raise ValueError(f"RLP item of {length} bytes, {limit - begin} are left")
    return begin, begin + length
