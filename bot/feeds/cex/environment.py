"""What all connections of one exchange share."""

from collections.abc import Callable

import msgspec

from bot.core.ports import Clock
from bot.feeds.cex.config import CexConfig, CexCounters
from bot.feeds.cex.frame_reader import SymbolSpec
from bot.feeds.cex.snapshot_sync import SnapshotSource
from bot.feeds.cex.transport import Tap
from bot.feeds.cex.venue import Venue


class Environment(msgspec.Struct, frozen=True):
    """Each connection is made with it."""

    venue: Venue
    specs: tuple[SymbolSpec, ...]
    config: CexConfig
    clock: Clock
    counters: CexCounters
    jitter: Callable[[], float]
    snapshots: SnapshotSource | None
    tap: Tap | None
    refused: set[str]
    """Symbols whose refusal was logged: once for all connections."""

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(spec.symbol for spec in self.specs)
