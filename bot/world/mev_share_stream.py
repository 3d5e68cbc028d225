"""The stream of hints: server-sent events at GET / of the MEV-Share endpoint (relays.md 3.1).

A comment `:ping` follows 15 s of silence. In lockstep a comment `:block <number>` says that all hints for that block
have been given, and who connects late is given those of the block being built once more; a real stream does neither.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from aiohttp import web

PING_SECONDS = 15.0
OUTBOX_LIMIT = 10_000
"""Events a client may be behind; a slower one loses its connection."""
_PING = b":ping\n\n"


class _Client:
    def __init__(self, transport: asyncio.BaseTransport | None) -> None:
        self.outbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._transport = transport

    def put(self, chunk: bytes) -> None:
        if self.outbox.qsize() >= OUTBOX_LIMIT:
            self.drop()
        else:
            self.outbox.put_nowait(chunk)

    def drop(self) -> None:
        if isinstance(self._transport, asyncio.Transport):
            self._transport.abort()


class HintStream:
    """Everybody who listens hears every event, in order."""

    def __init__(self, *, marks_blocks: bool, ping_seconds: float = PING_SECONDS) -> None:
        self._marks_blocks = marks_blocks
        self._ping_seconds = ping_seconds
        self._clients: set[_Client] = set()
        self._of_this_block: list[bytes] = []

    def __len__(self) -> int:
        return len(self._clients)

    def publish(self, event: dict[str, Any]) -> None:
        self._put(b"data: " + msgspec.json.encode(event) + b"\n\n")

    def open_block(self) -> None:
        """What follows is for a new block."""
        self._of_this_block.clear()

    def close_block(self, number: int) -> None:
        """All hints for block `number` have been given."""
        if self._marks_blocks:
            self._put(b":block %d\n\n" % number)

    def drop_connections(self) -> int:
        """Cut everybody who listens; how many they were."""
        clients = list(self._clients)
        for client in clients:
            client.drop()
        return len(clients)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Handler of GET: sends until the client leaves."""
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
        )
        client = _Client(request.transport)
        for chunk in self._of_this_block:
            client.put(chunk)
        self._clients.add(client)  # before the headers leave: who has them misses nothing
        try:
            await response.prepare(request)
            while True:
                await response.write(await self._next(client))
        except ConnectionError:
            return response
        finally:
            self._clients.discard(client)

    async def _next(self, client: _Client) -> bytes:
        try:
            return await asyncio.wait_for(client.outbox.get(), self._ping_seconds)
        except TimeoutError:
            return _PING

    def _put(self, chunk: bytes) -> None:
        if self._marks_blocks:
            self._of_this_block.append(chunk)
        for client in list(self._clients):
            client.put(chunk)
