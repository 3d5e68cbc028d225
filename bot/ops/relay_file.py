"""`relays.json` in the data folder: the last look of the running bot at its relays, for `bot status`.

It lies beside the journal and is no part of it: how fast a relay answers differs from run to run of one seed.
"""

from pathlib import Path
from typing import Any, Final

from bot.core.route_standing import RouteStanding
from bot.core.units import Nanoseconds
from bot.ops.look_file import Look, LookFile
from bot.ops.relay_view import RelayBoard, board_lines

RELAYS_FILE: Final = "relays.json"
OLD_AFTER_S: Final = 30
"""The running bot writes every few seconds; a file older than this is not of a bot that runs and is well."""


_FILE: Final = LookFile(RELAYS_FILE, Look[RelayBoard])


def write_relays(folder: Path, board: RelayBoard, utc: Nanoseconds) -> None:
    """As LookFile.write."""
    _FILE.write(folder, board, utc)


def remove_relays(folder: Path) -> None:
    """As LookFile.remove."""
    _FILE.remove(folder)


def read_relays(folder: Path) -> tuple[RelayBoard, float] | str | None:
    """As LookFile.read."""
    return _FILE.read(folder)


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
