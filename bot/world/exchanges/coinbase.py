"""Coinbase Advanced Trade's market data: level2, ticker, heartbeats; every message of a connection is numbered.

Source: docs.cdp.coinbase.com, Advanced Trade WebSocket (overview, channels). The snapshot comes before the answer to
the subscription. `price_level` and `new_quantity` have as many digits as the product's increments.
"""

from __future__ import annotations

from typing import Any

from bot.core.market_data import Pair
from bot.world.exchanges.clock_text import rfc3339_go
from bot.world.exchanges.connection import SEQUENCE, Connection, Stream
from bot.world.exchanges.faults import FaultKind
from bot.world.exchanges.listing import Listing
from bot.world.exchanges.protocol import (
    SECOND,
    Host,
    Movement,
    Protocol,
    Rules,
    json_text,
    read_object,
    side_of,
)
from bot.world.exchanges.true_book import ASK, BID, Changes, Level, TrueBook

_SIDES = ("bid", "offer")
_CHANNELS = {"level2": "book", "ticker": "quote", "heartbeats": "heartbeats"}


def _listed(base: str, quote: str, price_decimals: int, size_decimals: int) -> Listing:
    return Listing(Pair(base, quote), f"{base}-{quote}", price_decimals, size_decimals)


class Coinbase(Protocol):
    name = "coinbase"
    ws_path = ""
    listings = (
        _listed("ETH", "USD", 2, 8),
        _listed("ETH", "USDT", 2, 8),
        _listed("BTC", "USD", 2, 8),
        _listed("BTC", "USDT", 2, 8),
        _listed("LINK", "USD", 3, 2),
        _listed("UNI", "USD", 3, 6),
        _listed("AAVE", "USD", 2, 3),
        _listed("USDT", "USD", 5, 2),
        _listed("USDT", "USDC", 4, 2),
    )
    rules = Rules(
        attempts=8,
        attempts_per=SECOND,
        messages=8,
        subscribe_within=5 * SECOND,
        beat_every=SECOND,
    )
    faults_not_there: frozenset[FaultKind] = frozenset({"wrong_checksum", "server_shutdown"})

    def received(self, host: Host, connection: Connection, text: str) -> None:
        asked = read_object(text)
        if asked is None or asked.get("type") not in ("subscribe", "unsubscribe"):
            connection.say('{"type":"error","message":"subscribe or unsubscribe required"}')
            return
        channel, products = asked.get("channel"), asked.get("product_ids", [])
        kind = _CHANNELS.get(channel) if isinstance(channel, str) else None
        if kind is None or not isinstance(products, list):
            connection.say('{"type":"error","message":"channel is not supported"}')
            return
        if kind == "heartbeats":
            products = [""]
        unknown = [product for product in products if product and host.listing(str(product)) is None]
        if unknown:
            connection.say(json_text({"type": "error", "message": f"{unknown[0]} is not a valid product"}))
            return
        for product in products:
            name = f"{channel}:{product}"
            if asked["type"] == "subscribe":
                host.subscribe(connection, Stream(name, kind, product))
            else:
                host.unsubscribe(connection, name)
        connection.say(_message("subscriptions", host.time(), [{"subscriptions": _following(connection)}]))

    def beat(self, connection: Connection, time: int) -> None:
        stream = connection.streams.get("heartbeats:")
        if stream is None:
            return
        connection.beats += 1
        current = rfc3339_go(time).replace("T", " ").replace("Z", " +0000 UTC")
        event = {"current_time": current, "heartbeat_counter": connection.beats}
        connection.send_data(_message("heartbeats", time, [event]), stream, is_update=False)

    def snapshot(self, stream: Stream, book: TrueBook, time: int) -> str | None:
        if stream.kind == "quote":
            return _ticker("snapshot", book, time)
        return _level2("snapshot", book, time, [side.top(0) for side in book.sides])

    def update(self, stream: Stream, movement: Movement, window: Changes) -> str:  # noqa: ARG002  # its frame names it otherwise
        return _level2("update", movement.book, movement.time, [side_of(window, side) for side in (BID, ASK)])

    def quote(self, stream: Stream, movement: Movement) -> str:  # noqa: ARG002  # its frame names it otherwise
        return _ticker("update", movement.book, movement.time)


def _following(connection: Connection) -> dict[str, list[str]]:
    following: dict[str, list[str]] = {}
    for stream in connection.streams.values():
        following.setdefault(stream.name.partition(":")[0], []).append(stream.symbol or "heartbeats")
    return following


def _message(channel: str, time: int, events: list[dict[str, Any]]) -> str:
    return _framed(channel, time, json_text(events))


def _framed(channel: str, time: int, events: str) -> str:
    head = f'{{"channel":"{channel}","client_id":"","timestamp":"{rfc3339_go(time)}"'
    return f'{head},{SEQUENCE},"events":{events}}}'


def _level2(kind: str, book: TrueBook, time: int, sides: list[list[Level]]) -> str:
    listing, when = book.listing, rfc3339_go(time)
    price, size = listing.price_text, listing.size_text
    updates = ",".join(
        [
            f'{{"side":"{_SIDES[side]}","event_time":"{when}","price_level":"{price(p)}","new_quantity":"{size(s)}"}}'
            for side, levels in enumerate(sides)
            for p, s in levels
        ]
    )
    event = f'[{{"type":"{kind}","product_id":"{listing.symbol}","updates":[{updates}]}}]'
    return _framed("l2_data", time, event)


def _ticker(kind: str, book: TrueBook, time: int) -> str:
    listing = book.listing
    bid, bid_size, ask, ask_size = book.best()
    ticker = {
        "type": "ticker",
        "product_id": listing.symbol,
        "price": listing.price_text(bid),
        "best_bid": listing.price_text(bid),
        "best_bid_quantity": listing.size_text(bid_size),
        "best_ask": listing.price_text(ask),
        "best_ask_quantity": listing.size_text(ask_size),
    }
    return _message("ticker", time, [{"type": kind, "tickers": [ticker]}])
