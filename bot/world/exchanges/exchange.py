"""One exchange at work: its books, its clients, and what each of them is sent."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Final

from aiohttp import web

from bot.world.exchanges.condition import GOING_AWAY, RESTART, Condition
from bot.world.exchanges.connection import Connection, Stream
from bot.world.exchanges.faults import Strike
from bot.world.exchanges.listing import Listing
from bot.world.exchanges.protocol import SECOND, Host, Movement, Protocol, Request
from bot.world.exchanges.published_book import EPOCH, Prices, PublishedBook
from bot.world.exchanges.true_book import TrueBook

_QUIET_QUOTE: Final = 3 * SECOND
"""An unchanged best level is sent again after this, where the exchange does so."""


class Exchange(Host):
    """`now` is UTC ns; the exchange's own clock runs `skew` ahead of it."""

    def __init__(
        self, protocol: Protocol, seed: int, now: Callable[[], int], skew: int, history: int
    ) -> None:
        self.protocol = protocol
        self.story: Counter[str] = Counter()
        """What went wrong here, by kind of fault; and what clients did wrong, by our own words."""
        self.condition = Condition(protocol, self.story)
        self.connections: list[Connection] = []
        self._seed = seed
        self.now = now
        self._skew = skew
        self._history = history
        self._draw = random.Random(f"exchange {seed} {protocol.name} clients")  # noqa: S311  # a seeded market
        self._listings = {listing.symbol: listing for listing in protocol.listings}
        self._books: dict[str, PublishedBook] = {}
        self._followers: dict[str, list[tuple[Connection, Stream]]] = {}
        self._path: list[Prices] = []
        """Prices since the epoch began; the last are those of now."""
        self._step = 0

    def listing(self, symbol: str) -> Listing | None:
        return self._listings.get(symbol)

    def book(self, symbol: str) -> TrueBook:
        return self._published(symbol).book

    def time(self) -> int:
        time = self.now() + self._skew + self.condition.jump
        return time - time % self.protocol.time_unit

    def step(self, prices: Prices, number: int) -> None:
        """Every book moves, and its subscribers hear of it. Steps are numbered one after the other from 0."""
        if number % EPOCH == 0:
            self._path = []
        self._path.append(prices)
        self._step = number
        for symbol, published in self._books.items():
            now, time = self.now(), self.time()
            self._tell(symbol, published, published.step(prices, number, now, time), is_message=True)
            movement = published.move_on(prices, now, time)
            if movement is not None:
                self._tell(symbol, published, movement, is_message=False)

    def beat(self) -> None:
        """Everything that is due by the clock."""
        now, time = self.now(), self.time()
        if self.condition.end(now):
            for connection in self.connections:
                for stream in [s for s in connection.streams.values() if s.name not in connection.served]:
                    self._serve(connection, stream)
        for connection in list(self.connections):
            connection.drain()
            self._beat(connection, now, time)

    def strike(self, strike: Strike) -> None:
        """Raises ValueError where this exchange knows no such fault."""
        if strike.kind in self.protocol.faults_not_there:
            raise ValueError(f"{self.protocol.name} has no {strike.kind}")
        self.condition.strike(strike, self.connections, self.now(), self.time())

    def join(self, socket: web.WebSocketResponse, request: Request) -> Connection:
        """A client whose handshake is done."""
        connection = Connection(self.condition, self.story, socket, self._draw, self.now())
        self.connections.append(connection)
        self.protocol.opened(self, connection, request)
        return connection

    def leave(self, connection: Connection) -> None:
        for name in list(connection.streams):
            self.unsubscribe(connection, name)
        self.connections.remove(connection)

    def take(self, connection: Connection, text: str | None) -> None:
        """A client's message; None: a ping or pong frame, which counts as one."""
        if connection.half_open:
            return
        rules, now = self.protocol.rules, self.now()
        received = connection.received
        while received and received[0] <= now - rules.messages_per:
            received.popleft()
        received.append(now)
        if rules.messages is not None and len(received) > rules.messages:
            self._cut(connection, "too_many_messages", 1008)
        elif text is not None:
            self.protocol.received(self, connection, text)

    def subscribe(self, connection: Connection, stream: Stream) -> None:
        if stream.name in connection.streams:
            self.unsubscribe(connection, stream.name)
        if len(connection.streams) == self.protocol.rules.most_streams:
            self._cut(connection, "too_many_streams", 1008)
            return
        connection.streams[stream.name] = stream
        if stream.symbol:
            self._followers.setdefault(stream.symbol, []).append((connection, stream))
        if not self.condition.is_stalled:
            self._serve(connection, stream)

    def unsubscribe(self, connection: Connection, name: str) -> None:
        stream = connection.streams.pop(name, None)
        if stream is None:
            return
        connection.served.discard(name)
        if stream.symbol:
            self._followers[stream.symbol].remove((connection, stream))

    def _published(self, symbol: str) -> PublishedBook:
        if symbol not in self._books:
            book = PublishedBook(self.protocol, self._listings[symbol], self._seed, self._history)
            book.catch_up(self._path, self._step + 1 - len(self._path), self.now(), self.time())
            self._books[symbol] = book
        return self._books[symbol]

    def _serve(self, connection: Connection, stream: Stream) -> None:
        connection.served.add(stream.name)
        if stream.symbol:
            published = self._published(stream.symbol)
            published.watch(stream.depth)
            time = self.time()
            frame = self.protocol.snapshot(stream, published.book, time)
            if frame is not None:
                published.book.tell(time)
                connection.send_data(frame, stream, is_update=False)

    def _tell(self, symbol: str, published: PublishedBook, movement: Movement, *, is_message: bool) -> None:
        quiet = self.protocol.repeats_quotes and movement.time - published.quote_sent_at >= _QUIET_QUOTE
        has_quote = published.quote_changed or quiet
        if has_quote:
            published.quote_sent_at = movement.time
        frames: dict[str, str | None] = {}
        for connection, stream in self._followers.get(symbol, ()):
            if stream.name not in connection.served or not (
                has_quote if stream.kind == "quote" else is_message
            ):
                continue
            if stream.name not in frames:
                frames[stream.name] = self._frame(published, stream, movement)
            frame = frames[stream.name]
            if frame is not None:
                connection.send_data(self.protocol.dress(connection, stream, frame), stream, is_update=True)

    def _frame(self, published: PublishedBook, stream: Stream, movement: Movement) -> str | None:
        if stream.kind == "quote":
            return self.protocol.quote(stream, movement)
        return self.protocol.update(stream, movement, published.window(stream.depth, movement))

    def _beat(self, connection: Connection, now: int, time: int) -> None:
        rules, age = self.protocol.rules, now - connection.opened_at
        if connection.half_open or connection.is_closing:
            return
        if connection.closes_at is not None and now >= connection.closes_at:
            connection.close(RESTART, "service restart")
        elif rules.subscribe_within is not None and not connection.streams and age > rules.subscribe_within:
            self._cut(connection, "no_subscription", GOING_AWAY)
        elif rules.life is not None and age >= rules.life:
            self._cut(connection, "end_of_life", GOING_AWAY)
        elif connection.pinged_at is not None and now - connection.pinged_at > rules.pong_within:
            self._cut(connection, "no_pong", GOING_AWAY)
        else:
            self._say_alive(connection, now, time)

    def _say_alive(self, connection: Connection, now: int, time: int) -> None:
        rules = self.protocol.rules
        if rules.ping_every is not None and now - connection.last_ping >= rules.ping_every:
            connection.last_ping = now
            if connection.pinged_at is None:
                connection.pinged_at = now
            connection.ping(str(time // 10**6).encode())
        if rules.beat_every is not None and now - connection.last_beat >= rules.beat_every:
            connection.last_beat = now
            self.protocol.beat(connection, time)

    def _cut(self, connection: Connection, why: str, code: int) -> None:
        self.story[why] += 1
        connection.close(code, why.replace("_", " "))
