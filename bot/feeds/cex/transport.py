"""The seams to the network: a socket, one REST request, and the tap a recorder listens at. A replay brings its own."""

from collections.abc import Awaitable
from typing import Final, Protocol
from urllib.parse import urlsplit

import msgspec

from bot.core.loopback import is_loopback
from bot.core.result import Ok, Unknown
from bot.core.units import Nanoseconds

USER_AGENT: Final = "bot/0.1 (+market data)"
"""Of handshakes and requests: firewalls in front of exchanges (Cloudflare) answer 403 to those that name none."""


class Declined(msgspec.Struct, frozen=True):
    """The server answered, and not with what was asked for: an HTTP status other than 101 (socket) or 200 (REST)."""

    status: int
    """429 too fast, 418 banned for a while, 451 refused region, 403 a firewall's word (too fast, or a region), other 4xx a
    wrong request, 5xx in trouble.
    """
    retry_after: Nanoseconds | None
    """By the header; None without one that is a number of seconds."""
    body: bytes = b""
    """At most the first kilobyte."""

    @property
    def is_too_fast(self) -> bool:
        return self.status in (418, 429)

    def __str__(self) -> str:
        said = " ".join(self.body[:200].decode("ascii", "replace").split())
        return f"HTTP {self.status}{f': {said}' if said else ''}"


class Socket(Protocol):
    """An open websocket. Nothing here waits or raises; a broken one is told by SocketListener.on_closed."""

    def send(self, payload: bytes) -> None:
        """One text message."""
        ...

    def ping(self, payload: bytes) -> None:
        """One ping frame; at most 125 bytes."""
        ...

    def close(self) -> None:
        """At once; safe to call twice. on_closed follows, if it was not called before."""
        ...


class SocketListener(Protocol):
    """Called by the socket, in order, on the loop; must not block or raise."""

    def on_frame(self, payload: bytes) -> None:
        """One whole text or binary message."""
        ...

    def on_ping(self) -> None:
        """Theirs; the pong has been sent."""
        ...

    def on_pong(self, payload: bytes) -> None:
        """The answer to Socket.ping."""
        ...

    def on_closed(self, reason: str) -> None:
        """Once. `reason` has the close code and text where there were any."""
        ...


class Connect(Protocol):
    def __call__(self, url: str, listener: SocketListener, /) -> Awaitable[Socket | Declined | Unknown]:
        """Open a websocket; frames may come before this returns. Cancelled, it leaves no socket behind."""
        ...


class Fetch(Protocol):
    def __call__(self, url: str, /) -> Awaitable[Ok[bytes] | Declined | Unknown]:
        """One GET; Ok carries the body of a 200."""
        ...


class Tap(Protocol):
    """Told of everything that goes over the wire of one exchange, before it is understood. Must not raise.

    `connection` counts this exchange's connections from 1; `received` is the monotonic clock.
    """

    def opened(self, connection: int, url: str, received: Nanoseconds) -> None: ...

    def sent(self, connection: int, payload: bytes, received: Nanoseconds) -> None: ...

    def frame(self, connection: int, payload: bytes, received: Nanoseconds) -> None: ...

    def answer(self, url: str, status: int, body: bytes, received: Nanoseconds) -> None: ...

    def closed(self, connection: int, reason: str, received: Nanoseconds) -> None:
        """Of a connection that was not opened: the attempt failed."""
        ...


def unsafe_url(url: str) -> str | None:
    """Why `url` must not be connected to: unencrypted and not this machine; None: it may."""
    parts = urlsplit(url)
    if parts.scheme in ("wss", "https") and parts.hostname:
        return None
    if parts.scheme in ("ws", "http") and is_loopback(parts.hostname):
        return None
    return f"{parts.scheme}://{parts.hostname}: wss:// or https:// is needed; without TLS only on loopback"


def retry_after(header: str | None) -> Nanoseconds | None:
    """Of the header Retry-After; None where it is missing or a date."""
    seconds = (header or "").strip()
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) < 8):
        return None
    return Nanoseconds(int(seconds) * 10**9)
