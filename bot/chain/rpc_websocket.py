"""JSON-RPC frames over a websocket (RFC 6455), by aiohttp."""

import asyncio
import contextlib
import socket
from typing import Final, Self

import aiohttp

from bot.chain.rpc_multiplex import ConnectionLost
from bot.core.errors import RetryLater

MAX_MESSAGE_BYTES: Final = 64 * 1024 * 1024
"""A whole mainnet block's logs are a few MB; a bigger message ends the connection."""
CLOSE_LIMIT_S: Final = 1.0
"""A half-open peer never answers the closing handshake; it is not waited for longer than this."""

_QUICK_ACK: Final = getattr(socket, "TCP_QUICKACK", None)


class WebsocketWire:
    """Made by `open`; owns its aiohttp session."""

    def __init__(self, client: aiohttp.ClientSession, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self._client = client
        self._websocket = websocket
        self._tcp = websocket.get_extra_info("socket")

    @classmethod
    async def open(cls, url: str, shown_url: str) -> Self:
        """Raises RetryLater, with `shown_url` and never `url` in its text."""
        client = aiohttp.ClientSession()
        try:
            websocket = await client.ws_connect(
                url,
                max_msg_size=MAX_MESSAGE_BYTES,
                compress=0,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_LIMIT_S),
            )
        except (aiohttp.ClientError, OSError) as error:
            await client.close()
            # The error's own text may hold the whole URL, and with it the provider's key.
            raise RetryLater(f"cannot open {shown_url}: {_cause(error)}") from None
        except BaseException:
            await client.close()
            raise
        return cls(client, websocket)

    async def send(self, frame: bytes) -> None:
        try:
            await self._websocket.send_str(frame.decode())
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionLost(f"sending failed: {type(error).__name__}") from None

    async def receive(self) -> bytes | str:
        message = await self._websocket.receive()
        self._acknowledge_at_once()
        if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            data: bytes | str = message.data
            return data
        if message.type is aiohttp.WSMsgType.ERROR:
            raise ConnectionLost(f"the websocket failed: {self._websocket.exception()}")
        raise ConnectionLost(f"the node closed the websocket (code {self._websocket.close_code})")

    async def close(self) -> None:
        await self._websocket.close()
        await self._client.close()

    def _acknowledge_at_once(self) -> None:
        """A node that leaves Nagle's algorithm on (anvil) waits for our delayed ACK: 40 ms and more at times.

        Linux forgets the option after a while, so it is set anew with each message.
        """
        if self._tcp is not None and _QUICK_ACK is not None:
            with contextlib.suppress(
                OSError, ValueError
            ):  # just closed: asyncio says the one, uvloop the other
                self._tcp.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)


def _cause(error: Exception) -> str:
    """What went wrong without the address it went wrong with."""
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return f"the server answered HTTP {error.status}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return str(error.os_error.strerror or type(error.os_error).__name__)
    if isinstance(error, asyncio.TimeoutError):
        return "no answer in time"
    return type(error).__name__
