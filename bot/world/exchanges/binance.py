"""Binance's market data: spot and USD-M futures.

Sources: binance/binance-spot-api-docs (web-socket-streams.md, rest-api.md), developers.binance.com, USD-M futures,
"Websocket Market Streams". An unknown symbol is taken and never heard of again, as on the real one; REST refuses it.
"""

from __future__ import annotations

from typing import Any, ClassVar

from bot.core.market_data import Pair
from bot.world.exchanges.clock_text import milliseconds
from bot.world.exchanges.connection import Connection, Stream
from bot.world.exchanges.faults import FaultKind
from bot.world.exchanges.listing import Listing
from bot.world.exchanges.protocol import (
    SECOND,
    Answer,
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
from bot.world.exchanges.true_book import ASK, BID, Changes, TrueBook

_PADDED = 8


def _spot(base: str, quote: str, price_decimals: int, size_decimals: int) -> Listing:
    return Listing(Pair(base, quote), base + quote, price_decimals, size_decimals, padded_to=_PADDED)


def _perpetual(base: str, quote: str, price_decimals: int, size_decimals: int) -> Listing:
    return Listing(Pair(base, quote, is_perpetual=True), base + quote, price_decimals, size_decimals)


class BinanceSpot(Protocol):
    name = "binance"
    ws_path = ""
    listings: tuple[Listing, ...] = (
        _spot("ETH", "USDT", 2, 4),
        _spot("ETH", "USDC", 2, 4),
        _spot("BTC", "USDT", 2, 5),
        _spot("BTC", "USDC", 2, 5),
        _spot("LINK", "USDT", 2, 2),
        _spot("UNI", "USDT", 3, 2),
        _spot("AAVE", "USDT", 2, 3),
        _spot("USDC", "USDT", 4, 0),
    )
    rules = Rules(
        attempts=300,
        attempts_per=300 * SECOND,
        messages=5,
        life=24 * 3_600 * SECOND,
        ping_every=20 * SECOND,
        pong_within=60 * SECOND,
    )
    faults_not_there: frozenset[FaultKind] = frozenset({"wrong_checksum"})
    moves_twice = True
    has_closing_word = True

    depth_path = "/api/v3/depth"
    depth_limits = range(1, 5_001)
    speeds: ClassVar[tuple[str, ...]] = ("", "@1000ms", "@100ms")
    prefixes: ClassVar[tuple[str, ...]] = ("",)

    def accepts_path(self, path: str) -> bool:
        return any(
            path == prefix + end or path.startswith(f"{prefix}/ws/")
            for prefix in self.prefixes
            for end in _ENDS
        )

    def opened(self, host: Host, connection: Connection, request: Request) -> None:
        connection.is_raw = not request.path.endswith("/stream")
        _, _, raw = request.path.partition("/ws/")
        names = raw if connection.is_raw else request.query.get("streams", "")
        for name in filter(None, names.split("/")):
            self._follow(host, connection, name)

    def received(self, host: Host, connection: Connection, text: str) -> None:
        asked = read_object(text)
        if asked is None:
            connection.say('{"error":{"code":3,"msg":"Invalid JSON: expected value at line 1 column 1"}}')
            return
        number, names = asked.get("id"), asked.get("params", [])
        method = asked.get("method")
        if method == "LIST_SUBSCRIPTIONS":
            connection.say(json_text({"result": list(connection.streams), "id": number}))
        elif method not in ("SUBSCRIBE", "UNSUBSCRIBE") or not _are_names(names):
            error = {"code": 2, "msg": "Invalid request: unknown variant or missing params"}
            connection.say(json_text({"error": error, "id": number}))
        else:
            connection.say(json_text({"result": None, "id": number}))
            for name in names:
                if method == "SUBSCRIBE":
                    self._follow(host, connection, name)
                else:
                    host.unsubscribe(connection, name)

    def snapshot(self, stream: Stream, book: TrueBook, time: int) -> str | None:  # noqa: ARG002  # by REST
        return None

    def update(self, stream: Stream, movement: Movement, window: Changes) -> str:  # noqa: ARG002  # one depth alone
        listing = movement.book.listing
        return (
            f'{{"e":"depthUpdate","E":{milliseconds(movement.time)},{self._update_times(movement)}"s":"{listing.symbol}",'
            f'"U":{movement.first_id},"u":{movement.book.id},{self._previous(movement)}'
            f'"b":{levels_text(listing, side_of(window, BID))},"a":{levels_text(listing, side_of(window, ASK))}}}'
        )

    def quote(self, stream: Stream, movement: Movement) -> str:  # noqa: ARG002  # its frame does not name it
        return f'{{"u":{movement.book.id},{_best(movement)}}}'

    def dress(self, connection: Connection, stream: Stream, frame: str) -> str:
        return frame if connection.is_raw else f'{{"stream":"{stream.name}","data":{frame}}}'

    def rest(self, host: Host, request: Request) -> Answer:
        if request.path != self.depth_path:
            return Answer(404, "<html><body><h2>404 Not found</h2></body></html>")
        listing, limit = host.listing(request.query.get("symbol", "")), request.query.get("limit", "100")
        if listing is None:
            return Answer(400, '{"code":-1121,"msg":"Invalid symbol."}')
        if not limit.isdecimal() or int(limit) not in self.depth_limits:
            return Answer(400, '{"code":-1130,"msg":"Data sent for parameter \'limit\' is not valid."}')
        book = host.book(listing.symbol)
        bids, asks = (levels_text(listing, side.top(int(limit))) for side in book.sides)
        times = self._snapshot_times(host.time())
        return Answer(200, f'{{"lastUpdateId":{book.id},{times}"bids":{bids},"asks":{asks}}}')

    def closing(self, connection: Connection, kind: FaultKind, time: int) -> None:  # noqa: ARG002  # one word for both
        event = f'{{"e":"serverShutdown","E":{milliseconds(time)}}}'
        connection.say(self.dress(connection, Stream("!serverShutdown", "", ""), event))

    def _follow(self, host: Host, connection: Connection, name: str) -> None:
        symbol, _, rest = name.partition("@")
        kind = "quote" if rest == "bookTicker" else "book"
        known = symbol.islower() and host.listing(symbol.upper()) is not None
        if kind == "book" and (rest[:5] != "depth" or rest[5:] not in self.speeds):
            known = False
        if known:
            host.subscribe(connection, Stream(name, kind, symbol.upper()))
        else:
            host.subscribe(connection, Stream(name, "unknown", ""))

    def _update_times(self, movement: Movement) -> str:  # noqa: ARG002  # futures have more
        return ""

    def _previous(self, movement: Movement) -> str:  # noqa: ARG002  # futures have more
        return ""

    def _snapshot_times(self, time: int) -> str:  # noqa: ARG002  # futures have more
        return ""


class BinanceUsdm(BinanceSpot):
    """Futures: times in every frame, ids that do not join, the previous message's id instead."""

    name = "binance-usdm"
    listings = (
        _perpetual("ETH", "USDT", 2, 3),
        _perpetual("ETH", "USDC", 2, 3),
        _perpetual("BTC", "USDT", 1, 3),
        _perpetual("LINK", "USDT", 3, 2),
        _perpetual("UNI", "USDT", 4, 0),
        _perpetual("AAVE", "USDT", 2, 1),
    )
    rules = Rules(
        attempts=300,
        attempts_per=300 * SECOND,
        messages=10,
        life=24 * 3_600 * SECOND,
        ping_every=180 * SECOND,
        pong_within=600 * SECOND,
    )
    faults_not_there = frozenset({"wrong_checksum", "server_shutdown"})
    has_closing_word = False
    skips_ids = True

    depth_path = "/fapi/v1/depth"
    depth_limits = (5, 10, 20, 50, 100, 500, 1_000)  # type: ignore[assignment]  # both are containers of int
    speeds = ("", "@500ms", "@100ms")
    prefixes = ("", "/public", "/market")

    def quote(self, stream: Stream, movement: Movement) -> str:  # noqa: ARG002  # its frame does not name it
        time, symbol = milliseconds(movement.time), movement.book.listing.symbol
        stamps = f'"T":{time},"E":{time},"st":1,"ps":"{symbol}"'
        return f'{{"e":"bookTicker","u":{movement.book.id},{_best(movement)},{stamps}}}'

    def closing(self, connection: Connection, kind: FaultKind, time: int) -> None:
        """It closes without a word."""

    def _update_times(self, movement: Movement) -> str:
        return f'"T":{milliseconds(movement.time)},'

    def _previous(self, movement: Movement) -> str:
        return f'"pu":{movement.previous_id},'

    def _snapshot_times(self, time: int) -> str:
        return f'"E":{milliseconds(time)},"T":{milliseconds(time)},'


_ENDS = ("/stream", "/ws")


def _best(movement: Movement) -> str:
    listing = movement.book.listing
    price, size = listing.price_text, listing.size_text
    bid, bid_size, ask, ask_size = movement.book.best()
    return f'"s":"{listing.symbol}","b":"{price(bid)}","B":"{size(bid_size)}","a":"{price(ask)}","A":"{size(ask_size)}"'


def _are_names(names: Any) -> bool:
    return isinstance(names, list) and all(isinstance(name, str) for name in names)
