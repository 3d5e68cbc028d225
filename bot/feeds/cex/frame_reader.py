"""The books and quotes of one connection, and the one call that takes a frame into them."""

from collections.abc import Callable, Sequence
from typing import Final

from bot.feeds.cex.arena import SymbolSpec, lay_out_arena
from bot.feeds.cex.compiled_frames import entry_point, memory_of
from bot.feeds.cex.dialect import Dialect
from bot.feeds.cex.frame_layout import (
    BOOK_AT,
    FORCED,
    LEAST_BEFORE,
    LEAST_DELAY,
    NEXT_SEQUENCE,
    NO_DELAY,
    QUOTE_AT,
    QUOTE_IS_SYNCED,
    SYMBOL_WORDS,
    SYMBOLS_AT,
)
from bot.feeds.cex.outcome import Outcome
from bot.feeds.cex.quote_words import QuoteWords
from bot.state.book_layout import IS_SYNCED
from bot.state.order_book import OrderBook

__all__ = ["FrameReader", "Outcome", "QuoteWords", "SymbolSpec", "warm_frames"]

_OUTCOME_MASK: Final = 255


class FrameReader:
    """Takes the frames of one connection, in the order they came.

    `depth` is the one subscribed (0: all levels); `capacity` is how many levels a side are kept, the deepest going first.
    """

    __slots__ = ("_kernel", "_memory", "_symbols_at", "_words", "books", "dialect", "quotes", "symbols")

    def __init__(
        self, dialect: Dialect, symbols: Sequence[SymbolSpec], depth: int, capacity: int = 4096
    ) -> None:
        """Raises ValueError where symbols or numbers contradict each other. Compiles the kernel where it is not yet."""
        self.dialect = dialect
        self.symbols = tuple(symbols)
        self._words = lay_out_arena(dialect, symbols, depth, capacity)
        self._symbols_at = int(self._words[SYMBOLS_AT])
        self.books = tuple(OrderBook(self._words, self._place(i, BOOK_AT)) for i in range(len(symbols)))
        self.quotes = tuple(QuoteWords(self._words, self._place(i, QUOTE_AT)) for i in range(len(symbols)))
        self._kernel = entry_point()
        self._memory = memory_of(self._words)

    def read(self, payload: bytes, received: int) -> int:
        """An Outcome, and 256 times the index of the symbol where one is meant.

        `payload` must be a bytes object: the kernel relies on the NUL behind it. `received`: monotonic nanoseconds. On
        anything but BOOK and QUOTE no level or quote changed, but GAP, CHECKSUM, CROSSED and SEQUENCE_LOST unsync: what was
        wrong, or all. Of a frame about several books each is taken for itself; the outcome is of the first that failed.
        """
        return self._kernel(payload, received, self._memory)

    def load_snapshot(self, index: int, payload: bytes, received: int) -> Outcome:
        """A book from a REST snapshot (Binance): BOOK where it was taken, and the stream's frames follow; CONTROL for an
        error's answer.

        The first frame of the stream after it is a GAP where the snapshot is older than what that frame follows.
        """
        self._words[FORCED] = index + 1
        try:
            return Outcome(self._kernel(payload, received, self._memory) & _OUTCOME_MASK)
        finally:
            self._words[FORCED] = 0

    def unsync(self, index: int) -> None:
        """The book of this symbol may not be used before its next snapshot. Its quote goes on."""
        self._words[self._place(index, BOOK_AT) + IS_SYNCED] = 0

    def unsync_all(self) -> None:
        """For a new connection: no book and no quote may be used, and any sequence number may come first."""
        for index in range(len(self.symbols)):
            self.unsync(index)
            self._words[self._place(index, QUOTE_AT) + QUOTE_IS_SYNCED] = 0
        self._words[NEXT_SEQUENCE] = -1

    @property
    def least_delay(self) -> int | None:
        """Nanoseconds: least `received` - exchange time of the last one to two minutes, the zero of every `lag`.

        None before the first frame with a time. The two clocks differ by a constant, so only differences mean anything.
        """
        least = min(int(self._words[LEAST_DELAY]), int(self._words[LEAST_BEFORE]))
        return None if least == NO_DELAY else least

    def _place(self, index: int, word: int) -> int:
        return int(self._words[self._symbols_at + SYMBOL_WORDS * index + word])


def warm_frames(progress: Callable[[str], None]) -> None:
    """Compile the frame kernel, or load it from the cache; says so first."""
    progress("exchange frames: kernel")
    entry_point()
