"""Record a real `scripts/run` as docs/first-run.svg: one animated picture, no script, no font, nothing fetched.

    .venv/bin/python scripts/record_cast.py [--seed 7] [--blocks 14] [--out docs/first-run.svg]

The run is started in a pseudo-terminal of fixed size and its stream is followed line by line: text, colour, carriage
return, "cursor up" and "erase line", which is all that the set-up's checklist and rich's Live write. Any other control
sequence stops the recording, so that no picture is guessed. Each screen that stood for a moment becomes a frame;
CSS keyframes show one after the other.
"""

import argparse
import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
COLUMNS, ROWS = 110, 34
STILL_S = 0.12
"""A screen that stood this long is a frame; between two writes of one redraw there is far less."""
SHOWN_S, LAST_SHOWN_S = 0.9, 5.0
SHORTEST_S = 0.35
SIZE_LIMIT = 400_000
CHECKLIST_FRAMES = 5
CHARACTER_WIDTH, LINE_HEIGHT = 12.2, 24.4
"""rich's SVG units: a font of 20 px, and what it takes a character to be wide."""
CONTROL = re.compile(r"\x1b\[(\?25[lh])|\x1b\[(\d*)A|\x1b\[([02])K|(\x1b\[[0-9;]*m)|(\r)|(\n)|([^\x1b\r\n]+)")
MACHINE_PATHS = re.compile(rf"{re.escape(str(ROOT))}|/tmp/[\w-]+|/run/user/\d+")
PAGE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"
 aria-label="A recorded run: the checklist, then blocks, then bundles landing with predicted = realised">
<style>
text {{ font: 20px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; white-space: pre; }}
.frame {{ visibility: hidden; }}
g.last {{ visibility: visible; }}
@media (prefers-reduced-motion: no-preference) {{ {keyframes} }}
{styles}
</style>
<rect width="100%" height="100%" rx="10" fill="#0d1117"/>
<g transform="translate(14 10)">{frames}</g>
</svg>
"""


@dataclass
class Screen:
    """Lines with their colour sequences; enough of a terminal for output that erases a line before it rewrites it."""

    lines: list[str] = field(default_factory=lambda: [""])
    row: int = 0
    _rest: str = ""

    def feed(self, stream: str) -> None:
        """Raises ValueError at a control sequence that is not understood."""
        stream, at = self._rest + stream, 0
        while at < len(stream):
            found = CONTROL.match(stream, at)
            if found is None:
                break
            self._apply(found)
            at = found.end()
        self._rest = stream[at:]
        if len(self._rest) > 12:
            raise ValueError(f"a control sequence that is not understood: {self._rest[:12]!r}")

    def _apply(self, found: re.Match[str]) -> None:
        _, up, erase, colour, _, newline, text = found.groups()
        if up is not None:
            self.row = max(0, self.row - int(up or 1))
        elif erase:
            self.lines[self.row] = ""
        elif colour or text:
            self.lines[self.row] += colour or text
        elif newline:
            self.row += 1
            if self.row == len(self.lines):
                self.lines.append("")

    def text(self) -> str:
        """Every line so far, with its colours."""
        return "\n".join(self.lines).rstrip()


def main() -> int:
    options = _parser().parse_args()
    run = [ROOT / "scripts/run", "--seed", str(options.seed), "--blocks", str(options.blocks)]
    frames = _chosen(list(_screens([str(part) for part in run])))
    page = _page(frames)
    if len(page.encode()) > SIZE_LIMIT:
        print(f"{len(page.encode())} bytes is more than {SIZE_LIMIT}: record fewer --blocks", file=sys.stderr)
        return 1
    options.out.write_text(page)
    print(f"{options.out}: {len(frames)} frames, {len(page.encode()):,} bytes")
    return 0


def _screens(command: list[str]) -> Iterator[str]:
    """Each screen that stood still for a moment, until the run ends. Raises SystemExit when it fails."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    child = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True, cwd=ROOT
    )
    os.close(slave)
    os.set_blocking(master, False)
    screen, shown, changed = Screen(), "", time.monotonic()
    while True:
        try:
            screen.feed(os.read(master, 65536).decode(errors="replace"))
            changed = time.monotonic()
        except BlockingIOError:
            if time.monotonic() - changed > STILL_S and screen.text() != shown:
                shown = screen.text()
                yield shown
            time.sleep(0.01)
        except OSError:  # Linux says EIO once the other side of the terminal is closed
            break
    os.close(master)
    if child.wait() != 0:
        raise SystemExit(f"the run ended with {child.returncode}:\n{screen.text()}")
    yield screen.text()


def _chosen(screens: list[str]) -> list[str]:
    """A few of the checklist, and then the live view as it changed, without the closing report's scroll."""
    first_view = next(i for i, screen in enumerate(screens) if "So far, in ETH" in screen)
    views = [screen for screen in screens[first_view:] if "scripts/bot explain" not in screen]
    step = max(1, first_view // CHECKLIST_FRAMES)
    return [MACHINE_PATHS.sub("…", screen) for screen in (*screens[:first_view:step], *views)]


def _page(frames: list[str]) -> str:
    drawn = [_frame(frame, number) for number, frame in enumerate(frames)]
    seconds = [SHOWN_S if "So far, in ETH" in frame else SHORTEST_S for frame in frames]
    seconds[-1] = LAST_SHOWN_S
    last = len(drawn) - 1
    groups = [
        f'<g class="frame n{number}{" last" if number == last else ""}">{drawing}</g>'
        for number, (_, drawing) in enumerate(drawn)
    ]
    return PAGE.format(
        width=round(COLUMNS * CHARACTER_WIDTH + 28),
        height=round(ROWS * LINE_HEIGHT + 24),
        keyframes=_keyframes(seconds),
        styles="\n".join(styles for styles, _ in drawn),
        frames="\n".join(groups),
    )


def _keyframes(seconds: list[float]) -> str:
    total, start, rules = sum(seconds), 0.0, []
    for number, shown in enumerate(seconds):
        begin, end = 100 * start / total, 100 * (start + shown) / total
        before = "0% { visibility: hidden; }" if number else ""
        after = f"{end:.3f}% {{ visibility: hidden; }}" if number < len(seconds) - 1 else ""
        rules.append(
            f"@keyframes k{number} {{ {before} {begin:.3f}% {{ visibility: visible; }} {after} "
            f"100% {{ visibility: {'hidden' if after else 'visible'}; }} }} "
            f".n{number} {{ animation: k{number} {total:.2f}s step-end infinite; }}"
        )
        start += shown
    return "\n".join(rules)


def _frame(screen: str, number: int) -> tuple[str, str]:
    """Style rules and drawing of the last ROWS rows; rich draws them."""
    console = Console(width=COLUMNS, record=True, file=io.StringIO(), force_terminal=True)
    rows = Text.from_ansi(screen).wrap(console, COLUMNS, overflow="fold")[-ROWS:]
    for row in rows:
        console.print(row, no_wrap=True, crop=True)
    drawn = console.export_svg(code_format="{styles}\x00{backgrounds}{matrix}", unique_id=f"f{number}")
    styles, _, drawing = drawn.partition("\x00")
    return styles, re.sub(r' clip-path="[^"]*"', "", drawing).replace("&#160;", " ")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Record a real run as an animated SVG.")
    parser.add_argument("--seed", type=int, default=7, help="of the market (default 7)")
    parser.add_argument("--blocks", type=int, default=14, help="length of the run (default 14)")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/first-run.svg")
    return parser


if __name__ == "__main__":
    sys.exit(main())
