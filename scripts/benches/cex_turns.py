"""How a reader's process takes its turns: a line in with a venue's name, one JSON line out with what it took.

The parent lets one process at a time work; each reads whole days of frames from the snapshot on until it has worked
long enough. Only the frames after the snapshots are timed.
"""

import gc
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from scripts.benches.cex_frames_of_day import Day, load


class Reader(Protocol):
    """Holds a day's books, synced by its snapshots."""

    def play(self) -> int:
        """Read all frames; nanoseconds it took."""

    def tops(self) -> dict[str, list[str]]:
        """As `cex_plain_book.tops`."""


class Lacking(Exception):  # noqa: N818  # says why a column stays empty, and nothing is wrong
    """Raised by a reader that is not there or cannot read that venue; the message says why."""


def take_turns(open_reader: Callable[[Day], Reader]) -> None:
    """Arguments: folder of the days, core to stay on (-1: any). Ends with its input."""
    folder, core = Path(sys.argv[1]), int(sys.argv[2])
    stay_on(core)
    gc.freeze()  # what the imports left is not looked through again and again
    days: dict[str, Day] = {}
    for line in sys.stdin:
        order = json.loads(line)
        venue = order["venue"]
        if venue not in days:
            days[venue] = load(folder, venue)
        try:
            answer = _turn(open_reader, days[venue], order["least_ns"])
        except Lacking as lacking:
            answer = {"lacks": str(lacking)}
        print(json.dumps(answer), flush=True)


def stay_on(core: int) -> None:
    """Pin this process where the system lets it."""
    if core >= 0 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})


def _turn(open_reader: Callable[[Day], Reader], day: Day, least_ns: int) -> dict[str, object]:
    taken: list[int] = []
    gc.collect()
    while True:
        reader = open_reader(day)
        taken.append(reader.play())
        if sum(taken) >= least_ns:
            return {"ns_per_message": [one / len(day.frames) for one in taken], "tops": reader.tops()}
