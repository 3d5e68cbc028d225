"""Socket to book: one connection to cex_loopback read by one library, on a core of its own.

    python scripts/benches/cex_receiver.py PORT CORE READER

takes a turn for each line of input, the kind of frames. READER: `floor` (a bare TCP protocol on uvloop: the same bytes,
neither websocket nor book), `ours` (the bot's own connect by picows, then FrameReader), `aiohttp` and `websockets` (their
usual loop on uvloop, then the same FrameReader). A turn prints one JSON line: percentiles of the nanoseconds from send to
book updated (floor: to the bytes handed over), the first tenth left out.
"""

import asyncio
import gc
import json
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bot.core.market_data import Pair
from bot.feeds.cex.binance_frames import BINANCE
from bot.feeds.cex.frame_reader import FrameReader, Outcome, SymbolSpec
from bot.feeds.cex.websocket import picows_connect
from scripts.benches.cex_loopback import SYMBOL, DepthFrames, stamp_of
from scripts.benches.cex_turns import stay_on

WARM_UP = 10
"""One part of so many is not counted."""
GOOD = {int(Outcome.BOOK), int(Outcome.QUOTE)}
OnFrame = Callable[[bytes], None]


class Books:
    """transport.SocketListener: takes each frame into the book, then the time."""

    def __init__(self, kind: str) -> None:
        self.reader = FrameReader(BINANCE, [SymbolSpec(Pair("BTC", "USDT"), SYMBOL)], 0)
        if kind == "depth":
            outcome = self.reader.load_snapshot(0, DepthFrames().snapshot, time.monotonic_ns())
            assert outcome is Outcome.BOOK
        self.ended = asyncio.Event()
        self.times: list[int] = []
        self.outcomes: list[int] = []
        self.payloads: list[bytes] = []
        self._read = self.reader.read

    def on_frame(self, payload: bytes) -> None:
        self.outcomes.append(self._read(payload, time.monotonic_ns()))
        self.times.append(time.monotonic_ns())
        self.payloads.append(payload)

    def on_ping(self) -> None:
        raise SystemExit("nothing pings here")

    def on_pong(self, payload: bytes) -> None:
        raise SystemExit(f"nothing pings here: {payload!r}")

    def on_closed(self, reason: str) -> None:  # noqa: ARG002  # the sender just ends
        self.ended.set()

    def latencies(self) -> list[int]:
        strange = {Outcome(one & 255).name for one in self.outcomes if one & 255 not in GOOD}
        if strange:
            raise SystemExit(f"not every frame was applied, some were {', '.join(strange)}")
        return [at - stamp_of(payload) for at, payload in zip(self.times, self.payloads, strict=True)]


class Floor(asyncio.Protocol):
    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.times: list[int] = []
        self.chunks: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        self.times.append(time.monotonic_ns())
        self.chunks.append(data)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002  # the sender just ends
        self.ended.set()

    def latencies(self) -> list[int]:
        """Of a message: when the chunk with its last byte was handed over."""
        found, held = [], b""
        for at, chunk in zip(self.times, self.chunks, strict=True):
            held += chunk
            while len(held) > 4:
                head, size = (2, held[1]) if held[1] < 126 else (4, int.from_bytes(held[2:4], "big"))
                if len(held) < head + size:
                    break
                found.append(at - stamp_of(held[head : head + size]))
                held = held[head + size :]
        return found


async def floor(port: int, kind: str) -> list[int]:  # noqa: ARG001  # it reads any kind
    loop = asyncio.get_running_loop()
    transport, reading = await loop.create_connection(Floor, "127.0.0.1", port)
    transport.write(b"GET / HTTP/1.1\r\n\r\n")
    await reading.ended.wait()
    return reading.latencies()


async def ours(port: int, kind: str) -> list[int]:
    books = Books(kind)
    socket = await picows_connect(f"ws://127.0.0.1:{port}/", books)
    await books.ended.wait()
    del socket
    return books.latencies()


async def by_aiohttp(port: int, kind: str) -> list[int]:
    import aiohttp  # noqa: PLC0415  # one library a process

    books = Books(kind)
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"ws://127.0.0.1:{port}/", autoping=False, compress=0, max_msg_size=0) as socket,
    ):
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                books.on_frame(message.data.encode())
    return books.latencies()


async def by_websockets(port: int, kind: str) -> list[int]:
    import websockets  # noqa: PLC0415  # one library a process

    books = Books(kind)
    url = f"ws://127.0.0.1:{port}/"
    async with websockets.connect(
        url, compression=None, ping_interval=None, proxy=None, close_timeout=0.1
    ) as socket:
        try:
            while True:
                books.on_frame(await socket.recv(decode=False))
        except websockets.ConnectionClosed:
            return books.latencies()


READERS: dict[str, Callable[[int, str], Coroutine[Any, Any, list[int]]]] = {
    "floor": floor,
    "ours": ours,
    "aiohttp": by_aiohttp,
    "websockets": by_websockets,
}


def figures(taken: list[int]) -> dict[str, int]:
    shares = {"p50_ns": 0.5, "p99_ns": 0.99, "p999_ns": 0.999}
    return {
        "messages": len(taken),
        **{name: taken[int(len(taken) * share)] for name, share in shares.items()},
    }


def main() -> None:
    port, core, reader = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    stay_on(core)
    gc.freeze()
    gc.disable()  # as the bot does while it works
    for line in sys.stdin:
        found = uvloop.run(READERS[reader](port, line.strip()))
        print(json.dumps(figures(sorted(found[len(found) // WARM_UP :]))), flush=True)
        gc.collect()


if __name__ == "__main__":
    main()
