"""Bybit v5 spot, public websocket: `orderbook.1` each 10 ms for the best bid/offer, `orderbook.50` each 20 ms.

Source, if not said otherwise: github.com/bybit-exchange/docs of 2026-07-24, docs/v5/websocket/wss-authentication.mdx,
websocket/public/orderbook.mdx, rate-limit/rate-limit.mdx and error.mdx.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from bot.core.market_data import Pair
from bot.core.units import Nanoseconds
from bot.feeds.cex.bybit_frames import BYBIT
from bot.feeds.cex.config import MILLISECOND, SECOND
from bot.feeds.cex.control_frame import decode, encode, plain
from bot.feeds.cex.dialect import Dialect
from bot.feeds.cex.market_names import is_spot, spot_pairs
from bot.feeds.cex.venue import (
    Acknowledged,
    ConnectionLimits,
    Control,
    Ignored,
    Malformed,
    Pong,
    Refused,
    SnapshotRule,
    TooFast,
)

BOOK_DEPTH: Final = 50
"""Of 1, 50, 200 and 1,000: the fastest that can be swept."""
QUOTES: Final = ("USDT", "USDC", "BTC", "ETH", "EUR")
"""None is the end of another: a symbol names one pair."""
LIMITS: Final = ConnectionLimits(
    # 500 in five minutes for the address: half.
    attempts=250,
    per=Nanoseconds(300 * SECOND),
    # Not documented for market data.
    messages=5,
    messages_per=Nanoseconds(SECOND),
    life=None,
    subscribe_within=None,
    # A ping each 20 s is recommended, a connection without any is cut after ten minutes.
    heartbeat=Nanoseconds(10 * SECOND),
    # 21,000 characters of arguments: some 700.
    streams=200,
)
TOPIC: Final = re.compile(r"orderbook\.\d+\.([A-Z0-9]+)")
TOO_FAST_WORDS: Final = ("too many", "too frequent", "rate limit", "frequency")
TOO_FAST_CODES: Final = frozenset({10006, 10018, 10429, 20003})
PASSING_WORDS: Final = ("already subscribed", "internal system error")
"""The exchange's own trouble, or ours that does no harm: what is missing is asked for again."""


class Frame(msgspec.Struct, frozen=True):
    op: str = ""
    success: bool | None = None
    ret_msg: str = ""
    ret_code: int | None = None
    retCode: int | None = None  # noqa: N815 - the exchange's name
    req_id: str | None = None
    args: list[str] | None = None


DECODER: Final = msgspec.json.Decoder(Frame)


class Bybit:
    """Any snapshot replaces the book; the depth 1 sends only those, again after 3 s without a change."""

    name = "bybit"
    dialect: Dialect = BYBIT
    depth = BOOK_DEPTH
    capacity = 256
    limits = LIMITS
    snapshot: SnapshotRule | None = None
    ws_url = "wss://stream.bybit.com"
    rest_url = "https://api.bybit.com"

    def symbol(self, pair: Pair) -> str | None:
        return f"{pair.base}{pair.quote}" if is_spot(pair) and pair.quote in QUOTES else None

    def default_pairs(self, asset: str) -> tuple[Pair, ...]:
        return spot_pairs(asset, ("USDT", "USDC"), (Pair("USDC", "USDT"),))

    def url(self, base: str, symbols: Sequence[str]) -> str:
        del symbols
        return f"{base.rstrip('/')}/v5/public/spot"

    def subscribe(self, symbols: Sequence[str], next_id: Callable[[], int]) -> list[bytes]:
        """A message each symbol (ten topics are allowed in one): whether a wrong topic takes the others of its message
        along is not documented.
        """
        return [_message("subscribe", symbol, (1, BOOK_DEPTH), next_id()) for symbol in symbols]

    def resubscribe(self, symbol: str, next_id: Callable[[], int]) -> list[bytes]:
        """Both depths: a best bid/offer that lost an update comes anew with the book."""
        return [_message(op, symbol, (1, BOOK_DEPTH), next_id()) for op in ("unsubscribe", "subscribe")]

    def ping(self, next_id: Callable[[], int]) -> bytes | None:
        return encode({"req_id": str(next_id()), "op": "ping"})

    def control(self, payload: bytes) -> Control:
        frame = decode(payload, DECODER)
        if isinstance(frame, Ignored | Malformed):
            return frame
        if frame.op == "pong" or (frame.op == "ping" and frame.success is not False):
            return Pong(_server_time(frame.args))
        if frame.success is False:
            return _refusal(frame)
        if frame.op == "subscribe" and frame.success:
            return Acknowledged(_symbol(frame))
        return Ignored(plain(f"op {frame.op!r} {frame.ret_msg}"))


def _message(op: str, symbol: str, depths: Sequence[int], number: int) -> bytes:
    """`req_id` comes back with the answer, which names the symbol nowhere else when all is well."""
    topics = [f"orderbook.{depth}.{symbol}" for depth in depths]
    return encode({"req_id": f"{symbol}.{number}", "op": op, "args": topics})


def _symbol(frame: Frame) -> str | None:
    symbol, dot, _ = (frame.req_id or "").partition(".")
    if dot and symbol:
        return symbol
    named = TOPIC.search(frame.ret_msg)
    return named.group(1) if named else None


def _refusal(frame: Frame) -> Control:
    reason = plain(frame.ret_msg) or "an error without words"
    code = frame.ret_code if frame.ret_code is not None else frame.retCode
    if code in TOO_FAST_CODES or any(word in reason.lower() for word in TOO_FAST_WORDS):
        return TooFast(reason)
    if frame.op != "subscribe" or any(word in reason.lower() for word in PASSING_WORDS):
        return Ignored(plain(f"{frame.op or 'a message'}: {reason}"))
    return Refused(_symbol(frame), reason)


def _server_time(args: Sequence[str] | None) -> Nanoseconds | None:
    """Milliseconds, in the pong of some streams."""
    if not args or not args[0].isascii() or not args[0].isdecimal() or len(args[0]) > 15:
        return None
    return Nanoseconds(int(args[0]) * MILLISECOND)
