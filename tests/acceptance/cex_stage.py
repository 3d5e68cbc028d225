"""The market's exchanges and the bot's feeds in one process, on real loopback sockets and a clock the test moves.

Nothing happens between two moments of the clock: `settle` waits until every frame sent has been read, so that what a
feed believes at a moment follows from what was sent until then.
"""

import asyncio
import contextlib
import heapq
import itertools
import random

from bot.core.market_data import Pair
from bot.core.result import Ok, Unknown
from bot.feeds.cex.config import CexConfig
from bot.feeds.cex.exchange_feed import ExchangeFeed
from bot.feeds.cex.rest import RestClient
from bot.feeds.cex.venues import VENUES
from bot.feeds.cex.websocket import picows_connect
from bot.world.exchanges.server import EXCHANGES, ExchangeServer

SECOND = 10**9
FIRST_UTC = 1_795_000_000 * SECOND
FIRST_MONOTONIC = 5_000 * SECOND
QUIET_ROUNDS = 6
"""Turns of the loop without anything new: a message, its answer and what follows from it take fewer."""
PATIENCE_ROUNDS = 20_000

PAIRS = {
    "binance": (Pair("ETH", "USDT"), Pair("USDC", "USDT")),
    "binance-usdm": (Pair("ETH", "USDT", is_perpetual=True),),
    "coinbase": (Pair("ETH", "USD"), Pair("USDT", "USD")),
    "kraken": (Pair("ETH", "USD"), Pair("USDT", "USD")),
    "okx": (Pair("ETH", "USDT"), Pair("USDC", "USDT")),
    "bybit": (Pair("ETH", "USDT"), Pair("USDC", "USDT")),
}
SKEWS = {"binance": 1_270_000_000, "kraken": -350_000_000, "okx": 40_000_000, "coinbase": -2_000_000_000}


class VirtualClock:
    """core.ports.Clock: time stands still until `run_to`."""

    def __init__(self):
        self.passed = 0
        self._timers = []
        self._numbers = itertools.count()

    def utc(self):
        return FIRST_UTC + self.passed

    def monotonic(self):
        return FIRST_MONOTONIC + self.passed

    async def sleep(self, duration):
        woken = asyncio.get_running_loop().create_future()
        timer = self._call_at(duration, lambda: woken.done() or woken.set_result(None))
        try:
            await woken
        finally:
            timer[2] = None

    async def within(self, limit, work):
        task, expired = asyncio.current_task(), False

        def expire():
            nonlocal expired
            expired = True
            task.cancel()

        timer = self._call_at(limit, expire)
        try:
            return Ok(await work)
        except asyncio.CancelledError:
            if expired and not task.uncancel():
                return Unknown(f"no answer within {limit / SECOND:g} s")
            raise
        finally:
            timer[2] = None

    def next_due(self):
        """When the first timer is due, in ns passed; None: none waits."""
        while self._timers and self._timers[0][2] is None:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def run_to(self, passed):
        """Time is this now; timers due by then go off, in their order."""
        self.passed = max(self.passed, passed)
        while (due := self.next_due()) is not None and due <= self.passed:
            heapq.heappop(self._timers)[2]()

    def _call_at(self, duration, call):
        timer = [self.passed + max(int(duration), 0), next(self._numbers), call]
        heapq.heappush(self._timers, timer)
        return timer


class CountingListener:
    """Hands everything on, and counts the messages."""

    def __init__(self, listener, closed):
        self._listener = listener
        self._closed = closed
        self.messages = 0
        self.on_ping = listener.on_ping
        self.on_pong = listener.on_pong

    def on_frame(self, payload):
        self.messages += 1
        self._listener.on_frame(payload)

    def on_closed(self, reason):
        self._closed(self)
        self._listener.on_closed(reason)


class Network:
    """One exchange's connect and fetch, which know what is under way."""

    def __init__(self, client):
        self._client = client
        self.under_way = 0
        self.open = []

    async def connect(self, url, listener):
        counting = CountingListener(listener, self._lost)
        self.under_way += 1
        self.open.append(counting)
        socket = None
        try:
            socket = await picows_connect(url, counting)
        finally:
            self.under_way -= 1
            if not hasattr(socket, "send"):
                self._lost(counting)
        return socket

    async def fetch(self, url):
        self.under_way += 1
        try:
            return await self._client.fetch(url)
        finally:
            self.under_way -= 1

    def _lost(self, listener):
        if listener in self.open:
            self.open.remove(listener)


class CexStage:
    def __init__(self, server, clock, networks, feeds):
        self.server = server
        self.clock = clock
        self.networks = networks
        self.feeds = feeds
        self._steps = 0

    async def wait(self, seconds):
        """Time goes on by about so many seconds, second by second; no book moves."""
        self._steps += 1
        # No two steps at a whole distance: an exchange's time names one state even when its clock jumps.
        target = self.clock.passed + seconds * SECOND + self._steps**2 % 9_973 * 1_000
        while self.clock.passed < target:
            await self._second(min(target, self.clock.passed + SECOND))

    async def move(self):
        """All books move, and everybody hears of it."""
        self.server.move()
        await self.settle()

    async def _second(self, end):
        while (due := self.clock.next_due()) is not None and due <= end:
            self.clock.run_to(due)
            await self.settle()
        self.clock.run_to(end)
        self.server.beat()
        await self.settle()

    async def settle(self):
        """Until every frame sent has been read, and nothing follows from it."""
        quiet, last = 0, None
        for turn in range(PATIENCE_ROUNDS):
            await asyncio.sleep(0 if turn < 100 else 0.0005)
            state = self._state()
            quiet = quiet + 1 if state == last and self._is_at_rest() else 0
            last = state
            if quiet == QUIET_ROUNDS:
                return
        raise AssertionError(f"no rest: {state}")

    def _state(self):
        """(sent, connections there; read, connections here; under way) of each exchange."""
        state = []
        for name, network in self.networks.items():
            there = self.server.exchanges[name].connections
            sent, read = sum(one.frames_sent for one in there), sum(one.messages for one in network.open)
            state.append((name, sent, len(there), read, len(network.open), network.under_way))
        return state

    def _is_at_rest(self):
        return self.server.is_idle and all(
            sent == read and there == here and not under_way
            for _, sent, there, read, here, under_way in self._state()
        )


@contextlib.asynccontextmanager
async def open_cex_stage(seed, *, steps, faults=None, config=None):
    """Six exchanges and six feeds; the feeds begin to connect at the first step."""
    clock = VirtualClock()
    server = ExchangeServer(seed, steps=steps, now=clock.utc, skews=SKEWS, faults=faults, history=64)
    await server.start(pulse=False)
    client = RestClient()
    jitter = random.Random(seed).random
    networks = {name: Network(client) for name in EXCHANGES}
    feeds = {}
    for name, network in networks.items():
        url = server.url(name)
        feeds[name] = ExchangeFeed(
            VENUES[name],
            PAIRS[name],
            url.ws,
            url.rest,
            config or CexConfig(),
            network.connect,
            network.fetch,
            clock,
            jitter,
        )
    running = [asyncio.create_task(feed.run()) for feed in feeds.values()]
    try:
        yield CexStage(server, clock, networks, feeds)
        assert not any(task.done() for task in running), "a feed ended by itself"
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await client.close()
        await server.stop()
