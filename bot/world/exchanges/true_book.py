"""The truth of one symbol on one exchange: a whole order book that moves, and what it was a while ago."""

from __future__ import annotations

import bisect
import math
import random
from collections import deque
from collections.abc import Sequence
from typing import Final

import msgspec

from bot.world.exchanges.listing import Listing

BID: Final = 0
ASK: Final = 1

Changes = dict[tuple[int, int], int]
"""(side, price in ticks) -> size in lots; 0: the level is gone."""
Level = tuple[int, int]
"""Price, size."""

_LEVELS = 240
"""A side's usual number of levels; founded with so many."""
_MOST, _FEWEST = 260, 210
_DEPTH = 0.006
"""How far from the middle the usual levels reach, as a part of the price."""
_DOLLARS_A_LEVEL = 20_000
_HALF_SPREAD = 0.00005
_WANDERING, _PULL = 0.00003, 0.05
"""Of the exchange's own opinion beside the common path: about one basis point."""


class Truth(msgspec.Struct, frozen=True):
    """A book as it was: levels best first, scaled as in core.market_data."""

    id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    exchange_time: int
    """UTC ns by the exchange's own clock, as its frames say."""
    since: int
    """UTC ns by the server's clock."""
    until: int | None
    """When the next change came; None: it is still so."""


class _Past(msgspec.Struct):
    """How to go back from one state to the one before it."""

    id: int
    since: int
    exchange_time: int
    undo: list[tuple[int, int, int]]
    """(side, price, size before)."""
    serials: tuple[int, int]
    """Bybit's own numbers of the last message of its book and of its quote."""
    told_at: list[int]
    """Exchange times of snapshots made of it later."""


class _Side:
    """One side: `keys` ascend to the best, which stands last; a key is a bid's price or an ask's negative price."""

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.keys: list[int] = []
        self.sizes: dict[int, int] = {}

    def put(self, price: int, size: int) -> int:
        """Set a level, remove it at size 0; the size it had."""
        old = self.sizes.get(price, 0)
        key = price * self.sign
        if size:
            self.sizes[price] = size
            if not old:
                bisect.insort(self.keys, key)
        elif old:
            del self.sizes[price]
            del self.keys[bisect.bisect_left(self.keys, key)]
        return old

    def at(self, place: int) -> int:
        """Price of the level so many places behind the best."""
        return self.keys[-1 - place] * self.sign

    def top(self, count: int) -> list[Level]:
        """Best first; 0: all."""
        keys = self.keys[-count:] if count else self.keys
        return [(key * self.sign, self.sizes[key * self.sign]) for key in reversed(keys)]


class TrueBook:
    """Moves by `move` alone. Equal seeds and equal fair prices give equal books."""

    def __init__(self, listing: Listing, seed: str, history: int) -> None:
        """`history`: so many states are remembered, 0 for a book that nobody will ask."""
        self.listing = listing
        self.sides = (_Side(1), _Side(-1))
        self.id = 0
        self.book_serial = self.quote_serial = 0
        self._seed = seed
        self._past: deque[_Past] | None = deque(maxlen=history) if history else None
        self._changes: Changes = {}
        self._undo: list[tuple[int, int, int]] = []
        self._away = 0.0
        self._draw = random.Random(seed)  # noqa: S311  # a seeded market

    def found(self, fair: float, epoch: int, first_id: int) -> Changes:
        """Draw every level anew, whatever was there; what has changed."""
        self._draw = draw = random.Random(f"{self._seed} {epoch}")  # noqa: S311  # a seeded market
        self._away = 0.0
        self._changes, self._undo = {}, []
        for side, book in enumerate(self.sides):
            for price in [key * book.sign for key in book.keys]:
                self._put(side, price, 0)
        bid, ask = self._touch(fair)
        gap = self._gap(fair)
        for side, best in ((BID, bid), (ASK, ask)):
            price, sign = best, self.sides[side].sign
            for _ in range(_LEVELS):
                if price > 0:
                    self._put(side, price, self._size(fair))
                price -= sign * (1 + int(draw.expovariate(1 / gap)))
        self.id = max(first_id, self.id + len(self._changes))
        return self._changes

    def move(self, fair: float) -> Changes:
        """One movement towards a fair price in quote units; what has changed. Bids stay below asks."""
        draw = self._draw
        self._changes, self._undo = {}, []
        self._away += draw.gauss(0.0, _WANDERING) - _PULL * self._away
        bid, ask = self._touch(fair * math.exp(self._away))
        for side, best in ((BID, bid), (ASK, ask)):
            self._reach(side, best, fair)
        for _ in range(draw.randint(2, 5)):
            side = draw.randrange(2)
            place = min(int(draw.expovariate(0.15)), len(self.sides[side].keys) - 1)
            self._put(side, self.sides[side].at(place), self._size(fair))
        self._deepen(draw.randrange(2), fair)
        self.id += len(self._changes)
        return self._changes

    def remember(self, since: int, exchange_time: int) -> None:
        """The last change is the truth from now on."""
        if self._past is not None:
            serials = (self.book_serial, self.quote_serial)
            self._past.append(_Past(self.id, since, exchange_time, self._undo, serials, []))

    def tell(self, exchange_time: int) -> None:
        """The state of now goes out in a snapshot with this time."""
        if self._past:
            self._past[-1].told_at.append(exchange_time)

    def best(self) -> tuple[int, int, int, int]:
        """Bid, its size, ask, its size, in ticks and lots."""
        bids, asks = self.sides
        bid, ask = bids.at(0), asks.at(0)
        return bid, bids.sizes[bid], ask, asks.sizes[ask]

    def truth(self, number: int, *, serial: int | None = None, depth: int = 0) -> Truth | None:
        """The newest remembered state with this id, or exchange time, or (serial 0: book, 1: quote) Bybit's number."""
        past = list(self._past or ())
        for place in reversed(range(len(past))):
            if number in _names(past[place], serial):
                return self._as_of(past, place, depth)
        return None

    def _as_of(self, past: Sequence[_Past], place: int, depth: int) -> Truth:
        bids, asks = (self._scaled(levels) for levels in self._levels(past[place + 1 :], depth))
        state = past[place]
        return Truth(
            id=state.id,
            bids=bids,
            asks=asks,
            exchange_time=state.exchange_time,
            since=state.since,
            until=past[place + 1].since if place + 1 < len(past) else None,
        )

    def _levels(self, undone: Sequence[_Past], depth: int) -> list[list[Level]]:
        """Bids and asks, best first, before these last changes."""
        if not undone:
            return [side.top(depth) for side in self.sides]
        sizes = [dict(side.sizes) for side in self.sides]
        for later in reversed(undone):
            for side, price, size in reversed(later.undo):
                sizes[side][price] = size
        there = [sorted([price for price, size in one.items() if size]) for one in sizes]
        there[BID].reverse()
        return [
            [(price, sizes[side][price]) for price in there[side][: depth or None]] for side in (BID, ASK)
        ]

    def _scaled(self, levels: list[Level]) -> tuple[Level, ...]:
        price_unit, size_unit = self.listing.price_scaled(1), self.listing.size_scaled(1)
        return tuple([(price * price_unit, size * size_unit) for price, size in levels])

    def _put(self, side: int, price: int, size: int) -> None:
        old = self.sides[side].put(price, size)
        if old == size:
            return
        self._changes[side, price] = size
        self._undo.append((side, price, old))

    def _touch(self, fair: float) -> tuple[int, int]:
        ticks = fair * 10**self.listing.price_decimals
        half = ticks * _HALF_SPREAD * (0.5 + self._draw.random())
        bid = max(math.floor(ticks - half), 1)
        return bid, max(math.ceil(ticks + half), bid + 1)

    def _reach(self, side: int, best: int, fair: float) -> None:
        """Take away what is beyond the new best, and fill up to it."""
        book = self.sides[side]
        while book.keys and book.keys[-1] > best * book.sign:
            self._put(side, book.at(0), 0)
        behind = best * book.sign - book.keys[-1] if book.keys else 0
        if best not in book.sizes:
            self._put(side, best, self._size(fair))
        for place in range(1, min(behind // (2 * self._gap(fair)), 4) + 1):
            self._put(side, best - book.sign * place * self._gap(fair), self._size(fair))
        if self._draw.random() < 0.5:
            self._put(side, best, self._size(fair))

    def _deepen(self, side: int, fair: float) -> None:
        """A level comes or goes somewhere behind the best; the deep end is kept at its usual place."""
        book, draw = self.sides[side], self._draw
        place = draw.randrange(1, len(book.keys))
        if draw.random() < 0.5:
            self._put(side, book.at(place), 0)
        else:
            price = book.at(place) - book.sign * draw.randint(1, self._gap(fair))
            self._put(side, max(price, 1), self._size(fair))
        for book_side, one in enumerate(self.sides):
            for _ in range(len(one.keys) - _MOST):
                self._put(book_side, one.keys[0] * one.sign, 0)
            while len(one.keys) < _FEWEST:
                price = one.keys[0] * one.sign - one.sign * draw.randint(1, 2 * self._gap(fair))
                if price < 1:
                    break
                self._put(book_side, price, self._size(fair))

    def _gap(self, fair: float) -> int:
        return max(int(fair * 10**self.listing.price_decimals * _DEPTH / _LEVELS), 1)

    def _size(self, fair: float) -> int:
        usual = _DOLLARS_A_LEVEL / fair * 10**self.listing.size_decimals
        return int(usual * math.exp(4.0 * self._draw.random() - 3.0)) + 1


def _names(state: _Past, serial: int | None) -> tuple[int, ...]:
    return (state.id, state.exchange_time, *state.told_at) if serial is None else (state.serials[serial],)
