"""The best bid and offer of one symbol as its own stream gives it, read out of the arena that the frames' kernel writes."""

from bot.feeds.cex.frame_layout import (
    QUOTE_BID,
    QUOTE_EXCHANGE_TIME,
    QUOTE_IS_SYNCED,
    QUOTE_LAG,
    QUOTE_LAST_ID,
    QUOTE_RECEIVED,
)
from bot.state.book_layout import Words


class QuoteWords:
    """A view of the quote at `at`; every call reads what stands there now."""

    __slots__ = ("_at", "_words")

    def __init__(self, words: Words, at: int) -> None:
        self._words = memoryview(words)  # type: ignore[arg-type]  # an array is a buffer; its type does not say so
        self._at = at

    @property
    def is_synced(self) -> bool:
        """A quote has come since the connection was opened, and none after it was missed."""
        return self._words[self._at + QUOTE_IS_SYNCED] != 0

    def best(self) -> tuple[int, int, int, int] | None:
        """(bid, bid size, ask, ask size); None where it is not synced or a side is empty."""
        at = self._at + QUOTE_BID
        bid, bid_size, ask, ask_size = self._words[at : at + 4]
        if not self.is_synced or bid == 0 or ask == 0 or bid_size == 0 or ask_size == 0:
            return None
        return bid, bid_size, ask, ask_size

    @property
    def received(self) -> int:
        """Monotonic nanoseconds of the last frame taken; 0: none yet."""
        return self._words[self._at + QUOTE_RECEIVED]

    @property
    def exchange_time(self) -> int | None:
        """UTC nanoseconds by the exchange's clock; None where the stream has none (Binance spot)."""
        return self._words[self._at + QUOTE_EXCHANGE_TIME] or None

    @property
    def lag(self) -> int:
        """Nanoseconds later than the connection's quickest frames; where the stream has no time, of the connection's last
        frame that had one.
        """
        return self._words[self._at + QUOTE_LAG]

    @property
    def last_id(self) -> int:
        """The exchange's number of the quote; 0 where it has none."""
        return self._words[self._at + QUOTE_LAST_ID]
