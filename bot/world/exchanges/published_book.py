"""A symbol's book as its exchange publishes it: message after message, whole or to a depth."""

from __future__ import annotations

from typing import Final

from bot.world.exchanges.listing import Listing
from bot.world.exchanges.price_path import PERPETUAL
from bot.world.exchanges.protocol import Movement, Protocol
from bot.world.exchanges.true_book import Changes, TrueBook

EPOCH: Final = 1_024
"""Steps after which a book is drawn anew from the common path, so that one nobody has asked for need not be moved."""
_IDS_OF_AN_EPOCH: Final = 10**8
_QUOTES_OF_AN_EPOCH: Final = 10**4
_FIRST_SERIAL: Final = 1_000
_SKIPPED_IDS: Final = 3

Prices = dict[str, float]
_Window = tuple[dict[int, int], dict[int, int]]


class PublishedBook:
    """`step` moves the book; what it then says is one message. Equal seeds give equal books at equal steps."""

    def __init__(self, protocol: Protocol, listing: Listing, seed: int, history: int) -> None:
        self.book = TrueBook(listing, f"exchange {seed} {protocol.name} {listing.symbol}", history)
        self.quote_changed = False
        """By the last movement."""
        self.quote_sent_at = 0
        self._protocol = protocol
        self._published_id = 0
        self._best = (0, 0, 0, 0)
        self._first_id = 0
        self._changes: Changes = {}
        self._windows: dict[int, _Window] = {}

    def catch_up(self, path: list[Prices], first_step: int, now: int, time: int) -> None:
        """Be what it would be, had it been followed all along; `path` begins with the epoch."""
        for place, prices in enumerate(path):
            self._step(prices, first_step + place)
            self._move_on(prices)
        self.book.remember(now, time)

    def step(self, prices: Prices, number: int, now: int, time: int) -> Movement:
        """Step `number` of the exchange; the message that tells it."""
        earlier, previous_id = self._changes, self._published_id
        changes = self._step(prices, number)
        self.book.remember(now, time)
        return Movement(self.book, time, earlier | changes, self._first_id, previous_id)

    def move_on(self, prices: Prices, now: int, time: int) -> Movement | None:
        """What happens after the message where the exchange's books do not wait for it; its quote alone is sent."""
        if not self._protocol.moves_twice:
            return None
        self._move_on(prices)
        self.book.remember(now, time)
        return Movement(self.book, time, self._changes, self._first_id, self._published_id)

    def watch(self, depth: int) -> None:
        """What `window` tells of next for this depth begins now."""
        if depth:
            self._windows[depth] = self._window(depth)

    def window(self, depth: int, movement: Movement) -> Changes:
        """What the movement changed in the best `depth` levels; all of it for 0. Once a step for each depth."""
        if not depth:
            return movement.changes
        before, after = self._windows[depth], self._window(depth)
        self._windows[depth] = after
        changes: Changes = {}
        for side, (old, new) in enumerate(zip(before, after, strict=True)):
            there = self.book.sides[side].sizes
            for price, size in new.items():
                if old.get(price) != size:
                    changes[side, price] = size
            for price in old.keys() - new.keys():
                if self._protocol.tells_of_fallen or price not in there:
                    changes[side, price] = 0
        return changes

    def _step(self, prices: Prices, number: int) -> Changes:
        epoch, place = divmod(number, EPOCH)
        book, fair = self.book, self._fair(prices)
        if not self._protocol.moves_twice:
            self._begin_message()
        if place:
            changes = book.move(fair)
        else:
            base = 10**9 + sum(self.book.listing.symbol.encode()) * 10**4
            changes = book.found(fair, epoch, base + epoch * _IDS_OF_AN_EPOCH)
            book.quote_serial = _FIRST_SERIAL + epoch * _QUOTES_OF_AN_EPOCH
        book.book_serial = _FIRST_SERIAL + number
        self._published_id = book.id
        self._note_quote()
        self._changes = {}
        return changes

    def _move_on(self, prices: Prices) -> None:
        if self._protocol.moves_twice:
            self._begin_message()
            self._changes = self.book.move(self._fair(prices))
            self._note_quote()

    def _begin_message(self) -> None:
        if self._protocol.skips_ids:
            self.book.id += _SKIPPED_IDS
        self._first_id = self.book.id + 1

    def _note_quote(self) -> None:
        best = self.book.best()
        self.quote_changed = best != self._best
        self._best = best
        self.book.quote_serial += self.quote_changed

    def _fair(self, prices: Prices) -> float:
        pair = self.book.listing.pair
        basis = prices[PERPETUAL] if pair.is_perpetual else 1.0
        return prices[pair.base] / prices[pair.quote] * basis

    def _window(self, depth: int) -> _Window:
        bids, asks = (dict(side.top(depth)) for side in self.book.sides)
        return bids, asks
