"""Recordings of Kraken's websocket v1, a dialect no longer spoken to: its frames drive the product's book and CRC code.

A frame is [channel, {...}, {...}?, "book-<depth>", pair]. A snapshot has `as` and `bs`; an update has `a` or `b` or one
dict with each, and in its last dict `c`, the checksum of the ten best levels a side. A level is [price, size, time] with an
"r" behind it where it came into the depth again without having changed.
Source: docs.kraken.com/exchange/guides/websockets/book-checksum-v1.
"""

import gzip
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bot.state.book_layout import ASKS, BIDS, IS_SYNCED, lay_out, words_needed
from bot.state.checksum_kernel import TABLE_WORDS, kraken_checksum, kraken_text, write_tables
from bot.state.order_book import OrderBook
from bot.state.order_book_kernel import clear, put, truncate

SIDES = {"as": ASKS, "a": ASKS, "bs": BIDS, "b": BIDS}
SIZE_DECIMALS = 8
_FRAME_LEVELS = 64
"""Room above the depth for the levels of one frame."""


def recorded_frames(path: Path) -> list[bytes]:
    """What the exchange sent, in order: lines `<time>: <frame>`; the others are connects and what was sent to it."""
    with gzip.open(path, "rt") as lines:
        parted = [line.rstrip("\n").partition(": ") for line in lines]
    return [frame.encode() for stamp, _, frame in parted if stamp.replace(".", "").isdigit()]


def scaled(text: str, decimals: int) -> int:
    """Raises ValueError where a digit other than 0 lies beyond the scale."""
    whole, _, behind = text.partition(".")
    kept, beyond = behind[:decimals].ljust(decimals, "0"), behind[decimals:]
    if beyond.strip("0"):
        raise ValueError(f"{text} has more than {decimals} decimals")
    return int(whole + kept)


class KrakenV1Book:
    """One pair's book, synced while every checksum agreed.

    A pair's prices all have the same decimals; more would not do for each: XBT/CHF has an ask of 9,999,999,997.
    """

    def __init__(self, depth: int, price_decimals: int) -> None:
        self.depth = depth
        capacity = depth + _FRAME_LEVELS
        self.words = np.zeros(TABLE_WORDS + words_needed(capacity), np.int64)
        write_tables(self.words, 0)
        self.at = TABLE_WORDS
        lay_out(self.words, self.at, capacity, depth, price_decimals, SIZE_DECIMALS)
        self.view = OrderBook(self.words, self.at)

    def apply(self, parts: list[dict]) -> bool | None:
        """Whether the frame's checksum is the book's; None: it has none."""
        said = None
        if "as" in parts[0] or "bs" in parts[0]:
            clear(self.words, self.at)
            self.words[self.at + IS_SYNCED] = 1
        for part in parts:
            said = part.pop("c", said)
            for name, levels in part.items():
                for price, size, _time, *_republished in levels:
                    self._put(SIDES[name], price, size)
        truncate(self.words, self.at)
        if said is None:
            return None
        agrees = kraken_checksum(self.words, self.at, 0) == int(said)
        self.words[self.at + IS_SYNCED] &= agrees
        return agrees

    def _put(self, side: int, price: str, size: str) -> None:
        payload = (price + size).encode()
        text = kraken_text(self.words, 0, payload, 0, len(price), len(price), len(payload))
        assert text > 0, f"{price} {size} has no text"
        put(
            self.words,
            self.at,
            side,
            scaled(price, self.view.price_decimals),
            scaled(size, SIZE_DECIMALS),
            text,
        )


@dataclass
class KrakenV1Frames:
    """All pairs of a recording, and what their checksums said."""

    books: dict[str, KrakenV1Book] = field(default_factory=dict)
    agreed: int = 0
    differed: list[tuple[str, int]] = field(default_factory=list)
    """(pair, number of the frame)."""
    read: int = 0

    def frame(self, payload: bytes) -> bool | None:
        """As KrakenV1Book.apply; None for what is no book's frame too."""
        self.read += 1
        message = json.loads(payload)
        if not isinstance(message, list):
            return None
        *parts, channel, pair = message[1:]
        if pair not in self.books:
            price = next(iter(parts[0].values()))[0][0]
            decimals = len(price.partition(".")[2])
            self.books[pair] = KrakenV1Book(int(channel.removeprefix("book-")), decimals)
        agrees = self.books[pair].apply(parts)
        self.agreed += agrees is True
        if agrees is False:
            self.differed.append((pair, self.read))
        return agrees
