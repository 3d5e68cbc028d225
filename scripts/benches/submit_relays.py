"""Relays of `submit`, a process of their own: each notes when the last byte of a bundle has come, and accepts it.

Argument: how many. First line out: their ports. Each line in is answered with what came since the last: by port, a
list of [monotonic nanoseconds, digest of the bundle's transaction].
"""

import asyncio
import hashlib
import json
import sys
import time
from typing import Any

import uvloop


class _Request(asyncio.Protocol):
    """One kept connection."""

    def __init__(self, seen: list[tuple[int, str]]) -> None:
        self._seen = seen
        self._buffer = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        came = time.monotonic_ns()
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        size = next(
            (line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), None
        )
        if not found or size is None or len(body) < int(size.split(b":")[1]):
            return
        self._buffer = b""
        request = json.loads(body)
        [bundle] = request["params"]
        self._seen.append((came, hashlib.sha256(bundle["txs"][0].encode()).hexdigest()))
        answer = {"jsonrpc": "2.0", "id": request["id"], "result": {"bundleHash": "0x" + "00" * 32}}
        text = json.dumps(answer).encode()
        start = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(text)
        self._transport.write(start + text)


async def serve(count: int) -> None:
    loop = asyncio.get_running_loop()
    seen: dict[int, list[tuple[int, str]]] = {}
    for _ in range(count):
        came: list[tuple[int, str]] = []
        server = await loop.create_server(lambda came=came: _Request(came), "127.0.0.1", 0)  # type: ignore[misc]
        seen[server.sockets[0].getsockname()[1]] = came
    print(json.dumps(list(seen)), flush=True)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.readline():
        print(json.dumps(seen), flush=True)
        for came in seen.values():
            came.clear()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
