"""Relays of `isolation` that misbehave, a process of their own. First line out: ports, by kind. Ends with its input."""

import asyncio
import json
import sys
from typing import Any

import uvloop

_START = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
_ANSWERS = {
    "stalled": None,
    "malformed": _START % 9 + b'{"jsonrpc',
    "oversized": _START % (4 << 20) + b" " * (4 << 20),
    "closing": b"",
    "busy": b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
}
"""None: never a word. Empty: the connection is closed."""


class _Request(asyncio.Protocol):
    def __init__(self, answer: bytes | None) -> None:
        self._answer = answer

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, _: bytes) -> None:
        if self._answer:
            self._transport.write(self._answer)
        elif self._answer is not None:
            self._transport.close()


async def serve() -> None:
    loop = asyncio.get_running_loop()
    ports = {}
    for kind, answer in _ANSWERS.items():
        server = await loop.create_server(lambda answer=answer: _Request(answer), "127.0.0.1", 0)  # type: ignore[misc]
        ports[kind] = server.sockets[0].getsockname()[1]
    print(json.dumps(ports), flush=True)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.readline():
        pass


if __name__ == "__main__":
    uvloop.run(serve())
