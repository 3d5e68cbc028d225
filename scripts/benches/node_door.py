"""A node's Unix socket in front of anvil's own: requests pass as they are, heads come when the bench says so."""

import asyncio
import json
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SUBSCRIPTION = "0x1"
REPEATED = (b"eth_getLogs", b"eth_simulateV1")
"""Requests on the path from a head to a bundle: asked once more of the node alone, they say what is the node's."""


class NodeDoor:
    """One JSON document a line, both ways. `eth_subscribe` and `market_tickDone` are answered here."""

    def __init__(self, path: Path, anvil_ipc: Path) -> None:
        self.path, self._anvil_ipc = path, anvil_ipc
        self._server: asyncio.AbstractServer | None = None
        self._subscribers: dict[asyncio.Transport, None] = {}
        self.done: tuple[str, str] | None = None
        """(number, hash) of the block the bot has done with last."""
        self.progress = asyncio.Event()
        self.asked: dict[bytes, bytes] = {}
        """Of REPEATED, what the bot asked last, as it came."""
        self._bare: socket.socket | None = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: _Client(self), str(self.path))

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        if self._bare is not None:
            self._bare.close()

    def repeat(self) -> dict[str, int]:
        """Nanoseconds by method: what was asked is asked anew by a blocking socket, with nothing between it and anvil.

        Of the same block, which anvil has read by then: a lower bound of what the bot waited for.
        """
        if self._bare is None:
            self._bare = socket.socket(socket.AF_UNIX)
            self._bare.connect(str(self._anvil_ipc))
        took = {}
        for method, line in self.asked.items():
            started = time.monotonic_ns()
            self._bare.sendall(line + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                answer += self._bare.recv(1 << 20)
            took[method.decode()] = time.monotonic_ns() - started
        self.asked.clear()
        return took

    def tell(self, header: Mapping[str, Any]) -> int:
        """Push a head to whoever has subscribed; when (monotonic)."""
        params = {"subscription": SUBSCRIPTION, "result": header}
        line = json.dumps({"jsonrpc": "2.0", "method": "eth_subscription", "params": params}).encode() + b"\n"
        told = time.monotonic_ns()
        for transport in list(self._subscribers):
            transport.write(line)
        return told

    async def until_done(self, number: int) -> None:
        while self.done is None or int(self.done[0], 16) != number:
            self.progress.clear()
            await self.progress.wait()

    def subscribed(self, transport: Any) -> None:
        self._subscribers[transport] = None

    def gone(self, transport: Any) -> None:
        self._subscribers.pop(transport, None)

    async def connect(self, client: "_Client") -> None:
        await asyncio.get_running_loop().create_unix_connection(lambda: _Onward(client), str(self._anvil_ipc))


class _Client(asyncio.Protocol):
    """One connection of the bot."""

    def __init__(self, door: NodeDoor) -> None:
        self._door = door
        self._rest = b""
        self._waiting: list[bytes] = []
        self.onward: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._opening = asyncio.create_task(self._door.connect(self))

    def opened(self, onward: Any) -> None:
        self.onward = onward
        for line in self._waiting:
            onward.write(line)

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if b'"eth_subscribe"' in line:
                self._answer(line, SUBSCRIPTION)
                self._door.subscribed(self.transport)
                continue
            if b'"market_tickDone"' in line:
                number, block_hash = self._answer(line, True)
                self._door.done = (number, block_hash)
                self._door.progress.set()
                continue
            for method in REPEATED:
                if method in line[:64]:
                    self._door.asked[method] = line
            if self.onward is None:
                self._waiting.append(line + b"\n")
            else:
                self.onward.write(line + b"\n")

    def connection_lost(self, _: Exception | None) -> None:
        self._door.gone(self.transport)
        if self.onward is not None:
            self.onward.close()

    def _answer(self, line: bytes, result: Any) -> Any:
        request = json.loads(line)
        reply = {"jsonrpc": "2.0", "id": request["id"], "result": result}
        self.transport.write(json.dumps(reply).encode() + b"\n")
        return request["params"]


class _Onward(asyncio.Protocol):
    """The connection to anvil that stands behind one of the bot's."""

    def __init__(self, client: _Client) -> None:
        self._client = client

    def connection_made(self, transport: Any) -> None:
        self._client.opened(transport)

    def data_received(self, data: bytes) -> None:
        self._client.transport.write(data)

    def connection_lost(self, _: Exception | None) -> None:
        self._client.transport.close()
