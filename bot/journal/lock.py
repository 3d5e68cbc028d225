"""One bot to a data folder. The kernel drops the lock when its holder dies, however it dies."""

import fcntl
import os
from pathlib import Path

from bot.core.errors import BadConfiguration


class JournalLock:
    """Held from construction to `release`. Raises BadConfiguration with the other bot's pid."""

    def __init__(self, journal: Path) -> None:
        path = journal.with_name(journal.name + ".lock")
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._descriptor, 32).decode(errors="replace").strip() or "unknown"
            os.close(self._descriptor)
            raise BadConfiguration(
                f"{journal} is in use by another bot, process {holder}: stop it, or set another BOT_DATA_DIR"
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._descriptor)
