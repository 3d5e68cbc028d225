"""One websocket of an exchange and the books that live on it: frames in by direct callback, everything else by time.

The callback only counts while all is well. What is due by time or by trouble (pings, requests for books, the end of a
silent socket) is done by `_step`, in the connection's one task, which sleeps until the next of it.
"""

import asyncio
from collections.abc import Callable

import structlog

from bot.core.units import Nanoseconds
from bot.feeds.cex.alarm import event_or_time
from bot.feeds.cex.book_recovery import BookRecovery
from bot.feeds.cex.connection_times import ConnectionTimes
from bot.feeds.cex.data_watch import DataWatch
from bot.feeds.cex.environment import Environment
from bot.feeds.cex.frame_reader import FrameReader, Outcome
from bot.feeds.cex.known_depth import KnownDepth
from bot.feeds.cex.refused_books import RefusedBooks
from bot.feeds.cex.sender import Sender
from bot.feeds.cex.snapshot_sync import INEXACT, SnapshotSync
from bot.feeds.cex.transport import Socket, Tap
from bot.feeds.cex.venue import Halted, Malformed, Pong, Refused, Resumed, Shutdown, TooFast

log = structlog.get_logger()

BOOK = int(Outcome.BOOK)
QUOTE = int(Outcome.QUOTE)
KIND = 0xFF
SHOWN_BYTES = 120
"""Of a malformed frame, in the reason."""


class Connection:
    """transport.SocketListener. Made before its socket, since frames may come at once; `start` gives it the socket.

    `stirred` is called when something changed that its owner acts upon: it ended, its last book came, it wants a
    successor.
    """

    def __init__(self, number: int, url: str, environment: Environment, stirred: Callable[[], None]) -> None:
        self.number = number
        self.reader = FrameReader(
            environment.venue.dialect,
            environment.specs,
            environment.venue.depth,
            environment.venue.capacity,
        )
        self.recovery = BookRecovery(len(environment.specs), environment.config, environment.jitter)
        self.is_open = False
        self.has_ended = False
        self.reason = ""
        """Why it ended."""
        self.trouble = ""
        """What the exchange or we found wrong last, while it is open."""
        self.halted = ""
        """Why the market behind it stands still; empty: it does not."""
        self.leaves = ""
        """Why it will end soon, so that a second connection is to be opened now; empty: it will not."""
        self.lacks = ""
        """Which book does not come on it, and may on another; empty: none."""
        self.whole_for = Nanoseconds(0)
        """How long nothing was lacking before what it lacks now."""
        self.opened_at = self._lacked_at = Nanoseconds(0)
        self.data_at: Nanoseconds | None = None
        self.times = ConnectionTimes(environment.venue.limits)
        self._url = url
        self._environment = environment
        self._venue = environment.venue
        self._counters = environment.counters
        self._config = environment.config
        self._monotonic = environment.clock.monotonic
        self._tap = environment.tap
        self._tell_owner = stirred
        self._read = self.reader.read
        self._awaited = self.recovery.awaited
        self._known = KnownDepth(self.reader.books, self._venue, self._config)
        self._sender = Sender(number, environment, self.times)
        self._is_told = False
        """To the tap."""
        self._stirred = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._snapshots: SnapshotSync | None = None
        if environment.snapshots is not None:
            self._snapshots = SnapshotSync(
                environment.snapshots,
                self.reader,
                environment.symbols,
                self._arrived,
                self._refuse,
                self._note_trouble,
            )
        self._refused = RefusedBooks(environment, self.reader, self.recovery, self._sender, self._snapshots)
        self.watch = DataWatch(len(environment.specs), self._config)
        # Where one number counts every message (Coinbase) a silent book has lost none.
        self._can_ask = self._snapshots is not None or bool(self._venue.resubscribe("", lambda: 0))

    @property
    def wants(self) -> str:
        """What it lacks and another connection may have; empty: nothing."""
        return self.lacks or self.watch.silence

    def utc_ahead(self) -> Nanoseconds:
        """UTC minus the monotonic clock, now: a wrong clock that was set right is right for what came before, too."""
        clock = self._environment.clock
        return Nanoseconds(clock.utc() - clock.monotonic())

    def learn_least_delay(self, other: "Connection") -> None:
        """What another connection found: a backlog that was there when this one began is lag."""
        least = other.reader.least_delay
        if least is not None:
            self.reader.seed_least_delay(least, other.reader.least_delay_at)

    def start(self, socket: Socket) -> None:
        """Subscribe at once, and serve until the end."""
        if self.has_ended:  # closed between the handshake and now
            socket.close()
            return
        now = self._monotonic()
        self._sender.attach(socket)
        self.is_open = True
        self.opened_at = self._lacked_at = now
        self.times.begin(now, self._environment.jitter())
        self.watch.begin(now)
        if self._tap is not None:
            self._tell_opened(self._tap, now)
        self._sender.add(self._venue.subscribe(self._environment.symbols, self._sender.next_id))
        for index in range(len(self._environment.specs)):
            self.recovery.asked(index, now)
            if self._snapshots is not None:
                self._snapshots.want(index, now)
        self._step(now)
        self._task = asyncio.create_task(self._serve())

    def end(self, reason: str) -> None:
        """At once; safe to call twice. Nothing it holds is believed from here on."""
        if self.has_ended:
            return
        self.is_open, self.has_ended, self.reason = False, True, reason
        self.reader.unsync_all()
        self._sender.close()
        if self._is_told and self._tap is not None:
            self._tap.closed(self.number, reason, self._monotonic())
        self._stirred.set()
        self._tell_owner()

    async def stop(self, reason: str) -> None:
        """`end`, and nothing of it is left running."""
        self.end(reason)
        if self._task is not None:
            await asyncio.wait([self._task])

    # --- called by the socket -----------------------------------------------------------------------------------

    def on_frame(self, payload: bytes) -> None:
        if self.has_ended:
            return
        now = self._monotonic()
        self.times.heard_at = now
        if self._tap is not None:
            self._tell_opened(self._tap, now)
            self._tap.frame(self.number, payload, now)
        try:
            outcome = self._read(payload, now)
            kind = outcome & KIND
            if kind == BOOK or kind == QUOTE:  # noqa: PLR1714, SIM109  # the hot path: a tuple of two names is made each time
                self._counters.messages += 1
                self.data_at = now
                if self._awaited and kind == BOOK:
                    self._look_for_awaited()
            else:
                self._unusual(kind, outcome >> 8, payload, now)
        except Exception as error:  # a defect met in one frame ends this connection, not the loop's reader
            log.exception("exchange.defect", exchange=self._environment.venue.name)
            self.end(f"defect: {type(error).__name__}: {error}")

    def on_ping(self) -> None:
        now = self._monotonic()
        self.times.heard_at = now
        self._sender.count(now)

    def on_pong(self, payload: bytes) -> None:  # noqa: ARG002 - one ping is out at a time, whatever it carried
        now = self._monotonic()
        self.times.heard_at = now
        self.times.ponged(now)

    def on_closed(self, reason: str) -> None:
        self.end(reason)

    # --- frames that are neither book nor quote ---------------------------------------------------------------------

    def _unusual(self, kind: int, index: int, payload: bytes, now: Nanoseconds) -> None:
        counters = self._counters
        if kind == Outcome.CONTROL:
            counters.control_frames += 1
            self._control(payload, now)
        elif kind == Outcome.MALFORMED:
            self._malformed(payload, "no frame of this exchange")
        elif kind == Outcome.FOREIGN:
            counters.foreign += 1
        else:
            counters.messages += 1
            if kind == Outcome.DUPLICATE:
                counters.duplicates += 1
            elif kind == Outcome.AWAITS_SNAPSHOT:
                if self._snapshots is not None:
                    self._snapshots.buffer(index, payload, now)
            elif kind == Outcome.SEQUENCE_LOST:
                counters.gaps += 1
                self.end("the connection's sequence broke: messages were lost")
            elif kind == Outcome.INEXACT:
                self._refuse(index, INEXACT)
            else:
                self._lost(kind, index, payload, now)
            if self._awaited:
                self._look_for_awaited()

    def _lost(self, kind: int, index: int, payload: bytes, now: Nanoseconds) -> None:
        """GAP, CHECKSUM or CROSSED of one book."""
        counters = self._counters
        if kind == Outcome.GAP:
            counters.gaps += 1
        elif kind == Outcome.CHECKSUM:
            counters.checksums += 1
        else:
            counters.crossed += 1
        self.trouble = f"{self._pair(index)}: {Outcome(kind).name.lower()}"
        # The frame that showed the gap is the first of those the snapshot must join.
        self._begin_anew(index, now, (payload, now) if kind == Outcome.GAP else None)

    def _begin_anew(self, index: int, now: Nanoseconds, frame: tuple[bytes, Nanoseconds] | None) -> None:
        self.reader.unsync(index)
        due = self.recovery.lost(index, now)
        if self._snapshots is not None:
            self._snapshots.want(index, due, frame)
            self.recovery.asked(index, now)
        self._stirred.set()

    def _control(self, payload: bytes, now: Nanoseconds) -> None:
        match self._venue.control(payload):
            case Pong():
                self.times.ponged(now)
            case Refused(symbol=symbol, reason=reason):
                self._refused_symbol(symbol, reason)
            case Shutdown(reason=reason):
                self._leave(reason or "the exchange shuts this connection down")
            case Halted(reason=reason):
                self.halted = reason
            case Resumed():
                self.halted = ""
            case TooFast(reason=reason):
                self._counters.too_fast += 1
                self.trouble = reason
                self._sender.hold(Nanoseconds(now + self._config.too_fast_wait))
            case Malformed(reason=reason):
                self._malformed(payload, reason)
            case _:  # acknowledged, heartbeat, or of no use
                pass

    def _malformed(self, payload: bytes, reason: str) -> None:
        self._counters.malformed += 1
        shown = payload[:SHOWN_BYTES].decode("ascii", "backslashreplace")
        self.end(f"malformed frame of {len(payload)} bytes: {reason}: {shown!r}")

    def _refused_symbol(self, symbol: str | None, reason: str) -> None:
        if symbol in self._environment.symbols:
            self._refuse(self._environment.symbols.index(symbol), reason)
        else:
            self.trouble = f"refused: {reason}"
            self._tell_owner()

    # --- books that come, and go ------------------------------------------------------------------------------------

    def _look_for_awaited(self) -> None:
        """A frame may hold several books."""
        for index in [index for index in self._awaited if self.reader.books[index].is_synced]:
            self._arrived(index)

    def _arrived(self, index: int) -> None:
        now = self._monotonic()
        self._known.arrived(index, now)
        if self.recovery.arrived(index, now):
            self._counters.resyncs += 1
        self._tell_if_complete()

    def _refuse(self, index: int, reason: str) -> None:
        if self.recovery.refusal(index) != reason:
            self._refused.refuse(index, reason, self._monotonic())
            self._stirred.set()
            self._tell_if_complete()

    def _note_trouble(self, reason: str) -> None:
        self.trouble = reason

    def _ask_again(self, index: int, now: Nanoseconds) -> None:
        self.recovery.asked(index, now)
        messages = self._venue.resubscribe(self._environment.symbols[index], self._sender.next_id)
        if messages:
            self.reader.unsync(index)
            self._sender.add(messages)
        else:
            self._miss(f"{self._pair(index)} comes anew only on a new connection")

    def _leave(self, reason: str) -> None:
        if not self.leaves:
            self.leaves = reason
            self._tell_owner()

    def _miss(self, reason: str) -> None:
        now = self._monotonic()
        if not self.lacks:
            self.lacks, self.whole_for = reason, Nanoseconds(now - self._lacked_at)
            self._tell_owner()
        self._lacked_at = now

    def _tell_if_complete(self) -> None:
        if not self._awaited:
            self.lacks = ""
            self._tell_owner()

    # --- by time ----------------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        fetching = asyncio.create_task(self._snapshots.run()) if self._snapshots is not None else None
        try:
            while not self.has_ended:
                now = self._monotonic()
                self._step(now)
                if fetching is not None and fetching.done():
                    fetching.result()
                if not self.has_ended:
                    wait = Nanoseconds(self._next_time(now) - now)
                    await event_or_time(self._environment.clock, self._stirred, wait)
        except Exception as error:  # a defect met on one exchange must not end the others' feeds
            log.exception("exchange.defect", exchange=self._environment.venue.name)
            self.end(f"defect: {type(error).__name__}: {error}")
        finally:
            self.end("stopped")
            if fetching is not None:
                fetching.cancel()
                await asyncio.wait([fetching])

    def _step(self, now: Nanoseconds) -> None:
        """Everything that is due."""
        if (gone := self.times.half_open(now)) is not None:
            self._counters.half_open += 1
            self.end(gone)
            return
        if self.times.is_ping_due(now):
            self._sender.add_ping()
        if self.times.is_successor_due(now):
            self._leave("near the end of the connection's life")
        for index in self._known.thin(now):
            if self._snapshots is not None:
                self._begin_anew(index, now, None)
            else:  # the first one serves until the next one's books are there
                self._leave(f"{self._pair(index)}: its price left the levels that are known")
        for index in self._refused.step(now):
            self._arrived(index)
        self._look_for_silence(now)
        if self._snapshots is None:
            self._ask_for_books(now)
        self._sender.send(now)

    def _look_for_silence(self, now: Nanoseconds) -> None:
        states, silence = self.recovery.states, self.watch.silence
        is_excused = bool(self.halted) or all(state.refused for state in states)
        self.watch.look(now, self.data_at, is_excused=is_excused)
        if self.watch.silence != silence:
            self._tell_owner()
        if self._can_ask and not is_excused:
            received = [book.received or 0 for book in self.reader.books]
            synced = [
                i for i, book in enumerate(self.reader.books) if book.is_synced and not states[i].refused
            ]
            for index in self.watch.silent_books(now, received, synced):
                self._begin_anew(index, now, None)

    def _ask_for_books(self, now: Nanoseconds) -> None:
        for index in self.recovery.due(now):
            self._ask_again(index, now)
        if (failing := self.recovery.exhausted()) is not None:
            self._miss(f"{self._pair(failing)}: no book after {self._config.book_attempts} requests")

    def _next_time(self, now: Nanoseconds) -> Nanoseconds:
        book = self.recovery.next_time() if self._snapshots is None else None
        others = (self._sender.next_time(now), book, self._known.next_time(), self._refused.next_time())
        return min([self.times.next_time(), *(time for time in others if time is not None)])

    def _tell_opened(self, tap: Tap, now: Nanoseconds) -> None:
        """Before the first frame, which may come with the handshake's answer."""
        if not self._is_told:
            self._is_told = True
            tap.opened(self.number, self._url, now)

    def _pair(self, index: int) -> str:
        return str(self._environment.specs[index].pair)
