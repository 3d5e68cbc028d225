"""The frame kernel, compiled or from numba's cache, as one C call."""

import functools
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Self, cast

from bot.state.book_layout import Words

Memory = Any
"""An arena's address, or the arena where numba is switched off."""
Kernel = Callable[[Memory, bytes, int], int]

_BOT: Final = Path(__file__).resolve().parents[2]
_SOURCES: Final = (
    "feeds/cex/*_kernel.py",
    "feeds/cex/frame_layout.py",
    "feeds/cex/dialect.py",
    "feeds/cex/outcome.py",
)
_BOOK_SOURCES: Final = ("state/book_layout.py", "state/order_book_kernel.py", "state/checksum_kernel.py")


class _Address(int):
    """Keeps what is at it."""

    def __new__(cls, words: Words) -> Self:
        address = super().__new__(cls, words.ctypes.data)
        address.words = words
        return address

    words: Words


@functools.cache
def entry_point() -> Kernel:
    """The kernel's one specialisation, called past numba's dispatch, which costs some 170 ns a call.

    Raises TypeError for a payload that is not bytes itself or a time that is no integer of 63 bits.
    """
    from bot.feeds.cex.frame_kernel import make_read_frame  # noqa: PLC0415  # imports numba: not before a feed is made

    kernel: Any = make_read_frame(_fingerprint())
    if not hasattr(kernel, "overloads"):  # numba is switched off
        return cast("Kernel", kernel)
    (compiled,) = kernel.overloads.values()
    return cast("Kernel", compiled.entry_point)


def memory_of(words: Words) -> Memory:
    """What the kernel is given for the arena; it keeps the arena."""
    from bot.feeds.cex.pointer_kernel import IS_INTERPRETED  # noqa: PLC0415  # imports numba

    return words if IS_INTERPRETED else _Address(words)


def _fingerprint() -> int:
    """Of the sources that are compiled into the kernel."""
    fingerprint = 0
    for pattern in _SOURCES + _BOOK_SOURCES:
        for source in sorted(_BOT.glob(pattern)):
            fingerprint = zlib.crc32(source.read_bytes(), fingerprint)
    return fingerprint
