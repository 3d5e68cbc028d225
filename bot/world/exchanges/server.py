"""The exchanges of the local market: one HTTP and websocket server on loopback, six exchanges by path.

Books move when `move` or `advance` says so and at no other time; what is due by the clock (heartbeats, pings, ends of
faults) happens at each movement and at the server's own pulse.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from aiohttp import WSMsgType, web

from bot.core.units import Nanoseconds
from bot.world.exchanges.binance import BinanceSpot, BinanceUsdm
from bot.world.exchanges.bybit import Bybit
from bot.world.exchanges.coinbase import Coinbase
from bot.world.exchanges.connection import Connection
from bot.world.exchanges.exchange import Exchange
from bot.world.exchanges.faults import FaultKind, FaultRates, Strike, strikes_after
from bot.world.exchanges.kraken import Kraken
from bot.world.exchanges.okx import Okx
from bot.world.exchanges.price_path import PricePath
from bot.world.exchanges.protocol import Answer, Protocol, Request
from bot.world.exchanges.true_book import Truth
from bot.world.loopback import serve_on_loopback

EXCHANGES: Final = ("binance", "binance-usdm", "coinbase", "kraken", "okx", "bybit")
_PULSE: Final = 0.25
_NO_SKEW: Mapping[str, int] = {}
_USUAL_DURATION: Final = Nanoseconds(5 * 10**9)
_USUAL_SKEW: Final = Nanoseconds(3 * 10**9)


class ExchangeUrl(msgspec.Struct, frozen=True):
    """Bases: the real exchange's scheme and host; its paths follow."""

    ws: str
    rest: str


class ExchangeServer:
    """Equal seeds and steps give equal truth at equal (block, step), whoever listens.

    `now` is UTC ns; `skews` how far each exchange's own clock runs ahead of it, ns. `history`: so many states of each
    followed symbol can be asked for by `truth`.
    """

    def __init__(
        self,
        seed: int,
        *,
        steps: int = 1,
        now: Callable[[], int] = time.time_ns,
        skews: Mapping[str, int] = _NO_SKEW,
        faults: FaultRates | None = None,
        history: int = 0,
        okx_checksums: bool = False,
    ) -> None:
        self.steps = steps
        self._seed = seed
        self._faults = faults
        self._path = PricePath(seed, steps)
        protocols: tuple[Protocol, ...] = (
            BinanceSpot(),
            BinanceUsdm(),
            Coinbase(),
            Kraken(),
            Okx(has_checksums=okx_checksums),
            Bybit(),
        )
        self.exchanges = {
            protocol.name: Exchange(protocol, seed, now, skews.get(protocol.name, 0), history)
            for protocol in protocols
        }
        self._moved = 0
        for exchange in self.exchanges.values():
            exchange.step(self._path.prices, 0)
        self._runner: web.AppRunner | None = None
        self._pulse: asyncio.Task[None] | None = None
        self._transports: set[asyncio.Transport] = set()
        self.port = 0

    async def start(self, port: int = 0, *, pulse: bool = True) -> None:
        """Listen on 127.0.0.1. Without `pulse` the clock is looked at by `move` and `beat` alone. Raises OSError."""
        app = web.Application()
        app.router.add_get("/{exchange}{path:.*}", self._get)
        self._runner, self.port = await serve_on_loopback(app, port)
        if pulse:
            self._pulse = asyncio.create_task(self._beat_for_ever())

    async def stop(self) -> None:
        """Close every socket, half-open ones too; leaves no task."""
        if self._pulse is not None:
            self._pulse.cancel()
            await asyncio.gather(self._pulse, return_exceptions=True)
        for transport in self._transports:
            transport.abort()
        if self._runner is not None:
            await self._runner.cleanup()

    def url(self, exchange: str) -> ExchangeUrl:
        """What takes the place of the exchange's own hosts; the paths behind are the exchange's (protocol.ws_path)."""
        base = f"127.0.0.1:{self.port}/{exchange}"
        return ExchangeUrl(f"ws://{base}", f"http://{base}")

    @property
    def step_number(self) -> int:
        """Of the last step; block b has the steps b * steps + 1 to (b + 1) * steps."""
        return self._moved

    def advance(self, block: int) -> None:
        """All steps of every block up to `block`, counted from 0; then the faults that are due after it."""
        while self._moved < (block + 1) * self.steps:
            self.move()

    def move(self) -> None:
        """One step of every book, and the frames that tell it."""
        self._moved += 1
        prices = self._path.step()
        for exchange in self.exchanges.values():
            exchange.beat()
            exchange.step(prices, self._moved)
        if self._faults is not None and self._moved % self.steps == 0:
            self._strike_after(self._faults, self._moved // self.steps - 1)

    def beat(self) -> None:
        """Do what is due by the clock."""
        for exchange in self.exchanges.values():
            exchange.beat()

    def strike(
        self,
        exchange: str,
        fault: FaultKind,
        *,
        duration: Nanoseconds = _USUAL_DURATION,
        flushes: bool = False,
        skew: Nanoseconds = _USUAL_SKEW,
        passing: int = 0,
    ) -> None:
        """A fault by hand, see Strike. Raises ValueError where this exchange knows no such fault."""
        self.exchanges[exchange].strike(Strike(fault, duration, flushes, skew, passing))

    def end_faults(self) -> None:
        """Nothing new is scheduled from now on; what lasts runs out by the clock."""
        self._faults = None

    @property
    def story(self) -> dict[str, dict[str, int]]:
        """By exchange: what went wrong, and what clients did wrong, with counts."""
        return {name: dict(exchange.story) for name, exchange in self.exchanges.items()}

    @property
    def is_idle(self) -> bool:
        """Every frame has been given to its socket."""
        return all(one.is_idle for exchange in self.exchanges.values() for one in exchange.connections)

    def truth(
        self, exchange: str, symbol: str, number: int, *, serial: int | None = None, depth: int = 0
    ) -> Truth | None:
        """The book that had this update id, or this exchange time (ns) where there are no ids; None: forgotten or never.

        For Bybit `number` is a `u`, and `serial` says of which topic: 0 of a book, 1 of a quote. `depth`: levels a side, 0 all.
        """
        return self.exchanges[exchange].book(symbol).truth(number, serial=serial, depth=depth)

    def _strike_after(self, rates: FaultRates, block: int) -> None:
        for name, exchange in self.exchanges.items():
            for strike in strikes_after(rates, self._seed, name, block):
                if strike.kind not in exchange.protocol.faults_not_there:
                    exchange.strike(strike)

    async def _beat_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_PULSE)
            self.beat()

    async def _get(self, http: web.Request) -> web.StreamResponse:
        exchange = self.exchanges.get(http.match_info["exchange"].partition("/")[0])
        if exchange is None:
            raise web.HTTPNotFound
        request = Request(http.path.removeprefix(f"/{exchange.protocol.name}"), http.query)
        now = exchange.now()
        is_socket = http.headers.get("Upgrade", "").lower() == "websocket"
        refused = exchange.condition.refusal(now)
        if refused is None and is_socket:
            refused = exchange.condition.crowding(now)
        if refused is not None:
            answer, seconds = refused
            return _response(answer, {"Retry-After": str(seconds)})
        if not is_socket:
            return _response(exchange.protocol.rest(exchange, request), {})
        if not exchange.protocol.accepts_path(request.path):
            raise web.HTTPNotFound
        return await self._serve(http, exchange, request)

    async def _serve(self, http: web.Request, exchange: Exchange, request: Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=False, autoclose=False, timeout=1.0, compress=False)
        await socket.prepare(http)
        connection = exchange.join(socket, request)
        writer = asyncio.create_task(connection.write())
        transport = http.transport
        if transport is not None:
            self._transports.add(transport)
        try:
            await _listen(exchange, connection)
            if connection.half_open:
                await _until_gone(http)
        finally:
            exchange.leave(connection)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            if transport is not None:
                self._transports.discard(transport)
                if connection.half_open:
                    transport.abort()
        return socket


async def _listen(exchange: Exchange, connection: Connection) -> None:
    """Until the client or we have closed."""
    socket = connection.socket
    while True:
        message = await socket.receive()
        if message.type == WSMsgType.TEXT:
            exchange.take(connection, message.data)
        elif message.type == WSMsgType.BINARY:
            exchange.take(connection, message.data.decode("utf-8", "replace"))
        elif message.type in (WSMsgType.PING, WSMsgType.PONG):
            exchange.take(connection, None)
            if message.type == WSMsgType.PONG:
                connection.pinged_at = None
            elif not connection.half_open:
                with contextlib.suppress(ConnectionError):
                    await socket.pong(message.data)
        else:
            if message.type == WSMsgType.CLOSE and not connection.half_open:
                await socket.close()
            return


async def _until_gone(http: web.Request) -> None:
    """A half-open socket answers nothing, not even a close: the client has to drop it."""
    while http.transport is not None and not http.transport.is_closing():  # noqa: ASYNC110  # asyncio tells nobody
        await asyncio.sleep(0.02)


def _response(answer: Answer, headers: dict[str, str]) -> web.Response:
    return web.Response(
        status=answer.status, text=answer.body, content_type="application/json", headers=headers
    )
