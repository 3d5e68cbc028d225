"""A real terminal around a command: what a person types reaches it as signals from the kernel, and it can be closed."""

import contextlib
import errno
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import threading
from collections.abc import Sequence
from pathlib import Path

from acceptance.processes import Family, die_with_parent

CTRL_C = b"\x03"
ROWS, COLUMNS = 40, 120


class Terminal:
    """The command leads the session of its own pseudo-terminal; everything it shows is kept in `shown`."""

    def __init__(self, family: Family, command: Sequence[str | Path]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.process = subprocess.Popen(
            [str(part) for part in command],
            cwd=family.folder,
            env=family.environment({"TERM": "xterm-256color"}),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509  # two system calls, and nothing else runs in the child
        )
        os.close(slave)
        family.adopt(self.process)
        self.shown = b""
        self._closing = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def close(self) -> None:
        """Close the window: the kernel sends SIGHUP to the session."""
        self._closing.set()
        self._reader.join()
        with contextlib.suppress(OSError):
            os.close(self._master)

    def text(self) -> str:
        return self.shown.decode(errors="replace")

    def _read(self) -> None:
        while not self._closing.is_set():
            ready, _, _ = select.select([self._master], [], [], 0.1)
            if not ready:
                continue
            try:
                self.shown += os.read(self._master, 65536)
            except OSError as error:  # the other side is closed: Linux says so by EIO
                if error.errno != errno.EIO:
                    raise
                return


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    die_with_parent()
