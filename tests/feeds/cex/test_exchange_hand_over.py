"""From one connection to the next: without a moment without a fresh quote."""

import asyncio
import contextlib
import gc
import itertools

import pytest

from bot.feeds.cex.config import CexConfig
from bot.feeds.cex.connection import Connection
from bot.feeds.cex.kraken import Kraken
from bot.feeds.cex.venue import Shutdown
from tests.feeds.cex.cex_stage import BTC_USD, ETH_USD, seconds, stage, until
from tests.feeds.cex.virtual_clock import MILLISECOND, SECOND

SHUTDOWN = '{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}'
VENUES_WITH_LIFE = pytest.mark.parametrize("venue", ["kraken", "binance"])


class Watch:
    """Counts the steps, and those without a fresh quote or with a book that is not the exchange's."""

    def __init__(self, on):
        self.on = on
        self.steps = 0
        self.without_quote = []
        self.most_sockets = 0

    def look(self):
        self.steps += 1
        self.most_sockets = max(self.most_sockets, len(self.on.server.sockets))
        quote = self.on.feed.quote(self.on.pair, self.on.clock.now)
        if quote is None or quote.stale is not None:
            self.without_quote.append((self.on.clock.now, quote and quote.stale))
        if self.on.feed.is_fresh(self.on.pair, self.on.clock.now) is not None:
            self.without_quote.append((self.on.clock.now, "book"))


async def test_a_shutdown_that_is_announced_costs_no_quote():
    async with stage("binance") as on:
        await on.live()
        watch, first = Watch(on), on.feed.connection
        await on.server.say(SHUTDOWN)
        await on.run_for(5, watch.look, step=50 * MILLISECOND)
        assert on.feed.counters.hand_overs == 1
        assert on.feed.connection is not first
        assert not first.is_open
        assert first.reason == "handed over: serverShutdown"
        assert len(on.server.sockets) == 1
        assert watch.most_sockets == 2
        assert watch.steps >= 100
        assert watch.without_quote == []
        assert on.agrees()
        assert (on.status.reconnects, on.status.gaps) == (0, 0)


@VENUES_WITH_LIFE
async def test_before_its_life_ends_a_connection_is_followed_by_the_next(venue):
    async with stage(venue, life=seconds(48)) as on:  # two seconds are its twenty-fourth
        await on.live()
        watch = Watch(on)
        lives = []
        for _ in range(3):
            opened = on.feed.connection.opened_at
            while on.feed.connection.opened_at == opened:
                await on.run_for(0.25, watch.look)
            lives.append((on.feed.connection.opened_at - opened) / SECOND)
        assert on.feed.counters.hand_overs == 3
        gc.collect()
        kept = [one for one in gc.get_objects() if isinstance(one, Connection)]
        assert kept == [on.feed.connection]  # nothing holds the old ones, nor their books
        assert all(44 <= life <= 46.5 for life in lives), lives
        assert watch.most_sockets <= 2
        assert watch.steps > 500
        assert watch.without_quote == []
        assert on.status.reconnects == 0


async def test_the_first_stays_while_the_second_fails():
    async with stage("binance") as on:
        await on.live()
        watch, first = Watch(on), on.feed.connection
        on.server.refuse = [(503, {})] * 3
        await on.server.say(SHUTDOWN)
        await on.run_for(1, watch.look)
        assert on.feed.connection is first
        assert first.is_open
        await on.run_for(15, watch.look)
        assert on.feed.counters.hand_overs == 1
        assert on.feed.counters.failed_connections == 3
        assert on.feed.connection is not first
        assert watch.without_quote == []


async def test_a_second_connection_that_does_not_serve_is_given_up():
    config = CexConfig(hand_over_limit=seconds(4), book_limit=seconds(60))
    async with stage("kraken", config=config, life=seconds(24)) as on:
        await on.live()
        watch, first = Watch(on), on.feed.connection
        on.server.answers_books = False
        await on.run_for(30, watch.look)
        assert on.feed.connection is first
        assert on.feed.counters.failed_hand_overs >= 1
        on.server.answers_books = True
        await on.run_for(30, watch.look)
        assert on.feed.connection is not first
        assert watch.without_quote == []


async def test_the_second_must_have_heard_what_is_fresh_on_the_first():
    async with stage("kraken", config=CexConfig(hand_over_limit=seconds(4)), life=seconds(24)) as on:
        await on.live()
        first = on.feed.connection
        on.server.answers_quotes = False
        await on.run_for(30)
        assert on.feed.counters.failed_hand_overs >= 1  # its book is there, its best bid and offer is not
        assert on.feed.connection is first
        on.server.answers_quotes = True
        await on.run_for(30)
        assert on.feed.connection is not first


async def test_books_that_the_first_lacks_too_are_waited_for_a_while():
    async with stage("binance") as on:
        on.server.hold_snapshots = asyncio.Event()
        await on.run_for(2)
        first = on.feed.connection
        await on.server.say(SHUTDOWN)
        await on.run_for(5)
        assert len(on.server.sockets) == 2
        assert on.feed.connection is first
        on.server.hold_snapshots.set()
        on.server.hold_snapshots = None
        await on.run_for(12)
        await on.live()
        assert on.feed.connection is not first
        assert on.agrees()


async def test_a_first_that_ends_early_leaves_the_place_to_the_second():
    async with stage("binance") as on:
        await on.live()
        on.server.refuse_rest = [(503, {})] * 2  # the second one is slow
        first = on.feed.connection
        await on.server.say(SHUTDOWN)
        await until(lambda: len(on.server.sockets) == 2, "the second")
        await on.server.sockets[0][0].close(code=1001, message=b"going away")
        await until(lambda: first.has_ended, "the end of the first")
        await on.run_for(3)
        await on.live()
        assert first.reason == "closed by the exchange: 1001 going away"
        assert len(on.server.handshakes) == 2
        assert on.agrees()


@VENUES_WITH_LIFE
async def test_a_half_open_socket_is_found_within_two_intervals(venue):
    async with stage(venue, heartbeat=seconds(10)) as on:
        await on.live()
        first = on.feed.connection
        await on.run_for(25)  # pings are answered
        assert first.is_open
        assert first.times.round_trip is not None
        on.server.deafen()
        silent_from = first.times.heard_at
        await on.clock.advance(seconds(19.5))
        assert first.is_open
        await on.clock.advance(seconds(0.6))
        assert not first.is_open
        assert on.clock.now - silent_from <= 20.6 * SECOND
        assert "half open" in first.reason
        await on.run_for(1)
        await on.live()
        assert on.feed.counters.half_open == 1
        assert on.agrees()


async def test_a_quiet_market_is_not_a_half_open_socket():
    async with stage(heartbeat=seconds(10), config=CexConfig(data_limit=seconds(600))) as on:
        await on.live()
        await on.clock.advance(seconds(120))
        assert on.feed.connection.is_open
        assert len(on.server.handshakes) == 1
        assert on.status.state == "stale"


async def test_their_pings_are_answered_and_count_as_heard():
    async with stage(heartbeat=seconds(10)) as on:
        await on.live()
        await on.clock.advance(seconds(5))
        await on.server.ping()
        await until(lambda: on.feed.connection.times.heard_at == on.clock.now, "their ping")
        await until(lambda: on.server.pongs == [b"are you there"], "our pong")


async def test_maintenance_is_said_and_waited_out():
    async with stage(failed_wait=0) as on:
        await on.live()
        on.server.refuse = [(503, {})] * 4
        await on.server.disconnect()
        await until(lambda: on.status.state != "live", "the end")
        assert on.status.reason.startswith("closed by the exchange: 1012 maintenance")
        assert not on.fresh
        await on.run_for(20)
        await on.live()
        assert on.status.reconnects == 1
        waits = [later - earlier for earlier, later in itertools.pairwise(on.server.handshakes[1:])]
        assert all(later > earlier for earlier, later in itertools.pairwise(waits))


@pytest.fixture
def nameless(monkeypatch):
    """A venue of which a book comes anew only on a new connection, and whose refusals name no symbol: Coinbase's way."""
    monkeypatch.setattr(Kraken, "resubscribe", lambda _self, _symbol, _next_id: [])

    @contextlib.asynccontextmanager
    async def on_stage():
        config = CexConfig(book_limit=seconds(1), longest_book_wait=seconds(240))  # a fifteenth of the usual
        async with stage(pairs=(ETH_USD, BTC_USD), config=config) as on:
            on.server.names_refused = False
            yield on

    return on_stage


async def test_a_book_that_never_comes_costs_ever_fewer_connections(nameless):
    async with nameless() as on:
        await until(lambda: on.fresh, "the first pair's quote")
        watch = Watch(on)
        await on.run_for(240, watch.look, step=SECOND)
        moments = on.server.handshakes
        assert 5 <= len(moments) <= 10
        waits = [later - earlier for earlier, later in itertools.pairwise(moments)]
        assert waits[-1] > 4 * waits[2]
        assert watch.without_quote == []  # the other pair was served all the time
        assert on.status.state == "syncing"
        assert on.status.reason.startswith("refused: Currency pair not supported; next connection in ")


async def test_what_ends_a_connection_soon_waits_for_no_book(nameless, monkeypatch):
    async with nameless() as on:
        await on.run_for(60, step=SECOND)
        before = len(on.server.handshakes)
        planted, control = '{"method":"pong","planted":1}', Kraken.control
        monkeypatch.setattr(
            Kraken,
            "control",
            lambda self, payload: (
                Shutdown("planted") if payload == planted.encode() else control(self, payload)
            ),
        )
        await on.server.say(planted)
        await on.run_for(1, step=250 * MILLISECOND)
        assert len(on.server.handshakes) == before + 1


async def test_a_book_that_comes_at_last_ends_the_search(nameless):
    async with nameless() as on:
        await on.run_for(30, step=SECOND)
        on.server.books["BTC/USD"] = on.server.books["ETH/USD"]
        await until(lambda: on.feed.connection.lacks, "the want of another")
        for _ in range(60):
            await on.run_for(1, step=SECOND)
            if not on.feed.connection.recovery.awaited:
                break
        await on.live()
        handshakes = len(on.server.handshakes)
        assert on.feed.connection.lacks == ""
        for _ in range(60):
            await on.move("BTC/USD")
            await on.run_for(1, step=SECOND)
        assert len(on.server.handshakes) == handshakes
        assert on.is_live()
