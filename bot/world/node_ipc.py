"""The node's Unix socket: JSON values one after the other, with or without newlines between, as geth writes them."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from bot.world.subscriptions import Connection

_SOCKET_PATH_MAX = 107
_LARGEST_MESSAGE = 16 * 1024 * 1024
_CHUNK = 1 << 16
_GOODBYE_S = 1.0


class ConnectionServer(Protocol):
    """What the node front does with a client that can be pushed to."""

    def open_connection(self, close: Callable[[], None]) -> Connection: ...

    async def serve_connection(
        self, connection: Connection, send: Callable[[bytes], Awaitable[None]]
    ) -> None: ...

    def accept(self, connection: Connection, body: bytes | str) -> None: ...

    def closed(self, connection: Connection) -> None: ...


class IpcServer:
    """Listens on `path`, which only the user who runs the market can open."""

    def __init__(self, path: Path, front: ConnectionServer) -> None:
        if len(str(path).encode()) > _SOCKET_PATH_MAX:
            raise OSError(
                f"socket path {path} is longer than {_SOCKET_PATH_MAX} bytes: choose a shorter folder"
            )
        self.path = path
        self._front = front
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self.path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._client, self.path)
        self.path.chmod(0o600)

    async def stop(self) -> None:
        """Listen no longer; the front has cut the connections before."""
        if self._server is not None:
            self._server.close()
        if self._clients:
            await asyncio.wait(self._clients, timeout=_GOODBYE_S)
        self.path.unlink(missing_ok=True)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        connection = self._front.open_connection(writer.transport.abort)

        async def send(message: bytes) -> None:
            writer.write(message + b"\n")
            await writer.drain()

        sending = asyncio.create_task(self._front.serve_connection(connection, send))
        try:
            await self._read(reader, connection)
        except (ConnectionError, ValueError):
            pass  # the client is gone, or sent what is not JSON: either way the connection ends
        finally:
            self._front.closed(connection)
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await sending
            writer.close()
            self._clients.discard(task)

    async def _read(self, reader: asyncio.StreamReader, connection: Connection) -> None:
        buffer = MessageBuffer()
        while chunk := await reader.read(_CHUNK):
            for message in buffer.feed(chunk):
                self._front.accept(connection, message)


class MessageBuffer:
    """Cuts a byte stream into JSON texts. `feed` raises ValueError where no JSON can begin, or one is too long."""

    def __init__(self) -> None:
        self._text = ""
        self._decoder = json.JSONDecoder()
        self._bytes = b""

    def feed(self, chunk: bytes) -> list[str]:
        self._bytes += chunk
        try:
            self._text += self._bytes.decode()
            self._bytes = b""
        except UnicodeDecodeError:
            return []  # a character is cut in two: the rest of it is on its way
        messages: list[str] = []
        while True:
            self._text = self._text.lstrip()
            if not self._text:
                return messages
            if self._text[0] not in "{[":
                raise ValueError(f"expected a JSON object or list, got {self._text[:20]!r}")
            try:
                _, end = self._decoder.raw_decode(self._text)
            except json.JSONDecodeError:
                if len(self._text) > _LARGEST_MESSAGE:
                    raise ValueError(f"message over {_LARGEST_MESSAGE} bytes") from None
                return messages
            messages.append(self._text[:end])
            self._text = self._text[end:]
