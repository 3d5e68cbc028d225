"""The kill switch as the signer reads it: a file. What cannot be read counts as set (law 12)."""

from pathlib import Path


def halt_reason(halt_file: Path) -> str | None:
    """Why nothing but cancellations may be signed now, or None.

    Only one finding is no halt: the folder is there, can be searched, and holds no such name.
    """
    try:
        halt_file.lstat()
    except FileNotFoundError:
        return _folder_problem(halt_file.parent)
    except OSError as error:
        return f"{halt_file} cannot be read ({error.strerror}), which counts as a halt"
    return f"{halt_file} is there; find out why it was set, then remove it"


def _folder_problem(folder: Path) -> str | None:
    try:
        folder.stat()
    except OSError as error:
        return f"the folder of HALT, {folder}, cannot be read ({error.strerror}), which counts as a halt"
    return None
