"""Bybit v5's public spot websocket: orderbook.1 (snapshots alone), orderbook.50 and deeper, ping and pong by message.

Source: bybit-exchange.github.io, v5 "Connect" and "Orderbook". `u` counts a topic's messages, `seq` the book's changes.
"""

from __future__ import annotations

from typing import Any

from bot.core.market_data import Pair
from bot.world.exchanges.clock_text import milliseconds
from bot.world.exchanges.connection import Connection, Stream
from bot.world.exchanges.faults import FaultKind
from bot.world.exchanges.listing import Listing
from bot.world.exchanges.protocol import (
    SECOND,
    Host,
    Movement,
    Protocol,
    Rules,
    json_text,
    levels_text,
    read_object,
    side_of,
)
from bot.world.exchanges.true_book import ASK, BID, Changes, Level, TrueBook

_CONNECTION = "cfs2c6qu9cr2nrkq2mkg-5h4a"
_DEPTHS = ("1", "50", "200", "1000")
_MOST_ARGUMENTS = 10
_MATCHED_BEFORE = 2 * 10**6
"""Between the matching engine's time and the message's, ns."""


def _listed(base: str, quote: str, price_decimals: int, size_decimals: int) -> Listing:
    return Listing(Pair(base, quote), base + quote, price_decimals, size_decimals)


class Bybit(Protocol):
    name = "bybit"
    ws_path = "/v5/public/spot"
    listings = (
        _listed("ETH", "USDT", 2, 5),
        _listed("ETH", "USDC", 2, 5),
        _listed("BTC", "USDT", 2, 6),
        _listed("BTC", "USDC", 2, 6),
        _listed("LINK", "USDT", 3, 3),
        _listed("UNI", "USDT", 3, 2),
        _listed("AAVE", "USDT", 2, 3),
        _listed("USDC", "USDT", 4, 2),
    )
    rules = Rules(attempts=500, attempts_per=300 * SECOND)
    faults_not_there: frozenset[FaultKind] = frozenset({"wrong_checksum", "server_shutdown"})
    repeats_quotes = True
    tells_of_fallen = False
    """Not documented: the reading that is harder on a client, whose book may keep levels that are gone."""

    def received(self, host: Host, connection: Connection, text: str) -> None:
        asked = read_object(text)
        op = None if asked is None else asked.get("op")
        if asked is None or op not in ("ping", "subscribe", "unsubscribe"):
            connection.say(_reply({}, str(op), success=False, text="Param validation: op is invalid"))
            return
        if op == "ping":
            connection.say(_reply(asked, "ping", success=True, text="pong"))
            return
        topics = asked.get("args")
        refusal = _refusal(host, topics)
        connection.say(
            _reply(
                asked, op, success=refusal is None, text=refusal or ("subscribe" if op == "subscribe" else "")
            )
        )
        if refusal is not None or not isinstance(topics, list):
            return
        for topic in topics:
            _, depth, symbol = topic.split(".")
            if op == "subscribe":
                kind = "quote" if depth == "1" else "book"
                host.subscribe(connection, Stream(topic, kind, symbol, 0 if depth == "1" else int(depth)))
            else:
                host.unsubscribe(connection, topic)

    def snapshot(self, stream: Stream, book: TrueBook, time: int) -> str:
        if stream.kind == "quote":
            return _quote(stream, book, time)
        return _push(
            stream, "snapshot", book, time, [side.top(stream.depth) for side in book.sides], book.book_serial
        )

    def update(self, stream: Stream, movement: Movement, window: Changes) -> str:
        sides = [side_of(window, side) for side in (BID, ASK)]
        return _push(stream, "delta", movement.book, movement.time, sides, movement.book.book_serial)

    def quote(self, stream: Stream, movement: Movement) -> str:
        return _quote(stream, movement.book, movement.time)


def _refusal(host: Host, topics: Any) -> str | None:
    """Why a request is refused, whole; None: it is taken."""
    if not isinstance(topics, list) or not all(isinstance(topic, str) for topic in topics):
        return "Param validation: args is invalid"
    if len(topics) > _MOST_ARGUMENTS:
        return "args size >10"
    for topic in topics:
        words = topic.split(".")
        if len(words) != 3 or words[0] != "orderbook" or words[1] not in _DEPTHS:
            return f"error:handler not found,topic:{topic}"
        if host.listing(words[2]) is None:
            return f"Invalid symbol :[{topic}]"
    return None


def _reply(asked: dict[str, Any], op: str, *, success: bool, text: str) -> str:
    reply: dict[str, Any] = {"success": success, "ret_msg": text, "conn_id": _CONNECTION}
    if "req_id" in asked:
        reply["req_id"] = asked["req_id"]
    return json_text(reply | {"op": op})


def _quote(stream: Stream, book: TrueBook, time: int) -> str:
    return _push(stream, "snapshot", book, time, [side.top(1) for side in book.sides], book.quote_serial)


def _push(stream: Stream, kind: str, book: TrueBook, time: int, sides: list[list[Level]], serial: int) -> str:
    bids, asks = (levels_text(book.listing, levels) for levels in sides)
    return (
        f'{{"topic":"{stream.name}","ts":{milliseconds(time)},"type":"{kind}","data":{{"s":"{book.listing.symbol}",'
        f'"b":{bids},"a":{asks},"u":{serial},"seq":{book.id}}},"cts":{milliseconds(time - _MATCHED_BEFORE)}}}'
    )
