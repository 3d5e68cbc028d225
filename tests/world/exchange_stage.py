"""An exchange server on a clock of the test's own, and a socket that reads what has come so far."""

import contextlib
import json

import aiohttp

from bot.world.exchanges.server import ExchangeServer

SECOND = 10**9
PATHS = {
    "binance": "/stream",
    "binance-usdm": "/public/stream",
    "coinbase": "",
    "kraken": "/v2",
    "okx": "/ws/v5/public",
    "bybit": "/v5/public/spot",
}


class HandClock:
    """UTC that the test turns by hand."""

    def __init__(self):
        self.now = 1_795_000_000 * SECOND + 123_456_789

    def __call__(self):
        return self.now


class Wire:
    """A websocket client without a book: every message in order, as text. Answers pings, counts pongs."""

    def __init__(self, server, socket):
        self.server = server
        self.socket = socket
        self.closed_with = None
        self.pongs = 0

    async def say(self, message):
        await self.socket.send_str(message if isinstance(message, str) else json.dumps(message))

    async def texts(self):
        """All messages until the server has said all it has to say; a closing frame ends them."""
        read = []
        quiet = 0
        while self.closed_with is None and quiet < 3:
            try:
                message = await self.socket.receive(timeout=0.01)
            except TimeoutError:
                quiet += self.server.is_idle
                continue
            quiet = 0
            if message.type == aiohttp.WSMsgType.TEXT:
                read.append(message.data)
            elif message.type == aiohttp.WSMsgType.PING:
                await self.socket.pong(message.data)
            elif message.type == aiohttp.WSMsgType.PONG:
                self.pongs += 1
            else:
                self.closed_with = self.socket.close_code
        return read

    async def messages(self):
        return [json.loads(text) for text in await self.texts()]


class ExchangeStage:
    def __init__(self, server, clock, session):
        self.server = server
        self.clock = clock
        self.session = session

    async def connect(self, name, query="", path=None):
        url = self.server.url(name).ws + (PATHS[name] if path is None else path) + query
        socket = await self.session.ws_connect(url, max_msg_size=0, autoclose=False, autoping=False)
        return Wire(self.server, socket)

    async def get(self, name, path, **query):
        async with self.session.get(self.server.url(name).rest + path, params=query) as answer:
            return answer.status, answer.headers, await answer.text()

    def step(self, count=1, seconds=1.0):
        for _ in range(count):
            self.clock.now += int(seconds * SECOND)
            self.server.move()

    def wait(self, seconds):
        """Time goes on, no book moves."""
        self.clock.now += int(seconds * SECOND)
        self.server.beat()


@contextlib.asynccontextmanager
async def open_exchanges(seed=7, **options):
    clock = HandClock()
    options.setdefault("history", 64)
    server = ExchangeServer(seed, now=clock, **options)
    await server.start(pulse=False)
    try:
        async with aiohttp.ClientSession() as session:
            yield ExchangeStage(server, clock, session)
    finally:
        await server.stop()
