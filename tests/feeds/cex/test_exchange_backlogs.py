"""What is late must not look fresh, wherever the delay began."""

import json

import pytest

from bot.core.result import Ok
from bot.feeds.cex.config import CexConfig
from tests.feeds.cex.scripted_exchange import ETH_USDT, OkxScript, Script, running
from tests.feeds.cex.virtual_clock import MILLISECOND, SECOND

UPGRADE = {"event": "notice", "code": "64008", "msg": "upgrade"}


@pytest.mark.parametrize("is_lost", [False, True])
async def test_the_next_connection_knows_how_quick_the_last_one_was(is_lost):
    async with running(OkxScript([ETH_USDT])) as on:
        await on.run_for(5, on.tick)
        assert on.stale() is None
        on.behind = 4 * SECOND
        if is_lost:
            on.sockets[0].listener.on_closed("gone")
        else:
            on.sockets[0].say(UPGRADE)
        await on.run_for(10, on.tick)
        assert len(on.sockets) == 2
        assert on.feed.counters.hand_overs == 0
        if is_lost:
            assert "behind" in on.stale()
        else:
            assert on.stale() is None  # the first one's
        on.sockets[1].behind = 0
        await on.run_for(2, on.tick)
        assert on.stale() is None
        assert (on.feed.counters.hand_overs, on.feed.counters.reconnects) == (not is_lost, is_lost)


async def test_a_backlog_of_the_first_connection_is_seen_by_the_clocks_themselves():
    on = OkxScript([ETH_USDT])
    on.behind = 6 * SECOND
    async with running(on):
        await on.run_for(3, on.tick)
        assert on.stale().startswith("sent 6.0 s ago by the exchange's clock, more than 5 s: a backlog")
        assert on.feed.quote(ETH_USDT, on.clock.now).stale == on.stale()
        on.sockets[0].behind = 4 * SECOND
        await on.run_for(2, on.tick)
        assert on.stale() is None


async def test_an_exchange_s_clock_ahead_of_ours_is_no_lag():
    on = OkxScript([ETH_USDT])
    on.behind = -3_600 * SECOND
    async with running(on):
        await on.run_for(3, on.tick)
        assert on.stale() is None


class SlowRest(Script):
    venue = "binance"

    async def answer(self, url):
        del url
        book = {"lastUpdateId": 1000, "bids": [["100", "1"]], "asks": [["101", "1"]]}
        await self.clock.sleep(9 * SECOND)
        return Ok(json.dumps(book).encode())


async def test_a_snapshot_is_as_old_as_its_request():
    on = SlowRest([ETH_USDT], CexConfig())
    async with running(on):
        await on.clock.advance(10 * SECOND + 50 * MILLISECOND)
        assert on.feed.book(ETH_USDT).best() is not None
        assert on.stale().startswith("last frame 9.")
