"""`relays.json` in the data folder: the last look of the running bot at its relays, for `bot status`.

It lies beside the journal and is no part of it: how fast a relay answers differs from run to run of one seed.
"""

import time
from pathlib import Path
from typing import Any, Final

import msgspec

from bot.core.route_standing import RouteStanding
from bot.core.units import Nanoseconds
from bot.ops.relay_view import RelayBoard, board_lines

RELAYS_FILE: Final = "relays.json"
OLD_AFTER_S: Final = 30
"""The running bot writes every few seconds; a file older than this is not of a bot that runs and is well."""


class RelayFile(msgspec.Struct, frozen=True):
    """What is in it; read by this program alone."""

    schema: int
    utc: Nanoseconds
    board: RelayBoard


def write_relays(folder: Path, board: RelayBoard, utc: Nanoseconds) -> None:
    """Replace the file of `folder` as a whole: a reader sees the old look or the new one. Raises OSError."""
    path = folder / RELAYS_FILE
    temporary = path.with_name(f".{RELAYS_FILE}.part")
    temporary.write_bytes(msgspec.json.encode(RelayFile(1, utc, board)))
    temporary.replace(path)


def remove_relays(folder: Path) -> None:
    """Of an earlier run, before one that sends nothing. Raises OSError."""
    (folder / RELAYS_FILE).unlink(missing_ok=True)


def read_relays(folder: Path) -> tuple[RelayBoard, float] | str | None:
    """The last look and the seconds since it was written; None without a file; a line where it cannot be read."""
    path = folder / RELAYS_FILE
    try:
        written = path.stat().st_mtime
        found = msgspec.json.decode(path.read_bytes(), type=RelayFile)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        return f"{path} cannot be read: {error}"
    return found.board, max(0.0, time.time() - written)


def relay_status(folder: Path) -> dict[str, Any] | None:
    """For `bot status --json`; None where nothing was ever sent from this folder."""
    found = read_relays(folder)
    if found is None:
        return None
    if isinstance(found, str):
        return {
            "problem": found,
            "seconds_since_written": None,
            "is_old": True,
            "may_send": None,
            "relays": [],
        }
    board, age = found
    return {
        "problem": None,
        "seconds_since_written": round(age, 1),
        "is_old": age > OLD_AFTER_S,
        "may_send": board.may_send,
        "relays": [_row(one) for one in board.standings],
    }


def relay_lines(folder: Path) -> list[str]:
    """For the text of `bot status`; nothing where nothing was ever sent from this folder."""
    found = read_relays(folder)
    if found is None:
        return []
    if isinstance(found, str):
        return [f"relays: {found}"]
    board, age = found
    old = ", which is old: the bot is not running, or hangs; as of then" if age > OLD_AFTER_S else ""
    return [f"relays, {age:.1f} s ago{old}", *board_lines(board)]


def _row(one: RouteStanding) -> dict[str, Any]:
    return {
        "relay": one.name,
        "host": one.host,
        "drops_reverts": one.drops_reverts,
        "is_usable": one.is_usable,
        "problem": one.problem,
        "sent": one.sent,
        "accepted": one.accepted,
        "refused": one.refused,
        "unknown": one.unknown,
        "answer_p50_ms": _milliseconds(one.answer_p50),
        "answer_p99_ms": _milliseconds(one.answer_p99),
    }


def _milliseconds(duration: Nanoseconds | None) -> float | None:
    return None if duration is None else round(duration / 10**6, 3)
