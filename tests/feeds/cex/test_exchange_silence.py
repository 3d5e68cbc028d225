"""A socket that lives and brings nothing, one book that has fallen silent, and books that cannot be had."""

import pytest

from bot.core.market_data import Pair
from bot.feeds.cex.config import CexConfig
from bot.feeds.cex.data_watch import DataWatch
from bot.feeds.cex.okx import Okx
from tests.feeds.cex.scripted_exchange import ETH_USDT, OkxScript, running
from tests.feeds.cex.virtual_clock import SECOND

PEPE = Pair("PEPE", "USDT")
UNKNOWN = {"id": "PEPExUSDTx1", "event": "error", "code": "60018", "msg": "Wrong instrument", "connId": "x"}


async def test_a_live_socket_without_data_is_replaced_ever_more_seldom():
    async with running(OkxScript([ETH_USDT])) as on:
        await on.run_for(5, on.tick)
        await on.run_for(100)
        assert len(on.attempts) == 2
        await on.run_for(6 * 3600)
        assert 8 <= len(on.attempts) <= 17
        assert len(on.open) == 1
        assert "next connection in" in on.feed.status(on.clock.now).reason
        await on.run_for(3600, on.tick, step=3 * SECOND)
        assert on.stale() is None
        before = len(on.attempts)
        await on.run_for(90)  # a new silence, after an hour with data: at once again
        assert len(on.attempts) == before + 1


async def test_what_is_repeated_is_no_data():
    async with running(OkxScript([ETH_USDT])) as on:
        await on.run_for(5, on.tick)

        def repeat():
            for socket in on.open:
                socket.say(socket.last)

        await on.run_for(100, repeat)
        assert on.feed.counters.duplicates > 50
        assert len(on.attempts) == 2


@pytest.mark.parametrize("unbroken", [0, 500])
def test_a_halted_market_is_not_silent(unbroken):
    watch = DataWatch(1, CexConfig())
    watch.begin(0)
    for second in range(1, 1000, 10):
        watch.look(second * SECOND, unbroken * SECOND, is_excused=True)
        assert watch.silence == ""
    watch.look(1049 * SECOND, 0, is_excused=False)
    assert watch.silence == ""
    watch.look(1051 * SECOND, 0, is_excused=False)
    assert watch.silence == "no book or quote for 60 s"


def subscriptions(on, symbol):
    return [p for socket in on.sockets for p in socket.sent if b'"subscribe"' in p and symbol.encode() in p]


async def test_one_silent_book_is_asked_for_alone():
    async with running(OkxScript([ETH_USDT, PEPE])) as on:
        await on.run_for(5, on.tick)
        on.silent = {"PEPE-USDT"}
        await on.run_for(290, on.tick)
        assert len(subscriptions(on, "PEPE-USDT")) == 1
        await on.run_for(40, on.tick)
        assert len(subscriptions(on, "PEPE-USDT")) == 2
        await on.run_for(3600, on.tick, step=3 * SECOND)
        assert len(subscriptions(on, "PEPE-USDT")) == 5  # after 300, 600, 1,200 and 2,400 s more
        assert (len(on.attempts), len(subscriptions(on, "ETH-USDT"))) == (1, 1)
        assert on.stale() is None


class WithUnknown(OkxScript):
    knows = False

    def subscribed(self, socket, symbol):
        if symbol == "PEPE-USDT" and not self.knows:
            socket.say(UNKNOWN)
        else:
            super().subscribed(socket, symbol)


async def test_a_refused_pair_is_asked_for_again_ever_more_seldom():
    async with running(WithUnknown([ETH_USDT, PEPE])) as on:
        await on.run_for(100, on.tick)
        assert on.stale(PEPE) == "Wrong instrument (60018)"
        assert len(subscriptions(on, "PEPE-USDT")) == 1
        await on.run_for(4 * 3600, on.tick, step=3 * SECOND)
        assert 5 <= len(subscriptions(on, "PEPE-USDT")) <= 9
        assert on.feed.status(on.clock.now).state == "live"
        on.knows = True
        await on.run_for(3700, on.tick, step=3 * SECOND)
        assert on.stale(PEPE) is None
        assert on.feed.status(on.clock.now).pairs == ("ETH/USDT", "PEPE/USDT")
        assert len(on.attempts) == 1


async def test_a_pair_of_finer_digits_is_refused_alone():
    on = OkxScript([ETH_USDT, PEPE])
    on.prices["PEPE-USDT"] = ("0.000006301", "0.000006302")
    async with running(on):
        fresh = []
        await on.run_for(600, lambda: (on.tick(), fresh.append(on.stale() is None)))
        assert fresh.count(True) >= 599
        assert on.stale(PEPE) == "its digits do not fit 10^-8"
        assert len(on.attempts) == 1
        assert 2 <= len(subscriptions(on, "PEPE-USDT")) <= 3


class Crossing(OkxScript):
    """The book of one pair comes, and crosses at its first update: each time."""

    def book(self, socket, symbol, action="update"):
        crosses = symbol == "PEPE-USDT" and action == "update"
        self.prices[symbol] = ("102", "101") if crosses else ("100", "101")
        super().book(socket, symbol, action)


@pytest.mark.parametrize("comes_alone", [True, False])
async def test_a_book_that_never_stays_costs_a_handful_of_connections(monkeypatch, comes_alone):
    if not comes_alone:
        monkeypatch.setattr(Okx, "resubscribe", lambda *_: [])  # as at Coinbase
    async with running(Crossing([ETH_USDT, PEPE])) as on:
        fresh = []
        await on.run_for(600, lambda: (on.tick(), fresh.append(on.stale() is None)))
        assert on.feed.counters.crossed >= len(on.attempts)
        assert 2 <= len(on.attempts) <= 8
        assert fresh.count(True) >= 599
