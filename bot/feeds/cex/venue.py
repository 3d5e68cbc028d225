"""What an exchange's file says of it: names, limits, subscriptions, and what its control frames mean."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from bot.core.market_data import Pair
from bot.core.units import Nanoseconds

if TYPE_CHECKING:
    from bot.feeds.cex.dialect import Dialect


class Acknowledged(msgspec.Struct, frozen=True):
    """A subscription was taken."""

    symbol: str | None = None
    """None where the answer does not name it."""


class Refused(msgspec.Struct, frozen=True):
    """A subscription was not taken, for good: unknown or delisted symbol, refused region."""

    symbol: str | None
    """None: the answer names none, or all of them are refused."""
    reason: str


class Pong(msgspec.Struct, frozen=True):
    """The answer to the exchange's own text ping."""

    server_time: Nanoseconds | None = None


class Heartbeat(msgspec.Struct, frozen=True):
    """The exchange says of itself that it is there."""


class Shutdown(msgspec.Struct, frozen=True):
    """The exchange will close this connection soon: a second one is to be opened now."""

    reason: str


class Halted(msgspec.Struct, frozen=True):
    """The connection is good and the market is not: no order is matched, so that its book is no price."""

    reason: str


class Resumed(msgspec.Struct, frozen=True):
    """Orders are matched: ends a Halted, and says nothing else."""


class TooFast(msgspec.Struct, frozen=True):
    """We send more than is allowed: nothing is sent for a while."""

    reason: str


class Ignored(msgspec.Struct, frozen=True):
    """Well-formed and of no use to us."""

    what: str


class Malformed(msgspec.Struct, frozen=True):
    """No frame of this exchange: the connection cannot be believed any longer."""

    reason: str


Control = (
    Acknowledged | Refused | Pong | Heartbeat | Shutdown | Halted | Resumed | TooFast | Ignored | Malformed
)


class ConnectionLimits(msgspec.Struct, frozen=True):
    """What the exchange allows one address, from its documents; each venue file names its source."""

    attempts: int
    """Connections opened in any window of `per`."""
    per: Nanoseconds
    messages: int
    """Messages we send, pings and pongs among them, in any window of `messages_per`, on one connection."""
    messages_per: Nanoseconds
    life: Nanoseconds | None
    """The exchange cuts a connection at this age."""
    subscribe_within: Nanoseconds | None
    """A connection without a subscription is dropped after this."""
    heartbeat: Nanoseconds
    """Our ping interval; a socket silent for two of them is half open."""
    streams: int
    """Symbols times streams on one connection."""
    failed_wait: Nanoseconds = Nanoseconds(0)
    """Least time from a failed attempt to connect to the next one."""
    rest_weight: int = 0
    """Weight of REST requests in any window of `rest_per`; 0 where there are none."""
    rest_per: Nanoseconds = Nanoseconds(60 * 10**9)


class SnapshotRule(msgspec.Struct, frozen=True):
    """Where a book that is not in the stream is read: Binance."""

    path: str
    """Behind the REST base, with `{symbol}` in it."""
    weight: int
    """Of one request, in the unit of ConnectionLimits.rest_weight."""
    levels: int
    """Most of a side in its answer."""
    unknown_symbol: int = -1121
    """`code` in the body of the HTTP 400 that refuses a symbol; another 400 refuses nothing."""

    def url(self, base: str, symbol: str) -> str:
        """`symbol` as the exchange's frames write it."""
        return base.rstrip("/") + self.path.format(symbol=symbol)


class Venue(Protocol):
    """One exchange. Pure: no socket, no clock."""

    @property
    def name(self) -> str: ...

    @property
    def dialect(self) -> "Dialect": ...

    @property
    def depth(self) -> int:
        """Levels subscribed; 0: all."""
        ...

    @property
    def capacity(self) -> int:
        """Levels a side kept in memory."""
        ...

    @property
    def limits(self) -> ConnectionLimits: ...

    @property
    def snapshot(self) -> SnapshotRule | None:
        """None: the stream itself brings the whole book first."""
        ...

    @property
    def ws_url(self) -> str:
        """The exchange's own, where the operator names none."""
        ...

    @property
    def rest_url(self) -> str: ...

    def symbol(self, pair: Pair) -> str | None:
        """As in the frames; None: not traded there."""
        ...

    def default_pairs(self, asset: str) -> tuple[Pair, ...]:
        """Its spot pairs with the exchange's dollars, and the dollar/dollar pairs (USDT/USD) that join them."""
        ...

    def url(self, base: str, symbols: Sequence[str]) -> str:
        """Of the socket; Binance names the streams in it."""
        ...

    def subscribe(self, symbols: Sequence[str], next_id: Callable[[], int]) -> list[bytes]:
        """Messages to send, in order, after the connection is open."""
        ...

    def resubscribe(self, symbol: str, next_id: Callable[[], int]) -> list[bytes]:
        """One book anew. Empty: by REST where there is a SnapshotRule, else by a new connection."""
        ...

    def ping(self, next_id: Callable[[], int]) -> bytes | None:
        """The exchange's own text ping; None: a websocket ping frame is its way."""
        ...

    def control(self, payload: bytes) -> Control:
        """What a frame without book or quote means. Raises nothing."""
        ...
