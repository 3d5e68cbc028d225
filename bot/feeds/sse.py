"""Server-sent events (WHATWG HTML, 9.2.6) from bytes, however they are split. Pure; memory is bounded.

`event`, `id` and `retry` are read over: the streams that are followed here tell nothing by them, and when to connect
again is ours to say.
"""

import re
from collections.abc import Iterator

import msgspec

_LINE_END = re.compile(b"\r\n|\r|\n")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class SseEvent(msgspec.Struct, frozen=True):
    """One event: its data lines, joined by line feeds. Not decoded."""

    data: bytes


class SseComment(msgspec.Struct, frozen=True):
    """A line that begins with a colon, without it. Streams keep themselves alive by them."""

    text: bytes


class SseOversized(msgspec.Struct, frozen=True):
    """An event that grew longer than is kept; its lines were read over to its end."""

    limit: int


class SseParser:
    """`feed` every chunk of one response body in turn. What is unfinished at its end is no event."""

    def __init__(self, largest: int) -> None:
        """`largest`: bytes of one line, and of one event's data."""
        self._largest = largest
        self._line = bytearray()
        self._line_is_cut = False
        self._data: list[bytes] = []
        self._size = 0
        self._is_oversized = False
        self._after_return = False
        """The last chunk ended with a CR: a LF that follows belongs to it."""
        self._is_first_line = True

    def feed(self, chunk: bytes) -> Iterator[SseEvent | SseComment | SseOversized]:
        """To be exhausted before the next chunk is fed."""
        if not chunk:
            return
        if self._after_return and chunk[:1] == b"\n":
            chunk = chunk[1:]
            self._after_return = False
            if not chunk:
                return
        self._after_return = chunk[-1:] == b"\r"
        *lines, rest = _LINE_END.split(chunk)
        for line in lines:
            self._extend(line)
            yield from self._end_line()
        self._extend(rest)

    def _extend(self, part: bytes) -> None:
        if len(self._line) + len(part) > self._largest:
            self._line_is_cut = True
            part = part[: self._largest - len(self._line)]
        self._line += part

    def _end_line(self) -> Iterator[SseEvent | SseComment | SseOversized]:
        line, is_cut = bytes(self._line), self._line_is_cut
        self._line.clear()
        self._line_is_cut = False
        if self._is_first_line:
            self._is_first_line = False
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if not line:
            yield from self._end_event()
        elif line[:1] == b":":
            yield SseComment(line[1:])
        else:
            self._take_field(line, is_cut=is_cut)

    def _take_field(self, line: bytes, *, is_cut: bool) -> None:
        name, _, value = line.partition(b":")
        if name != b"data":
            return
        value = value.removeprefix(b" ")
        self._size += len(value) + bool(self._data)
        if is_cut or self._size > self._largest:
            self._is_oversized = True
            self._data.clear()
        elif not self._is_oversized:
            self._data.append(value)

    def _end_event(self) -> Iterator[SseEvent | SseOversized]:
        data, is_oversized = self._data, self._is_oversized
        self._data, self._size, self._is_oversized = [], 0, False
        if is_oversized:
            yield SseOversized(self._largest)
        elif data:
            yield SseEvent(b"\n".join(data))
