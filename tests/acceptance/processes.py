"""Starting real processes, and finding every one that is left of them.

Children carry a mark in their environment, which their own children inherit: whoever has it in /proc/*/environ came
from here, however it was started and whoever its parent is now. All die with the test process (PR_SET_PDEATHSIG).
"""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
MARK = "ACCEPTANCE_MARK"

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


class Family:
    """Processes of one test, known by one mark. A context: nothing is left behind it, or the test fails."""

    def __init__(self, folder: Path, patience: float = 15.0) -> None:
        self.folder = folder
        self.patience = patience
        """Seconds that processes have to go by themselves."""
        self.mark = uuid.uuid4().hex
        self.short_folder = Path(tempfile.mkdtemp(prefix="bot-"))
        """For sockets: a path to one holds 107 bytes."""
        self._children: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for child in reversed(self._children):
            if child.poll() is None:
                child.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(10)
        left = self.left_behind()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for child in self._children:
            child.kill()
            child.wait()
        shutil.rmtree(self.short_folder, ignore_errors=True)
        if left and kind is None:
            raise AssertionError(f"processes outlived their family: {left}")

    def start(
        self, command: Sequence[str | Path], name: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """In the family's folder, output to `<name>.out` and `<name>.err` there; no terminal, no input."""
        with self.out(name).open("wb") as out, self.err(name).open("wb") as err:
            child = subprocess.Popen(
                [str(part) for part in command],
                cwd=self.folder,
                env=self.environment(environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509  # prctl alone, and nothing else runs in the child
            )
        self._children.append(child)
        return child

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """The one we run in, without any BOT_ name, with the mark."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("BOT_")}
        own = {MARK: self.mark, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        return kept | own | dict(extra or {})

    def adopt(self, child: subprocess.Popen[bytes]) -> None:
        """One that was started otherwise, in this family's environment."""
        self._children.append(child)

    def out(self, name: str) -> Path:
        return self.folder / f"{name}.out"

    def err(self, name: str) -> Path:
        return self.folder / f"{name}.err"

    def said(self, name: str) -> str:
        """All of its output, for the message of a failure."""
        return f"{self.out(name).read_text()}\n{self.err(name).read_text()}"

    def living(self) -> dict[int, str]:
        """Every process with the mark that is not a zombie: id and command line."""
        needle = f"{MARK}={self.mark}".encode()
        found: dict[int, str] = {}
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit() or int(folder.name) == os.getpid():
                continue
            with contextlib.suppress(OSError):
                if needle in (folder / "environ").read_bytes().split(b"\0"):
                    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    found[int(folder.name)] = command.strip()
        return found

    def left_behind(self) -> dict[int, str]:
        """Those still there after they had time to go; empty as soon as all are gone."""
        wait_for(lambda: not self.living(), self.patience)
        return self.living()


def bot(*arguments: str | Path) -> list[str | Path]:
    """The command line, as `scripts/bot` would start it."""
    return [sys.executable, "-m", "bot", *arguments]


def wait_for(condition: Callable[[], object], limit: float, step: float = 0.05) -> bool:
    """Whether it came true within `limit` seconds."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(step)
    return bool(condition())


def die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
