"""The books and quotes of one connection, and the one call that takes a frame into them."""

import functools
from collections.abc import Callable, Sequence
from typing import Final

from bot.feeds.cex.arena import SymbolSpec, lay_out_arena
from bot.feeds.cex.compiled_frames import entry_point, memory_of
from bot.feeds.cex.dialect import Dialect
from bot.feeds.cex.frame_layout import (
    BOOK_AT,
    FORCED,
    LEAST_DELAY,
    LEAST_DELAY_AT,
    LEAST_DELAY_RISES,
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

    The `lag` of a book or quote is how much later than the connection's quickest frames its last one came: `received` less
    the exchange's time, less the least such delay. The least falls at once and rises by at most a hundredth of the time, so
    that clocks that drift apart are no lag. A backlog that grows by less than that is not seen here. An exchange's clock that
    jumps back by s seconds looks like a backlog, the safe side, until 100 * (s - allowed lag) seconds later.

    DUPLICATE is not data: ids that an exchange set back (Binance's, of books and quotes) are DUPLICATE for as long as they
    stay below the last one, and who owns the connection must replace it when nothing but them comes.

    `depth` is the one subscribed (0: all levels); `capacity` is how many levels a side are kept, the deepest going first.
    """

    __slots__ = ("_symbols_at", "_words", "books", "dialect", "quotes", "read", "symbols")

    read: Callable[[bytes, int], int]
    """(payload, received) to an Outcome, and 256 times the index of the symbol where one is meant.

    The payload is a bytes object; received, monotonic nanoseconds. On anything but BOOK and QUOTE no level or quote changed,
    but GAP, CHECKSUM, CROSSED, INEXACT and SEQUENCE_LOST unsync: what was wrong, or all. Of a frame about several books each
    is taken for itself; the outcome is of the first that failed. An attribute and no method: the call costs 80 ns less.
    """

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
        self.read = functools.partial(entry_point(), memory_of(self._words))

    def load_snapshot(self, index: int, payload: bytes, received: int) -> Outcome:
        """A book from a REST snapshot (Binance): BOOK where it was taken, and the stream's frames follow; CONTROL for an
        error's answer.

        The first frame of the stream after it is a GAP where the snapshot is older than what that frame follows.
        """
        self._words[FORCED] = index + 1
        try:
            return Outcome(self.read(payload, received) & _OUTCOME_MASK)
        finally:
            self._words[FORCED] = 0

    def unsync(self, index: int) -> None:
        """The book of this symbol may not be used before its next snapshot. Its quote goes on."""
        self._words[self._place(index, BOOK_AT) + IS_SYNCED] = 0

    def unsync_all(self) -> None:
        """For a new connection: no book and no quote may be used, and any sequence number may come first.

        The least delay stays: the clocks are the same.
        """
        for index in range(len(self.symbols)):
            self.unsync(index)
            self._words[self._place(index, QUOTE_AT) + QUOTE_IS_SYNCED] = 0
        self._words[NEXT_SEQUENCE] = -1

    @property
    def least_delay(self) -> int | None:
        """Nanoseconds: least `received` - exchange time as it was at `least_delay_at`, the zero of every `lag`.

        None before the first frame with a time. The two clocks differ by a constant, so only differences mean anything.
        """
        least = int(self._words[LEAST_DELAY])
        return None if least == NO_DELAY else least

    @property
    def least_delay_at(self) -> int:
        """Monotonic nanoseconds; it counts only where there is a `least_delay`."""
        return int(self._words[LEAST_DELAY_AT])

    def seed_least_delay(self, delay: int, at: int) -> None:
        """What another connection to the same exchange found (its `least_delay` and `least_delay_at`), by the same clock.

        So a backlog that was there when this connection began is lag. Where both know one, the lesser counts. Raises
        ValueError where `at` is negative or one is beyond 63 bits.
        """
        if not (-NO_DELAY < delay < NO_DELAY and 0 <= at <= NO_DELAY):
            raise ValueError(
                f"a least delay of {delay} ns at {at} ns: need 63 bits and a time from 0; give what the other reader has"
            )
        own = self.least_delay
        if own is not None:
            later = max(at, self.least_delay_at)
            own += (later - self.least_delay_at) // LEAST_DELAY_RISES
            delay = min(own, delay + (later - at) // LEAST_DELAY_RISES)
            at = later
        self._words[LEAST_DELAY], self._words[LEAST_DELAY_AT] = delay, at

    def _place(self, index: int, word: int) -> int:
        return int(self._words[self._symbols_at + SYMBOL_WORDS * index + word])


def warm_frames(progress: Callable[[str], None]) -> None:
    """Compile the frame kernel, or load it from the cache; says so first."""
    progress("exchange frames: kernel")
    entry_point()
