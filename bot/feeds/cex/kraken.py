"""Kraken spot, websocket v2: best bid/offer by `ticker`, and a book whose every message carries its checksum.

Sources: docs.kraken.com, exchange/api-reference/spot-websocket-v2 (book, ticker, status, heartbeat, ping) and
api/docs/websocket-v2/book; the connection limit from the general considerations of its websocket documents (1.8).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from bot.core.market_data import Pair
from bot.core.units import Nanoseconds
from bot.feeds.cex.config import SECOND
from bot.feeds.cex.control_frame import decode, encode, plain
from bot.feeds.cex.dialect import Dialect
from bot.feeds.cex.kraken_frames import KRAKEN
from bot.feeds.cex.market_names import is_spot, spot_pairs
from bot.feeds.cex.venue import (
    Acknowledged,
    ConnectionLimits,
    Control,
    Halted,
    Heartbeat,
    Ignored,
    Malformed,
    Pong,
    Refused,
    Resumed,
    SnapshotRule,
    TooFast,
)

BOOK_DEPTH: Final = 100
"""Of 10, 25, 100, 500 and 1,000. The checksum covers the best ten at any depth; 25 levels of a book in cents often end
within a few basis points, before the sizes that are asked of it, and 500 cost messages for levels nobody asks of.
"""
LIMITS: Final = ConnectionLimits(
    # About 150 in any ten minutes for the address, then a ban of ten minutes; after maintenance one each 5 s: half.
    attempts=75,
    per=Nanoseconds(600 * SECOND),
    # Not published ("Exceeded msg rate" is the answer); support named 20 a second in 2020.
    messages=5,
    messages_per=Nanoseconds(SECOND),
    life=None,
    # Dropped after a minute without anything (unconfirmed): subscribed at once all the same.
    subscribe_within=Nanoseconds(30 * SECOND),
    heartbeat=Nanoseconds(10 * SECOND),
    failed_wait=Nanoseconds(5 * SECOND),
    # None is documented.
    streams=200,
)
TOO_FAST_WORDS: Final = ("msg rate", "rate limit", "too many", "throttl")
PASSING_WORDS: Final = (
    "eservice:",
    "service:",
    "internal error",
    "timeout",
    "temporar",
    "maintenance",
    "already subscribed",
)
"""The exchange's own trouble, or ours that does no harm: what is missing is asked for again."""


class Result(msgspec.Struct, frozen=True):
    channel: str = ""
    symbol: str | None = None


class SystemStatus(msgspec.Struct, frozen=True):
    system: str = ""


class Frame(msgspec.Struct, frozen=True):
    channel: str = ""
    method: str = ""
    success: bool | None = None
    result: Result | None = None
    error: str | None = None
    Error: str | None = None
    """So written in "Exceeded msg rate"."""
    symbol: str | None = None
    time_out: str | None = None
    data: list[SystemStatus] | None = None


DECODER: Final = msgspec.json.Decoder(Frame)


class Kraken:
    name = "kraken"
    dialect: Dialect = KRAKEN
    depth = BOOK_DEPTH
    capacity = 256
    """More than the depth: a message may add before it removes."""
    limits = LIMITS
    snapshot: SnapshotRule | None = None
    ws_url = "wss://ws.kraken.com"
    rest_url = "https://api.kraken.com"

    def symbol(self, pair: Pair) -> str | None:
        """BTC, not XBT."""
        return f"{pair.base}/{pair.quote}" if is_spot(pair) else None

    def default_pairs(self, asset: str) -> tuple[Pair, ...]:
        dollars = (Pair("USDT", "USD"), Pair("USDC", "USD"), Pair("USDC", "USDT"))
        return spot_pairs(asset, ("USD", "USDT", "USDC"), dollars)

    def url(self, base: str, symbols: Sequence[str]) -> str:
        del symbols
        return f"{base.rstrip('/')}/v2"

    def subscribe(self, symbols: Sequence[str], next_id: Callable[[], int]) -> list[bytes]:
        """Each symbol is acknowledged, or refused, by a message of its own."""
        ticker = {"channel": "ticker", "symbol": list(symbols), "event_trigger": "bbo"}
        return [
            encode({"method": "subscribe", "params": _book(symbols), "req_id": next_id()}),
            encode({"method": "subscribe", "params": ticker, "req_id": next_id()}),
        ]

    def resubscribe(self, symbol: str, next_id: Callable[[], int]) -> list[bytes]:
        return [
            encode({"method": method, "params": _book((symbol,)), "req_id": next_id()})
            for method in ("unsubscribe", "subscribe")
        ]

    def ping(self, next_id: Callable[[], int]) -> bytes | None:
        return encode({"method": "ping", "req_id": next_id()})

    def control(self, payload: bytes) -> Control:
        frame = decode(payload, DECODER)
        if isinstance(frame, Ignored | Malformed):
            return frame
        if frame.channel == "heartbeat":
            return Heartbeat()
        return _status(frame.data or ()) if frame.channel == "status" else _answer(frame)


def _book(symbols: Sequence[str]) -> dict[str, object]:
    return {"channel": "book", "symbol": list(symbols), "depth": BOOK_DEPTH}


def _status(data: Sequence[SystemStatus]) -> Control:
    """Sent after connecting and when it changes. In `maintenance`, `cancel_only` and `post_only` no order is matched."""
    for status in data:
        if status.system != "online":
            return Halted(plain(f"system {status.system or 'unknown'}"))
    return Resumed() if data else Ignored("a status of nothing")


def _answer(frame: Frame) -> Control:
    """To what we sent."""
    error = frame.error or frame.Error
    if error is not None or frame.success is False:
        return _error(error or "", frame)
    if frame.method == "pong":
        return Pong(_nanoseconds(frame.time_out))
    if frame.method == "subscribe" and frame.success:
        return Acknowledged(_symbol(frame))
    return Ignored(plain(f"channel {frame.channel!r}, method {frame.method!r}"))


def _symbol(frame: Frame) -> str | None:
    if frame.symbol:
        return frame.symbol
    return frame.result.symbol if frame.result is not None else None


def _error(words: str, frame: Frame) -> Control:
    reason = plain(words) or "an error without words"
    if any(word in reason.lower() for word in TOO_FAST_WORDS):
        return TooFast(reason)
    if frame.method != "subscribe" or any(word in reason.lower() for word in PASSING_WORDS):
        return Ignored(plain(f"{frame.method or 'a message'}: {reason}"))
    return Refused(_symbol(frame), reason)


def _nanoseconds(text: str | None) -> Nanoseconds | None:
    """RFC 3339 as the exchange writes it, with a zone; None: another text."""
    try:
        time = datetime.fromisoformat(text or "")
        offset = time.utcoffset()
    except ValueError:
        return None
    if offset is None:
        return None
    since = time.replace(tzinfo=None) - datetime(1970, 1, 1)  # noqa: DTZ001  # both without a zone: exact
    since -= offset  # not before: the first hours of the year 1 have nothing before them
    return Nanoseconds((since.days * 86_400 + since.seconds) * SECOND + since.microseconds * 1000)
