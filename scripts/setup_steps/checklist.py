"""What the person sees: one line a step with size, seconds and whether it was already there.

On a terminal the lines are redrawn while the steps run; elsewhere each is printed once, when it is done.
"""

import os
import shutil
import sys
import threading
import time
from dataclasses import dataclass, field
from enum import Enum
from typing import TextIO


class State(Enum):
    WAITING = " "
    RUNNING = ">"
    DONE = "+"
    ALREADY = "="
    FAILED = "x"


@dataclass
class Line:
    """One step of the checklist."""

    what: str
    detail: str
    state: State = State.WAITING
    size: int = 0
    """Bytes on disk, once known."""
    started: float = 0.0
    seconds: float = 0.0


@dataclass
class Checklist:
    """Steps report to it from their own threads; `draw` is called by the main thread."""

    title: str
    lines: list[Line]
    out: TextIO = field(default_factory=lambda: sys.stderr)
    _drawn: int = 0
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def begin(self) -> None:
        self.out.write(f"{self.title}\n")
        for line in self.lines:
            if line.state is State.ALREADY and not self._live():
                self.out.write(_text(line) + "\n")
        self.draw()

    def start(self, line: Line) -> None:
        line.started, line.state = time.monotonic(), State.RUNNING

    def end(self, line: Line, state: State, size: int = 0) -> None:
        """Close a step; printed at once when nothing is redrawn."""
        line.seconds, line.size, line.state = time.monotonic() - line.started, size, state
        if not self._live():
            with self._guard:
                self.out.write(_text(line) + "\n")
                self.out.flush()

    def draw(self) -> None:
        """Redraw the whole list in place, cut to the terminal's width so that a line stays a line."""
        if not self._live():
            return
        width = shutil.get_terminal_size().columns
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        self.out.write(up + "".join(f"\x1b[2K{_text(line)[: width - 1]}\n" for line in self.lines))
        self.out.flush()
        self._drawn = len(self.lines)

    def _live(self) -> bool:
        return self.out.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _text(line: Line) -> str:
    """Fits 80 columns: mark, step, detail, size, then seconds or why there are none."""
    seconds = time.monotonic() - line.started if line.state is State.RUNNING else line.seconds
    size = f"{line.size / 1e6:6.1f} MB" if line.size else ""
    end = {
        State.WAITING: "waiting",
        State.ALREADY: "already there",
        State.FAILED: f"failed after {seconds:.1f} s",
    }
    return f"  [{line.state.value}] {line.what:<16} {line.detail:<28} {size:>9}  {end.get(line.state, f'{seconds:5.1f} s')}"
