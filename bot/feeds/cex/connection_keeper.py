"""Keeps one exchange connected: within its limits, with back-off, and from one connection to the next without a gap.

`active` is what is asked. A second connection is opened while the first one still serves; once it serves everything
the first does, one pointer is switched and the first is closed. Two streams are never merged.
"""

import asyncio

import structlog

from bot.core.ports import Clock
from bot.core.result import Ok, Unknown
from bot.core.units import Nanoseconds
from bot.feeds.backoff import delay
from bot.feeds.cex.alarm import event_or_time
from bot.feeds.cex.config import MILLISECOND, SECOND, CexConfig
from bot.feeds.cex.connection import Connection
from bot.feeds.cex.environment import Environment
from bot.feeds.cex.freshness import served
from bot.feeds.cex.message_rate import MessageRate
from bot.feeds.cex.rate_budget import RateBudget
from bot.feeds.cex.transport import Connect, Declined

log = structlog.get_logger()

NOTHING = Nanoseconds(0)
LOOK = Nanoseconds(50 * MILLISECOND)
"""How often a second connection is compared with the first."""

KEPT_PART = 4
"""Of the attempts of a window, kept for when nothing serves."""
EARNING = 4
"""Steady times: longer than a book's longest wait between two requests."""


class ConnectionKeeper:
    """`run` until cancelled."""

    def __init__(self, environment: Environment, url: str, connect: Connect) -> None:
        self.active: Connection | None = None
        """Stays the closed one until the next is there, so that its end can be told."""
        self.successor: Connection | None = None
        self.is_connecting = False
        self.reason = "not connected yet"
        """Why the last attempt failed or the last connection ended."""
        self.rate = MessageRate()
        self._environment = environment
        self._url = url
        self._connect = connect
        self._clock: Clock = environment.clock
        self._config: CexConfig = environment.config
        self._counters = environment.counters
        limits = environment.venue.limits
        self._attempts = RateBudget(limits.attempts, limits.per)
        self._failures = 0
        """In a row; a connection that served for a steady time begins anew."""
        self._next_attempt = Nanoseconds(0)
        self._fruitless = 0
        """Second connections in a row that were opened for books, none of which kept them for long."""
        self._book_wait = self._next_for_books = Nanoseconds(0)
        self._numbers = 0
        self._said = ("", "")
        self._stirred = asyncio.Event()
        self._is_lost = False
        """The active one has ended and that was seen."""

    async def run(self) -> None:
        try:
            while True:
                now = self._clock.monotonic()
                self.rate.sample(now, self._counters.messages)
                await self._settle(now)
                if self.until_next(now) == 0:
                    await self._open(now)
                else:
                    await event_or_time(self._clock, self._stirred, self._until_look(now))
        finally:
            self.is_connecting = False
            for connection in (self.successor, self.active):
                if connection is not None:
                    await connection.stop("stopped")
            self.reason = "stopped"

    def until_attempt(self, now: Nanoseconds) -> Nanoseconds:
        """How long back-off and budget forbid the next connection; while one serves, some of the budget is kept."""
        serves = self.active is not None and not self.active.has_ended
        kept = self._attempts.allowed // KEPT_PART if serves else 0
        return max(Nanoseconds(self._next_attempt - now), self._attempts.wait(now, 1 + kept))

    def until_next(self, now: Nanoseconds) -> Nanoseconds | None:
        """How long until the next connection is opened; None: none is needed."""
        active = self.active
        if self.successor is not None:
            return None
        if active is None or active.has_ended or active.leaves:
            return max(self.until_attempt(now), NOTHING)
        if active.wants:
            return max(self.until_attempt(now), Nanoseconds(self._next_for_books - now), NOTHING)
        return None

    def request_successor(self, reason: str) -> None:
        """A second connection, by the limits; nothing while none serves, since the next brings whole books anyway."""
        if self.active is not None and not self.active.has_ended and not self.active.leaves:
            self.active.leaves = reason
            self._stirred.set()

    async def _settle(self, now: Nanoseconds) -> None:
        """See which connections ended, and switch to the second one when it is as good as the first."""
        successor, active = self.successor, self.active
        if successor is not None and successor.has_ended:
            self.successor = None
            self._counters.failed_hand_overs += 1
            self._back_off(now, f"second connection: {successor.reason}")
            await successor.stop("")
        if active is not None and active.has_ended and not self._is_lost:
            self._is_lost = True
            self.reason = active.reason
            if self.successor is None:
                self._earn_quick_retry(active, now)
                self._back_off(now, active.reason)
            await active.stop("")
        if self.successor is not None:
            await self._compare(self.successor, now)

    async def _compare(self, successor: Connection, now: Nanoseconds) -> None:
        active = self.active
        if active is not None:
            successor.learn_least_delay(active)
        if active is None or active.has_ended:
            self._counters.reconnects += 1
            self._switch(successor)
        elif self._is_as_good(successor, active, now):
            why = active.leaves or active.wants or "the books it lacked came meanwhile"
            self._counters.hand_overs += 1
            self._say("exchange.handed_over", why)
            self._earn_quick_retry(active, now)
            self._switch(successor)
            await active.stop(f"handed over: {why}")
        elif now - successor.opened_at >= self._config.hand_over_limit:
            self.successor = None
            self._counters.failed_hand_overs += 1
            limit = self._config.hand_over_limit / SECOND
            await successor.stop(f"it did not serve what the first does within {limit:g} s")
            self._back_off(now, f"second connection: {successor.reason}")

    def _is_as_good(self, successor: Connection, active: Connection, now: Nanoseconds) -> bool:
        if not served(active, now, self._config) <= served(successor, now, self._config):
            return False
        # Books that the first one lacks too are waited for, but not for ever.
        return not successor.recovery.awaited or now - successor.opened_at >= self._config.book_limit

    def _switch(self, successor: Connection) -> None:
        self.active, self.successor, self._is_lost = successor, None, False

    def _earn_quick_retry(self, connection: Connection, now: Nanoseconds) -> None:
        """A connection that lasted has earned a quick next attempt."""
        if now - connection.opened_at >= self._config.steady:
            self._failures = 0

    def _put_off_the_next(self, active: Connection, now: Nanoseconds) -> None:
        """A book that comes on no connection, or stays on none, must not cost one after the other for ever."""
        whole_for = active.whole_for if active.lacks else active.watch.unbroken
        if whole_for >= max(self._book_wait, EARNING * self._config.steady):
            self._fruitless = 0  # all was well for long: a new trouble
        first, longest = Nanoseconds(2 * self._config.book_limit), self._config.longest_book_wait
        self._book_wait = delay(self._fruitless, first, longest, self._environment.jitter())
        self._fruitless += 1
        self._next_for_books = Nanoseconds(now + self._book_wait)

    def _back_off(self, now: Nanoseconds, reason: str, at_least: Nanoseconds = NOTHING) -> None:
        config = self._config
        wait = delay(self._failures, config.first_backoff, config.longest_backoff, self._environment.jitter())
        self._failures += 1
        self._say("exchange.connection_lost", reason)
        self._next_attempt = Nanoseconds(now + max(wait, at_least))
        self.reason = reason

    async def _open(self, now: Nanoseconds) -> None:
        """One attempt, by the budget."""
        self._attempts.take(now)
        self._counters.attempts += 1
        self._numbers += 1
        connection = Connection(self._numbers, self._url, self._environment, self._stirred.set)
        if self.active is not None and not self.active.has_ended and self.active.wants:
            self._put_off_the_next(self.active, now)
        if self.active is not None:
            connection.learn_least_delay(self.active)
        self.is_connecting = True
        try:
            answer = await self._clock.within(
                self._config.connect_limit, self._connect(self._url, connection)
            )
        finally:
            self.is_connecting = False
        opened = answer.value if isinstance(answer, Ok) else answer
        now = self._clock.monotonic()
        if isinstance(opened, Unknown):
            self._failed(now, opened.cause)
        elif isinstance(opened, Declined):
            self._declined(now, opened)
        else:
            self._counters.connections += 1
            connection.start(opened)
            self._say("exchange.connected", f"{len(self._environment.specs)} pairs")
            self._take(connection)

    def _say(self, event: str, reason: str) -> None:
        """A line for the operator, not the same twice in a row: an exchange that stays away is one line."""
        if self._said != (event, reason):
            self._said = (event, reason)
            log.info(event, exchange=self._environment.venue.name, reason=reason)

    def _take(self, connection: Connection) -> None:
        if self.active is None:
            self._switch(connection)
        else:
            # Instead of a lost one, or beside one that still serves: `_settle` decides.
            self.successor = connection

    def _declined(self, now: Nanoseconds, answer: Declined) -> None:
        if answer.is_too_fast:
            self._counters.too_fast += 1
            wait = answer.retry_after or self._config.too_fast_wait
            self._attempts.hold(Nanoseconds(now + wait))
            self._failed(now, f"handshake: {answer}")
        elif 400 <= answer.status < 500:
            self._failed(now, f"refused at the handshake: {answer}", self._config.refused_wait)
        else:
            self._failed(now, f"handshake: {answer}")

    def _failed(self, now: Nanoseconds, reason: str, at_least: Nanoseconds = NOTHING) -> None:
        self._counters.failed_connections += 1
        if self._environment.tap is not None:
            self._environment.tap.closed(self._numbers, reason, now)
        self._back_off(now, reason, max(at_least, self._environment.venue.limits.failed_wait))

    def _until_look(self, now: Nanoseconds) -> Nanoseconds:
        if self.successor is not None:
            return LOOK
        until_next = self.until_next(now)
        wait = SECOND if until_next is None else min(SECOND, until_next)  # each second the rate is sampled
        return Nanoseconds(max(wait, 1))
