"""One exchange's feed against the loopback exchange, by a clock that the test moves."""

import asyncio
import contextlib

import msgspec

from bot.core.market_data import Pair
from bot.core.units import Nanoseconds
from bot.feeds.cex.config import CexConfig
from bot.feeds.cex.exchange_feed import ExchangeFeed
from bot.feeds.cex.rest import RestClient
from bot.feeds.cex.venues import VENUES
from bot.feeds.cex.websocket import picows_connect
from tests.feeds.cex.loopback_exchange import LoopbackExchange
from tests.feeds.cex.virtual_clock import MILLISECOND, SECOND, VirtualClock, settle, until

ETH_USD = Pair("ETH", "USD")
ETH_USDT = Pair("ETH", "USDT")
BTC_USD = Pair("BTC", "USD")
PAIR_OF = {"kraken": ETH_USD, "binance": ETH_USDT}
SYMBOL_OF = {"kraken": "ETH/USD", "binance": "ETHUSDT"}


class Limited:
    """A venue with other limits."""

    def __init__(self, venue, limits):
        self._venue = venue
        self.limits = msgspec.structs.replace(venue.limits, **limits)

    def __getattr__(self, name):
        return getattr(self._venue, name)


class Stage:
    def __init__(self, venue, server, clock, feed, rest):
        self.venue, self.server, self.clock, self.feed, self.rest = venue, server, clock, feed, rest
        self.pair = feed.pairs[0] if feed.pairs else None
        clock.is_busy.append(lambda: feed._keeper.is_connecting)
        self.task = asyncio.create_task(feed.run())

    async def move(self, symbol=None, **how):
        move = getattr(self.server, f"move_{self.venue}")
        await move(symbol or SYMBOL_OF[self.venue], **how)

    @property
    def status(self):
        return self.feed.status(self.clock.now)

    @property
    def fresh(self):
        quote = self.feed.quote(self.pair, self.clock.now)
        return quote is not None and quote.stale is None

    def is_live(self):
        return self.status.state == "live"

    async def live(self):
        """Until all its pairs are fresh; the market moves meanwhile, a tenth of a second at a time."""
        for _ in range(100):
            for symbol in self.server.books:
                await self.move(symbol)
            await settle()
            if self.is_live():
                return
            await self.clock.advance(100 * MILLISECOND)
        raise AssertionError(f"not live: {self.status}")

    async def run_for(self, seconds, each=None, step=250 * MILLISECOND):
        """Time and market go on together; `each` is called at every step."""
        for _ in range(int(seconds * SECOND / step)):
            await self.move()
            await settle()
            await self.clock.advance(step, each)

    def agrees(self):
        """The book is the server's, level by level, as exact integers."""
        book, truth = self.feed.book(self.pair), self.server.books[SYMBOL_OF[self.venue]]
        bids, asks = book.top(12)
        wanted = [
            [(_scaled(price), _scaled(size)) for price, size in truth.levels(side)]
            for side in ("bids", "asks")
        ]
        return [list(map(tuple, bids)), list(map(tuple, asks))] == wanted


def _scaled(text):
    whole, _, fraction = text.partition(".")
    return int(whole + fraction.ljust(8, "0"))


@contextlib.asynccontextmanager
async def stage(
    venue="kraken", pairs=None, symbols=None, config=None, tap=None, fetch=None, clock=None, **limits
):
    clock = clock or VirtualClock()
    server = LoopbackExchange(clock, symbols or (SYMBOL_OF[venue],))
    await server.start()
    rest = RestClient()
    feed = ExchangeFeed(
        Limited(VENUES[venue], limits),
        pairs or (PAIR_OF[venue],),
        server.ws_url,
        server.rest_url,
        config or CexConfig(),
        picows_connect,
        fetch or rest.fetch,
        clock,
        lambda: 0.5,
        tap,
    )
    on_stage = Stage(venue, server, clock, feed, rest)
    try:
        yield on_stage
    finally:
        on_stage.task.cancel()
        await asyncio.wait([on_stage.task])
        clock.is_busy.clear()
        await rest.close()
        await server.stop()


def seconds(count):
    return Nanoseconds(int(count * SECOND))


__all__ = ["BTC_USD", "ETH_USD", "ETH_USDT", "Stage", "seconds", "settle", "stage", "until"]
