"""What goes over the loopback socket, and who sends it: a process of its own, on a core of its own.

    python scripts/benches/cex_loopback.py CORE

prints its port, and for each line of input ({"kind", "rate", "seconds"}) takes one connection and writes so many
messages, each at its due moment and by itself, with the monotonic clock inside. A client that asks to upgrade gets the
websocket handshake; one that does not gets the same bytes without it.
"""

import base64
import hashlib
import json
import random
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.benches.cex_frames_of_day import OPENED, SHAPES, Binance
from scripts.benches.cex_turns import stay_on
from scripts.benches.cex_walk import Walk

SYMBOL = "BTCUSDT"
STAMP = 10**17
"""Added to the clock, so that a stamp always has 18 digits."""
ROUND = 500
"""Depth frames that differ; then they come again with the next ids."""
TICKER = (
    b'{"stream":"btcusdt@bookTicker","data":{"u":%d,"s":"BTCUSDT","b":"61837.63","B":"13.788260",'
    b'"a":"61837.64","A":"11.5469000"}}'
)
"""140 bytes with its stamp, which is its update id too: it grows."""
ACCEPT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
SETTLE_S = 0.2


class DepthFrames:
    """A walk whose mid stands still: its changes may be repeated for ever and never cross the book."""

    def __init__(self) -> None:
        walk = Walk(replace(SHAPES["binance depth"], swing=0.0), random.Random(1))  # noqa: S311  # a market, not a key
        walk.open()
        encoder = Binance()
        self.snapshot = encoder.snapshot(SYMBOL, walk).encode()
        self._last = encoder.last[SYMBOL]
        self._parts: list[tuple[bytes, bytes, int]] = []
        for _ in range(ROUND):
            changes = walk.step()
            message = json.loads(encoder.update(SYMBOL, walk, changes, OPENED))
            levels = {name: message["data"][name] for name in ("b", "a")}
            head = json.dumps(
                {"stream": message["stream"], "data": {"e": "depthUpdate", "E": message["data"]["E"]}}
            )
            self._parts.append(
                (
                    head.replace(" ", "").encode()[:-2] + b',"s":"BTCUSDT"',
                    json.dumps(levels).replace(" ", "").encode()[1:] + b"}",
                    len(changes),
                )
            )

    def messages(self) -> Iterator[bytes]:
        """Templates that want a stamp, `"t"`, which no reader looks at."""
        last = self._last
        while True:
            for head, tail, changes in self._parts:
                yield b'%b,"t":%%d,"U":%d,"u":%d,%b' % (head, last + 1, last + changes, tail)
                last += changes


def stamp_of(message: bytes) -> int:
    """The monotonic clock when the message was sent."""
    at = max(message.find(b'"u":1'), message.find(b'"t":1')) + len('"u":')
    return int(message[at : at + 18]) - STAMP


def templates(kind: str) -> Iterator[bytes]:
    if kind == "depth":
        yield from DepthFrames().messages()
    while True:
        yield TICKER


def framed(payload: bytes) -> bytes:
    """One unmasked text frame, RFC 6455, section 5.2; of fewer than 65,536 bytes."""
    size = len(payload)
    return (b"\x81%c" % size if size < 126 else b"\x81\x7e" + size.to_bytes(2, "big")) + payload


def handshake(request: bytes) -> bytes:
    key = next(
        line.split(":", 1)[1].strip()
        for line in request.decode().split("\r\n")
        if line.lower().startswith("sec-websocket-key:")
    )
    accept = base64.b64encode(hashlib.sha1((key + ACCEPT).encode()).digest()).decode()  # noqa: S324  # RFC 6455's own
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n\r\n"
    ).encode()


def serve(listening: socket.socket, kind: str, rate: int, seconds: float) -> None:
    of_kind = templates(kind)
    ready = [next(of_kind) for _ in range(int(rate * seconds))]
    taken, _ = listening.accept()
    with taken:
        taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request = b""
        while b"\r\n\r\n" not in request:
            request += taken.recv(4096)
        if b"pgrade" in request:
            taken.sendall(handshake(request))
        time.sleep(SETTLE_S)
        send, now, due, gap = taken.sendall, time.monotonic_ns, time.monotonic_ns(), 10**9 // rate
        for template in ready:
            due = max(due + gap, now())  # what was missed is not made up for by a burst
            while now() < due:
                pass
            send(framed(template % (now() + STAMP)))
        taken.shutdown(socket.SHUT_WR)
        while taken.recv(4096):
            pass


def main() -> None:
    stay_on(int(sys.argv[1]))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        for line in sys.stdin:
            order = json.loads(line)
            serve(listening, order["kind"], order["rate"], order["seconds"])


if __name__ == "__main__":
    main()
