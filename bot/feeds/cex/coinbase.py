"""Coinbase Advanced Trade: one book channel, whose numbers count every message of the connection.

Sources: docs.cdp.coinbase.com, coinbase-app/advanced-trade-apis/websocket: websocket-overview, websocket-channels,
websocket-rate-limits; samples of nautilus_trader 2026-07-02, crates/adapters/coinbase/test_data.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from bot.core.market_data import Pair
from bot.core.units import Nanoseconds
from bot.feeds.cex.coinbase_frames import COINBASE
from bot.feeds.cex.config import SECOND
from bot.feeds.cex.control_frame import decode, encode, plain
from bot.feeds.cex.dialect import Dialect
from bot.feeds.cex.market_names import is_spot, spot_pairs
from bot.feeds.cex.venue import (
    Acknowledged,
    ConnectionLimits,
    Control,
    Heartbeat,
    Ignored,
    Malformed,
    Refused,
    SnapshotRule,
    TooFast,
)

LIMITS: Final = ConnectionLimits(
    # Eight connections and eight messages a second for the address: half, since two connections live at a hand-over.
    attempts=4,
    per=Nanoseconds(SECOND),
    messages=4,
    messages_per=Nanoseconds(SECOND),
    life=None,
    subscribe_within=Nanoseconds(5 * SECOND),
    heartbeat=Nanoseconds(10 * SECOND),
    # None is documented.
    streams=100,
)
PRODUCT: Final = re.compile(r"\b[A-Z0-9]{1,15}-[A-Z0-9]{1,15}\b")
TOO_FAST_WORDS: Final = ("rate limit", "too many", "too fast", "throttl", "errslowread")


class Event(msgspec.Struct, frozen=True):
    subscriptions: dict[str, list[str]] | None = None


class Frame(msgspec.Struct, frozen=True):
    channel: str = ""
    type: str = ""
    message: str = ""
    reason: str = ""
    events: list[Event] | None = None


DECODER: Final = msgspec.json.Decoder(Frame)


class Coinbase:
    """`level2`, the whole book, and `heartbeats`, each second, so that a quiet product is told from a dead socket.

    `ticker` moves with trades alone; the quote is the top of the book. No key is needed for either channel.
    """

    name = "coinbase"
    dialect: Dialect = COINBASE
    depth = 0
    capacity = 4096
    """The exchange sends tens of thousands of levels; those behind the 4,096th of a side are forgotten:
    known_depth.
    """
    limits = LIMITS
    snapshot: SnapshotRule | None = None
    ws_url = "wss://advanced-trade-ws.coinbase.com"
    rest_url = "https://api.coinbase.com"

    def symbol(self, pair: Pair) -> str | None:
        """A USDC market is the USD one: asked for `ETH-USDC`, it sends frames of `ETH-USD` (ccxt issue 26465), and
        USDC-USD is no market. What dollar such a price is in would be a guess, so USDC is not followed there.
        """
        if not is_spot(pair) or "USDC" in (pair.base, pair.quote):
            return None
        return f"{pair.base}-{pair.quote}"

    def default_pairs(self, asset: str) -> tuple[Pair, ...]:
        return spot_pairs(asset, ("USD",), (Pair("USDT", "USD"),))

    def url(self, base: str, symbols: Sequence[str]) -> str:
        del symbols
        return base

    def subscribe(self, symbols: Sequence[str], next_id: Callable[[], int]) -> list[bytes]:
        """One channel a message, and one product: whether a wrong product takes the others of its message along is not
        documented.
        """
        del next_id
        books = [{"type": "subscribe", "product_ids": [symbol], "channel": "level2"} for symbol in symbols]
        return [*map(encode, books), encode({"type": "subscribe", "channel": "heartbeats"})]

    def resubscribe(self, symbol: str, next_id: Callable[[], int]) -> list[bytes]:
        """Nothing: a lost number is lost for every book of the connection, so that a new one is opened."""
        del symbol, next_id
        return []

    def ping(self, next_id: Callable[[], int]) -> bytes | None:
        del next_id
        return None

    def control(self, payload: bytes) -> Control:
        frame = decode(payload, DECODER)
        if isinstance(frame, Ignored | Malformed):
            return frame
        if frame.type == "error":
            return _error(frame.message, frame.reason)
        if frame.channel == "heartbeats":
            return Heartbeat()
        if frame.channel == "subscriptions":
            return Acknowledged(_only_book(frame.events or []))
        return Ignored(plain(f"channel {frame.channel!r}, type {frame.type!r}"))


def _only_book(events: Sequence[Event]) -> str | None:
    """The answer lists all that the connection has; it names one where it has one."""
    books = {
        product
        for event in events
        if event.subscriptions
        for product in event.subscriptions.get("level2", ())
    }
    return books.pop() if len(books) == 1 else None


def _error(message: str, reason: str) -> Control:
    """The texts are not documented: the product is taken from them where one stands there."""
    words = plain(f"{message}: {reason}" if reason else message) or "an error without words"
    if any(word in words.lower() for word in TOO_FAST_WORDS):
        return TooFast(words)
    product = PRODUCT.search(f"{message} {reason}")
    return Refused(product and product.group(), words)
