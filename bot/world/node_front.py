"""The market's node as clients see it: HTTP and websocket on one loopback port, IPC on a Unix socket.

Anvil stands behind it and is never spoken to directly: its pending pool and its heads in the making would leak what
the relay is about to build. Faults are made here, on the wire, where real ones happen.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from bot.core.identity import hex_bytes
from bot.world.json_rpc import (
    INVALID_REQUEST,
    RpcError,
    decode_body,
    decode_request,
    error_reply,
    result_reply,
)
from bot.world.loopback import serve_on_loopback
from bot.world.mempool import Mempool
from bot.world.node_ipc import IpcServer
from bot.world.node_methods import NodeMethods
from bot.world.subscriptions import Connection, Subscriptions

_LARGEST_BODY = 16 * 1024 * 1024


class NodeFront:
    """Start it, publish blocks into it, break it on purpose, stop it."""

    def __init__(self, methods: NodeMethods, subscriptions: Subscriptions, mempool: Mempool) -> None:
        self._methods = methods
        self._subscriptions = subscriptions
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._runner: web.AppRunner | None = None
        self._ipc: IpcServer | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._dropped_too: list[Callable[[], int]] = []
        self.port = 0
        mempool.on_pending(lambda tx: subscriptions.publish_pending(hex_bytes(tx.hash), tx.pending_json))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def start(self, ipc_path: Path | None, port: int = 0) -> None:
        """Listen on a port of the system's choosing (or `port`). Raises OSError where it cannot."""
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.router.add_post("/", self._http)
        app.router.add_get("/", self._websocket)
        self._runner, self.port = await serve_on_loopback(app, port)
        if ipc_path is not None:
            self._ipc = IpcServer(ipc_path, self)
            await self._ipc.start()

    async def stop(self) -> None:
        self.drop_connections()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._ipc is not None:
            await self._ipc.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    # News

    def publish_block(self, header: Mapping[str, Any], logs: Sequence[Mapping[str, Any]]) -> None:
        """Tell subscribers of a sealed block: its head, then its logs."""
        self._subscriptions.publish_head(header)
        self._subscriptions.publish_logs(logs)

    def publish_removed(self, logs: Sequence[Mapping[str, Any]]) -> None:
        """Tell subscribers that the chain left these logs behind."""
        self._subscriptions.publish_logs([{**log, "removed": True} for log in logs])

    # Faults

    def drop_connections(self) -> int:
        """Cut every websocket and IPC connection, and what goes with them; how many there were."""
        return self._subscriptions.drop_all() + sum(drop() for drop in self._dropped_too)

    def drops_too(self, drop: Callable[[], int]) -> None:
        """Let `drop` cut the connections of another feed whenever this one's are cut."""
        self._dropped_too.append(drop)

    def stall(self) -> None:
        """From now on nothing is answered and nothing is pushed, while connections stay open."""
        self._flowing.clear()

    def resume(self) -> None:
        """End a stall; what waited is delivered."""
        self._flowing.set()

    # Serving

    def open_connection(self, close: Any) -> Connection:
        return self._subscriptions.open(close)

    async def serve_connection(self, connection: Connection, send: Any) -> None:
        """Send what is put into the outbox until cancelled."""
        while True:
            message = await connection.next_message()
            await self._flowing.wait()
            await send(message)

    def accept(self, connection: Connection, body: bytes | str) -> None:
        """Take one message of a pushing client; the reply goes to its outbox."""
        task = asyncio.create_task(self._answer_into(connection, body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def closed(self, connection: Connection) -> None:
        self._subscriptions.forget(connection)

    async def _answer_into(self, connection: Connection, body: bytes | str) -> None:
        reply = await self._reply_to(body, connection)
        if reply is not None:
            connection.put(reply)

    async def _http(self, request: web.Request) -> web.Response:
        body = await request.read()
        await self._flowing.wait()
        reply = await self._reply_to(body, None)
        return web.Response(body=msgspec.json.encode(reply), content_type="application/json")

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(max_msg_size=_LARGEST_BODY, heartbeat=None, compress=False)
        if not socket.can_prepare(request):
            return web.Response(text="this is a JSON-RPC endpoint: POST, or connect by websocket\n")
        await socket.prepare(request)
        connection = self.open_connection(lambda: _abort(request))
        writer = asyncio.create_task(
            self.serve_connection(connection, lambda message: socket.send_str(message.decode()))
        )
        try:
            async for message in socket:
                if message.type in {WSMsgType.TEXT, WSMsgType.BINARY}:
                    self.accept(connection, message.data)
        finally:
            self.closed(connection)
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await writer
        return socket

    async def _reply_to(self, body: bytes | str, connection: Connection | None) -> Any:
        try:
            decoded = decode_body(body)
        except RpcError as error:
            return error_reply(None, error)
        if isinstance(decoded, list):
            if not decoded:
                return error_reply(None, RpcError(INVALID_REQUEST, "empty batch"))
            return [await self._reply_to_one(item, connection) for item in decoded]
        return await self._reply_to_one(decoded, connection)

    async def _reply_to_one(self, item: Any, connection: Connection | None) -> dict[str, Any]:
        request_id = item.get("id") if isinstance(item, dict) else None
        try:
            request = decode_request(item)
            return result_reply(
                request_id, await self._methods.answer(request.method, request.params, connection)
            )
        except RpcError as error:
            return error_reply(request_id, error)


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
