"""Processes a set-up starts: quiet, in groups of their own, and none left behind when it stops."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path


class Processes:
    """Starts commands on behalf of several threads and ends all of them at once.

    Children hold the set-up's lock too (`lock_descriptor`): if the set-up is killed outright, the next one waits
    until what it left running has ended, rather than building where that still writes.
    """

    def __init__(self, lock_descriptor: int | None = None) -> None:
        self._inherited = () if lock_descriptor is None else (lock_descriptor,)
        self._guard = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._stopped = False

    def run(
        self, command: Sequence[str | Path], cwd: Path, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end, output captured; `env` is added to the environment. Raises Stopped once stopped."""
        with self._guard:
            if self._stopped:
                raise Stopped
            process = subprocess.Popen(
                [str(word) for word in command],
                cwd=cwd,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                pass_fds=self._inherited,
                start_new_session=True,
            )
            self._running.add(process)
        try:
            out, errors = process.communicate()
        finally:
            with self._guard:
                self._running.discard(process)
        if self._stopped:
            raise Stopped
        return subprocess.CompletedProcess(process.args, process.returncode, out, errors)

    def stop(self) -> None:
        """End every group still running and start no more. What they were making is remade by the next set-up."""
        with self._guard:
            self._stopped = True
            for process in self._running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


class Stopped(Exception):  # noqa: N818 - not an error: the set-up is ending
    """Raised in a step's thread after `Processes.stop`."""
