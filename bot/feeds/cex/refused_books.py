"""Books that cannot be had: one line to the operator, and one more attempt ever more seldom, since reasons pass."""

from collections.abc import Sequence

import msgspec
import structlog

from bot.core.units import Nanoseconds
from bot.feeds.backoff import delay
from bot.feeds.cex.book_recovery import BookRecovery
from bot.feeds.cex.environment import Environment
from bot.feeds.cex.frame_reader import FrameReader
from bot.feeds.cex.sender import Sender
from bot.feeds.cex.snapshot_sync import INEXACT, SnapshotSync

log = structlog.get_logger()


class Refusal(msgspec.Struct):
    asks_at: Nanoseconds
    asked: int
    """Times since it was refused."""
    is_ours: bool
    """It was we who cannot follow it: the exchange has the subscription."""


class RefusedBooks:
    """Of one connection, by their index; what is said of them is in its BookRecovery."""

    def __init__(
        self,
        environment: Environment,
        reader: FrameReader,
        recovery: BookRecovery,
        sender: Sender,
        snapshots: SnapshotSync | None,
    ) -> None:
        self._environment = environment
        self._reader = reader
        self._recovery = recovery
        self._sender = sender
        self._snapshots = snapshots
        self._refusals: dict[int, Refusal] = {}
        """Stay when the book comes: one that is refused again waits longer."""

    def refuse(self, index: int, reason: str, now: Nanoseconds) -> None:
        environment, symbol = self._environment, self._environment.symbols[index]
        if symbol not in environment.refused:
            environment.refused.add(symbol)
            log.warning(
                "exchange.pair_refused", exchange=environment.venue.name, symbol=symbol, reason=reason
            )
        if not self._recovery.refusal(index):
            before = self._refusals.get(index)
            refusal = Refusal(now, before.asked if before is not None else 0, reason == INEXACT)
            self._refusals[index] = refusal
            self._put_off(refusal, now)
        self._recovery.refuse(index, reason)
        self._reader.unsync(index)
        if self._snapshots is not None:
            self._snapshots.forget(index)

    def step(self, now: Nanoseconds) -> Sequence[int]:
        """Asks for those that are due. Those that came since they were refused."""
        came: list[int] = []
        for index, refusal in self._refusals.items():
            if not self._recovery.refusal(index):
                continue
            if self._reader.books[index].is_synced:
                came.append(index)
            elif now >= refusal.asks_at:
                self._put_off(refusal, now)
                self._ask(index, refusal, now)
        return came

    def next_time(self) -> Nanoseconds | None:
        """When the next one is due."""
        due = [one.asks_at for index, one in self._refusals.items() if self._recovery.refusal(index)]
        return min(due, default=None)

    def _put_off(self, refusal: Refusal, now: Nanoseconds) -> None:
        config = self._environment.config
        wait = delay(refusal.asked, config.refused_wait, config.longest_book_wait, self._environment.jitter())
        refusal.asks_at = Nanoseconds(now + wait)
        refusal.asked += 1

    def _ask(self, index: int, refusal: Refusal, now: Nanoseconds) -> None:
        if self._snapshots is not None:
            self._snapshots.want(index, now)
            return
        venue, symbol = self._environment.venue, self._environment.symbols[index]
        again = venue.resubscribe(symbol, self._sender.next_id) if refusal.is_ours else []
        self._sender.add(again or venue.subscribe((symbol,), self._sender.next_id))
