"""Recordings as bytes: a file is blocks, a block is compressed records, a record is one thing that went over a wire.

A block stands alone: a marker, its number in the file, its lengths, a CRC-32 of all that, and zlib data. So a file that
ends anywhere is readable up to its last whole block, and a damaged one goes on at its next marker. Everything is
little-endian; times are nanoseconds. Layouts are in docs/recordings.md. Pure.
"""

import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from enum import IntEnum
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec

from bot.core.units import Nanoseconds

MARKER = b"\x93REC1\r\n\x1a"
"""First in every block. Not text, and broken by a transfer that changes line ends; 1 is the format's version."""
BLOCK_HEAD = struct.Struct("<8sIIII")
"""Marker, number in the file from 0, compressed length, raw length, CRC-32 of the three numbers and the data."""
_NUMBERS = struct.Struct("<III")
RECORD_HEAD = struct.Struct("<BIqqI")
"""Kind, connection, monotonic time, UTC, payload length."""
_ANSWER_HEAD = struct.Struct("<HI")
"""HTTP status, length of the URL."""
_COUNT = struct.Struct("<Q")
COMPRESSION = 1
"""zlib level: a fifth of the size at 110 to 155 MB/s. Its sixth level is a seventh of the size at a quarter of the
speed; zstandard at level 1 gains as much at 350 MB/s and would be one more dependency."""
MOST_INFLATED = 1100
"""zlib cannot shrink further than about 1:1032: a raw length beyond is damage, not data."""
HIDDEN = "hidden"
_SECRET_NAME = re.compile(r"key|token|secret|sign|sig$|auth|pass|jwt|credential|session", re.IGNORECASE)
_SECRET_TEXT = re.compile(r"[\w.~-]{32,}")


class Kind(IntEnum):
    """What a record is; each number is in files and never changes its meaning."""

    DESCRIBED = 1
    """First in every file: JSON of what is followed."""
    CONTINUED = 2
    """In the first block of a file: a connection that was opened in an earlier one. Payload: URL."""
    OPENED = 3
    """Payload: URL."""
    SENT = 4
    FRAME = 5
    ANSWER = 6
    """Of one HTTP request; connection is 0. Payload: status, URL, body."""
    CLOSED = 7
    """Payload: reason. Of a connection that was never opened: the attempt failed."""
    DROPPED = 8
    """The disk was too slow or full: so many records are missing before this one. Connection is 0."""


class Record(msgspec.Struct, frozen=True, gc=False):
    kind: Kind
    connection: int
    received: Nanoseconds
    """Monotonic clock of the machine that recorded."""
    utc: Nanoseconds
    payload: bytes

    @property
    def text(self) -> str:
        """URL or reason."""
        return self.payload.decode("utf-8", "replace")

    @property
    def dropped(self) -> int:
        return int(_COUNT.unpack(self.payload)[0])

    @property
    def answer(self) -> "RecordedAnswer":
        status, length = _ANSWER_HEAD.unpack_from(self.payload)
        start = _ANSWER_HEAD.size
        url = self.payload[start : start + length].decode("utf-8", "replace")
        return RecordedAnswer(status, url, self.payload[start + length :])


class RecordedAnswer(msgspec.Struct, frozen=True, gc=False):
    status: int
    """HTTP status; 0: no answer came, and the body says why."""
    url: str
    body: bytes


class BrokenBlock(msgspec.Struct, frozen=True):
    """Bytes of a file that are no whole block."""

    start: int
    length: int
    reason: str


class Block(msgspec.Struct, frozen=True, gc=False):
    start: int
    number: int
    raw: bytes


def encode_record(kind: Kind, connection: int, received: int, utc: int, payload: bytes) -> bytes:
    return RECORD_HEAD.pack(kind, connection, received, utc, len(payload)) + payload


def answer_payload(status: int, url: str, body: bytes) -> bytes:
    encoded = url.encode(errors="replace")
    return _ANSWER_HEAD.pack(status, len(encoded)) + encoded + body


def dropped_payload(count: int) -> bytes:
    return _COUNT.pack(count)


def encode_block(number: int, raw: bytes | bytearray) -> bytes:
    data = zlib.compress(raw, COMPRESSION)
    numbers = _NUMBERS.pack(number, len(data), len(raw))
    return BLOCK_HEAD.pack(MARKER, number, len(data), len(raw), zlib.crc32(data, zlib.crc32(numbers))) + data


def count_records(raw: bytes | bytearray) -> int:
    """How many records a raw block of ours holds."""
    count = at = 0
    while at < len(raw):
        at += RECORD_HEAD.size + RECORD_HEAD.unpack_from(raw, at)[4]
        count += 1
    return count


def decode_records(raw: bytes) -> Iterator[Record]:
    """The records of one whole block. Raises ValueError where they do not fill it exactly or a kind is unknown."""
    at, head = 0, RECORD_HEAD
    while at < len(raw):
        if at + head.size > len(raw):
            raise ValueError(f"{len(raw) - at} bytes left where a record's {head.size} belong")
        kind, connection, received, utc, length = head.unpack_from(raw, at)
        at += head.size
        if at + length > len(raw):
            raise ValueError(f"a record of {length} bytes where {len(raw) - at} are left")
        yield Record(Kind(kind), connection, received, utc, raw[at : at + length])
        at += length


def decode_blocks(content: bytes) -> Iterator[Block | BrokenBlock]:
    """Every whole block of a file in order, and what lies between them. Raises nothing."""
    at = 0
    while at < len(content):
        block = _block_at(content, at)
        if isinstance(block, Block):
            yield block
            at += BLOCK_HEAD.size + _NUMBERS.unpack_from(content, at + len(MARKER))[1]
            continue
        start = at
        # The marker may also be bytes of a block's data: only a block that is whole ends the search.
        while True:
            at = content.find(MARKER, at + 1)
            if at < 0:
                yield BrokenBlock(start, len(content) - start, block)
                return
            if isinstance(_block_at(content, at), Block):
                yield BrokenBlock(start, at - start, block)
                break


def _block_at(content: bytes, at: int) -> Block | str:
    """The block that starts here, or why there is none."""
    if at + BLOCK_HEAD.size > len(content):
        return "the file ends within a block's head"
    marker, number, packed, raw_length, checksum = BLOCK_HEAD.unpack_from(content, at)
    if marker != MARKER:
        return "no block begins here"
    start = at + BLOCK_HEAD.size
    if start + packed > len(content):
        return f"the file ends within a block: {len(content) - start} of its {packed} bytes are there"
    data = content[start : start + packed]
    if zlib.crc32(data, zlib.crc32(_NUMBERS.pack(number, packed, raw_length))) != checksum:
        return "the checksum does not fit"
    raw = _inflated(data, raw_length)
    return raw if isinstance(raw, str) else Block(at, number, raw)


def _inflated(data: bytes, raw_length: int) -> bytes | str:
    if raw_length > MOST_INFLATED * len(data):
        return f"{len(data)} bytes cannot hold {raw_length}"
    try:
        raw = zlib.decompress(data)
    except zlib.error as error:
        return f"not decompressed: {error}"
    return raw if len(raw) == raw_length else f"{len(raw)} bytes where {raw_length} were promised"


def public_url(url: str) -> str:
    """`url` without what may be a secret: userinfo, values of query keys named like one, long opaque parts of the path."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "(a URL that cannot be read)"
    path = "/".join(HIDDEN if _looks_secret(part) else part for part in parts.path.split("/"))
    query = "&".join(_public_items(parse_qsl(parts.query, keep_blank_values=True)))
    return f"{parts.scheme}://{_host(host, port)}{path}{f'?{query}' if query else ''}"


def host_of(url: str) -> str:
    """All that is recorded of a node's URL: a provider's key sits in userinfo, path or query."""
    if url.startswith(("/", "ipc:")):
        return "ipc://"
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{_host(parts.hostname or '', parts.port)}"
    except ValueError:
        return "(a URL that cannot be read)"


def _host(host: str, port: int | None) -> str:
    return f"{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}"


def _public_items(items: Sequence[tuple[str, str]]) -> Iterator[str]:
    for name, value in items:
        shown = HIDDEN if _SECRET_NAME.search(name) or _looks_secret(value) else value
        yield f"{quote(name, errors='replace')}={quote(shown, safe='@/,:!', errors='replace')}"


def _looks_secret(text: str) -> bool:
    """Names of streams have an @, which no opaque key has."""
    return _SECRET_TEXT.fullmatch(text) is not None
