"""Which books of a connection are not there yet, since when, and when each is asked for again. Pure: time is an argument."""

from collections.abc import Callable

import msgspec

from bot.core.units import Nanoseconds
from bot.feeds.backoff import delay
from bot.feeds.cex.config import CexConfig


class BookState(msgspec.Struct):
    asked_at: Nanoseconds | None = None
    """It was asked for then and has not come; None: not asked, or there."""
    due_at: Nanoseconds | None = None
    """When to ask for it again."""
    attempts: int = 0
    """Times asked in a row without a steady time in between."""
    arrived_at: Nanoseconds | None = None
    refused: str = ""


class BookRecovery:
    """Of all books of one connection, by their index."""

    def __init__(self, count: int, config: CexConfig, jitter: Callable[[], float]) -> None:
        self.awaited = set(range(count))
        """Neither there nor refused. The object stays the same one."""
        self.states = tuple(BookState() for _ in range(count))
        self._config = config
        self._jitter = jitter

    def asked(self, index: int, now: Nanoseconds) -> None:
        state = self.states[index]
        state.asked_at, state.due_at = now, None
        state.attempts += 1

    def arrived(self, index: int, now: Nanoseconds) -> bool:
        """Whether it was there before, on this connection."""
        state = self.states[index]
        was_there = state.arrived_at is not None
        state.asked_at = state.due_at = None
        state.arrived_at, state.refused = now, ""
        self.awaited.discard(index)
        return was_there

    def lost(self, index: int, now: Nanoseconds) -> Nanoseconds:
        """Its continuity broke: when to ask for it, at once after a steady time and else later each time."""
        state = self.states[index]
        if state.due_at is not None or state.refused:
            return state.due_at or now
        if state.arrived_at is not None and now - state.arrived_at >= self._config.steady:
            state.attempts = 1
        state.asked_at = None
        state.due_at = Nanoseconds(now + self._wait(state))
        self.awaited.add(index)
        return state.due_at

    def refuse(self, index: int, reason: str) -> None:
        """It will not come; nothing is asked any more by what is here."""
        state = self.states[index]
        state.refused = reason
        state.asked_at = state.due_at = None
        self.awaited.discard(index)

    def refusal(self, index: int) -> str:
        return self.states[index].refused

    def due(self, now: Nanoseconds) -> list[int]:
        """Books to be asked for now; those asked for too long ago become due later, by their back-off."""
        for index in self.awaited:
            state = self.states[index]
            if state.asked_at is not None and now - state.asked_at >= self._config.book_limit:
                state.asked_at, state.due_at = None, Nanoseconds(now + self._wait(state))
        return [
            index
            for index in sorted(self.awaited)
            if (due := self.states[index].due_at) is not None and due <= now
        ]

    def exhausted(self) -> int | None:
        """A book that was asked for often enough in a row: the connection itself is the suspect."""
        for index in self.awaited:
            state = self.states[index]
            if state.asked_at is None and state.attempts >= self._config.book_attempts:
                return index
        return None

    def next_time(self) -> Nanoseconds | None:
        """When `due` has something to say at the earliest."""
        states = [self.states[index] for index in self.awaited]
        due = [state.due_at for state in states if state.due_at is not None]
        overdue = [
            Nanoseconds(state.asked_at + self._config.book_limit)
            for state in states
            if state.asked_at is not None
        ]
        return min([*due, *overdue], default=None)

    def _wait(self, state: BookState) -> Nanoseconds:
        """Nothing the first time that a book is lost which had come at the first request."""
        if state.attempts <= 1 and state.arrived_at is not None:
            return Nanoseconds(0)
        first, longest = self._config.first_resync, self._config.longest_resync
        return delay(max(state.attempts - 2, 0), first, longest, self._jitter())
