"""How far a book is known that began as a part of the exchange's. Pure: time is an argument.

Beyond the first view a level is there only if it changed since: where the price moves far, what is left is full of holes.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from bot.core.units import Nanoseconds
from bot.feeds.cex.config import SECOND, CexConfig
from bot.feeds.cex.venue import Venue
from bot.state.order_book import OrderBook

LOOK: Final = Nanoseconds(10 * SECOND)
"""How often books are looked at."""
SURE_TENTHS: Final = 9
"""Of the view: events that came with it add levels behind its end."""


class View(msgspec.Struct, frozen=True):
    """Worst prices of it; None: the side was whole."""

    since: Nanoseconds
    bid: int | None
    ask: int | None


class KnownDepth:
    """Of all books of one connection, by their index."""

    def __init__(self, books: Sequence[OrderBook], venue: Venue, config: CexConfig) -> None:
        self._books = books
        self._config = config
        most = venue.snapshot.levels if venue.snapshot is not None else venue.capacity
        self._sure = 0 if venue.depth else most * SURE_TENTHS // 10
        if self._sure < 2 * config.least_known:
            self._sure = 0
        self._views: dict[int, View] = {}
        self._look_at = Nanoseconds(0)

    def arrived(self, index: int, now: Nanoseconds) -> None:
        """The book is there, whole or from the exchange's best level on."""
        if not self._sure:
            return
        bids, asks = (
            side[-1][0] if len(side) == self._sure else None for side in self._books[index].top(self._sure)
        )
        self._views[index] = View(now, bids, asks)
        self._look_at = Nanoseconds(now + LOOK)

    def thin(self, now: Nanoseconds) -> list[int]:
        """Synced books of which fewer than `least_known` levels of a side are left of their view; once in `thin_wait`."""
        if not self._views or now < self._look_at:
            return []
        self._look_at = Nanoseconds(now + LOOK)
        return [
            index
            for index, view in self._views.items()
            if now - view.since >= self._config.thin_wait
            and self._books[index].is_synced
            and self._is_thin(self._books[index], view)
        ]

    def next_time(self) -> Nanoseconds | None:
        return self._look_at if self._views else None

    def _is_thin(self, book: OrderBook, view: View) -> bool:
        least = self._config.least_known
        bids, asks = book.top(least)
        return (view.bid is not None and (len(bids) < least or bids[-1][0] < view.bid)) or (
            view.ask is not None and (len(asks) < least or asks[-1][0] > view.ask)
        )
