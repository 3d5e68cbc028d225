"""OKX v5's public websocket: books (400 levels, incremental), bbo-tbt, text ping and pong.

Source: OKX API v5, "WS / Order book channel". Since 2026-06-23 `checksum` is always 0 and stands for nothing; the one
before that can be switched on: signed CRC32 of the best 25 levels, bid and ask in turn, price and size joined by colons.
"""

from __future__ import annotations

import zlib
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

_CONNECTION = "a4d3ae55"
_LEVEL = '["%s","%s","0","3"]'
_CHANNELS = {"books": "book", "bbo-tbt": "quote"}
_IN_CHECKSUM = 25


def _listed(base: str, quote: str, price_decimals: int, size_decimals: int) -> Listing:
    return Listing(Pair(base, quote), f"{base}-{quote}", price_decimals, size_decimals, trims=True)


class Okx(Protocol):
    name = "okx"
    ws_path = "/ws/v5/public"
    listings = (
        _listed("ETH", "USDT", 2, 6),
        _listed("ETH", "USDC", 2, 6),
        _listed("BTC", "USDT", 1, 8),
        _listed("BTC", "USDC", 1, 8),
        _listed("LINK", "USDT", 3, 6),
        _listed("UNI", "USDT", 3, 6),
        _listed("AAVE", "USDT", 2, 6),
        _listed("USDC", "USDT", 4, 6),
    )
    rules = Rules(attempts=3, attempts_per=SECOND)
    faults_not_there: frozenset[FaultKind] = frozenset({"server_shutdown"})
    has_closing_word = True
    skips_ids = True
    tells_of_fallen = False
    """Not documented: the reading that is harder on a client, whose book may keep levels that are gone."""

    def __init__(self, *, has_checksums: bool = False) -> None:
        self._has_checksums = has_checksums

    def received(self, host: Host, connection: Connection, text: str) -> None:
        if text == "ping":
            connection.say("pong")
            return
        asked = read_object(text)
        if asked is None:
            connection.say(_error("60012", f"Invalid request: {text[:100]}"))
            return
        arguments = asked.get("args")
        if asked.get("op") not in ("subscribe", "unsubscribe") or not isinstance(arguments, list):
            connection.say(_error("60012", f"Invalid request: {text[:100]}"))
            return
        for argument in arguments:
            self._one(host, connection, asked["op"], argument)

    def snapshot(self, stream: Stream, book: TrueBook, time: int) -> str:
        if stream.kind == "quote":
            return _bbo(stream, book, time)
        sides = [side.top(stream.depth) for side in book.sides]
        return self._books(stream, "snapshot", book, time, sides, -1)

    def update(self, stream: Stream, movement: Movement, window: Changes) -> str:
        sides = [side_of(window, side) for side in (BID, ASK)]
        return self._books(stream, "update", movement.book, movement.time, sides, movement.previous_id)

    def quote(self, stream: Stream, movement: Movement) -> str:
        return _bbo(stream, movement.book, movement.time)

    def closing(self, connection: Connection, kind: FaultKind, time: int) -> None:  # noqa: ARG002  # one word for all
        text = "The connection will soon be closed for a service upgrade. Please reconnect."
        connection.say(json_text({"event": "notice", "code": "64008", "msg": text, "connId": _CONNECTION}))

    def _one(self, host: Host, connection: Connection, op: str, argument: Any) -> None:
        channel, symbol = (
            (argument.get("channel"), argument.get("instId")) if isinstance(argument, dict) else (None, None)
        )
        kind = _CHANNELS.get(channel) if isinstance(channel, str) else None
        if kind is None or not isinstance(symbol, str) or host.listing(symbol) is None:
            wrong = (
                f"Wrong URL or channel:{channel},instId:{symbol} doesn't exist. Please use the correct URL, "
            )
            connection.say(_error("60018", wrong + "channel and parameters referring to API document."))
            return
        followed = {"channel": channel, "instId": symbol}
        connection.say(json_text({"event": op, "arg": followed, "connId": _CONNECTION}))
        stream = Stream(f"{channel}:{symbol}", kind, symbol, 400 if kind == "book" else 0)
        if op == "subscribe":
            host.subscribe(connection, stream)
        else:
            host.unsubscribe(connection, stream.name)

    def _books(
        self, stream: Stream, action: str, book: TrueBook, time: int, sides: list[list[Level]], previous: int
    ) -> str:
        bids, asks = (levels_text(book.listing, levels, _LEVEL) for levels in sides)
        checksum = _checksum(book) if self._has_checksums else 0
        return (
            f'{{{_argument(stream)},"action":"{action}","data":[{{"asks":{asks},"bids":{bids},'
            f'"ts":"{milliseconds(time)}","checksum":{checksum},"prevSeqId":{previous},"seqId":{book.id}}}]}}'
        )


def _argument(stream: Stream) -> str:
    channel, _, symbol = stream.name.partition(":")
    return f'"arg":{{"channel":"{channel}","instId":"{symbol}"}}'


def _bbo(stream: Stream, book: TrueBook, time: int) -> str:
    bid, bid_size, ask, ask_size = book.best()
    bids, asks = (levels_text(book.listing, [level], _LEVEL) for level in ((bid, bid_size), (ask, ask_size)))
    data = f'{{"asks":{asks},"bids":{bids},"ts":"{milliseconds(time)}","seqId":{book.id}}}'
    return f'{{{_argument(stream)},"data":[{data}]}}'


def _checksum(book: TrueBook) -> int:
    listing = book.listing
    bids, asks = (side.top(_IN_CHECKSUM) for side in book.sides)
    words: list[str] = []
    for place in range(_IN_CHECKSUM):
        for levels in (bids, asks):
            if place < len(levels):
                price, size = levels[place]
                words += (listing.price_text(price), listing.size_text(size))
    unsigned = zlib.crc32(":".join(words).encode())
    return unsigned - (1 << 32) if unsigned >> 31 else unsigned


def _error(code: str, text: str) -> str:
    return json_text({"event": "error", "code": code, "msg": text, "connId": _CONNECTION})
