"""A socket in front of the relay: says when the first bytes of a bundle came."""

import asyncio
import time
from typing import Any

_ANSWER = b'{"jsonrpc":"2.0","id":1,"result":{"bundleHash":"0x' + b"00" * 32 + b'"}}'


class Tap:
    """A port that notes when bytes come, and hands them on to the relay (or, without one, answers itself)."""

    def __init__(self, relay_port: int | None) -> None:
        self._relay_port = relay_port
        self._server: asyncio.Server | None = None
        self.first_bytes: int | None = None
        self.is_open = asyncio.Event()

    async def start(self) -> str:
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Tapped(self, self._relay_port), "127.0.0.1", 0
        )
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def noted(self) -> None:
        if self.first_bytes is None:
            self.first_bytes = time.monotonic_ns()

    def close(self) -> None:
        if self._server is not None:
            self._server.close()


class _Tapped(asyncio.Protocol):
    """One client connection."""

    def __init__(self, tap: Tap, relay_port: int | None) -> None:
        self._tap, self._relay_port = tap, relay_port
        self._waiting: list[bytes] = []
        self._onward: asyncio.Transport | None = None
        self._opening: asyncio.Task[None] | None = None

    def connection_made(self, transport: Any) -> None:
        self._client = transport
        if self._relay_port is not None:
            self._opening = asyncio.create_task(self._open())

    async def _open(self) -> None:
        client = self._client

        class Back(asyncio.Protocol):
            def data_received(self, data: bytes) -> None:
                client.write(data)

            def connection_lost(self, _: Exception | None) -> None:
                client.close()

        loop = asyncio.get_running_loop()
        self._onward, _ = await loop.create_connection(Back, "127.0.0.1", self._relay_port)
        for data in self._waiting:
            self._onward.write(data)

    def data_received(self, data: bytes) -> None:
        if b"eth_sendBundle" in data or self._relay_port is None:
            self._tap.noted()
        if self._relay_port is None:
            if b"eth_sendBundle" in data:
                head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                self._client.write(head % len(_ANSWER) + _ANSWER)
        elif self._onward is None:
            self._waiting.append(data)
        else:
            self._onward.write(data)

    def connection_lost(self, _: Exception | None) -> None:
        if self._onward is not None:
            self._onward.close()
