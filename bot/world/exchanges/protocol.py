"""What each exchange's file says: what it lists, its frames, and what it answers. All state is elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from bot.world.exchanges.connection import Connection, Stream
from bot.world.exchanges.faults import FaultKind
from bot.world.exchanges.listing import Listing
from bot.world.exchanges.true_book import Changes, Level, TrueBook

SECOND = 10**9


class Rules(msgspec.Struct, frozen=True):
    """What an exchange holds its clients to; times in ns."""

    attempts: int
    """Connections one address may open in `attempts_per`; then HTTP 429."""
    attempts_per: int
    messages: int | None = None
    """A client may send in `messages_per` on one connection; then it is cut off."""
    messages_per: int = SECOND
    subscribe_within: int | None = None
    life: int | None = None
    ping_every: int | None = None
    """Websocket pings of the server."""
    pong_within: int = 60 * SECOND
    beat_every: int | None = None
    """Heartbeats in the stream."""
    most_streams: int = 1024


class Movement(msgspec.Struct, frozen=True):
    """A step of one book, as its exchange publishes it."""

    book: TrueBook
    time: int
    """UTC ns by the exchange's clock."""
    changes: Changes
    """Since the last step's message, in any level."""
    first_id: int
    previous_id: int
    """Id of the last step's message."""


class Request(msgspec.Struct, frozen=True):
    """A GET of the exchange's REST."""

    path: str
    """Behind the exchange's prefix."""
    query: Mapping[str, str]


class Answer(msgspec.Struct, frozen=True):
    status: int
    body: str


class Protocol:
    """One exchange's language. Frames are texts; `None` means that nothing is to be sent."""

    name: str
    ws_path: str
    """Of the websocket, behind the base."""
    listings: tuple[Listing, ...]
    rules: Rules
    faults_not_there: frozenset[FaultKind] = frozenset()
    time_unit = 1
    """Of its clock, ns."""
    moves_twice = False
    """The book moves on after its message, so that ids lie inside the next one's range."""
    skips_ids = False
    """Ids of following messages do not join."""
    tells_of_fallen = True
    """A level that falls out of a depth is told as gone; else the client cuts its book by itself."""
    repeats_quotes = False
    """Sends an unchanged quote again after three seconds."""
    has_closing_word = False
    """Says so before it closes for maintenance."""

    def accepts_path(self, path: str) -> bool:
        return path.rstrip("/") == self.ws_path.rstrip("/")

    def opened(self, host: Host, connection: Connection, request: Request) -> None:
        """Right after the handshake."""

    def received(self, host: Host, connection: Connection, text: str) -> None:
        """A client's message."""
        raise NotImplementedError

    def beat(self, connection: Connection, time: int) -> None:
        """A heartbeat is due."""

    def snapshot(self, stream: Stream, book: TrueBook, time: int) -> str | None:
        """The first frame of a stream."""
        raise NotImplementedError

    def update(self, stream: Stream, movement: Movement, window: Changes) -> str | None:
        """A book's next frame; `window`: changes of the levels that the stream's depth shows."""
        raise NotImplementedError

    def quote(self, stream: Stream, movement: Movement) -> str | None:
        """The best levels have changed."""
        raise NotImplementedError

    def dress(self, connection: Connection, stream: Stream, frame: str) -> str:  # noqa: ARG002  # most send it as it is
        """A frame as this connection gets it."""
        return frame

    def rest(self, host: Host, request: Request) -> Answer:  # noqa: ARG002  # most have none here
        return Answer(404, "{}")

    def closing(self, connection: Connection, kind: FaultKind, time: int) -> None:
        """The word before the connection is closed."""


class Host:
    """What a protocol may ask for; the exchange at work."""

    def listing(self, symbol: str) -> Listing | None:
        raise NotImplementedError

    def book(self, symbol: str) -> TrueBook:
        """Of a listed symbol."""
        raise NotImplementedError

    def time(self) -> int:
        """UTC ns by the exchange's clock."""
        raise NotImplementedError

    def subscribe(self, connection: Connection, stream: Stream) -> None:
        """Follow a stream of a listed symbol; its first frame comes at once."""
        raise NotImplementedError

    def unsubscribe(self, connection: Connection, name: str) -> None:
        """Nothing where it was not followed."""
        raise NotImplementedError


def levels_text(listing: Listing, levels: list[Level], form: str = '["%s","%s"]') -> str:
    """Levels as JSON, in the order given."""
    price, size = listing.price_text, listing.size_text
    return "[" + ",".join([form % (price(p), size(s)) for p, s in levels]) + "]"


def side_of(changes: Changes, side: int) -> list[Level]:
    """The changed levels of one side, best first."""
    return sorted(((price, size) for (at, price), size in changes.items() if at == side), reverse=not side)


def json_text(value: Any) -> str:
    """Compact JSON."""
    return msgspec.json.encode(value).decode()


def read_object(text: str) -> dict[str, Any] | None:
    """A JSON object; None for anything else."""
    try:
        read = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
    return read if isinstance(read, dict) else None
