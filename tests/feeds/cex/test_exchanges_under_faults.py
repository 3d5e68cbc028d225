"""Six exchanges of the local market with every fault: what claims to be fresh is the truth, and not an old one.

CEX_FAULT_BLOCKS: how many blocks, of one second each; a market's day has 7,200. CEX_FAULT_SEED: another market.
"""

import asyncio
import os
from collections import Counter, defaultdict, deque

import msgspec
import pytest

from bot.feeds.cex.config import CexConfig
from bot.feeds.cex.exchange_feed import ExchangeFeed
from bot.feeds.cex.rest import RestClient
from bot.feeds.cex.venues import VENUES
from bot.feeds.cex.websocket import picows_connect
from bot.world.exchanges.faults import every_fault
from bot.world.exchanges.server import ExchangeServer
from tests.feeds.cex.virtual_clock import MILLISECOND, SECOND, VirtualClock, settle

BLOCKS = int(os.environ.get("CEX_FAULT_BLOCKS", "40"))
SEED = int(os.environ.get("CEX_FAULT_SEED", "11"))
CONFIG = CexConfig()
LEVELS = 10
UNNUMBERED = ("coinbase", "kraken")
"""Their frames carry no number of a book, and a snapshot the time at which it was asked for."""
KEPT = 30
"""States of each book that are remembered here."""


class Market:
    """All feeds against the exchange server, by one clock."""

    def __init__(self, seed, faults, history=400):
        self.clock = VirtualClock()
        self.server = ExchangeServer(
            seed, steps=1, now=self.clock.utc, faults=faults, history=history, okx_checksums=True
        )
        self.compared = Counter()
        self.looked = 0
        self.states = defaultdict(lambda: deque(maxlen=KEPT))
        """(exchange, symbol) -> [top levels, since when (UTC)], of the unnumbered."""
        self.fetching = 0

    async def __aenter__(self):
        await self.server.start(pulse=False)
        self.rest = RestClient()
        self.feeds = [self._feed(name) for name in VENUES]
        self.clock.is_busy = [
            lambda: self.fetching > 0,
            *((lambda feed=feed: feed._keeper.is_connecting) for feed in self.feeds),
        ]
        self.tasks = [asyncio.create_task(feed.run()) for feed in self.feeds]
        return self

    async def __aexit__(self, *_):
        for task in self.tasks:
            task.cancel()
        await asyncio.wait(self.tasks)
        assert all(task.cancelled() for task in self.tasks)
        await self.rest.close()
        await self.server.stop()

    def _feed(self, name):
        url, pairs = self.server.url(name), VENUES[name].default_pairs("ETH")
        return ExchangeFeed(
            VENUES[name],
            pairs,
            url.ws,
            url.rest,
            CONFIG,
            picows_connect,
            self._fetch,
            self.clock,
            lambda: 0.5,
        )

    async def _fetch(self, url):
        self.fetching += 1
        try:
            return await self.rest.fetch(url)
        finally:
            self.fetching -= 1

    async def block(self):
        """A second: a step of all books, and the clocks a quarter of a second at a time."""
        self.server.move()
        self._remember()
        for _ in range(4):
            await settle()
            await self.clock.advance(250 * MILLISECOND, self.judge)
            self.server.beat()

    def judge(self):
        """Every book that claims to be fresh is the exchange's book of that number, which was so a moment ago."""
        now = self.clock.now
        self.looked += 1
        for feed in self.feeds:
            for pair in feed.pairs:
                if feed.is_fresh(pair, now) is None:
                    self._judge_book(feed, pair)
                quote = feed.quote(pair, now)
                if quote is not None and quote.stale is None:
                    assert 0 < quote.bid < quote.ask
                    assert now - quote.received <= CONFIG.quote_age

    def _judge_book(self, feed, pair):
        name, book = feed.venue.name, feed.book(pair)
        top = tuple(map(tuple, book.top(LEVELS)))
        symbol = feed.venue.symbol(pair)
        if name in UNNUMBERED:
            ended = self._ended(self.states[name, symbol], top)
        else:
            truth = self.server.truth(name, symbol, book.last_id, serial=0 if name == "bybit" else None)
            assert truth is not None, f"{name} {pair}: no state {book.last_id}"
            assert top == (truth.bids[:LEVELS], truth.asks[:LEVELS]), f"{name} {pair} {book.last_id}"
            ended = truth.until
        if ended is not None:
            age = self.clock.utc() - ended
            assert age <= CONFIG.quote_age + CONFIG.quote_lag, f"{name} {pair}: {age / SECOND} s old"
        self.compared[name] += 1

    def shares(self):
        """Of each exchange's pairs and moments, how many were fresh."""
        return {
            feed.venue.name: self.compared[feed.venue.name] / (self.looked * len(feed.pairs))
            for feed in self.feeds
        }

    def _remember(self):
        for name in UNNUMBERED:
            for pair in VENUES[name].default_pairs("ETH"):
                symbol = VENUES[name].symbol(pair)
                book = self.server.exchanges[name].book(symbol)
                truth = self.server.truth(name, symbol, book.id)
                self.states[name, symbol].append(
                    ((truth.bids[:LEVELS], truth.asks[:LEVELS]), self.clock.utc())
                )

    def _ended(self, states, top):
        """When the newest state with this top was over; None: it is not."""
        ended = None
        for state, since in reversed(states):
            if state == top:
                return ended
            ended = since
        raise AssertionError(f"never so in the last {KEPT} s: {top}")


def without(*kinds):
    return msgspec.structs.replace(every_fault(20), **{f"{kind}_every": 0 for kind in kinds})


@pytest.mark.parametrize(
    ("faults", "least_fresh"),
    [
        (
            every_fault(20),
            0.02,
        ),  # a clock that was set forward makes all that follows look late, for two windows
        (without("clock_skew", "stall", "half_open", "maintenance", "too_many_requests"), 0.8),
    ],
    ids=["every fault", "faults of frames"],
)
async def test_what_claims_to_be_fresh_is_true_whatever_fails(faults, least_fresh):
    async with Market(SEED, faults) as market:
        for _ in range(BLOCKS):
            await market.block()
        shares = market.shares()
        assert min(shares.values()) >= least_fresh, shares
        story = Counter()
        for one in market.server.story.values():
            story.update(one)
        assert sum(story.values()) > BLOCKS / 2, story
        counters = [feed.counters for feed in market.feeds]
        assert sum(one.gaps for one in counters) > 0
        assert sum(one.checksums for one in counters) > 0
        assert sum(one.malformed for one in counters) > 0
        market.server.end_faults()
        for _ in range(400):  # a clock that was set back by 2.5 s is forgiven in 250 s
            if all(feed.status(market.clock.now).state == "live" for feed in market.feeds):
                break
            await market.block()
        else:
            raise AssertionError([feed.status(market.clock.now) for feed in market.feeds])
        print(story, shares)
