"""Kraken's spot websocket v2: book with its CRC32, ticker driven by the best bid and offer, heartbeat, status.

Source: docs.kraken.com, WebSocket v2 (book, ticker, ping, heartbeat, status) and "Book checksum (WebSocket v2)".
Prices and sizes are JSON numbers with all of the pair's digits.
"""

from __future__ import annotations

import zlib
from typing import Any, Final

from bot.core.market_data import Pair
from bot.world.exchanges.clock_text import rfc3339_micros
from bot.world.exchanges.connection import Connection, Stream
from bot.world.exchanges.faults import FaultKind
from bot.world.exchanges.listing import Listing
from bot.world.exchanges.protocol import (
    SECOND,
    Host,
    Movement,
    Protocol,
    Request,
    Rules,
    json_text,
    levels_text,
    read_object,
    side_of,
)
from bot.world.exchanges.true_book import ASK, BID, Changes, Level, TrueBook

_DEPTHS: Final = (10, 25, 100, 500, 1_000)
_LEVEL: Final = '{"price":%s,"qty":%s}'
_IN_CHECKSUM: Final = 10
_CONNECTION_ID: Final = 12_393_906_104_898_154_338
"""Beyond 63 bits, as on the real one."""


def _listed(base: str, quote: str, price_decimals: int) -> Listing:
    return Listing(Pair(base, quote), f"{base}/{quote}", price_decimals, 8)


class Kraken(Protocol):
    name = "kraken"
    ws_path = "/v2"
    listings = (
        _listed("ETH", "USD", 2),
        _listed("ETH", "USDT", 2),
        _listed("ETH", "USDC", 2),
        _listed("BTC", "USD", 1),
        _listed("BTC", "USDT", 1),
        _listed("LINK", "USD", 5),
        _listed("UNI", "USD", 3),
        _listed("AAVE", "USD", 2),
        _listed("USDT", "USD", 5),
        _listed("USDC", "USD", 4),
        _listed("USDC", "USDT", 4),
    )
    rules = Rules(attempts=150, attempts_per=600 * SECOND, beat_every=SECOND)
    faults_not_there: frozenset[FaultKind] = frozenset({"server_shutdown"})
    time_unit = 1_000
    tells_of_fallen = False
    has_closing_word = True

    def opened(self, host: Host, connection: Connection, request: Request) -> None:  # noqa: ARG002  # no subscriptions in the URL
        connection.say(_status("online"))

    def received(self, host: Host, connection: Connection, text: str) -> None:
        asked, now = read_object(text), rfc3339_micros(host.time())
        if asked is None:
            connection.say('{"error":"Malformed request","success":false}')
            return
        method, number = asked.get("method"), asked.get("req_id")
        stamps: dict[str, Any] = {"time_in": now, "time_out": now}
        if number is not None:
            stamps["req_id"] = number
        if method == "ping":
            connection.say(json_text({"method": "pong", **stamps}))
            return
        parameters = asked.get("params")
        if method not in ("subscribe", "unsubscribe") or not isinstance(parameters, dict):
            connection.say(json_text({"error": "Unsupported method", "success": False, **stamps}))
            return
        symbols = parameters.get("symbol")
        for symbol in symbols if isinstance(symbols, list) else [symbols]:
            self._one(host, connection, method, parameters | {"symbol": symbol}, stamps)

    def beat(self, connection: Connection, time: int) -> None:  # noqa: ARG002  # it carries none
        if connection.streams:
            connection.say('{"channel":"heartbeat"}')

    def snapshot(self, stream: Stream, book: TrueBook, time: int) -> str:
        if stream.kind == "quote":
            return _ticker("snapshot", book, time)
        return _book("snapshot", book, time, [side.top(stream.depth) for side in book.sides])

    def update(self, stream: Stream, movement: Movement, window: Changes) -> str | None:  # noqa: ARG002  # its frame does not name the depth
        if not window:
            return None
        return _book("update", movement.book, movement.time, [side_of(window, side) for side in (BID, ASK)])

    def quote(self, stream: Stream, movement: Movement) -> str:  # noqa: ARG002  # its frame names the symbol
        return _ticker("update", movement.book, movement.time)

    def closing(self, connection: Connection, kind: FaultKind, time: int) -> None:  # noqa: ARG002  # one word for all
        connection.say(_status("maintenance"))

    def _one(
        self, host: Host, connection: Connection, method: str, asked: dict[str, Any], stamps: dict[str, Any]
    ) -> None:
        channel, symbol, depth = asked.get("channel"), asked["symbol"], asked.get("depth", 10)
        refusal: dict[str, Any] = {"method": method, "success": False, "symbol": symbol, **stamps}
        if channel not in ("book", "ticker"):
            connection.say(json_text({"error": "Unsupported channel", **refusal}))
        elif not isinstance(symbol, str) or host.listing(symbol) is None:
            connection.say(json_text({"error": f"Currency pair not supported {symbol}", **refusal}))
        elif depth not in _DEPTHS:
            connection.say(json_text({"error": "Subscription depth not supported", **refusal}))
        else:
            self._follow(host, connection, method, (channel, symbol, depth), stamps)

    def _follow(
        self,
        host: Host,
        connection: Connection,
        method: str,
        what: tuple[str, str, int],
        stamps: dict[str, Any],
    ) -> None:
        channel, symbol, depth = what
        name = f"{channel} {symbol}"
        result: dict[str, Any] = {"channel": channel, "symbol": symbol}
        result |= {"depth": depth} if channel == "book" else {"event_trigger": "bbo"}
        if method == "subscribe" and name in connection.streams:
            error = {"method": method, "error": "Already subscribed", "success": False, "symbol": symbol}
            connection.say(json_text(error | stamps))
            return
        if method == "subscribe":
            result["snapshot"] = True
        connection.say(json_text({"method": method, "result": result, "success": True, **stamps}))
        if method == "unsubscribe":
            host.unsubscribe(connection, name)
        elif channel == "book":
            host.subscribe(connection, Stream(name, "book", symbol, depth))
        else:
            host.subscribe(connection, Stream(name, "quote", symbol))


def _status(system: str) -> str:
    data = {"version": "2.0.10", "system": system, "api_version": "v2", "connection_id": _CONNECTION_ID}
    return json_text({"channel": "status", "type": "update", "data": [data]})


def _book(kind: str, book: TrueBook, time: int, sides: list[list[Level]]) -> str:
    listing = book.listing
    bids, asks = (levels_text(listing, levels, _LEVEL) for levels in sides)
    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{listing.symbol}","bids":{bids},"asks":{asks},'
        f'"checksum":{_checksum(book)},"timestamp":"{rfc3339_micros(time)}"}}]}}'
    )


def _checksum(book: TrueBook) -> int:
    """Best ten asks, then best ten bids: price and size without the point and without zeros in front."""
    listing = book.listing
    bids, asks = (side.top(_IN_CHECKSUM) for side in book.sides)
    digits = [
        text.replace(".", "").lstrip("0")
        for price, size in (*asks, *bids)
        for text in (listing.price_text(price), listing.size_text(size))
    ]
    return zlib.crc32("".join(digits).encode())


def _ticker(kind: str, book: TrueBook, time: int) -> str:
    listing = book.listing
    bid, bid_size, ask, ask_size = book.best()
    price, size = listing.price_text, listing.size_text
    return (
        f'{{"channel":"ticker","type":"{kind}","data":[{{"symbol":"{listing.symbol}","bid":{price(bid)},'
        f'"bid_qty":{size(bid_size)},"ask":{price(ask)},"ask_qty":{size(ask_size)},"last":{price(bid)},'
        f'"volume":10217.04514287,"vwap":{price(bid)},"low":{price(bid)},"high":{price(ask)},"change":-0.5,'
        f'"change_pct":-0.21,"timestamp":"{rfc3339_micros(time)}"}}]}}'
    )
