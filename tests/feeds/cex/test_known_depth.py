"""Books that begin as a part of the exchange's: where the price leaves that part they are asked for anew, and not often."""

import itertools

import numpy as np
import pytest

from bot.feeds.cex.binance import Binance
from bot.feeds.cex.config import CexConfig
from bot.feeds.cex.known_depth import KnownDepth
from bot.feeds.cex.kraken import Kraken
from bot.feeds.cex.venue import SnapshotRule
from bot.feeds.cex.venues import VENUES
from bot.state.book_layout import IS_SYNCED, lay_out, words_needed
from bot.state.order_book import OrderBook
from bot.state.order_book_kernel import put
from tests.feeds.cex.cex_stage import seconds, settle, stage
from tests.feeds.cex.virtual_clock import MILLISECOND, SECOND

CONFIG = CexConfig(least_known=4, thin_wait=seconds(30))
MINUTE = 60 * SECOND


class Held:
    """A book by hand."""

    def __init__(self, levels):
        self.words = np.zeros(words_needed(4096), np.int64)
        lay_out(self.words, 0, 4096, 0, 8, 8)
        self.words[IS_SYNCED] = 1
        for place in range(levels):
            put(self.words, 0, 0, 100_000 - place, 1, 0)
            put(self.words, 0, 1, 100_001 + place, 1, 0)
        self.book = OrderBook(self.words, 0)

    def take(self, side, count):
        for price, _ in self.book.top(count)[side]:
            put(self.words, 0, side, price, 0, 0)


@pytest.mark.parametrize("side", [0, 1])
def test_a_side_with_too_few_levels_of_its_view_is_thin(side):
    held = Held(1000)
    known = KnownDepth([held.book], VENUES["binance"], CexConfig())
    known.arrived(0, 0)
    held.take(side, 800)  # 900 are sure
    assert known.thin(11 * MINUTE) == []
    held.take(side, 1)
    assert known.thin(12 * MINUTE) == [0]
    for place in range(500):  # levels behind the view do not count
        price = 100_000 - 1000 - place if side == 0 else 100_001 + 1000 + place
        put(held.words, 0, side, price, 1, 0)
    assert known.thin(13 * MINUTE) == [0]


def test_not_within_ten_minutes_and_not_a_book_that_is_on_its_way():
    held = Held(1000)
    known = KnownDepth([held.book], VENUES["binance"], CexConfig())
    known.arrived(0, 0)
    held.take(0, 950)
    assert known.thin(10 * MINUTE - 1) == []
    held.words[IS_SYNCED] = 0
    assert known.thin(11 * MINUTE) == []
    held.words[IS_SYNCED] = 1
    assert known.thin(12 * MINUTE) == [0]


@pytest.mark.parametrize(
    ("venue", "levels"), [("binance", 800), ("coinbase", 1000), ("kraken", 100), ("okx", 400)]
)
def test_what_came_whole_or_has_a_depth_is_never_thin(venue, levels):
    held = Held(levels)
    known = KnownDepth([held.book], VENUES[venue], CexConfig())
    known.arrived(0, 0)
    held.take(0, levels - 1)
    assert known.thin(11 * MINUTE) == []


async def test_a_snapshot_whose_price_moved_away_is_fetched_anew_and_not_often(monkeypatch):
    monkeypatch.setattr(Binance, "snapshot", SnapshotRule("/api/v3/depth?symbol={symbol}&limit=12", 5, 12))
    async with stage("binance", config=CONFIG) as on:
        await on.live()
        for moves in range(400):
            if moves % 20 == 10:
                on.server.books["ETHUSDT"].shift(9)
            await on.move(told=3)
            await settle()
            await on.clock.advance(250 * MILLISECOND)
        waits = [later - earlier for earlier, later in itertools.pairwise(on.server.snapshots)]
        assert len(waits) >= 2
        assert min(waits) >= CONFIG.thin_wait
        fetched = len(on.server.snapshots)
        while len(on.server.snapshots) == fetched:  # still now, until the last one
            await on.move(told=3)
            await settle()
            await on.clock.advance(250 * MILLISECOND)
        await on.live()
        assert on.agrees()
        assert (on.status.gaps, on.status.reconnects, on.feed.counters.hand_overs) == (0, 0, 0)


async def test_a_stream_that_is_begun_anew_by_a_connection_is_handed_over(monkeypatch):
    """Coinbase's way: the first connection serves until the second one's book is there."""
    monkeypatch.setattr(Kraken, "depth", 0)
    monkeypatch.setattr(Kraken, "capacity", 12)
    async with stage(config=CONFIG) as on:
        await on.live()
        first = on.feed.connection
        for _ in range(50):
            await on.run_for(1)
            assert on.fresh
        assert on.feed.connection is first  # it does not move
        view = first._known._views[0]
        first._known._views[0] = type(view)(view.since, view.bid + 10**8, view.ask)  # it has moved
        await on.run_for(15)
        assert on.feed.connection is not first
        assert first.reason == "handed over: ETH/USD: its price left the levels that are known"
        assert len(on.server.handshakes) == 2
