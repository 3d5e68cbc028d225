"""The frame kernel, compiled or from numba's cache, as one C call."""

import functools
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast

from bot.feeds.cex.arena import lay_out_arena
from bot.feeds.cex.dialect import Continuity, Dialect, TimeFormat
from bot.state.book_layout import Words

Memory = Any
"""An arena's address, or the arena where numba is switched off. Who has it keeps the arena."""
Kernel = Callable[[bytes, int, Memory], int]

_BOT: Final = Path(__file__).resolve().parents[2]
_SOURCES: Final = (
    "feeds/cex/*_kernel.py",
    "feeds/cex/frame_layout.py",
    "feeds/cex/dialect.py",
    "feeds/cex/outcome.py",
)
_BOOK_SOURCES: Final = ("state/book_layout.py", "state/order_book_kernel.py", "state/checksum_kernel.py")
_NO_DIALECT: Final = Dialect(
    name="none",
    members=(),
    book_channels=(),
    quote_channels=(),
    book_needs=(),
    time=TimeFormat.MILLISECONDS,
    continuity=Continuity.NONE,
)


@functools.cache
def entry_point() -> Kernel:
    """The kernel's one specialisation, called past numba's dispatch, which costs some 170 ns a call.

    The arguments' types are then not looked at: bytes, and two integers of 64 bits.
    """
    from bot.feeds.cex.frame_kernel import make_read_frame  # noqa: PLC0415  # imports numba: not before a feed is made

    kernel: Any = make_read_frame(_fingerprint())
    if not hasattr(kernel, "overloads"):  # numba is switched off
        return cast("Kernel", kernel)
    words = lay_out_arena(_NO_DIALECT, (), 0, 1)
    kernel(b"", 0, memory_of(words))
    (compiled,) = kernel.overloads.values()
    return cast("Kernel", compiled.entry_point)


def memory_of(words: Words) -> Memory:
    """What the kernel is given for the arena."""
    from bot.feeds.cex.pointer_kernel import IS_INTERPRETED  # noqa: PLC0415  # imports numba

    return words if IS_INTERPRETED else int(words.ctypes.data)


def _fingerprint() -> int:
    """Of the sources that are compiled into the kernel."""
    fingerprint = 0
    for pattern in _SOURCES + _BOOK_SOURCES:
        for source in sorted(_BOT.glob(pattern)):
            fingerprint = zlib.crc32(source.read_bytes(), fingerprint)
    return fingerprint
