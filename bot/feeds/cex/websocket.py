"""transport.Connect by picows: a frame goes from the socket's read to the listener in one call, without task or queue."""

import asyncio
import contextlib
import socket
from typing import Final

from aiohappyeyeballs import start_connection
from picows import (
    WSCloseCode,
    WSError,
    WSFrame,
    WSHandshakeError,
    WSListener,
    WSMsgType,
    WSTransport,
    ws_connect,
)
from picows.url import WSParsedURL

from bot.core.result import Unknown
from bot.feeds.cex.transport import USER_AGENT, Declined, Socket, SocketListener, retry_after, unsafe_url

MAX_MESSAGE_BYTES: Final = 64 * 1024 * 1024
"""A Coinbase snapshot is more than a megabyte; the buffer grows only as far as it must."""
MAX_BODY_BYTES: Final = 1024
SECOND_ADDRESS_DELAY_S: Final = 0.25
"""RFC 8305: how long the first address of a host is tried alone."""


async def picows_connect(url: str, listener: SocketListener) -> Socket | Declined | Unknown:
    """transport.Connect. Without a time limit of its own: that is the Clock's."""
    if (why := unsafe_url(url)) is not None:
        return Unknown(why)
    opening: list[socket.socket] = []

    async def open_tcp(parts: WSParsedURL) -> socket.socket:
        loop = asyncio.get_running_loop()
        addresses = await loop.getaddrinfo(parts.host, parts.port, type=socket.SOCK_STREAM)
        opening.append(
            await start_connection(addresses, happy_eyeballs_delay=SECOND_ADDRESS_DELAY_S, interleave=1)
        )
        return opening[0]

    try:
        transport, _ = await ws_connect(
            lambda: _FrameListener(listener),
            url,
            websocket_handshake_timeout=None,
            enable_auto_pong=False,  # it would hide their pings from us, and they count as heard and as sent
            max_frame_size=MAX_MESSAGE_BYTES,
            max_redirects=0,
            extra_headers={"User-Agent": USER_AGENT},
            socket_factory=open_tcp,
        )
    except WSHandshakeError as error:
        return _declined(error)
    except (WSError, OSError, ValueError) as error:  # ValueError: no such host name, or no certificate for it
        return Unknown(f"cannot connect: {type(error).__name__}: {error}")
    except asyncio.CancelledError:
        for tcp in opening:
            # Its owner is picows by now, which closes it when it reads the end.
            with contextlib.suppress(OSError):
                tcp.shutdown(socket.SHUT_RDWR)
        raise
    return _PicowsSocket(transport)


def _declined(error: WSHandshakeError) -> Declined | Unknown:
    response = error.response
    if response is None or response.status == 101:
        return Unknown(f"handshake failed: {error}")
    header = response.headers.get("Retry-After")
    return Declined(int(response.status), retry_after(header), (error.raw_body or b"")[:MAX_BODY_BYTES])


class _PicowsSocket:
    """transport.Socket."""

    def __init__(self, transport: WSTransport) -> None:
        self._transport = transport

    def send(self, payload: bytes) -> None:
        if not self._transport.is_disconnected:
            self._transport.send(WSMsgType.TEXT, payload)

    def ping(self, payload: bytes) -> None:
        if not self._transport.is_disconnected:
            self._transport.send_ping(payload)

    def close(self) -> None:
        if self._transport.is_disconnected:
            return
        if not self._transport.is_close_frame_sent:
            self._transport.send_close(WSCloseCode.OK)
        # Not gracefully: a half-open peer would never let the rest of what was sent go.
        self._transport.disconnect(graceful=False)


class _FrameListener(WSListener):
    """Joins fragments, answers pings, and keeps the reason of the end."""

    def __init__(self, listener: SocketListener) -> None:
        self._on_frame = listener.on_frame
        self._listener = listener
        self._parts: list[bytes] = []
        self._reason = "the connection was lost without a closing frame"

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if kind == WSMsgType.TEXT and frame.fin:
            self._on_frame(frame.get_payload_as_bytes())
        elif kind == WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
            self._listener.on_ping()
        elif kind == WSMsgType.PONG:
            self._listener.on_pong(frame.get_payload_as_bytes())
        elif kind == WSMsgType.CLOSE:
            self._closing(transport, frame)
        else:
            self._fragment(transport, frame)

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002 - picows' signature
        self._parts.clear()
        self._listener.on_closed(self._reason)

    def _fragment(self, transport: WSTransport, frame: WSFrame) -> None:
        """Binary messages, and parts of one."""
        self._parts.append(frame.get_payload_as_bytes())
        if sum(map(len, self._parts)) > MAX_MESSAGE_BYTES:
            self._reason = f"a message of more than {MAX_MESSAGE_BYTES} bytes"
            transport.disconnect(graceful=False)
        elif frame.fin:
            payload = b"".join(self._parts)
            self._parts.clear()
            self._on_frame(payload)

    def _closing(self, transport: WSTransport, frame: WSFrame) -> None:
        text = frame.get_close_message() or b""
        said = text[:200].decode("utf-8", "replace")
        self._reason = (
            f"closed by the exchange: {_number(frame.get_close_code())}{f' {said}' if said else ''}"
        )
        transport.send_close(frame.get_close_code())
        transport.disconnect()


def _number(code: object) -> int:
    """An enumeration's member where picows knows the code, a plain integer where it does not."""
    return int(code) if isinstance(code, int) else 0
