"""One book as a reader wants it: exact integers, read out of the arena that the frames' kernel writes.

Prices are integers of 10^-price_decimals quote units for one base unit, sizes of 10^-size_decimals base
units. A book that is not synced is read as one without levels: what is left in it may be wrong. Whether a
synced one is fresh is the feed's to say.
"""

import msgspec

from bot.core.units import mul_div_down, mul_div_up
from bot.state.book_layout import (
    ASK_COUNT,
    ASK_START,
    ASKS,
    BID_COUNT,
    BID_START,
    BIDS,
    BOOK_HEADER,
    CAPACITY,
    EXCHANGE_TIME,
    IS_SYNCED,
    LAG,
    LAST_ID,
    LEVEL_WORDS,
    PRICE_DECIMALS,
    RECEIVED,
    SIZE_DECIMALS,
    Words,
    room_of,
)

Level = tuple[int, int]
"""(price, size)."""


class Sweep(msgspec.Struct, frozen=True):
    """What a size takes out of one side of a book, level by level from the best."""

    asked: int
    """Base units, as `filled`."""
    filled: int
    """Less than `asked` where the side held no more."""
    notional: int
    """Quote units, scaled as prices are; rounded once, against us: up where we buy, down where we sell."""
    worst_price: int | None
    """Of the last level touched; None where there was none."""

    @property
    def is_short(self) -> bool:
        """The book's depth did not suffice."""
        return self.filled < self.asked


class OrderBook:
    """A view of the book at `at`; every call reads what stands there now."""

    __slots__ = ("_asks_at", "_at", "_bids_at", "_words", "price_decimals", "size_decimals")

    def __init__(self, words: Words, at: int) -> None:
        self._words = memoryview(words)  # type: ignore[arg-type]  # an array is a buffer; its type does not say so
        self._at = at
        self._bids_at = at + BOOK_HEADER
        self._asks_at = self._bids_at + LEVEL_WORDS * room_of(self._words[at + CAPACITY])
        self.price_decimals: int = self._words[at + PRICE_DECIMALS]
        self.size_decimals: int = self._words[at + SIZE_DECIMALS]

    @property
    def is_synced(self) -> bool:
        return self._words[self._at + IS_SYNCED] != 0

    @property
    def last_id(self) -> int:
        """The venue's number of the last message applied; 0 where it has none."""
        return self._words[self._at + LAST_ID]

    @property
    def exchange_time(self) -> int | None:
        """UTC nanoseconds by the exchange's clock; None where its frames carry none."""
        return self._words[self._at + EXCHANGE_TIME] or None

    @property
    def received(self) -> int | None:
        """Monotonic nanoseconds of the last frame applied; None before the first."""
        return self._words[self._at + RECEIVED] or None

    @property
    def lag(self) -> int | None:
        """Nanoseconds the last frame was slower than the connection's quickest; None without exchange times."""
        return self._words[self._at + LAG] if self._words[self._at + EXCHANGE_TIME] else None

    @property
    def bid_count(self) -> int:
        """Levels held, synced or not; as `ask_count`."""
        return self._words[self._at + BID_COUNT]

    @property
    def ask_count(self) -> int:
        return self._words[self._at + ASK_COUNT]

    def age(self, now: int) -> int | None:
        """Nanoseconds of the monotonic clock since the last frame applied; None before the first."""
        received = self.received
        return None if received is None else now - received

    def best(self) -> tuple[int, int, int, int] | None:
        """(bid, bid size, ask, ask size); None where either side is empty or the book is not synced."""
        words, at = self._words, self._at
        bids, asks = words[at + BID_COUNT], words[at + ASK_COUNT]
        if not (bids and asks and words[at + IS_SYNCED]):
            return None
        bid = self._bids_at + LEVEL_WORDS * (words[at + BID_START] + bids - 1)
        ask = self._asks_at + LEVEL_WORDS * (words[at + ASK_START] + asks - 1)
        return words[bid], words[bid + 1], words[ask], words[ask + 1]

    def top(self, levels: int) -> tuple[list[Level], list[Level]]:
        """(bids, asks), each at most `levels` long, best first."""
        return self._side(BIDS, levels), self._side(ASKS, levels)

    def sweep(self, side: int, size: int) -> Sweep:
        """What `size` base units come to: taken from ASKS when we buy, from BIDS when we sell.

        Exact over any depth and number: no sum is held in 64 bits. Raises ValueError where size is not
        positive.
        """
        if size <= 0:
            raise ValueError(f"a sweep of {size} base units: need a positive size")
        words = self._words
        left, product, worst = size, 0, None
        deepest, level = self._ends(side)
        while left and level >= deepest:
            worst = words[level]
            taken = min(left, words[level + 1])
            left -= taken
            product += worst * taken
            level -= LEVEL_WORDS
        against_us = mul_div_up if side == ASKS else mul_div_down
        return Sweep(size, size - left, against_us(product, 1, 10**self.size_decimals), worst)

    def mid_down(self) -> int | None:
        """Half-way between best bid and ask; None as `best`."""
        top = self.best()
        return None if top is None else mul_div_down(top[0] + top[2], 1, 2)

    def microprice_down(self) -> int | None:
        """Each best price weighted by the other side's size: near the ask where more is bid. None as `best`."""
        top = self.best()
        if top is None:
            return None
        bid, bid_size, ask, ask_size = top
        return mul_div_down(bid * ask_size + ask * bid_size, 1, bid_size + ask_size)

    def spread(self) -> int | None:
        """Best ask less best bid; None as `best`."""
        top = self.best()
        return None if top is None else top[2] - top[0]

    def _side(self, side: int, levels: int) -> list[Level]:
        words = self._words
        deepest, best = self._ends(side)
        lowest = max(deepest, best - LEVEL_WORDS * (levels - 1))
        return [(words[at], words[at + 1]) for at in range(best, lowest - 1, -LEVEL_WORDS)]

    def _ends(self, side: int) -> tuple[int, int]:
        """Words of the deepest and the best level; best before deepest where there is none to read."""
        words, at = self._words, self._at
        room_at = self._asks_at if side == ASKS else self._bids_at
        deepest = room_at + LEVEL_WORDS * words[at + BID_START + side]
        count = words[at + BID_COUNT + side] if words[at + IS_SYNCED] else 0
        return deepest, deepest + LEVEL_WORDS * (count - 1)
