"""A folder of recordings: which file is written, when the next one is begun, and which old ones go. Blocks.

One file of each source is open. A file is named `<source>-<start of the run, UTC>-<number in the run>.rec`, so that
files of a source sort as they were written. Everything here may wait for the disk: it runs on the recorder's thread.
"""

import contextlib
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import structlog

from bot.core.units import Nanoseconds
from bot.feeds.recording_format import (
    RECORD_HEAD,
    Kind,
    count_records,
    dropped_payload,
    encode_block,
    encode_record,
)

log = structlog.get_logger()

FILE_NAME = re.compile(r"(?P<source>[a-z0-9-]+)-(?P<run>\d{8}T\d{6}\.\d{6}Z)-(?P<number>\d{6,})\.rec")
MILLISECOND = 10**6
SECOND = 10**9
HOUR = 3600 * SECOND


class RecorderConfig(msgspec.Struct, frozen=True):
    """Sizes in bytes, times in nanoseconds of the Clock port."""

    cap: int = 2 * 10**9
    """Of all recordings together; the oldest closed files go first."""
    file_bytes: int = 64 * 2**20
    """A file larger than this is closed; never more than a sixteenth of `cap`, so that there is something to delete."""
    file_age: Nanoseconds = Nanoseconds(HOUR)
    block_bytes: int = 64 * 2**10
    """Records are compressed and written together up to this size, before compression."""
    backlog_bytes: int = 32 * 2**20
    """Records handed to the writer and not written yet, before compression; beyond it frames are dropped."""
    flush_every: Nanoseconds = Nanoseconds(1 * SECOND)
    """What has come is handed to the writer at least so often: what a killed process loses."""
    kept_free: int = 2**30
    """Free disk space that is left alone: the journal needs it, and trading needs the journal."""
    first_retry: Nanoseconds = Nanoseconds(1 * SECOND)
    """After a failure to write; doubles up to the longest."""
    longest_retry: Nanoseconds = Nanoseconds(60 * SECOND)
    renew_every: Nanoseconds = Nanoseconds(HOUR)
    """Least time between requests for whole books, by a second connection: one follows a new file."""
    warn_every: Nanoseconds = Nanoseconds(60 * SECOND)
    """Least time between warnings that records are missing."""
    close_limit: Nanoseconds = Nanoseconds(5 * SECOND)
    """How long the end waits for the disk."""


class RecorderCounters(msgspec.Struct):
    """Since the recorder was made. Each is written by one thread alone."""

    dropped: int = 0
    """Records refused because the writer was behind."""
    lost: int = 0
    """Records that the disk did not take."""
    written_bytes: int = 0
    files: int = 0
    deleted_files: int = 0
    deleted_bytes: int = 0
    failures: int = 0
    """Stretches in which nothing could be written."""


class PendingBlock(msgspec.Struct, frozen=True, gc=False):
    """Records of one source on their way to the disk."""

    source: str
    about: bytes
    """Payload of Kind.DESCRIBED."""
    opened: tuple[tuple[int, str], ...]
    """Connections that were open before the first record, with their URLs."""
    raw: bytearray

    @property
    def began(self) -> tuple[int, int]:
        """Monotonic time and UTC of the first record: what is put before it must not seem to be later."""
        _, _, received, utc, _ = RECORD_HEAD.unpack_from(self.raw)
        return received, utc


class _OpenFile(msgspec.Struct):
    path: Path
    descriptor: int
    began: Nanoseconds
    size: int = 0
    blocks: int = 0


def run_name(utc: int) -> str:
    """How a run that began then is named in its files."""
    return f"{datetime.fromtimestamp(utc // SECOND, UTC):%Y%m%dT%H%M%S}.{utc % SECOND // 1000:06d}Z"


class RecordingFiles:
    """`append` blocks; it says whether they were taken. `now` gives monotonic time and UTC, from any thread."""

    def __init__(
        self,
        folder: Path,
        config: RecorderConfig,
        counters: RecorderCounters,
        now: Callable[[], tuple[Nanoseconds, Nanoseconds]],
    ) -> None:
        self._folder = folder
        self._config = config
        self._counters = counters
        self._now = now
        self._run = run_name(now()[1])
        self._file_bytes = min(config.file_bytes, max(config.cap // 16, 1))
        self._open: dict[str, _OpenFile] = {}
        self._numbers: dict[str, int] = {}
        self._missing: dict[str, int] = {}
        """Records lost since the last block written, to be said in the file."""
        self._closed: dict[Path, int] | None = None
        """Size of each closed file, oldest first; None: not looked at yet."""
        self._closed_bytes = 0
        self._retry_at = Nanoseconds(0)
        self._retry_delay = config.first_retry
        self._failing = False

    def append(self, block: PendingBlock) -> None:
        """Write it, or count its records as lost. Raises nothing of the disk."""
        now = self._now()[0]
        if self._failing and now < self._retry_at:
            self._lose(block)
            return
        try:
            self._write(block, now)
        except OSError as error:
            self._fail(block.source, error, now)
            self._lose(block)
        else:
            if self._failing:
                log.info("recording.resumed", folder=str(self._folder), lost=self._counters.lost)
            self._failing = False
            self._retry_delay = self._config.first_retry

    def begun(self, source: str) -> int:
        """Files of it so far; may be asked from any thread."""
        return self._numbers.get(source, 0)

    def close(self) -> None:
        for source in tuple(self._open):
            self._close(source)

    def _lose(self, block: PendingBlock) -> None:
        records = count_records(block.raw)
        self._counters.lost += records
        self._missing[block.source] = self._missing.get(block.source, 0) + records

    def _fail(self, source: str, error: OSError, now: Nanoseconds) -> None:
        """The feeds go on without a recording; a moment later it is tried again, in a new file."""
        self._close(source)
        if not self._failing:
            self._counters.failures += 1
            log.error(
                "recording.failed",
                folder=str(self._folder),
                reason=str(error),
                consequence="frames are not recorded until it can be written again; trading goes on",
            )
        self._failing = True
        self._retry_at = Nanoseconds(now + self._retry_delay)
        self._retry_delay = Nanoseconds(min(2 * self._retry_delay, self._config.longest_retry))

    def _write(self, block: PendingBlock, now: Nanoseconds) -> None:
        file = self._open.get(block.source)
        if file is not None and (file.size >= self._file_bytes or now - file.began >= self._config.file_age):
            self._close(block.source)
            file = None
        if file is None:
            file = self._begin(block, now)
        missing = self._missing.get(block.source, 0)
        if missing:
            received, utc = block.began
            self._put(file, encode_record(Kind.DROPPED, 0, received, utc, dropped_payload(missing)))
            self._missing[block.source] = 0
        self._put(file, block.raw)

    def _begin(self, block: PendingBlock, now: Nanoseconds) -> _OpenFile:
        """A new file, with what a reader must know that has no earlier one."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        if self._closed is None:
            self._closed = closed_files(self._folder)
            self._closed_bytes = sum(self._closed.values())
        number = self._numbers.get(block.source, 0) + 1
        path = self._folder / f"{block.source}-{self._run}-{number:06d}.rec"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o600)
        file = self._open[block.source] = _OpenFile(path, descriptor, now)
        received, utc = block.began
        known = [(Kind.DESCRIBED, 0, block.about)]
        known += [(Kind.CONTINUED, connection, url.encode()) for connection, url in block.opened]
        self._put(
            file, b"".join(encode_record(kind, c, received, utc, payload) for kind, c, payload in known)
        )
        self._numbers[block.source] = number
        self._counters.files += 1
        return file

    def _put(self, file: _OpenFile, raw: bytes | bytearray) -> None:
        encoded = encode_block(file.blocks, raw)
        self._make_room(len(encoded))
        left = memoryview(encoded)
        while left:
            left = left[os.write(file.descriptor, left) :]
        file.size += len(encoded)
        file.blocks += 1
        self._counters.written_bytes += len(encoded)

    def _make_room(self, size: int) -> None:
        """Raises OSError where the disk must be left alone, or the cap holds no more."""
        disk = os.statvfs(self._folder)
        free = disk.f_bavail * disk.f_frsize
        if free - size < self._config.kept_free:
            raise OSError(
                f"{free:,} bytes of disk are free, {self._config.kept_free:,} are kept for the journal"
            )
        closed = self._closed or {}
        total = self._closed_bytes + sum(file.size for file in self._open.values())
        while total + size > self._config.cap and closed:
            path = next(iter(closed))
            path.unlink(missing_ok=True)
            gone = closed.pop(path)
            self._closed_bytes -= gone
            total -= gone
            self._counters.deleted_files += 1
            self._counters.deleted_bytes += gone
            log.warning("recording.deleted", file=path.name, bytes=gone, cap=self._config.cap)
        if total + size > self._config.cap:
            raise OSError(f"the open files hold {total:,} of the {self._config.cap:,} bytes allowed")

    def _close(self, source: str) -> None:
        """A block that was cut short is taken back, and a file without any block."""
        file = self._open.pop(source, None)
        if file is None:
            return
        with contextlib.suppress(OSError):
            os.ftruncate(file.descriptor, file.size)
            if not file.blocks:
                file.path.unlink()
        with contextlib.suppress(OSError):
            os.close(file.descriptor)
        if file.blocks and self._closed is not None:
            self._closed[file.path] = file.size
            self._closed_bytes += file.size


def closed_files(folder: Path) -> dict[Path, int]:
    """Recordings that lie there, the one written last at the end, with their sizes."""
    found = []
    for entry in os.scandir(folder):
        if FILE_NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
            status = entry.stat(follow_symlinks=False)
            found.append((status.st_mtime_ns, entry.name, status.st_size))
    return {folder / name: size for _, name, size in sorted(found)}
