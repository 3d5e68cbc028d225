"""A stamp is written last into a finished folder: what it was made from, where, and how big it is.

No stamp, or another one, means that the folder is half-made or stale and is made again.
"""

import hashlib
import os
from pathlib import Path

STAMP = "stamp"


def digest_of(*files: Path) -> str:
    """sha256 over the contents of `files`, in hex; of a single file it is the file's own sha256."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def is_fresh(folder: Path, digest: str) -> bool:
    """Whether `folder` is finished, made from `digest`, and still where it was made (environments hold their path)."""
    return _lines(folder)[:2] == [digest, str(folder)]


def size_of(folder: Path) -> int:
    """Bytes noted when the folder was finished; 0 without a stamp."""
    lines = _lines(folder)
    return int(lines[2]) if len(lines) > 2 and lines[2].isdigit() else 0


def write_stamp(folder: Path, digest: str, final_folder: Path) -> int:
    """Finish `folder`, which is (about to be renamed to) `final_folder`; returns its size in bytes."""
    size = sum((Path(base) / name).lstat().st_size for base, _, names in os.walk(folder) for name in names)
    unfinished = folder / f"{STAMP}.new"
    unfinished.write_text(f"{digest}\n{final_folder}\n{size}\n")
    unfinished.replace(folder / STAMP)
    return size


def _lines(folder: Path) -> list[str]:
    try:
        return (folder / STAMP).read_text().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []
