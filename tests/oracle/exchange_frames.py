"""Slow second opinion on exchanges' frames: json and Decimal, dictionaries for books, each exchange written out by itself.

Imports nothing of the bot. `OracleConnection.read` gives the outcome's name and the symbol; books and quotes are plain
dictionaries of scaled integers.
"""

import zlib

from oracle.exchange_frame_readers import READERS, kraken, okx
from oracle.exchange_frame_values import WrongFrameError, change, decode, exact, integer, pairs

__all__ = ["READERS", "OracleConnection"]


class OracleConnection:
    """`reader` is one of the functions below; it turns a decoded frame into changes."""

    def __init__(self, reader, symbols, depth=None):
        self.reader, self.symbols, self.depth = reader, symbols, depth
        self.books = {
            symbol: {"bids": {}, "asks": {}, "synced": False, "id": 0, "time": 0} for symbol in symbols
        }
        self.quotes = dict.fromkeys(symbols)
        self.sequence = None

    def clone(self):
        """One that goes on by itself."""
        other = OracleConnection(self.reader, self.symbols, self.depth)
        other.books = {
            symbol: {**book, "bids": dict(book["bids"]), "asks": dict(book["asks"])}
            for symbol, book in self.books.items()
        }
        other.quotes, other.sequence = dict(self.quotes), self.sequence
        return other

    def read(self, payload):
        if payload == b"pong" and self.reader is okx:
            return "CONTROL", None
        try:
            frame = decode(payload)
            if not isinstance(frame, dict):
                return "MALFORMED", None
            changes = self.reader(frame, self)
        except (WrongFrameError, TypeError, AttributeError, ValueError, KeyError):
            return "MALFORMED", None
        if isinstance(changes, str):
            return changes, None
        outcomes = [self.apply(change) for change in changes]
        failed = [found for found in outcomes if found[0] not in ("BOOK", "QUOTE", "FOREIGN", "CONTROL")]
        taken = [found for found in outcomes if found[0] in ("BOOK", "QUOTE")]
        return failed[0] if failed else taken[-1] if taken else outcomes[0]

    def apply(self, change):
        if change is None or change == "CONTROL":
            return change or "FOREIGN", None
        symbol = change["symbol"]
        if change["inexact"]:
            if change["kind"] == "quote":
                self.quotes[symbol] = None
            else:
                self.books[symbol]["synced"] = False
            return "INEXACT", symbol
        if change["kind"] == "quote":
            held = self.quotes[symbol]
            verdict = change["follows"](held) if held is not None or "partial" in change else "QUOTE"
            if verdict == "QUOTE":
                self.put_quote(symbol, change, held)
            elif verdict == "GAP":
                self.quotes[symbol] = None
            return verdict, symbol
        book = self.books[symbol]
        if not change["snapshot"]:
            if not book["synced"]:
                return "AWAITS_SNAPSHOT", symbol
            verdict = change["follows"](book)
            if verdict != "BOOK":
                book["synced"] = book["synced"] and verdict != "GAP"
                return verdict, symbol
        return self.put_book(book, change), symbol

    def put_quote(self, symbol, change, held):
        sides = {"bid": (0, 0), "ask": (0, 0)}
        if "partial" in change and held is not None:
            sides = {"bid": held["bid"], "ask": held["ask"]}
        for side, levels in (("bid", change["bids"]), ("ask", change["asks"])):
            for price, size in levels:
                if exact(size) > 0:
                    sides[side] = exact(price), exact(size)
                elif sides[side][0] == exact(price):
                    sides[side] = 0, 0
        if "best" in change:
            sides = change["best"]
        self.quotes[symbol] = {**sides, "id": change.get("id", 0), "time": change["time"]}

    def put_book(self, book, change):
        for side in ("bids", "asks"):
            held = {} if change["snapshot"] else book[side]
            for price, size in change[side]:
                held.pop(exact(price), None)
                if exact(size) > 0:
                    held[exact(price)] = exact(size), price, size
            if self.depth:
                kept = sorted(held, reverse=side == "bids")[: self.depth]
                held = {price: held[price] for price in kept}
            book[side] = held
        book.update(id=change.get("id", 0), time=change["time"], synced=False, first=False)
        said = change.get("checksum")
        if said is not None and said != checksum_of(book, self.reader):
            return "CHECKSUM"
        if book["bids"] and book["asks"] and max(book["bids"]) >= min(book["asks"]):
            return "CROSSED"
        book["synced"] = True
        return "BOOK"

    def load(self, symbol, payload):
        """A REST snapshot of Binance."""
        frame = decode(payload)
        loaded = change(
            "book",
            symbol,
            snapshot=True,
            bids=pairs(frame["bids"]),
            asks=pairs(frame["asks"]),
            id=integer(frame["lastUpdateId"], 0),
        )
        outcome = self.put_book(self.books[symbol], loaded)
        self.books[symbol]["first"] = True
        return outcome


def checksum_of(book, reader):
    bids = [book["bids"][price][1:] for price in sorted(book["bids"], reverse=True)]
    asks = [book["asks"][price][1:] for price in sorted(book["asks"])]
    if reader is kraken:
        strip = lambda text: text.replace(".", "").lstrip("0")  # noqa: E731
        text = "".join(strip(price) + strip(size) for price, size in asks[:10] + bids[:10])
        return zlib.crc32(text.encode())
    parts = []
    for place in range(25):
        parts += [":".join(levels[place]) for levels in (bids, asks) if place < len(levels)]
    crc = zlib.crc32(":".join(parts).encode())
    return crc - 2**32 if crc >= 2**31 else crc
