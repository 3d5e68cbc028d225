"""A small server that speaks Kraken v2 and Binance spot over real sockets, with one book a symbol and faults by hand."""

import asyncio
import contextlib
import json
import zlib
from datetime import UTC, datetime

from aiohttp import WSMsgType, web

DEPTH = 12


class Unavailable(web.HTTPClientError):
    """For legal reasons: a refused region."""

    status_code = 451


class Banned(web.HTTPClientError):
    status_code = 418


REFUSALS = {
    418: Banned,
    429: web.HTTPTooManyRequests,
    400: web.HTTPBadRequest,
    403: web.HTTPForbidden,
    404: web.HTTPNotFound,
    451: Unavailable,
    503: web.HTTPServiceUnavailable,
}


class Book:
    """Twelve levels a side around a middle; sizes and the best prices move with each change."""

    def __init__(self, middle):
        self.middle = middle
        self.update = 1000
        self.size = 100_000_000
        self.gone = {"bids": [], "asks": []}
        """Prices that the next update takes out."""

    def levels(self, side):
        """(price text, size text), best first."""
        step = -1 if side == "bids" else 1
        return [
            (f"{(self.middle + step * (rank + 1)) / 100:.2f}", f"{(self.size + rank) / 10**8:.8f}")
            for rank in range(DEPTH)
        ]

    def shift(self, ticks):
        """The price moves; what the next update does not tell of the new levels is not told."""
        before = {side: {price for price, _ in self.levels(side)} for side in self.gone}
        self.middle += ticks
        for side, prices in before.items():
            self.gone[side] += sorted(prices - {price for price, _ in self.levels(side)})

    def move(self):
        """Only sizes change, so that an update of twelve levels a side is a whole book."""
        self.update += 1
        self.size += 1_000_000


def kraken_checksum(book):
    text = "".join(
        value.replace(".", "").lstrip("0")
        for side in ("asks", "bids")
        for level in book.levels(side)[:10]
        for value in level
    )
    return zlib.crc32(text.encode())


class LoopbackExchange:
    """`clock` is the exchange's own; `skew` (ns) is what it is ahead of UTC."""

    def __init__(self, clock, symbols=("ETH/USD",)):
        self.clock = clock
        self.skew = 0
        self.books = {symbol: Book(200_000 + 1000 * rank) for rank, symbol in enumerate(symbols)}
        self.sockets = []
        """(websocket, symbols subscribed), the open ones."""
        self.handshakes = []
        """Moments of the virtual clock of every attempt, refused ones too."""
        self.snapshots = []
        """The same of REST."""
        self.heard = []
        self.pongs = []
        self.refuse = []
        """(status, headers) for the next handshakes."""
        self.refuse_rest = []
        self.snapshot_lag = 0
        """Updates by which a REST snapshot is older than the stream."""
        self.hold_snapshots = None
        """An event that REST waits for."""
        self._deaf = []
        self.names_refused = True
        self.answers_books = True
        self.answers_quotes = True

    async def start(self):
        app = web.Application()
        app.router.add_get("/v2", self._kraken)
        app.router.add_get("/stream", self._binance)
        app.router.add_get("/api/v3/depth", self._depth)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self):
        for socket, _ in list(self.sockets):
            await socket.close()
        await self._runner.cleanup()

    @property
    def ws_url(self):
        return f"ws://127.0.0.1:{self.port}"

    @property
    def rest_url(self):
        return f"http://127.0.0.1:{self.port}"

    async def _open(self, request):
        self.handshakes.append(self.clock.now)
        if self.refuse:
            status, headers = self.refuse.pop(0)
            raise REFUSALS[status](headers=headers)
        socket = web.WebSocketResponse(autoping=False, heartbeat=None)
        await socket.prepare(request)
        return socket

    async def _listen(self, socket, subscribed, answer):
        entry = (socket, subscribed)
        self.sockets.append(entry)
        try:
            async for message in socket:
                if socket in self._deaf:
                    await asyncio.sleep(3600)
                if message.type == WSMsgType.PING:
                    await socket.pong(message.data)
                elif message.type == WSMsgType.PONG:
                    self.pongs.append(bytes(message.data))
                elif message.type == WSMsgType.TEXT:
                    self.heard.append(message.data)
                    await answer(json.loads(message.data))
        finally:
            self.sockets.remove(entry)
        return socket

    # --- Kraken -----------------------------------------------------------------------------------------------------

    async def _kraken(self, request):
        socket = await self._open(request)
        subscribed = set()

        async def answer(message):
            if message["method"] == "ping":
                await socket.send_json({"method": "pong", "req_id": message["req_id"]})
                return
            channel, symbols = message["params"]["channel"], message["params"]["symbol"]
            for symbol in symbols:
                await self._subscription(socket, subscribed, message["method"], channel, symbol)

        return await self._listen(socket, subscribed, answer)

    async def _subscription(self, socket, subscribed, method, channel, symbol):
        if method == "unsubscribe":
            subscribed.discard((channel, symbol))
            return
        if symbol not in self.books:
            refusal = {"method": "subscribe", "success": False, "error": "Currency pair not supported"}
            if self.names_refused:
                refusal |= {"error": f"Currency pair not supported {symbol}", "symbol": symbol}
            await socket.send_json(refusal)
            return
        result = {"channel": channel, "symbol": symbol, "snapshot": True}
        await socket.send_json({"method": "subscribe", "success": True, "result": result})
        if not (self.answers_books if channel == "book" else self.answers_quotes):
            return
        subscribed.add((channel, symbol))
        await socket.send_str(self.kraken_frame(channel, symbol, "snapshot"))

    def kraken_frame(self, channel, symbol, kind, checksum=None):
        book = self.books[symbol]
        if channel == "ticker":
            [(bid, bid_size), (ask, ask_size)] = (book.levels(side)[0] for side in ("bids", "asks"))
            data = f'"bid":{bid},"bid_qty":{bid_size},"ask":{ask},"ask_qty":{ask_size}'
        else:
            sides = ",".join(
                f'"{side}":[{",".join(f"""{{"price":{p},"qty":{q}}}""" for p, q in book.levels(side))}]'
                for side in ("bids", "asks")
            )
            data = f'{sides},"checksum":{kraken_checksum(book) if checksum is None else checksum}'
        time = self._time()
        stamp = f"{datetime.fromtimestamp(time // 10**9, UTC):%Y-%m-%dT%H:%M:%S}.{time % 10**9 // 1000:06d}Z"
        return f'{{"channel":"{channel}","type":"{kind}","data":[{{"symbol":"{symbol}",{data},"timestamp":"{stamp}"}}]}}'

    async def move_kraken(self, symbol="ETH/USD", checksum=None):
        """A change, told to everybody who subscribed."""
        self.books[symbol].move()
        for socket, subscribed in list(self.sockets):
            for channel in ("ticker", "book"):
                if (channel, symbol) in subscribed:
                    wrong = checksum if channel == "book" else None
                    await _tell(socket, self.kraken_frame(channel, symbol, "update", wrong))

    # --- Binance ----------------------------------------------------------------------------------------------------

    async def _binance(self, request):
        socket = await self._open(request)
        streams = set(request.query["streams"].split("/"))

        async def answer(_message):
            return

        return await self._listen(socket, streams, answer)

    async def _depth(self, request):
        self.snapshots.append(self.clock.now)
        if self.refuse_rest:
            status, headers = self.refuse_rest.pop(0)
            raise REFUSALS[status](headers=headers)
        book = self.books.get(request.query["symbol"])
        if book is None:
            return web.json_response({"code": -1121, "msg": "Invalid symbol."}, status=400)
        body = {"lastUpdateId": book.update - self.snapshot_lag}
        body |= {side: [list(level) for level in book.levels(side)] for side in ("bids", "asks")}
        if self.hold_snapshots is not None:
            await self.hold_snapshots.wait()
        return web.json_response(body)

    async def move_binance(self, symbol="ETHUSDT", skip=0, only="", told=DEPTH):
        """A change, told on the streams or on `only` one of them; `skip` more happened that were not told.

        `told`: of so many of the best levels.
        """
        book = self.books[symbol]
        for _ in range(skip):
            book.move()
        book.move()
        [(bid, bid_size), (ask, ask_size)] = (book.levels(side)[0] for side in ("bids", "asks"))
        ticker = {"u": book.update, "s": symbol, "b": bid, "B": bid_size, "a": ask, "A": ask_size}
        depth = {
            "e": "depthUpdate",
            "E": self._time() // 10**6,
            "s": symbol,
            "U": book.update,
            "u": book.update,
            "b": [[price, "0"] for price in book.gone["bids"]] + list(book.levels("bids"))[:told],
            "a": [[price, "0"] for price in book.gone["asks"]] + list(book.levels("asks"))[:told],
        }
        book.gone = {"bids": [], "asks": []}
        for socket, streams in list(self.sockets):
            for stream, data in (
                (f"{symbol.lower()}@bookTicker", ticker),
                (f"{symbol.lower()}@depth@100ms", depth),
            ):
                if stream in streams and only in stream:
                    await _tell(socket, json.dumps({"stream": stream, "data": data}))

    # --- both -------------------------------------------------------------------------------------------------------

    async def say(self, text):
        for socket, _ in list(self.sockets):
            await _tell(socket, text)

    def deafen(self):
        """From now on nothing on the open sockets is answered, pings included: they are half open."""
        self._deaf.extend(socket for socket, _ in self.sockets)

    async def ping(self):
        for socket, _ in list(self.sockets):
            await socket.ping(b"are you there")

    async def disconnect(self, code=1012, message=b"maintenance"):
        for socket, _ in list(self.sockets):
            await socket.close(code=code, message=message)

    def _time(self):
        return self.clock.utc() + self.skew


async def _tell(socket, text):
    """To one whose end the server has not seen yet it goes nowhere."""
    with contextlib.suppress(ConnectionError):
        await socket.send_str(text)
