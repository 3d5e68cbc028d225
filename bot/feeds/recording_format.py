"""Recordings as bytes: a file is blocks, a block is compressed records, a record is one thing that went over a wire.

A block stands alone: a marker, its number in the file, its lengths, a CRC-32 of all that, and zlib data. So a file that
ends anywhere is readable up to its last whole block, and a damaged one goes on at its next marker. Everything is
little-endian; times are nanoseconds. Layouts are in docs/recordings.md. Pure.
"""

import struct
import zlib
from collections.abc import Iterator
from enum import IntEnum
from urllib.parse import urlsplit

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
MOST_RAW = 2**27
"""Raw bytes of a block that are taken: more than the recorder's block with the longest answer a feed takes."""
MOST_TIME = 2**62
"""Nanoseconds, 146 years: a time beyond, or before 0, is damage."""
_SEARCH = 4
"""Bytes checked in vain for each byte of a file, before the search for its next block is given up."""


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
    """The records of one whole block.

    Raises ValueError where they do not fill it exactly, a kind is unknown, or a time or payload cannot be one.
    """
    at, head = 0, RECORD_HEAD
    while at < len(raw):
        if at + head.size > len(raw):
            raise ValueError(f"{len(raw) - at} bytes left where a record's {head.size} belong")
        kind, connection, received, utc, length = head.unpack_from(raw, at)
        at += head.size
        if at + length > len(raw):
            raise ValueError(f"a record of {length} bytes where {len(raw) - at} are left")
        if not (0 <= received < MOST_TIME and 0 <= utc < MOST_TIME):
            raise ValueError(f"a record of the time {received} ns, UTC {utc} ns; 0 to {MOST_TIME} are taken")
        record = Record(Kind(kind), connection, received, utc, raw[at : at + length])
        if record.kind in (Kind.ANSWER, Kind.DROPPED) and (why := _misshapen(record)):
            raise ValueError(why)
        yield record
        at += length


def _misshapen(record: Record) -> str:
    """Why the payload cannot be of its kind; empty: it can."""
    size = len(record.payload)
    if record.kind is Kind.DROPPED:
        return "" if size == _COUNT.size else f"a count of {size} bytes where {_COUNT.size} belong"
    if size < _ANSWER_HEAD.size:
        return f"an answer of {size} bytes, its head has {_ANSWER_HEAD.size}"
    length = _ANSWER_HEAD.unpack_from(record.payload)[1]
    left = size - _ANSWER_HEAD.size
    return "" if length <= left else f"an answer's URL of {length} bytes where {left} are left"


def decode_blocks(content: bytes) -> Iterator[Block | BrokenBlock]:
    """Every whole block of a file in order, and what lies between them. Raises nothing.

    The marker may also be bytes of a block's data, so that only a block that is whole ends the search after damage. What
    is checked in vain is bounded: in a file full of false beginnings the rest is given up, and that is said.
    """
    at, left = 0, _SEARCH * len(content)
    broken: tuple[int, str] | None = None
    while 0 <= at < len(content):
        block, checked = _block_at(content, at)
        if isinstance(block, Block):
            if broken is not None:
                yield BrokenBlock(broken[0], at - broken[0], broken[1])
                broken = None
            yield block
            at += BLOCK_HEAD.size + checked
            continue
        broken = broken or (at, block)
        left -= checked
        if left < 0:
            broken = (broken[0], f"{broken[1]}; too many false beginnings after it: the rest is not read")
            break
        at = content.find(MARKER, at + 1)
    if broken is not None:
        yield BrokenBlock(broken[0], len(content) - broken[0], broken[1])


def _block_at(content: bytes, at: int) -> tuple[Block | str, int]:
    """The block that starts here, or why there is none; and how many bytes of its data that took to see."""
    if at + BLOCK_HEAD.size > len(content):
        return "the file ends within a block's head", 0
    marker, number, packed, raw_length, checksum = BLOCK_HEAD.unpack_from(content, at)
    if marker != MARKER:
        return "no block begins here", 0
    start = at + BLOCK_HEAD.size
    if start + packed > len(content):
        return f"the file ends within a block: {len(content) - start} of its {packed} bytes are there", 0
    if raw_length > min(MOST_INFLATED * packed, MOST_RAW):
        return f"{packed} bytes cannot hold {raw_length}; a block has at most {MOST_RAW}", 0
    data = content[start : start + packed]
    if zlib.crc32(data, zlib.crc32(_NUMBERS.pack(number, packed, raw_length))) != checksum:
        return "the checksum does not fit", packed
    raw = _inflated(data, raw_length)
    return raw if isinstance(raw, str) else Block(at, number, raw), packed


def _inflated(data: bytes, raw_length: int) -> bytes | str:
    """Never more than one byte beyond `raw_length`, whatever `data` would become."""
    inflating = zlib.decompressobj()
    try:
        raw = inflating.decompress(data, raw_length + 1)
    except zlib.error as error:
        return f"not decompressed: {error}"
    if len(raw) > raw_length:
        return f"more than the {raw_length} bytes that were promised"
    if not inflating.eof:
        return f"the compressed data ends early, after {len(raw)} of {raw_length} bytes"
    return raw if len(raw) == raw_length else f"{len(raw)} bytes where {raw_length} were promised"


def public_url(url: str, bases: tuple[str, ...] = ()) -> str:
    """Scheme, host and port alone: a key may sit anywhere else.

    Behind them stands what the exchange's own names add to one of `bases`, where `url` begins with it: streams, symbols.
    """
    rests = (
        url.removeprefix(base.rstrip("/")) for base in bases if base and url.startswith(base.rstrip("/"))
    )
    added = min(rests, key=len, default="")
    return host_of(url) + (added if added.startswith(("/", "?")) else "")


def without_secrets(text: str, bases: tuple[str, ...]) -> str:
    """A reason or refusal that may repeat where we connected to: of `bases` the hosts alone."""
    for base in bases:
        text = text.replace(base.rstrip("/"), host_of(base))
        _, _, path = base.rstrip("/").partition("://")[2].partition("/")
        text = text.replace(f"/{path}", "") if path else text
    return text


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
