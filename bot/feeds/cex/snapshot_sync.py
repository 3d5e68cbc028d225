"""Books whose first state is read by REST while the stream is buffered: Binance's rule for a local order book.

The event that comes first after the snapshot must continue it. Whether it does is for the FrameReader to say when the
buffer is replayed: a break there means that the snapshot is older than the stream we have, and it is fetched again.
"""

import asyncio
from collections import deque
from collections.abc import Callable

import msgspec

from bot.core.ports import Clock
from bot.core.result import Ok, Unknown
from bot.core.units import Nanoseconds
from bot.feeds.backoff import delay
from bot.feeds.cex.alarm import event_or_time
from bot.feeds.cex.config import SECOND, CexConfig, CexCounters
from bot.feeds.cex.frame_reader import FrameReader, Outcome
from bot.feeds.cex.rate_budget import RateBudget
from bot.feeds.cex.transport import Declined, Fetch, Tap
from bot.feeds.cex.venue import SnapshotRule

INEXACT = "its digits do not fit 10^-8"
"""Why we refuse a pair ourselves."""
WRONG_REQUEST = 400
NOT_SERVED = (404, 451)
"""Asking again soon changes nothing."""
FIREWALL = 403
"""A rate limit of the firewall or a block of the address (binance-spot-api-docs, rest-api, HTTP Return Codes: "WAF"): of all
symbols, and for minutes.
"""


class ErrorBody(msgspec.Struct, frozen=True):
    code: int = 0


ERROR = msgspec.json.Decoder(ErrorBody)


class SnapshotSource(msgspec.Struct, frozen=True):
    """What is the same for all connections of an exchange."""

    rule: SnapshotRule
    base: str
    fetch: Fetch
    weights: RateBudget
    clock: Clock
    config: CexConfig
    counters: CexCounters
    jitter: Callable[[], float]
    tap: Tap | None


class Wanted(msgspec.Struct):
    """One book on its way: when to ask for its snapshot, and the frames since it was wanted."""

    earliest: Nanoseconds
    due_at: Nanoseconds
    failures: int = 0
    frames: deque[tuple[bytes, Nanoseconds]] = msgspec.field(default_factory=deque)
    size: int = 0
    """Bytes of them."""


class SnapshotSync:
    """Of one connection. `run` it as a task; `arrived` and `refused` are told by index, `refused` and `troubled` with the reason."""

    def __init__(
        self,
        source: SnapshotSource,
        reader: FrameReader,
        symbols: tuple[str, ...],
        arrived: Callable[[int], None],
        refused: Callable[[int, str], None],
        troubled: Callable[[str], None],
    ) -> None:
        self._source = source
        self._reader = reader
        self._symbols = symbols
        self._arrived = arrived
        self._refused = refused
        self._troubled = troubled
        self._wanted: dict[int, Wanted] = {}
        self._stirred = asyncio.Event()

    def want(
        self, index: int, earliest: Nanoseconds, buffered: tuple[bytes, Nanoseconds] | None = None
    ) -> None:
        """From now on the book's frames are kept; its snapshot is asked for at `earliest`.

        It waits a little for the first frame, without which the snapshot may turn out too old.
        """
        if index in self._wanted:
            return
        wanted = Wanted(earliest, due_at=earliest)
        if buffered is None:
            wanted.due_at = Nanoseconds(earliest + self._source.config.first_event)
        else:
            wanted.frames.append(buffered)
            wanted.size = len(buffered[0])
        self._wanted[index] = wanted
        self._stirred.set()

    def buffer(self, index: int, payload: bytes, received: Nanoseconds) -> None:
        """A frame that cannot be applied yet. A full buffer begins anew: what is kept must have no hole."""
        wanted = self._wanted.get(index)
        if wanted is None:
            return
        if not wanted.frames and not wanted.failures:
            wanted.due_at = min(wanted.due_at, max(received, wanted.earliest))
            self._stirred.set()
        config = self._source.config
        if len(wanted.frames) >= config.buffered_frames or wanted.size + len(payload) > config.buffered_bytes:
            wanted.frames.clear()
            wanted.size = 0
            self._source.counters.overflows += 1
        wanted.frames.append((payload, received))
        wanted.size += len(payload)

    def forget(self, index: int) -> None:
        """It is refused: nothing is asked any more."""
        self._wanted.pop(index, None)

    async def run(self) -> None:
        """Until cancelled: one snapshot after the other, within the weight."""
        clock, weights, weight = self._source.clock, self._source.weights, self._source.rule.weight
        while True:
            now = clock.monotonic()
            if not self._wanted:
                await self._stirred.wait()
                self._stirred.clear()
                continue
            index, wanted = min(self._wanted.items(), key=lambda item: item[1].due_at)
            wait = max(wanted.due_at - now, weights.wait(now, weight))
            if wait > 0:
                await event_or_time(clock, self._stirred, Nanoseconds(wait))
                continue
            weights.take(now, weight)
            await self._fetch(index, wanted)

    async def _fetch(self, index: int, wanted: Wanted) -> None:
        source = self._source
        url = source.rule.url(source.base, self._symbols[index])
        asked_at = source.clock.monotonic()  # its answer may say what was true then, and nothing newer
        fetched = await source.clock.within(source.config.fetch_limit, source.fetch(url))
        answer = fetched.value if isinstance(fetched, Ok) else fetched
        if self._wanted.get(index) is not wanted:
            return  # refused meanwhile
        now = source.clock.monotonic()
        source.counters.snapshots_fetched += 1
        if isinstance(answer, Ok | Declined) and source.tap is not None:
            status, body = (200, answer.value) if isinstance(answer, Ok) else (answer.status, answer.body)
            source.tap.answer(url, status, body, now)
        match answer:
            case Ok(value=body):
                self._load(index, wanted, body, asked_at)
            case Declined():
                self._declined(index, wanted, answer, now)
            case Unknown():
                self._later(wanted, now)

    def _load(self, index: int, wanted: Wanted, body: bytes, asked_at: Nanoseconds) -> None:
        outcome = self._reader.load_snapshot(index, body, asked_at)
        if outcome == Outcome.BOOK and self._replay(wanted):
            del self._wanted[index]
            self._arrived(index)
            return
        self._reader.unsync(index)
        if outcome == Outcome.INEXACT:
            del self._wanted[index]
            self._refused(index, INEXACT)
            return
        if outcome == Outcome.MALFORMED:
            self._source.counters.malformed += 1
        else:
            self._source.counters.snapshots_too_old += 1
        self._later(wanted, self._source.clock.monotonic())

    def _replay(self, wanted: Wanted) -> bool:
        """Whether every buffered frame continues the book or is older than it."""
        for payload, received in wanted.frames:
            outcome = self._reader.read(payload, received) & 0xFF
            if outcome not in (Outcome.BOOK, Outcome.DUPLICATE):
                return False
        return True

    def _declined(self, index: int, wanted: Wanted, answer: Declined, now: Nanoseconds) -> None:
        config = self._source.config
        if answer.is_too_fast or answer.status == FIREWALL:
            usual = config.refused_wait if answer.status == FIREWALL else config.too_fast_wait
            wait = answer.retry_after or usual
            self._source.counters.too_fast += 1
            self._source.weights.hold(Nanoseconds(now + wait))
            self._troubled(f"snapshots held for {wait / SECOND:g} s: {answer}")
        elif answer.status in NOT_SERVED or self._is_unknown(answer):
            del self._wanted[index]
            self._refused(index, f"snapshot: {answer}")
        else:
            self._later(wanted, now)

    def _is_unknown(self, answer: Declined) -> bool:
        """The exchange itself says that it does not know the symbol."""
        if answer.status != WRONG_REQUEST:
            return False
        try:
            said = ERROR.decode(answer.body)
        except msgspec.DecodeError:
            return False
        return said.code == self._source.rule.unknown_symbol

    def _later(self, wanted: Wanted, now: Nanoseconds) -> None:
        config = self._source.config
        wanted.due_at = Nanoseconds(
            now + delay(wanted.failures, config.first_resync, config.longest_resync, self._source.jitter())
        )
        wanted.failures += 1
