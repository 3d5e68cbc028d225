"""What a day's frames leave behind, by the plainest reading there is: json, Decimal and a dict a side. Never timed."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from scripts.benches.cex_frames_of_day import Day

Side = dict[Decimal, Decimal]
Books = dict[str, tuple[Side, Side]]
"""Symbol to (bids, asks), a price to its size."""
SCALE = 10**8


def plain_books(day: Day) -> Books:
    """The books after the last frame; of bookTicker, the one level a side."""
    books: Books = {symbol: ({}, {}) for symbol, *_ in day.symbols}
    for place, text in enumerate(day.snapshots + day.frames):
        message = json.loads(text, parse_float=Decimal)
        symbol = day.symbols[place % len(day.symbols)][0] if "lastUpdateId" in message else _symbol(message)
        if day.venue == "binance bookTicker":
            books[symbol] = ({}, {})
        for side, price, size in _levels(day.venue, message):
            if size:
                books[symbol][side][price] = size
            else:
                books[symbol][side].pop(price, None)
        if day.venue == "kraken":
            _truncate(books[symbol], day.depth or 10)
    return books


def level_count(day: Day, frame: str) -> int:
    """Levels that a frame tells."""
    return sum(1 for _ in _levels(day.venue, json.loads(frame, parse_float=Decimal)))


def scaled(side: Side) -> dict[int, int]:
    """As the bot holds it: integers of 10^-8."""
    return {int(price * SCALE): int(size * SCALE) for price, size in side.items()}


def tops(books: Books) -> dict[str, list[str]]:
    """Symbol to (bid, bid size, ask, ask size), in words that compare across readers."""
    found = {}
    for symbol, (bids, asks) in books.items():
        bid, ask = max(bids), min(asks)
        found[symbol] = [f"{float(value):.8f}" for value in (bid, bids[bid], ask, asks[ask])]
    return found


def _truncate(book: tuple[Side, Side], depth: int) -> None:
    for side, is_bid in zip(book, (True, False), strict=True):
        for price in sorted(side, reverse=is_bid)[depth:]:
            del side[price]


def _symbol(message: Any) -> str:
    if "stream" in message:
        return str(message["data"]["s"])
    if "events" in message:
        return str(message["events"][0]["product_id"])
    if "topic" in message:
        return str(message["data"]["s"])
    return str(message["arg"]["instId"] if "arg" in message else message["data"][0]["symbol"])


def _levels(venue: str, message: Any) -> Iterator[tuple[int, Decimal, Decimal]]:
    if venue == "binance bookTicker":
        data = message.get("data")
        if data is None:
            return
        yield 0, Decimal(data["b"]), Decimal(data["B"])
        yield 1, Decimal(data["a"]), Decimal(data["A"])
    elif venue == "coinbase":
        for level in message["events"][0]["updates"]:
            yield (
                int(level["side"] == "offer"),
                Decimal(level["price_level"]),
                Decimal(level["new_quantity"]),
            )
    else:
        data = message.get("data", message)
        data = data[0] if isinstance(data, list) else data
        for side, names in enumerate((("b", "bids"), ("a", "asks"))):
            for level in data.get(names[0], data.get(names[1], ())):
                price, size = (level["price"], level["qty"]) if isinstance(level, dict) else level[:2]
                yield side, Decimal(price), Decimal(size)
