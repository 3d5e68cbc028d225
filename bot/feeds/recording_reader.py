"""Recordings read back: which runs of which sources a folder holds, and their records in order, damage said."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from bot.core.errors import BadConfiguration
from bot.feeds.recording_files import FILE_NAME
from bot.feeds.recording_format import Block, BrokenBlock, Kind, Record, decode_blocks, decode_records

MOST_FILE_BYTES = 2**29
"""A file is closed at an eighth of it."""


class Damage(msgspec.Struct, frozen=True):
    """What of a file could not be read. The records around it are still delivered."""

    file: str
    reason: str
    at: int
    """Offset in the file."""
    length: int
    """Bytes passed over; 0: blocks or whole files are missing."""

    def __str__(self) -> str:
        return f"{self.file}: {self.reason} (byte {self.at:,}, {self.length:,} bytes passed over)"


class RecordedRun:
    """What one run of the bot recorded of one source."""

    def __init__(self, source: str, run: str, files: tuple[Path, ...]) -> None:
        self.source = source
        self.run = run
        """When it began, UTC, as in the files' names."""
        self.files = files
        self._damage: dict[Damage, None] = {}

    @property
    def damage(self) -> list[Damage]:
        """What was found while `records()` was read."""
        return list(self._damage)

    @property
    def first_number(self) -> int:
        """Of the first file that is there; more than 1: those before it were deleted."""
        return _number(self.files[0])

    def about(self) -> object:
        """What the recorder was told of the source; None where no file says so."""
        for path in self.files:
            for record in self._records_of(path, []):
                if record.kind is Kind.DESCRIBED:
                    return self._told(path, record)
                break
        return None

    def _told(self, path: Path, record: Record) -> object:
        try:
            return msgspec.json.decode(record.payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self.note(path.name, f"what was followed is not JSON ({error})")
            return None

    def note(self, file: str, reason: str) -> None:
        """Damage that only the one who follows the records can see."""
        self._damage[Damage(file, reason, 0, 0)] = None

    def records(self) -> Iterator[Record]:
        """Oldest first. Those that repeat what an earlier file said (described, continued) come once."""
        number_before = 0
        for path in self.files:
            number = _number(path)
            damage: list[Damage] = []
            if number_before and number != number_before + 1:
                missing = number - number_before - 1
                damage.append(Damage(path.name, f"{missing} files before it are missing", 0, 0))
            for record in self._records_of(path, damage):
                if not number_before or record.kind not in (Kind.DESCRIBED, Kind.CONTINUED):
                    yield record
            self._damage.update(dict.fromkeys(damage))
            number_before = number

    def _records_of(self, path: Path, damage: list[Damage]) -> Iterator[Record]:
        try:
            size = path.stat().st_size
            content = path.read_bytes() if size <= MOST_FILE_BYTES else b""
        except OSError as error:
            damage.append(Damage(path.name, f"cannot be read ({error.strerror})", 0, 0))
            return
        if size > MOST_FILE_BYTES:
            reason = f"has {size:,} bytes; no recording has more than {MOST_FILE_BYTES:,}"
            damage.append(Damage(path.name, reason, 0, size))
        elif not content:
            damage.append(Damage(path.name, "is empty", 0, 0))
        expected = 0
        for block in decode_blocks(content):
            if isinstance(block, BrokenBlock):
                damage.append(Damage(path.name, block.reason, block.start, block.length))
                continue
            if block.number != expected and not damage:
                damage.append(
                    Damage(path.name, f"block {block.number} where {expected} belongs", block.start, 0)
                )
            expected = block.number + 1
            yield from self._records_in(block, path, damage)

    def _records_in(self, block: Block, path: Path, damage: list[Damage]) -> Iterator[Record]:
        try:
            yield from decode_records(block.raw)
        except ValueError as error:
            damage.append(Damage(path.name, f"block {block.number}: {error}", block.start, 0))


def read_recording(folder: Path) -> list[RecordedRun]:
    """Every run of every source in `folder`, by source and then by time.

    Raises BadConfiguration where there is no such folder or nothing recorded in it.
    """
    if not folder.is_dir():
        raise BadConfiguration(
            f"{folder}: no such folder; name one that holds recordings, such as <data folder>/recordings"
        )
    found: dict[tuple[str, str], list[Path]] = {}
    for path in folder.iterdir():
        named = FILE_NAME.fullmatch(path.name)
        if named is not None and path.is_file():
            found.setdefault((named["source"], named["run"]), []).append(path)
    if not found:
        raise BadConfiguration(
            f"{folder}: no recording (*.rec) in it; set BOT_RECORD and run the bot, or name its recordings folder"
        )
    return [
        RecordedRun(source, run, tuple(sorted(files, key=_number)))
        for (source, run), files in sorted(found.items())
    ]


def _number(path: Path) -> int:
    named = FILE_NAME.fullmatch(path.name)
    return int(named["number"]) if named is not None else 0
