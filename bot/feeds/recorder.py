"""Raw frames to files while the feeds run: cheap on the loop, bounded in memory, and never in the way of trading.

The loop appends to one buffer a source; a full buffer, or one that has waited a second, is handed to the writer, one
thread for all, which compresses and writes. When the writer is behind, frames are dropped, counted, and the gap is said
in the file. The feeds notice nothing of all this.
"""

import queue
import threading
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import msgspec
import structlog

from bot.core.ports import Clock
from bot.core.result import Unknown
from bot.core.units import Nanoseconds
from bot.feeds.recording_files import (
    PendingBlock,
    RecorderConfig,
    RecorderCounters,
    RecordingFiles,
)
from bot.feeds.recording_format import (
    RECORD_HEAD,
    Kind,
    answer_payload,
    dropped_payload,
    public_url,
    without_secrets,
)

log = structlog.get_logger()

_pack = RECORD_HEAD.pack
_FRAME = int(Kind.FRAME)
POLL = Nanoseconds(2_000_000)
RESERVE = 4
"""Blocks that one source may hold for what is not a frame: without a connection's opening its frames say little."""


class Recorder:
    """`source` for each feed, `run()` as a task, `close()` at the end. Writes nothing before the first record."""

    def __init__(self, folder: Path, config: RecorderConfig, clock: Clock) -> None:
        self.counters = RecorderCounters()
        self.config = config
        self._clock = clock
        self._files = RecordingFiles(folder, config, self.counters, lambda: (clock.monotonic(), clock.utc()))
        self._handed = 0
        """Raw bytes given to the writer; written by the loop alone."""
        self._done = 0
        """Of them, those it is through with; written by the thread alone."""
        self._blocks: queue.SimpleQueue[PendingBlock | None] = queue.SimpleQueue()
        self._taps: list[SourceTap] = []
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._has_ended = False
        self._said = (0, 0)
        """Records dropped and lost that the log knows of."""
        self._quiet_until = Nanoseconds(0)

    def source(self, name: str, about: object = None, bases: tuple[str, ...] = ()) -> "SourceTap":
        """The tap of one exchange or of the chain: bot.feeds.cex.transport.Tap.

        `name` is the exchange's (lower case, digits, dashes); `about` (JSON) stands in each of its files, so that a
        replay knows what was followed: for an exchange the list of its pairs. `bases`: URLs of the operator's, of which
        the host alone is kept, before what the exchange's names add to them.
        """
        tap = SourceTap(self, name, msgspec.json.encode(about), bases, self._clock)
        self._taps.append(tap)
        return tap

    async def run(self) -> None:
        """Until cancelled: what has come is handed to the writer every second."""
        while True:
            await self._clock.sleep(self.config.flush_every)
            self.flush()
            now = self._clock.monotonic()
            for tap in self._taps:
                tap.renew_books(now)
            self._warn(now)

    def files_of(self, source: str) -> int:
        """Files of a source that were begun since the start."""
        return self._files.begun(source)

    def _warn(self, now: Nanoseconds) -> None:
        """That records are missing, and how many more than when it was said last."""
        counters, (dropped, lost) = self.counters, self._said
        if (counters.dropped, counters.lost) == self._said or now < self._quiet_until:
            return
        self._said = counters.dropped, counters.lost
        self._quiet_until = Nanoseconds(now + self.config.warn_every)
        log.warning(
            "recording.incomplete",
            dropped=self._said[0] - dropped,
            lost=self._said[1] - lost,
            dropped_in_all=self._said[0],
            lost_in_all=self._said[1],
            consequence="the recording has gaps, which it says; trading is not touched",
        )

    def flush(self) -> None:
        """Hand over what every source has, where there is room."""
        for tap in self._taps:
            tap.flush()

    async def close(self) -> None:
        """Write what there is; a disk that does not take it within a few seconds is left alone, and that is said."""
        if self._is_closed:
            return
        self._is_closed = True
        if isinstance(await self._clock.within(self.config.close_limit, self._finish()), Unknown):
            log.warning("recording.not_closed", waiting_bytes=self._handed - self._done)
        self._has_ended = True
        self._quiet_until = Nanoseconds(0)
        self._warn(self._clock.monotonic())

    def has_room(self, size: int) -> bool:
        """Whether the writer may be given `size` more raw bytes."""
        waiting = self._handed - self._done
        return not self._has_ended and (waiting == 0 or waiting + size <= self.config.backlog_bytes)

    def hand_over(self, block: PendingBlock) -> None:
        """To the writer, which is started by the first block. The caller keeps no reference to `block.raw`."""
        self._handed += len(block.raw)
        self._blocks.put(block)
        if self._thread is None:
            self._thread = threading.Thread(target=self._write, name="recorder", daemon=True)
            self._thread.start()

    async def _finish(self) -> None:
        while any(tap.is_waiting for tap in self._taps):
            self.flush()
            await self._clock.sleep(POLL)
        self._blocks.put(None)
        while self._thread is not None and self._thread.is_alive():
            await self._clock.sleep(POLL)

    def _write(self) -> None:
        while (block := self._blocks.get()) is not None:
            try:
                self._files.append(block)
            except Exception:  # a defect here costs this block, not the recording and nothing of trading
                log.exception("recording.defect", source=block.source)
            self._done += len(block.raw)
        self._files.close()


class SourceTap:
    """What one source said, in order. Nothing here waits or raises."""

    def __init__(
        self, recorder: Recorder, name: str, about: bytes, bases: tuple[str, ...], clock: Clock
    ) -> None:
        self.dropped = 0
        """Records refused since the start."""
        self.renew: Callable[[], None] | None = None
        """Asks the feed for a second connection, whose books come whole: what is recorded after it stands by itself."""
        self._recorder = recorder
        self._name = name
        self._about = about
        self._bases = bases
        self._clock = clock
        self._utc_offset = 0
        self._look_at_utc()
        self._block_bytes = recorder.config.block_bytes
        self._buffer = bytearray()
        self._open: dict[int, str] = {}
        self._open_at_start: tuple[tuple[int, str], ...] = ()
        self._missing = 0
        self._files_known = 1
        self._renewed_at = clock.monotonic()

    def opened(self, connection: int, url: str, received: Nanoseconds) -> None:
        shown = public_url(url, self._bases)
        self._put(Kind.OPENED, connection, shown.encode(errors="replace"), received)
        self._open[connection] = shown

    def sent(self, connection: int, payload: bytes, received: Nanoseconds) -> None:
        self._put(Kind.SENT, connection, payload, received)

    def frame(self, connection: int, payload: bytes, received: Nanoseconds) -> None:
        """The one call per message of the hot path: two appends to a buffer."""
        buffer = self._buffer
        if len(buffer) >= self._block_bytes:
            if not self._hand_over():
                self._drop()
                return
            buffer = self._buffer
        buffer += _pack(_FRAME, connection, received, received + self._utc_offset, len(payload))
        buffer += payload

    def answer(self, url: str, status: int, body: bytes, received: Nanoseconds) -> None:
        if status != HTTPStatus.OK:
            told = body.decode(errors="surrogateescape")
            body = without_secrets(told, self._bases).encode(errors="surrogateescape")
        payload = answer_payload(status, public_url(url, self._bases), body)
        self._put(Kind.ANSWER, 0, payload, received)

    def closed(self, connection: int, reason: str, received: Nanoseconds) -> None:
        shown = without_secrets(reason, self._bases)
        self._put(Kind.CLOSED, connection, shown.encode(errors="replace"), received)
        self._open.pop(connection, None)

    @property
    def is_waiting(self) -> bool:
        return bool(self._buffer)

    def flush(self) -> None:
        if self._buffer:
            self._hand_over()
        else:
            self._look_at_utc()

    def renew_books(self, now: Nanoseconds) -> None:
        """Once a new file was begun, at most every `renew_every`: the snapshots of its books are in a file before."""
        files = self._recorder.files_of(self._name)
        if files > self._files_known and now - self._renewed_at >= self._recorder.config.renew_every:
            self._files_known, self._renewed_at = files, now
            if self.renew is not None:
                self.renew()

    def _put(self, kind: Kind, connection: int, payload: bytes, received: Nanoseconds) -> None:
        is_full = len(self._buffer) >= self._block_bytes and not self._hand_over()
        if is_full and len(self._buffer) + len(payload) > RESERVE * self._block_bytes:
            self._drop()
            return
        self._buffer += _pack(kind, connection, received, received + self._utc_offset, len(payload))
        self._buffer += payload

    def _drop(self) -> None:
        self.dropped += 1
        self._missing += 1
        self._recorder.counters.dropped += 1

    def _hand_over(self) -> bool:
        """False: the writer is behind, the buffer stays. A new buffer begins with what is missing before it."""
        if not self._recorder.has_room(len(self._buffer)):
            return False
        self._recorder.hand_over(PendingBlock(self._name, self._about, self._open_at_start, self._buffer))
        self._buffer = bytearray()
        self._open_at_start = tuple(self._open.items())
        self._look_at_utc()
        if self._missing:
            missing, self._missing = self._missing, 0
            self._put(Kind.DROPPED, 0, dropped_payload(missing), self._clock.monotonic())
        return True

    def _look_at_utc(self) -> None:
        """UTC less monotonic time. Asked for at least every second; for each frame it would cost as much as the rest."""
        self._utc_offset = self._clock.utc() - self._clock.monotonic()
