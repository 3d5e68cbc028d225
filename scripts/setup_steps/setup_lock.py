"""One set-up at a time in a clone."""

import contextlib
import fcntl
import sys
from collections.abc import Iterator
from pathlib import Path

from setup_steps.parts import FOLDER


@contextlib.contextmanager
def held(root: Path) -> Iterator[int]:
    """Hold the clone's set-up lock, waiting (and saying so) for another set-up to end. Gives its file descriptor.

    The kernel frees it when the last process holding it is gone, however that ended.
    """
    folder = root / FOLDER
    folder.mkdir(exist_ok=True)
    with (folder / "setup.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write("Another set-up of this clone is running: waiting for it to end.\n")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()
