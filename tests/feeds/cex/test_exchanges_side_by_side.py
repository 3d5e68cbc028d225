"""A defect in one exchange's feed is that feed's alone, is said, and is not for good."""

import asyncio

from bot.core.market_data import ExchangeStatus
from bot.feeds.cex.exchange_feeds import AFTER_DEFECT, ExchangeFeeds
from bot.feeds.cex.venues import VENUES
from tests.feeds.cex.virtual_clock import SECOND, VirtualClock

FINE = ExchangeStatus("", "live", "", 0, 1.0, 1, 0, 0, 0, 0, None, ())


class StandIn:
    """A feed that fails as often as told, then runs."""

    def __init__(self, name, failures):
        self.venue = VENUES[name]
        self.failures = failures
        self.starts = 0
        self.is_running = False

    async def run(self):
        self.starts += 1
        if self.starts <= self.failures:
            raise ZeroDivisionError("planted")
        self.is_running = True
        try:
            await asyncio.Event().wait()
        finally:
            self.is_running = False

    def status(self, now):
        return FINE

    def quotes(self, now):
        return []


async def test_a_defect_ends_one_feed_for_a_minute_and_no_other():
    clock, bad, good = VirtualClock(), StandIn("kraken", failures=2), StandIn("okx", failures=0)
    feeds = ExchangeFeeds([bad, good], clock)
    running = asyncio.create_task(feeds.run())
    await clock.advance(SECOND)
    kraken, okx = feeds.statuses(clock.monotonic())
    assert kraken.state == "stopped"
    assert "ZeroDivisionError: planted" in kraken.reason
    assert okx is FINE
    assert (bad.starts, good.starts, good.is_running) == (1, 1, True)

    await clock.advance(AFTER_DEFECT)
    assert bad.starts == 2
    assert feeds.statuses(clock.monotonic())[0].state == "stopped"
    await clock.advance(AFTER_DEFECT)
    assert (bad.starts, bad.is_running) == (3, True)
    assert feeds.statuses(clock.monotonic()) == (FINE, FINE)
    assert good.starts == 1

    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (bad.is_running, good.is_running) == (False, False)
