"""An exchange without sockets: the test says each frame, and the clock is the test's. `OkxScript` speaks as OKX does."""

import asyncio
import contextlib
import json

from bot.core.market_data import Pair
from bot.core.result import Unknown
from bot.feeds.cex.config import CexConfig
from bot.feeds.cex.exchange_feed import ExchangeFeed
from bot.feeds.cex.venues import VENUES
from tests.feeds.cex.virtual_clock import MILLISECOND, SECOND, VirtualClock

ETH_USDT = Pair("ETH", "USDT")


class ScriptedClock(VirtualClock):
    """Nothing of the real world to wait for."""

    async def _settle(self):
        for _ in range(6):
            await asyncio.sleep(0)


class ScriptedSocket:
    def __init__(self, script, listener):
        self.script, self.listener = script, listener
        self.sent = []
        self.is_closed = False

    def send(self, payload):
        if not self.is_closed:
            self.sent.append(payload)
            asyncio.get_running_loop().call_soon(self.script.heard, self, payload)

    def ping(self, payload):
        if not self.is_closed and self.script.pongs:
            self.listener.on_pong(payload)

    def close(self):
        if not self.is_closed:
            self.is_closed = True
            self.listener.on_closed("closed by us")

    def say(self, frame):
        if not self.is_closed:
            self.listener.on_frame(frame if isinstance(frame, bytes) else json.dumps(frame).encode())


class Script:
    venue = ""
    pongs = True

    def __init__(self, pairs, config=None):
        self.clock = ScriptedClock()
        self.attempts, self.fetches, self.sockets = [], [], []
        self.feed = ExchangeFeed(
            VENUES[self.venue],
            pairs,
            "ws://127.0.0.1:1",
            "http://127.0.0.1:1",
            config or CexConfig(),
            self._connect,
            self._fetch,
            self.clock,
            lambda: 0.5,
        )

    async def _connect(self, url, listener):
        del url
        self.attempts.append(self.clock.now)
        socket = ScriptedSocket(self, listener)
        self.sockets.append(socket)
        return socket

    async def _fetch(self, url):
        self.fetches.append(self.clock.now)
        return await self.answer(url)

    async def answer(self, url):
        del url
        return Unknown("nothing")

    def heard(self, socket, payload):
        """Something of ours came."""

    @property
    def open(self):
        return [socket for socket in self.sockets if not socket.is_closed]

    @property
    def milliseconds(self):
        return self.clock.utc() // MILLISECOND

    def stale(self, pair=ETH_USDT):
        return self.feed.is_fresh(pair, self.clock.now)

    async def run_for(self, seconds, each=None, step=SECOND):
        if each is None:
            await self.clock.advance(int(seconds * SECOND))
            return
        for _ in range(int(seconds * SECOND / step)):
            each()
            await self.clock.advance(step)


class OkxScript(Script):
    """Books of one level; every update repeats it."""

    venue = "okx"
    behind = 0
    """Nanoseconds that what it says on a new connection is old."""

    def __init__(self, pairs, config=None):
        super().__init__(pairs, config)
        self.number = 0
        self.silent = set()
        self.prices = {}

    def heard(self, socket, payload):
        if payload == b"ping":
            if self.pongs:
                socket.say(b"pong")
            return
        message = json.loads(payload)
        for argument in message["args"]:
            if argument["channel"] == "books" and message["op"] == "subscribe":
                self.subscribed(socket, argument["instId"])

    def subscribed(self, socket, symbol):
        socket.behind = self.behind
        self.book(socket, symbol, "snapshot")

    def book(self, socket, symbol, action="update"):
        bid, ask = self.prices.get(symbol, ("100", "101"))
        socket.numbers = getattr(socket, "numbers", {})
        before = -1 if action == "snapshot" else socket.numbers.get(symbol, -1)
        self.number += 1
        socket.numbers[symbol] = self.number
        book = {
            "asks": [[ask, "1", "0", "1"]],
            "bids": [[bid, "1", "0", "1"]],
            "ts": str((self.clock.utc() - socket.behind) // MILLISECOND),
            "checksum": 0,
            "prevSeqId": before,
            "seqId": self.number,
        }
        socket.last = {"arg": {"channel": "books", "instId": symbol}, "action": action, "data": [book]}
        socket.say(socket.last)

    def tick(self):
        for socket in self.open:
            for symbol in getattr(socket, "numbers", {}):
                if symbol not in self.silent:
                    self.book(socket, symbol)


@contextlib.asynccontextmanager
async def running(script):
    task = asyncio.create_task(script.feed.run())
    try:
        await script.clock.advance(100 * MILLISECOND)
        yield script
    finally:
        task.cancel()
        await asyncio.wait([task])
