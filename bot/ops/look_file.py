"""The last look of the running bot at something beside the chain, in a file of the data folder, for `bot status`.

It lies beside the journal and is no part of it: what exchanges and relays do differs from run to run of one seed.
"""

import time
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from bot.core.units import Nanoseconds

Board = TypeVar("Board")
SCHEMA = 1


class Look(msgspec.Struct, Generic[Board], frozen=True):
    """What is in it; read by this program alone."""

    schema: int
    utc: Nanoseconds
    board: Board


class LookFile(Generic[Board]):
    """One such file, by its name in the folder; `look` is the Look of what stands in it."""

    def __init__(self, name: str, look: type[Look[Board]]) -> None:
        self._name = name
        self._look = look

    def write(self, folder: Path, board: Board, utc: Nanoseconds) -> None:
        """Replace it as a whole: a reader sees the old look or the new one. Raises OSError."""
        path = folder / self._name
        temporary = path.with_name(f".{self._name}.part")
        temporary.write_bytes(msgspec.json.encode(Look(SCHEMA, utc, board)))
        temporary.replace(path)

    def remove(self, folder: Path) -> None:
        """Of an earlier run, before one that has nothing to look at. Raises OSError."""
        (folder / self._name).unlink(missing_ok=True)

    def read(self, folder: Path) -> tuple[Board, float] | str | None:
        """The last look and the seconds since it was written; None without a file; a line where it cannot be read."""
        path = folder / self._name
        try:
            written = path.stat().st_mtime
            found = msgspec.json.decode(path.read_bytes(), type=self._look)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            return f"{path} cannot be read: {error}"
        return found.board, max(0.0, time.time() - written)
