"""OKX v5, public websocket: `bbo-tbt` each 10 ms, `books` of 400 levels each 100 ms.

Sources: OKX API v5, "WebSocket" (connect, subscribe, notification) and "WS / Order book channel"; error codes also from
github.com/sieblyio/okx-api issue 106 and okxapi/python-okx issue 21 (60018).
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from bot.core.market_data import Pair
from bot.core.units import Nanoseconds
from bot.feeds.cex.config import SECOND
from bot.feeds.cex.control_frame import decode, encode, plain
from bot.feeds.cex.dialect import Dialect
from bot.feeds.cex.market_names import is_spot, spot_pairs
from bot.feeds.cex.okx_frames import OKX
from bot.feeds.cex.venue import (
    Acknowledged,
    ConnectionLimits,
    Control,
    Ignored,
    Malformed,
    Pong,
    Refused,
    Shutdown,
    SnapshotRule,
    TooFast,
)

BOOK: Final = "books"
"""The deepest without a fee tier; `books-l2-tbt` and `books50-l2-tbt` need VIP5 and VIP4."""
QUOTE: Final = "bbo-tbt"

LIMITS: Final = ConnectionLimits(
    # Three connections a second for the address.
    attempts=2,
    per=Nanoseconds(SECOND),
    # 480 subscribe, unsubscribe and login an hour on a connection; pings are counted here too and leave 240.
    messages=480,
    messages_per=Nanoseconds(3600 * SECOND),
    life=None,
    # Dropped after 30 s without a subscription or without data.
    subscribe_within=Nanoseconds(30 * SECOND),
    # "ping" is asked for after less than 30 s of silence.
    heartbeat=Nanoseconds(15 * SECOND),
    # 64 KB of channels are documented: some thousand.
    streams=200,
)
SERVICE_UPGRADE: Final = "64008"
"""Sent 60 s before the connection is closed."""
TOO_FAST_CODES: Final = frozenset({"50011", "50040", "50061", "60014", "60023"})
PASSING_CODES: Final = frozenset(
    {"50001", "50004", "50013", "50026", "60012", "60015", "60016", "63999", "64004", "64007"}
)
"""The exchange's own trouble: what is missing is asked for again."""
INSTRUMENT: Final = re.compile(r"instId:\s*([A-Z0-9]+-[A-Z0-9]+(?:-[A-Z0-9]+)?)")


class Argument(msgspec.Struct, frozen=True):
    channel: str = ""
    instId: str | None = None  # noqa: N815 - the exchange's name


class Frame(msgspec.Struct, frozen=True):
    event: str = ""
    id: str | None = None
    arg: Argument | None = None
    code: str | int = ""
    msg: str = ""
    channel: str = ""
    connCount: str | int = ""  # noqa: N815 - the exchange's name


DECODER: Final = msgspec.json.Decoder(Frame)


class Okx:
    name = "okx"
    dialect: Dialect = OKX
    depth = 400
    capacity = 1024
    limits = LIMITS
    snapshot: SnapshotRule | None = None
    ws_url = "wss://ws.okx.com:8443"
    rest_url = "https://www.okx.com"

    def symbol(self, pair: Pair) -> str | None:
        return f"{pair.base}-{pair.quote}" if is_spot(pair) else None

    def default_pairs(self, asset: str) -> tuple[Pair, ...]:
        return spot_pairs(asset, ("USDT", "USDC"), (Pair("USDC", "USDT"),))

    def url(self, base: str, symbols: Sequence[str]) -> str:
        del symbols
        return f"{base.rstrip('/')}/ws/v5/public"

    def subscribe(self, symbols: Sequence[str], next_id: Callable[[], int]) -> list[bytes]:
        """A message each symbol: whether a wrong argument takes the others of its message along is not documented."""
        return [_message("subscribe", symbol, (QUOTE, BOOK), next_id()) for symbol in symbols]

    def resubscribe(self, symbol: str, next_id: Callable[[], int]) -> list[bytes]:
        return [_message(op, symbol, (BOOK,), next_id()) for op in ("unsubscribe", "subscribe")]

    def ping(self, next_id: Callable[[], int]) -> bytes | None:
        del next_id
        return b"ping"

    def control(self, payload: bytes) -> Control:
        if payload == b"pong":
            return Pong()
        frame = decode(payload, DECODER)
        return frame if isinstance(frame, Ignored | Malformed) else _event(frame)


def _event(frame: Frame) -> Control:
    match frame.event:
        case "subscribe":
            return Acknowledged(frame.arg.instId if frame.arg is not None else None)
        case "error":
            return _error(frame)
        case "notice" if str(frame.code) == SERVICE_UPGRADE:
            return Shutdown(plain(f"{frame.msg} ({frame.code})"))
        case "channel-conn-count-error":
            return TooFast(plain(f"{frame.connCount} connections have {frame.channel} already"))
        case _:
            return Ignored(plain(f"event {frame.event!r} {frame.code} {frame.msg}"))


def _message(op: str, symbol: str, channels: Sequence[str], number: int) -> bytes:
    arguments = [{"channel": channel, "instId": symbol} for channel in channels]
    return encode({"id": _id(symbol, number), "op": op, "args": arguments})


def _id(symbol: str, number: int) -> str:
    """Letters and digits only, 32 at most; symbols have no small letters. The answer brings it back."""
    return f"{symbol.replace('-', 'x')}x{number}"[-32:]


def _symbol(identity: str | None) -> str | None:
    parts = (identity or "").split("x")
    return "-".join(parts[:-1]) if len(parts) == 3 and all(parts) else None


def _error(frame: Frame) -> Control:
    code, reason = str(frame.code), plain(f"{frame.msg} ({frame.code})")
    if code in TOO_FAST_CODES:
        return TooFast(reason)
    if code in PASSING_CODES:
        return Ignored(reason)
    if frame.arg is not None and frame.arg.instId:
        return Refused(frame.arg.instId, reason)
    named = INSTRUMENT.search(frame.msg)
    return Refused(named.group(1) if named else _symbol(frame.id), reason)
