"""Slow second opinion on exchanges' frames: json and Decimal, dictionaries for books, each exchange written out by itself.

Imports nothing of the bot. `OracleConnection.read` gives the outcome's name and the symbol; books and quotes are plain
dictionaries of scaled integers.
"""

import json
import re
import zlib
from datetime import datetime, timedelta, timezone
from decimal import Decimal

NUMBER = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?\Z")
INTEGER = re.compile(r"-?(0|[1-9][0-9]*)\Z")
INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)\Z", re.ASCII
)
SCALE = 8


class WrongFrameError(Exception):
    """Not a frame of the exchange."""


class Bare(str):
    """A JSON number's own text."""

    __slots__ = ()


def decode(payload):
    def no_constant(text):
        raise WrongFrameError(text)

    try:
        return json.loads(payload.decode(), parse_int=Bare, parse_float=Bare, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        raise WrongFrameError(str(error)) from error


def exact(text):
    if not isinstance(text, str) or not NUMBER.match(text):
        raise WrongFrameError(f"no number: {text!r}")
    scaled = Decimal(text).scaleb(SCALE)
    if scaled != scaled.to_integral_value() or scaled >= 2**63:
        raise WrongFrameError(f"not to be held: {text}")
    return int(scaled)


def integer(value, least):
    if not isinstance(value, Bare) or not INTEGER.match(value) or len(value.lstrip("-")) > 18:
        raise WrongFrameError(f"no integer: {value!r}")
    if int(value) < least:
        raise WrongFrameError(f"{value} is below {least}")
    return int(value)


def milliseconds(value):
    if not isinstance(value, str):
        raise WrongFrameError(f"no time: {value!r}")
    time = integer(Bare(value), 0) * 10**6
    if time >= 2**63:
        raise WrongFrameError(value)
    return time


def instant(value):
    found = INSTANT.match(value) if isinstance(value, str) and not isinstance(value, Bare) else None
    if not found:
        raise WrongFrameError(f"no time: {value!r}")
    day, hour, minute, second, fraction, zone = found.groups()
    if int(hour) > 23 or int(minute) > 59 or int(second) > 60:
        raise WrongFrameError(value)
    try:
        start = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=timezone.utc)
    except ValueError as error:
        raise WrongFrameError(value) from error
    moment = start + timedelta(hours=int(hour), minutes=int(minute), seconds=int(second))
    if zone != "Z":
        ahead = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
        moment -= ahead if zone[0] == "+" else -ahead
    seconds = (moment - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(seconds=1)
    if seconds < 0 or moment.year > 2261:
        raise WrongFrameError(value)
    return seconds * 10**9 + int((fraction or "0").ljust(9, "0"))


def pairs(levels):
    """[[price, size, ...]] as [(price text, size text)]."""
    if not isinstance(levels, list):
        raise WrongFrameError("no list of levels")
    for level in levels:
        if not isinstance(level, list) or len(level) < 2:
            raise WrongFrameError(f"no level: {level!r}")
    return [(level[0], level[1]) for level in levels]


def objects(levels, price, size):
    if not isinstance(levels, list) or not all(isinstance(level, dict) for level in levels):
        raise WrongFrameError("no list of levels")
    return [(level.get(price), level.get(size)) for level in levels]


def change(kind, symbol, *, snapshot=False, time=0, bids=(), asks=(), **ids):
    for price, size in (*bids, *asks):
        if exact(price) == 0:
            raise WrongFrameError("a price of 0")
        exact(size)
    return {
        "kind": kind,
        "symbol": symbol,
        "snapshot": snapshot,
        "time": time,
        "bids": list(bids),
        "asks": list(asks),
        **ids,
    }


def action_of(value, update):
    if value not in ("snapshot", update) or isinstance(value, Bare):
        raise WrongFrameError(f"action {value!r}")
    return value == "snapshot"


def member(frame, name):
    if name not in frame:
        raise WrongFrameError(f"no member {name}")
    return frame[name]


class OracleConnection:
    """`reader` is one of the functions below; it turns a decoded frame into changes."""

    def __init__(self, reader, symbols, depth=None):
        self.reader, self.symbols, self.depth = reader, symbols, depth
        self.books = {symbol: {"bids": {}, "asks": {}, "synced": False, "id": 0, "time": 0} for symbol in symbols}
        self.quotes = {symbol: None for symbol in symbols}
        self.sequence = None

    def clone(self):
        """One that goes on by itself."""
        other = OracleConnection(self.reader, self.symbols, self.depth)
        other.books = {
            symbol: {**book, "bids": dict(book["bids"]), "asks": dict(book["asks"])} for symbol, book in self.books.items()
        }
        other.quotes, other.sequence = dict(self.quotes), self.sequence
        return other

    def read(self, payload):
        if payload == b"pong" and self.reader is okx:
            return "CONTROL", None
        try:
            frame = decode(payload)
            if not isinstance(frame, dict):
                raise WrongFrameError("no object")
            changes = self.reader(frame, self)
        except (WrongFrameError, TypeError, AttributeError, ValueError, KeyError):
            return "MALFORMED", None
        if isinstance(changes, str):
            return changes, None
        outcomes = [self.apply(change) for change in changes]
        return next((found for found in outcomes if found[0] not in ("BOOK", "QUOTE")), outcomes[-1])

    def apply(self, change):
        if change is None:
            return "FOREIGN", None
        symbol = change["symbol"]
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
            "book", symbol, snapshot=True, bids=pairs(frame["bids"]), asks=pairs(frame["asks"]), id=integer(frame["lastUpdateId"], 0)
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
        for levels in (bids, asks):
            if place < len(levels):
                parts.append(":".join(levels[place]))
    crc = zlib.crc32(":".join(parts).encode())
    return crc - 2**32 if crc >= 2**31 else crc


def _binance(frame, connection, is_usdm):
    if {"result", "error", "code"} & set(frame):
        return "CONTROL"
    data = frame.get("data", frame)
    if not isinstance(data, dict) or "s" not in data:
        return "CONTROL"
    event = data.get("e", "" if not is_usdm else None)
    if event == "depthUpdate" and data["s"] in connection.symbols:
        first, last = integer(member(data, "U"), 0), integer(member(data, "u"), 0)
        before = integer(member(data, "pu"), -1) if is_usdm else None
        if first > last:
            raise WrongFrameError(f"{first} above {last}")

        def follows(book):
            held = book["id"]
            if is_usdm and book["first"]:
                return "DUPLICATE" if last < held else "BOOK" if first <= held or before == held else "GAP"
            if last <= held:
                return "DUPLICATE"
            return "BOOK" if (before == held if is_usdm else first <= held + 1) else "GAP"

        return [
            change(
                "book", data["s"], time=milliseconds(member(data, "E")), bids=pairs(member(data, "b")),
                asks=pairs(member(data, "a")), id=last, follows=follows,
            )
        ]  # fmt: skip
    if event in ("bookTicker", "") and data["s"] in connection.symbols:
        identity = integer(member(data, "u"), 0)
        best = {
            "bid": (exact(member(data, "b")), exact(member(data, "B"))),
            "ask": (exact(member(data, "a")), exact(member(data, "A"))),
        }
        time = milliseconds(member(data, "E")) if is_usdm or "E" in data else 0
        newer = lambda held: "QUOTE" if identity > held["id"] else "DUPLICATE"  # noqa: E731
        return [change("quote", data["s"], time=time, best=best, id=identity, follows=newer)]
    return "FOREIGN"


def binance(frame, connection):
    return _binance(frame, connection, is_usdm=False)


def binance_usdm(frame, connection):
    return _binance(frame, connection, is_usdm=True)


def coinbase(frame, connection):
    changes = []
    events = frame.get("events")
    events = events if isinstance(events, list) and events else [{}]
    for event in events:
        symbol = event.get("product_id")
        if symbol is None:
            changes.append("CONTROL")
        elif frame.get("channel") != "l2_data" or symbol not in connection.symbols:
            changes.append(None)
        else:
            snapshot = action_of(member(event, "type"), "update")
            levels = {"bid": [], "offer": []}
            for level in member(event, "updates"):
                if level.get("side") not in levels:
                    raise WrongFrameError("side")
                levels[level["side"]].append((level.get("price_level"), level.get("new_quantity")))
            integer(member(frame, "sequence_num"), 0)
            changes.append(
                change(
                    "book", symbol, snapshot=snapshot, time=instant(member(frame, "timestamp")),
                    bids=levels["bid"], asks=levels["offer"], follows=lambda _: "BOOK",
                )  # fmt: skip
            )
    if "sequence_num" in frame:
        sequence = integer(frame["sequence_num"], 0)
        due, connection.sequence = connection.sequence, sequence + 1
        if due is not None and sequence < due:
            connection.sequence = due
            return "DUPLICATE"
        if due is not None and sequence > due:
            for book in connection.books.values():
                book["synced"] = False
            return "SEQUENCE_LOST"
    return "CONTROL" if "CONTROL" in changes else changes


def kraken(frame, connection):
    if "method" in frame or "error" in frame or not isinstance(frame.get("data"), list) or not frame["data"]:
        return "CONTROL"
    changes = []
    for data in frame["data"]:
        symbol, channel = data.get("symbol"), frame.get("channel")
        if symbol is None:
            return "CONTROL"
        if symbol not in connection.symbols or channel not in ("book", "ticker"):
            changes.append(None)
            continue
        time = instant(data["timestamp"]) if "timestamp" in data else 0
        if channel == "book":
            changes.append(
                change(
                    "book", symbol, snapshot=action_of(member(frame, "type"), "update"), time=time,
                    bids=objects(member(data, "bids"), "price", "qty"),
                    asks=objects(member(data, "asks"), "price", "qty"),
                    checksum=integer(member(data, "checksum"), -(10**18)), follows=lambda _: "BOOK",
                )  # fmt: skip
            )
        else:
            best = {
                "bid": (exact(member(data, "bid")), exact(member(data, "bid_qty"))),
                "ask": (exact(member(data, "ask")), exact(member(data, "ask_qty"))),
            }
            changes.append(change("quote", symbol, time=time, best=best, follows=lambda _: "QUOTE"))
    return changes


def okx(frame, connection):
    argument = frame.get("arg")
    if "event" in frame or not isinstance(argument, dict) or "instId" not in argument:
        return "CONTROL"
    symbol, channel = argument["instId"], argument.get("channel")
    if symbol not in connection.symbols or channel not in ("books", "bbo-tbt"):
        return "FOREIGN"
    changes = []
    for data in member(frame, "data"):
        last, time = integer(member(data, "seqId"), 0), milliseconds(member(data, "ts"))
        sides = {"bids": pairs(member(data, "bids")), "asks": pairs(member(data, "asks"))}
        if channel == "books":
            before = integer(member(data, "prevSeqId"), -1)
            said = integer(data.get("checksum", Bare("0")), -(10**18)) or None

            def follows(book, before=before, last=last):
                if before == book["id"]:
                    return "BOOK"
                return "DUPLICATE" if last == book["id"] else "GAP"

            snapshot = action_of(member(frame, "action"), "update")
            changes.append(
                change("book", symbol, snapshot=snapshot, time=time, id=last, checksum=said, follows=follows, **sides)
            )
        else:

            def newer(held, last=last, time=time):
                return "DUPLICATE" if last < held["id"] and time <= held["time"] else "QUOTE"

            changes.append(change("quote", symbol, time=time, id=last, follows=newer, **sides))
    return changes


def bybit(frame, connection):
    data = frame.get("data")
    if "success" in frame or "op" in frame or not isinstance(data, dict) or "s" not in data:
        return "CONTROL"
    symbol = data["s"]
    if symbol not in connection.symbols or frame.get("topic") not in (f"orderbook.1.{symbol}", f"orderbook.50.{symbol}"):
        return "FOREIGN"
    last, time = integer(member(data, "u"), 0), milliseconds(member(frame, "ts"))
    snapshot = action_of(member(frame, "type"), "delta") or last == 1
    sides = {"bids": pairs(member(data, "b")), "asks": pairs(member(data, "a"))}

    def follows(held, good="BOOK"):
        return good if last == held["id"] + 1 else "DUPLICATE" if last == held["id"] else "GAP"

    if frame["topic"].startswith("orderbook.50"):
        return [change("book", symbol, snapshot=snapshot, time=time, id=last, follows=follows, **sides)]
    if snapshot:
        return [change("quote", symbol, time=time, id=last, follows=lambda _: "QUOTE", **sides)]
    judged = lambda held: "AWAITS_SNAPSHOT" if held is None else follows(held, "QUOTE")  # noqa: E731
    return [change("quote", symbol, time=time, id=last, partial=True, follows=judged, **sides)]


READERS = {
    "binance": binance,
    "binance-usdm": binance_usdm,
    "coinbase": coinbase,
    "kraken": kraken,
    "okx": okx,
    "bybit": bybit,
}
