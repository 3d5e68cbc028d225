"""A recorded exchange in the place of the network: the same feed code follows it, by the recording's own clock.

The feed connects and asks as it does live; what it gets, and when, is what the recording has next: the next recorded
connection, the next answer to the same request. It decides by itself what it decided then.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final
from urllib.parse import urlsplit

import msgspec

from bot.core.market_data import ExchangeStatus, Pair
from bot.core.result import Ok, Unknown
from bot.core.units import Nanoseconds
from bot.feeds.cex.config import MILLISECOND, CexConfig, CexCounters
from bot.feeds.cex.exchange_feed import ExchangeFeed
from bot.feeds.cex.transport import Declined, Socket, SocketListener
from bot.feeds.cex.venue import Venue
from bot.feeds.recording_format import Kind, Record, RecordedAnswer
from bot.feeds.replay_loop import Part, ReplayClock

WS_BASE: Final = "wss://recorded.invalid"
REST_BASE: Final = "https://recorded.invalid"
"""No host is called; what is recorded may have come from any (RFC 6761: .invalid never resolves)."""
GRACE: Final = 100 * MILLISECOND
"""Ends that the feed decided upon (hand-over, half open) it decides upon again; after this the end is told as the peer's."""
HELD_BYTES: Final = 64 * 2**20
"""Frames kept of connections that the feed has not asked for yet."""
JITTER: Final = 0.5


class RecordedExchange:
    """`deliver` the records of one run in order; `connect` and `fetch` are the transport's seams."""

    def __init__(self) -> None:
        self.frames = 0
        self.dropped = 0
        """Records that the disk did not take when this was recorded, and frames of connections nobody asked for."""
        self._links: dict[int, _Link] = {}
        self._unclaimed: deque[_Link | Unknown] = deque()
        self._connecting: deque[tuple[SocketListener, asyncio.Future[Socket | Unknown]]] = deque()
        self._answers: dict[str, deque[RecordedAnswer]] = {}
        self._asking: dict[str, deque[asyncio.Future[RecordedAnswer]]] = {}
        self._last: dict[str, tuple[Nanoseconds, RecordedAnswer]] = {}
        self._held = 0
        self.unclaimed: Callable[[], None] = lambda: None
        """Called when a connection begins beside another, and the feed has not asked for it."""

    async def connect(self, url: str, listener: SocketListener, /) -> Socket | Declined | Unknown:  # noqa: ARG002 - the recording knows where it came from
        """The next recorded connection; until it comes this waits."""
        if self._unclaimed:
            link = self._unclaimed.popleft()
            if isinstance(link, Unknown):
                return link
            link.listener = listener
            self._answer_again(link.since)
            asyncio.get_running_loop().call_soon(self._catch_up, link)
            return link
        future: asyncio.Future[Socket | Unknown] = asyncio.get_running_loop().create_future()
        entry = (listener, future)
        self._connecting.append(entry)
        try:
            return await future
        finally:
            if entry in self._connecting:
                self._connecting.remove(entry)

    async def fetch(self, url: str, /) -> Ok[bytes] | Declined | Unknown:
        """The next recorded answer to the same request, when its time has come."""
        key = _request_of(url)
        waiting = self._answers.get(key)
        if waiting:
            return _meaning(waiting.popleft())
        future: asyncio.Future[RecordedAnswer] = asyncio.get_running_loop().create_future()
        asking = self._asking.setdefault(key, deque())
        asking.append(future)
        try:
            return _meaning(await future)
        finally:
            if future in asking:
                asking.remove(future)

    def deliver(self, record: Record) -> None:
        """One more record, at its time."""
        match record.kind:
            case Kind.FRAME:
                self._frame(record)
            case Kind.OPENED | Kind.CONTINUED:
                self._opened(record.connection, record.received)
            case Kind.CLOSED:
                self._closed(record.connection, record.text)
            case Kind.ANSWER:
                self._answer(record.answer, record.received)
            case Kind.DROPPED:
                self.dropped += record.dropped
            case _:  # what we sent is sent again by the feed itself
                pass

    def _frame(self, record: Record) -> None:
        self.frames += 1
        link = self._links.get(record.connection) or self._arrive(record.connection, record.received)
        if link.listener is not None:
            link.listener.on_frame(record.payload)
        elif self._held + len(record.payload) <= HELD_BYTES:
            self._held += len(record.payload)
            link.held.append(record.payload)
        else:
            self.dropped += 1

    def _arrive(self, connection: int, now: Nanoseconds) -> "_Link":
        """The first of a connection that is heard of; frames may come before the handshake is through."""
        link = self._links[connection] = _Link(now)
        if self._connecting:
            link.listener, link.future = self._connecting.popleft()
        else:
            self._unclaimed.append(link)
            if len(self._links) > 1:
                self.unclaimed()
        return link

    def _opened(self, connection: int, now: Nanoseconds) -> None:
        link = self._links.get(connection) or self._arrive(connection, now)
        if link.future is not None and not link.future.done():
            link.future.set_result(link)

    def _closed(self, connection: int, reason: str) -> None:
        link = self._links.pop(connection, None)
        if link is None:
            # An attempt that failed: it never opened.
            future = self._connecting.popleft()[1] if self._connecting else None
            if future is not None and not future.done():
                future.set_result(Unknown(reason))
            else:
                self._unclaimed.append(Unknown(reason))
        elif link.listener is None:
            link.end = reason
        else:
            asyncio.get_running_loop().call_later(GRACE / 1e9, link.finish, reason)

    def _catch_up(self, link: "_Link") -> None:
        while link.held and link.listener is not None:
            payload = link.held.popleft()
            self._held -= len(payload)
            link.listener.on_frame(payload)
        if link.end is not None:
            link.finish(link.end)

    def _answer(self, answer: RecordedAnswer, now: Nanoseconds) -> None:
        """To all who wait for it: a connection that has its book already then may lack it now, and ask beside the other."""
        key = _request_of(answer.url)
        self._last[key] = (now, answer)
        asking = [future for future in self._asking.get(key, ()) if not future.done()]
        for future in asking:
            future.set_result(answer)
        if not asking:
            self._answers.setdefault(key, deque()).append(answer)

    def _answer_again(self, since: Nanoseconds) -> None:
        """What came while a connection was kept was for it, even if another one took it."""
        for key, (at, answer) in self._last.items():
            if at >= since and not self._answers.get(key):
                self._answers[key] = deque([answer])


class _Link:
    """transport.Socket of one recorded connection. What is sent goes nowhere; a ping is answered at once."""

    def __init__(self, since: Nanoseconds) -> None:
        self.since = since
        self.listener: SocketListener | None = None
        self.future: asyncio.Future[Socket | Unknown] | None = None
        self.held: deque[bytes] = deque()
        self.end: str | None = None

    def send(self, payload: bytes) -> None: ...

    def ping(self, payload: bytes) -> None:
        if self.listener is not None:
            asyncio.get_running_loop().call_soon(self.listener.on_pong, payload)

    def close(self) -> None:
        self.finish("closed by us")

    def finish(self, reason: str) -> None:
        listener, self.listener = self.listener, None
        self.held.clear()
        if listener is not None:
            listener.on_closed(reason)


class TopOfBook(msgspec.Struct, frozen=True):
    """How one pair stood at the end."""

    pair: Pair
    best: tuple[int, int, int, int] | None
    """Bid, its size, ask, its size: of the book. None: no book, or a side is empty."""
    stale: str | None
    """Why the book could not be used; None: it was fresh."""


class ReplayedExchange(msgspec.Struct, frozen=True):
    """What following a recording came to."""

    frames: int
    dropped: int
    counters: CexCounters
    status: ExchangeStatus
    tops: tuple[TopOfBook, ...]


def exchange_part(
    venue: Venue,
    pairs: Sequence[Pair],
    records: Iterable[Record],
    config: CexConfig,
    *,
    jitter: Callable[[], float] = lambda: JITTER,
    at_end: Callable[[ExchangeFeed], None] = lambda _feed: None,
) -> Part[ReplayedExchange]:
    """Follow `records` of one run to their end; `at_end` may look at the feed before it stops."""
    exchange = RecordedExchange()

    async def follow(clock: ReplayClock, is_over: asyncio.Event) -> ReplayedExchange:
        feed = ExchangeFeed(
            venue, pairs, WS_BASE, REST_BASE, config, exchange.connect, exchange.fetch, clock, jitter
        )
        # Then something outside the feed had asked for a second connection: it is asked for now.
        exchange.unclaimed = partial(feed.renew, "the recording goes on on another connection")
        running = asyncio.create_task(feed.run())
        await is_over.wait()
        if running.done():
            running.result()  # a defect of the feed is ours to hear of
        now = clock.monotonic()
        at_end(feed)
        result = ReplayedExchange(
            frames=exchange.frames,
            dropped=exchange.dropped,
            counters=msgspec.structs.replace(feed.counters),
            status=feed.status(now),
            tops=tuple(_top(feed, pair, now) for pair in feed.pairs),
        )
        running.cancel()
        await asyncio.wait([running])
        return result

    return Part(records, exchange.deliver, follow)


def _top(feed: ExchangeFeed, pair: Pair, now: Nanoseconds) -> TopOfBook:
    book = feed.book(pair)
    return TopOfBook(pair, book.best() if book is not None else None, feed.is_fresh(pair, now))


def _request_of(url: str) -> str:
    """The last segment of the path, and the query: what stands before depends on the base."""
    parts = urlsplit(url)
    return f"{parts.path.rpartition('/')[2]}?{parts.query}"


def _meaning(answer: RecordedAnswer) -> Ok[bytes] | Declined | Unknown:
    if answer.status == 200:
        return Ok(answer.body)
    return (
        Declined(answer.status, None, answer.body)
        if answer.status
        else Unknown(answer.body.decode("utf-8", "replace"))
    )
