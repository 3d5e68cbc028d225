"""One client's websocket: what waits to be sent, what it is subscribed to, and the faults of its own."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter, deque
from typing import TYPE_CHECKING, Final

import msgspec
from aiohttp import web

from bot.world.exchanges.faults import FaultKind, malformed, with_wrong_checksum

if TYPE_CHECKING:
    from bot.world.exchanges.condition import Condition

SEQUENCE: Final = '"sequence_num":#'
"""Stands in a frame that is numbered when it is sent: Coinbase counts all messages of a connection."""
_BURSTS: Final = 4
_MOST_WAITING = 20_000
"""Frames; a client that reads more slowly is cut off, as on a real exchange."""


class Stream(msgspec.Struct, frozen=True):
    """What can be subscribed to."""

    name: str
    """As the client says it; unique among an exchange's streams."""
    kind: str
    """book, quote, or a word of the exchange's own for a stream without a symbol."""
    symbol: str
    depth: int = 0
    """Levels of a book that are sent; 0: all."""


class _Closing(msgspec.Struct, frozen=True):
    code: int
    reason: str


class _Armed(msgspec.Struct):
    kind: FaultKind
    passing: int


class Connection:
    """Nothing here waits but `write`: the market never waits for a client."""

    def __init__(
        self,
        condition: Condition,
        story: Counter[str],
        socket: web.WebSocketResponse,
        draw: random.Random,
        now: int,
    ) -> None:
        self.socket = socket
        self.streams: dict[str, Stream] = {}
        self.served: set[str] = set()
        """Streams whose snapshot has been sent; the others get no updates."""
        self.opened_at = now
        self.received: deque[int] = deque()
        """When the last messages came."""
        self.last_beat = self.last_ping = now
        self.pinged_at: int | None = None
        self.closes_at: int | None = None
        self.is_raw = False
        """Binance's /ws: frames without their stream's name."""
        self.frames_sent = 0
        """Given to the socket, all kinds but pings."""
        self.half_open = False
        self.is_closing = False
        self.beats = 0
        self._condition = condition
        self._story = story
        self._draw = draw
        self._waiting: deque[str | bytes | _Closing] = deque()
        self._more = asyncio.Event()
        self._is_writing = False
        self._sequence = 0
        self._armed: deque[_Armed] = deque()
        self._held: tuple[str, str] | None = None
        self._backlog: list[tuple[str, Stream, bool]] = []
        self._bursts = 0

    @property
    def is_idle(self) -> bool:
        """All that was to be sent has been given to the socket."""
        return not self._waiting and not self._is_writing

    def arm(self, kind: FaultKind, passing: int) -> None:
        """The update of a book after the next `passing` ones is struck."""
        self._armed.append(_Armed(kind, passing))

    def say(self, text: str) -> None:
        """An answer or a word of the exchange: no fault but half-open keeps it."""
        self._queue(self._numbered(text))

    def ping(self, payload: bytes) -> None:
        """A websocket ping frame."""
        self._queue(payload)

    def send_data(self, frame: str, stream: Stream, *, is_update: bool) -> None:
        """A frame of a stream, through whatever is wrong just now."""
        frame = self._numbered(frame)
        if self._backlog or (self._condition.is_stalled and self._condition.keeps_backlog):
            self._backlog.append((frame, stream, is_update))
        elif not self._condition.is_stalled:
            self._pass(frame, stream, is_update=is_update)

    def _pass(self, frame: str, stream: Stream, *, is_update: bool) -> None:
        if not is_update or stream.kind != "book":
            self._queue(frame)
            return
        fault = self._due()
        if fault is not None:
            self._story[fault] += 1
        self._strike(fault, frame, stream)

    def drain(self) -> None:
        """What a stall has kept goes out in bursts, a third of it each time, the fourth time all; new frames wait behind."""
        if not self._backlog or self._condition.is_stalled:
            return
        self._bursts = (self._bursts + 1) % _BURSTS
        count = -(-len(self._backlog) // 3) if self._bursts else len(self._backlog)
        for frame, stream, is_update in self._backlog[:count]:
            self._pass(frame, stream, is_update=is_update)
        self._backlog = self._backlog[count:]

    def close(self, code: int, reason: str) -> None:
        """After what waits already; a half-open socket stays as it is."""
        self.is_closing = True
        self._queue(_Closing(code, reason))

    async def write(self) -> None:
        """Send what waits, until a close was sent or the socket is gone."""
        with contextlib.suppress(ConnectionError, RuntimeError):
            while True:
                while self._waiting:
                    self._is_writing = True
                    item = self._waiting.popleft()
                    if isinstance(item, _Closing):
                        await self.socket.close(code=item.code, message=item.reason.encode())
                        return
                    await self._write(item)
                self._is_writing = False
                self._more.clear()
                await self._more.wait()

    async def _write(self, item: str | bytes) -> None:
        if isinstance(item, bytes):
            await self.socket.ping(item)
        else:
            await self.socket.send_str(item)
            self.frames_sent += 1

    def _queue(self, item: str | bytes | _Closing) -> None:
        if self.half_open:
            return
        if len(self._waiting) == _MOST_WAITING:
            self._waiting.clear()
            item = _Closing(1008, "slow consumer")
        self._waiting.append(item)
        self._more.set()

    def _numbered(self, frame: str) -> str:
        if SEQUENCE not in frame:
            return frame
        numbered = frame.replace(SEQUENCE, f'"sequence_num":{self._sequence}', 1)
        self._sequence += 1
        return numbered

    def _due(self) -> FaultKind | None:
        if not self._armed:
            return None
        first = self._armed[0]
        if first.passing:
            first.passing -= 1
            return None
        return self._armed.popleft().kind

    def _strike(self, fault: FaultKind | None, frame: str, stream: Stream) -> None:
        if fault == "out_of_order" and self._held is None:
            self._held = (stream.name, frame)
            return
        if fault == "wrong_checksum":
            frame = with_wrong_checksum(frame)
        if fault == "malformed":
            frame = malformed(frame, self._draw)
        if fault != "gap":
            self._queue(frame)
        if fault == "duplicate":
            self._queue(frame)
        if self._held is not None and self._held[0] == stream.name:
            self._queue(self._held[1])
            self._held = None
