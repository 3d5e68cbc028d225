"""One exchange's market data: what may be believed of its quotes and books, and how its feed is doing."""

from collections.abc import Callable, Sequence

from bot.core.errors import BadConfiguration
from bot.core.market_data import ExchangeStatus, Pair, Quote
from bot.core.ports import Clock
from bot.core.units import Nanoseconds
from bot.feeds.cex.config import CexConfig, CexCounters
from bot.feeds.cex.connection import Connection
from bot.feeds.cex.connection_keeper import ConnectionKeeper
from bot.feeds.cex.environment import Environment
from bot.feeds.cex.feed_status import feed_status
from bot.feeds.cex.frame_reader import SymbolSpec
from bot.feeds.cex.freshness import Priced, book_staleness, is_newer, record_staleness
from bot.feeds.cex.rate_budget import RateBudget
from bot.feeds.cex.snapshot_sync import SnapshotSource
from bot.feeds.cex.transport import Connect, Fetch, Tap, unsafe_url
from bot.feeds.cex.venue import Venue
from bot.state.order_book import OrderBook

STREAMS_A_PAIR = 2


class ExchangeFeed:
    """`run()` it as a task; ask it at any time. Nothing of one exchange is shared with another.

    `jitter` gives numbers in [0, 1). `ws_url` and `rest_url` are bases, empty for the exchange's own. Pairs that the
    exchange does not trade, or that are more than one connection carries, are left out and said so in the status.
    Raises BadConfiguration for a URL without TLS that is not of this machine.
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
        self.left_out: dict[Pair, str] = {}
        """Pairs that are not followed, and why."""
        specs = self._specs(pairs)
        self.pairs = tuple(spec.pair for spec in specs)
        self._index = {pair: index for index, pair in enumerate(self.pairs)}
        self._config = config
        self._clock = clock
        ws_base, rest_base = ws_url or venue.ws_url, rest_url or venue.rest_url
        _refuse_unsafe(venue, ws_base, rest_base)
        environment = Environment(
            venue=venue,
            specs=specs,
            config=config,
            clock=clock,
            counters=self.counters,
            jitter=jitter,
            snapshots=self._snapshots(rest_base, fetch, jitter, tap),
            tap=tap,
            refused=set(),
        )
        self._keeper = ConnectionKeeper(environment, venue.url(ws_base, environment.symbols), connect)
        self._is_running = False

    async def run(self) -> None:
        """Until cancelled; then no task and no socket is left. Raises nothing of the network."""
        self._is_running = True
        try:
            if self.pairs:
                await self._keeper.run()
        finally:
            self._is_running = False

    def book(self, pair: Pair) -> OrderBook | None:
        """The serving connection's; None: none yet. Ask again after each await, since a hand-over changes it.

        Whether it may be used is for `is_fresh` to say.
        """
        connection, index = self._keeper.active, self._index.get(pair)
        if connection is None or index is None:
            return None
        return connection.reader.books[index]

    def is_fresh(self, pair: Pair, now: Nanoseconds) -> str | None:
        """Why the book of `pair` must not be used; None: it is fresh. `now` is the monotonic clock."""
        connection, index = self._keeper.active, self._index.get(pair)
        if index is None:
            return self.left_out.get(pair, "not followed")
        if connection is None:
            return self._keeper.reason
        return book_staleness(connection, index, now, self._config)

    def quote(self, pair: Pair, now: Nanoseconds) -> Quote | None:
        """The newer of best bid/offer record and top of the book, each judged by itself; None before either came.

        A fresh one goes before a stale one.
        """
        connection, index = self._keeper.active, self._index.get(pair)
        if connection is None or index is None:
            return None
        config, record, book = self._config, connection.reader.quotes[index], connection.reader.books[index]
        of_record = record_staleness(connection, index, now, config)
        of_book = book_staleness(connection, index, now, config)
        if (of_record is None) != (of_book is None):
            takes_record = of_record is None
        else:
            takes_record = is_newer(record, book)
        quote = self._quote(pair, record, of_record) if takes_record else self._quote(pair, book, of_book)
        if quote is None:  # the newer one has no price: what the other says is at least a stale one
            quote = self._quote(pair, book, of_book) if takes_record else self._quote(pair, record, of_record)
        return quote

    def quotes(self, now: Nanoseconds) -> list[Quote]:
        """Of all pairs that have one, fresh or not."""
        return [quote for pair in self.pairs if (quote := self.quote(pair, now)) is not None]

    def status(self, now: Nanoseconds) -> ExchangeStatus:
        return feed_status(self, self._keeper, self._clock, now, is_running=self._is_running)

    def renew(self, reason: str) -> None:
        """Hand over to a second connection, whose books come whole, without a moment without a quote."""
        self._keeper.request_successor(reason)

    @property
    def connection(self) -> Connection | None:
        """The serving one."""
        return self._keeper.active

    def _quote(self, pair: Pair, priced: Priced, stale: str | None) -> Quote | None:
        best = priced.best()
        if best is None:
            return None
        exchange_time = Nanoseconds(priced.exchange_time) if priced.exchange_time else None
        received = Nanoseconds(priced.received or 0)
        return Quote(self.venue.name, pair, *best, exchange_time, received, stale)

    def _specs(self, pairs: Sequence[Pair]) -> tuple[SymbolSpec, ...]:
        specs: list[SymbolSpec] = []
        most = self.venue.limits.streams // STREAMS_A_PAIR
        for pair in dict.fromkeys(pairs):
            symbol = self.venue.symbol(pair)
            if symbol is None:
                self.left_out[pair] = f"not traded on {self.venue.name}"
            elif len(specs) >= most:
                self.left_out[pair] = f"more than the {most} pairs of one connection"
            else:
                specs.append(SymbolSpec(pair, symbol))
        return tuple(specs)

    def _snapshots(
        self, base: str, fetch: Fetch, jitter: Callable[[], float], tap: Tap | None
    ) -> SnapshotSource | None:
        rule, limits = self.venue.snapshot, self.venue.limits
        if rule is None:
            return None
        weights = RateBudget(limits.rest_weight, limits.rest_per)
        return SnapshotSource(
            rule, base, fetch, weights, self._clock, self._config, self.counters, jitter, tap
        )


def _refuse_unsafe(venue: Venue, ws_base: str, rest_base: str) -> None:
    bases = (ws_base, rest_base) if venue.snapshot is not None else (ws_base,)
    problems = [f"{venue.name}: {why}" for base in bases if (why := unsafe_url(base)) is not None]
    if problems:
        raise BadConfiguration(*problems)
