"""A secret of one line in a file that its owner alone can read."""

import os
from pathlib import Path
from stat import S_IMODE, S_ISREG

from bot.core.errors import BadConfiguration


def read_private(path: Path, what: str, limit: int, remedy: str) -> bytes:
    """At most `limit` bytes. Raises FileNotFoundError, and BadConfiguration, with `remedy`, for a file others can read.

    Mode and owner are read from the open file, not from its name, so that they cannot be exchanged in between.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise BadConfiguration(f"{what} {path} cannot be opened: {error.strerror}") from None
    try:
        _expect_private(path, os.fstat(descriptor), what, remedy)
        return os.read(descriptor, limit)
    finally:
        os.close(descriptor)


def _expect_private(path: Path, status: os.stat_result, what: str, remedy: str) -> None:
    mode = S_IMODE(status.st_mode)
    if not S_ISREG(status.st_mode):
        raise BadConfiguration(f"{what} {path} is not a regular file")
    if status.st_uid != os.getuid() or mode & 0o077:
        raise BadConfiguration(
            f"{what} {path} has mode {mode:04o} and owner {status.st_uid}: others can read it; it must"
            f" be 0600 and of user {os.getuid()}. {remedy}"
        )
