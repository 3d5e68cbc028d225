"""What every source of transactions that are in no block yet has in common: its events, its counters, its settings."""

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

from bot.core.pending import PendingSeen
from bot.core.units import Nanoseconds
from bot.feeds.config import MILLISECOND, SECOND


class HintsComplete(msgspec.Struct, frozen=True):
    """Everything that this source tells before block `number` has been told. The local market alone says so.

    Of a consumer that is behind, those before it may have been dropped: one for a later block ends a wait as well.
    """

    number: int


PendingEvent = PendingSeen | HintsComplete


class PendingCounters(msgspec.Struct):
    """Since the feed was made; written by the feed alone."""

    connections: int = 0
    failed_connections: int = 0
    seen: int = 0
    """Delivered, or ready to be."""
    duplicates: int = 0
    malformed: int = 0
    hash_mismatches: int = 0
    """Bodies that are not what they were announced as."""
    dropped: int = 0
    """Announcements not read, events, or hashes not asked for yet, pushed out by newer ones."""
    gone: int = 0
    """Hashes whose body the node did not have any more, or had in a block already."""
    unanswered: int = 0
    """Hashes whose body was asked for in vain."""
    empty: int = 0
    """Hints that tell neither a log nor anything of a transaction."""
    oversized: int = 0
    """Events of a stream that were skipped for their length."""


class PendingEvents(Protocol):
    """A source of pending transactions."""

    @property
    def counters(self) -> PendingCounters: ...

    def events(self) -> AsyncIterator[PendingEvent]:
        """Ends with `close` alone; after it raised it may be iterated anew. Newest wins where the consumer is slow."""
        ...

    async def close(self) -> None:
        """Safe to call twice."""
        ...


class PendingConfig(msgspec.Struct, frozen=True):
    """Times are of the Clock port."""

    announcements_per_window: int = 300
    """Read per 100 ms; of a flood of more, the newest."""
    buffer_size: int = 2048
    """Events kept between socket and consumer."""
    remembered: int = 16_384
    """Hashes by which a second announcement is known."""
    first_backoff: Nanoseconds = Nanoseconds(200 * MILLISECOND)
    longest_backoff: Nanoseconds = Nanoseconds(30 * SECOND)
    connect_limit: Nanoseconds = Nanoseconds(10 * SECOND)
    heartbeat: Nanoseconds = Nanoseconds(30 * SECOND)
    """Without any push for this long the node is asked something: a half-open socket never says that it is gone."""
    allowed_silence: Nanoseconds = Nanoseconds(45 * SECOND)
    """Of a stream that pings every 15 s of quiet (MEV-Share): three pings."""
    batch_size: int = 64
    """Bodies asked for in one batch, of which one is on its way at a time."""
    hashes_waiting: int = 512
    largest_transaction: int = 128 * 1024
    """Bytes; what nodes keep (geth's txMaxSize)."""
    log_every: Nanoseconds = Nanoseconds(60 * SECOND)
