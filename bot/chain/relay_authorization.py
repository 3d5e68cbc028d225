"""The `Authorization` header of an account at a relay: a secret, read from a file once and shown nowhere."""

from pathlib import Path
from typing import Final

from bot.chain.private_file import read_private
from bot.core.errors import BadConfiguration

_LONGEST: Final = 4096


def load_authorization(path: Path, variable: str) -> str:
    """The header's value: the file's one line. Raises BadConfiguration, naming the `variable`, never the content."""
    what = f"{variable}: file"
    try:
        content = read_private(path, what, _LONGEST + 1, "Set its mode with chmod 600")
    except FileNotFoundError:
        raise BadConfiguration(
            f"{what} {path} is not there: write the account's header into it, mode 0600"
        ) from None
    line = content.removesuffix(b"\n")
    if not line or len(content) > _LONGEST or not all(0x20 <= byte < 0x7F for byte in line):
        raise BadConfiguration(
            f"{what} {path} must hold one line of printable ASCII, at most {_LONGEST} bytes"
        )
    return line.decode()
