"""One exchange's market data: its connections, their hand-over, and what may be believed of its quotes and books."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bot.core.market_data import ExchangeStatus, Pair, Quote
from bot.core.ports import Clock
from bot.core.units import Nanoseconds
from bot.feeds.cex.config import CexConfig, CexCounters
from bot.feeds.cex.transport import Connect, Fetch, Tap
from bot.feeds.cex.venue import Venue

if TYPE_CHECKING:
    from bot.state.order_book import OrderBook


class ExchangeFeed:
    """`run()` it as a task; ask it at any time. Nothing of one exchange is shared with another.

    `jitter` gives numbers in [0, 1). `ws_url` and `rest_url` are bases, empty for the exchange's own.
    """

    def __init__(
        self,
        venue: Venue,
        pairs: Sequence[Pair],
        ws_url: str,
        rest_url: str,
        config: CexConfig,
        connect: Connect,
        fetch: Fetch,
        clock: Clock,
        jitter: Callable[[], float],
        tap: Tap | None = None,
    ) -> None:
        self.venue = venue
        self.counters = CexCounters()

    async def run(self) -> None:
        """Until cancelled; then no task and no socket is left. Raises nothing of the network."""
        raise NotImplementedError

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """Followed; those the exchange does not trade are left out."""
        raise NotImplementedError

    def book(self, pair: Pair) -> "OrderBook | None":
        """The serving connection's; ask again after each await, since a hand-over changes it. See is_fresh."""
        raise NotImplementedError

    def is_fresh(self, pair: Pair, now: Nanoseconds) -> str | None:
        """Why the book of `pair` must not be used; None: it is fresh. `now` is the monotonic clock."""
        raise NotImplementedError

    def quote(self, pair: Pair, now: Nanoseconds) -> Quote | None:
        """The newer of best bid/offer record and top of the book, each judged by itself; None before either came."""
        raise NotImplementedError

    def quotes(self, now: Nanoseconds) -> list[Quote]:
        """Of all pairs that have one, fresh or not."""
        raise NotImplementedError

    def status(self, now: Nanoseconds) -> ExchangeStatus:
        raise NotImplementedError
