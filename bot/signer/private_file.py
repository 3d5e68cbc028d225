"""Files that hold secrets: read only when nobody else can."""

import os
from pathlib import Path
from stat import S_IMODE, S_ISREG

from bot.core.errors import BadConfiguration

MAX_BYTES = 64 * 1024


def read_private_file(path: Path, what: str) -> bytes:
    """The content of a regular file that this user owns and nobody else can open (mode 0600 or 0400).

    Raises BadConfiguration. Mode and owner are read from the open file, not from its name, so that they cannot be
    exchanged in between.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            _refuse_shared(os.fstat(file.fileno()), path, what)
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadConfiguration(f"{what} {path} cannot be read: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise BadConfiguration(f"{what} {path} is larger than {MAX_BYTES} bytes")
    return content


def _refuse_shared(status: os.stat_result, path: Path, what: str) -> None:
    mode = S_IMODE(status.st_mode)
    if not S_ISREG(status.st_mode):
        raise BadConfiguration(f"{what} {path} is not a regular file")
    if status.st_uid != os.getuid():
        raise BadConfiguration(
            f"{what} {path} belongs to user {status.st_uid}, the signer runs as user {os.getuid()}: chown it"
        )
    if mode not in (0o600, 0o400):
        raise BadConfiguration(f"{what} {path} has mode {mode:04o}; 0600 or 0400 is needed: chmod 600 {path}")


def _without_waiting(path: str, flags: int) -> int:
    """A named pipe would block the open until somebody writes to it."""
    return os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK)
