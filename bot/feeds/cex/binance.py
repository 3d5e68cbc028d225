"""Binance spot: combined streams named in the URL, books begun from a REST snapshot.

Source, if not said otherwise: github.com/binance/binance-spot-api-docs of 2026-07-21, web-socket-streams.md,
rest-api.md and errors.md.
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from bot.core.market_data import Pair
from bot.core.units import Nanoseconds
from bot.feeds.cex.binance_frames import BINANCE
from bot.feeds.cex.config import SECOND
from bot.feeds.cex.control_frame import decode, plain
from bot.feeds.cex.dialect import Dialect
from bot.feeds.cex.market_names import is_spot, spot_pairs
from bot.feeds.cex.venue import (
    Acknowledged,
    ConnectionLimits,
    Control,
    Ignored,
    Malformed,
    Refused,
    Shutdown,
    SnapshotRule,
    TooFast,
)

DAY: Final = 86_400 * SECOND
QUOTES: Final = ("USDT", "USDC", "FDUSD", "BTC", "ETH", "BNB", "EUR", "TRY")
"""None is the end of another, so that a symbol, base and quote without a sign between them, names one pair.
There is no USD on binance.com.
"""
TOO_FAST_CODES: Final = frozenset({-1003, -1015, -1034})
"""TOO_MANY_REQUESTS, TOO_MANY_ORDERS, TOO_MANY_CONNECTIONS."""
PASSING_CODES: Final = frozenset({-1000, -1001, -1006, -1007, -1008, -1016})
"""Binance's own trouble: unknown, disconnected, unexpected response, time-out, busy, shutting down."""

SPOT_LIMITS: Final = ConnectionLimits(
    attempts=300,
    per=Nanoseconds(300 * SECOND),
    # Five a second are documented, pings and pongs among them; a request each 250 ms was cut off with 1008 and one
    # each 500 ms was not (docs.rs/polyoxide-binance 0.48, spot/ws, measured).
    messages=2,
    messages_per=Nanoseconds(SECOND),
    life=Nanoseconds(DAY),
    subscribe_within=None,
    # The server pings every 20 s and waits a minute for the pong; ours finds a half-open socket sooner.
    heartbeat=Nanoseconds(10 * SECOND),
    # 1,024 are allowed; they stand in the URL here, and 200 are some five kilobytes of it.
    streams=200,
    # 6,000 a minute for the address (websocket API, rateLimits of its samples): half, others may live there.
    rest_weight=3000,
    rest_per=Nanoseconds(60 * SECOND),
)


class ErrorBody(msgspec.Struct, frozen=True):
    code: int = 0
    msg: str = ""


class ShutdownEvent(msgspec.Struct, frozen=True):
    e: str = ""


class Frame(msgspec.Struct, frozen=True):
    """Any member may stand in any frame; the first that says something decides."""

    e: str = ""
    data: ShutdownEvent | None = None
    event: ShutdownEvent | None = None
    error: ErrorBody | None = None
    code: int | None = None
    msg: str = ""
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


DECODER: Final = msgspec.json.Decoder(Frame)


class Binance:
    """Best bid/offer by `bookTicker` (real time, without a time of its own) and depth differences each 100 ms."""

    name = "binance"
    dialect: Dialect = BINANCE
    depth = 0
    capacity = 4096
    limits = SPOT_LIMITS
    snapshot: SnapshotRule | None = SnapshotRule("/api/v3/depth?symbol={symbol}&limit=1000", 50, 1000)
    """Weight 50 for 501 to 1,000 levels. Levels beyond the snapshot are unknown until they change: known_depth."""
    ws_url = "wss://stream.binance.com:9443"
    rest_url = "https://api.binance.com"
    path = "/stream"
    """Of combined streams, whose frames are `{"stream":…,"data":…}`."""

    def symbol(self, pair: Pair) -> str | None:
        return f"{pair.base}{pair.quote}" if is_spot(pair) and pair.quote in QUOTES else None

    def default_pairs(self, asset: str) -> tuple[Pair, ...]:
        return spot_pairs(asset, ("USDT", "USDC"), (Pair("USDC", "USDT"),))

    def url(self, base: str, symbols: Sequence[str]) -> str:
        """An unknown symbol is no error here: its streams stay empty. The REST snapshot tells (-1121)."""
        names = [symbol.lower() for symbol in symbols]
        streams = "/".join(f"{name}@bookTicker/{name}@depth@100ms" for name in names)
        return f"{base.rstrip('/')}{self.path}?streams={streams}"

    def subscribe(self, symbols: Sequence[str], next_id: Callable[[], int]) -> list[bytes]:
        """Nothing: the URL has said it, and no message is spent of the few that are allowed."""
        del symbols, next_id
        return []

    def resubscribe(self, symbol: str, next_id: Callable[[], int]) -> list[bytes]:
        """Nothing: the differences go on, a new snapshot joins them."""
        del symbol, next_id
        return []

    def ping(self, next_id: Callable[[], int]) -> bytes | None:
        del next_id
        return None

    def control(self, payload: bytes) -> Control:
        """Also of the body of a REST error: `{"code":-1121,"msg":"Invalid symbol."}`."""
        frame = decode(payload, DECODER)
        if isinstance(frame, Ignored | Malformed):
            return frame
        for event in (frame, frame.data, frame.event):
            if event is not None and event.e == "serverShutdown":
                return Shutdown("serverShutdown")
        if frame.error is not None:
            return _error(frame.error.code, frame.error.msg)
        if frame.code is not None:
            return _error(frame.code, frame.msg)
        if frame.result is not msgspec.UNSET:
            return Acknowledged() if bytes(frame.result) == b"null" else Ignored("an answer to a query")
        return Ignored("a frame of no documented kind")


def _error(code: int, words: str) -> Control:
    """Codes below zero are REST's; 0 to 4 answer a message we sent, which was wrong."""
    reason = plain(f"{words} ({code})")
    if code in TOO_FAST_CODES:
        return TooFast(reason)
    return Ignored(reason) if code in PASSING_CODES else Refused(None, reason)
