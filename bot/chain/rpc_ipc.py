"""JSON-RPC frames over a node's Unix socket: one JSON document a line, as anvil and geth write them.

A node that ends its messages by something else than a newline is not understood: requests run into their time-out.
"""

import asyncio
import contextlib
import os
from typing import Final, Self

from bot.chain.rpc_multiplex import ConnectionLost
from bot.core.errors import RetryLater

MAX_MESSAGE_BYTES: Final = 64 * 1024 * 1024


class IpcWire:
    """Made by `open`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, path: str) -> Self:
        """Raises RetryLater when nobody listens at `path`."""
        try:
            reader, writer = await asyncio.open_unix_connection(path, limit=MAX_MESSAGE_BYTES)
        except OSError as error:
            cause = os.strerror(error.errno) if error.errno else type(error).__name__
            raise RetryLater(f"cannot open {path}: {cause}") from error
        return cls(reader, writer)

    async def send(self, frame: bytes) -> None:
        try:
            self._writer.write(frame + b"\n")
            await self._writer.drain()
        except (OSError, RuntimeError) as error:  # RuntimeError: the transport is already closed
            raise ConnectionLost(f"sending failed: {type(error).__name__}") from None

    async def receive(self) -> bytes | str:
        try:
            while True:
                line = await self._reader.readuntil(b"\n")
                if not line.isspace():
                    return line
        except asyncio.IncompleteReadError as error:
            cut = f", {len(error.partial)} bytes into a message" if error.partial else ""
            raise ConnectionLost(f"the node closed the socket{cut}") from None
        except asyncio.LimitOverrunError:
            raise ConnectionLost(f"a message is longer than {MAX_MESSAGE_BYTES} bytes") from None
        except OSError as error:
            raise ConnectionLost(f"the socket failed: {type(error).__name__}") from None

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()
