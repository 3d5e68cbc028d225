"""What is wrong with an exchange just now, and until when."""

from __future__ import annotations

from collections import Counter, deque

from bot.world.exchanges.connection import Connection
from bot.world.exchanges.faults import ANNOUNCED, FRAME_FAULTS, Strike
from bot.world.exchanges.protocol import SECOND, Answer, Protocol

GOING_AWAY = 1001
RESTART = 1012


class Condition:
    """Faults that last. Times are UTC ns by the server's clock."""

    def __init__(self, protocol: Protocol, story: Counter[str]) -> None:
        self.is_stalled = False
        self.keeps_backlog = False
        self.jump = 0
        """Of the exchange's clock, ns."""
        self._protocol = protocol
        self._story = story
        self._stall_ends = self._jump_ends = 0
        self._too_fast_until = 0
        self._down_from = self._down_until = 0
        self._arrivals: deque[int] = deque()

    def strike(self, strike: Strike, connections: list[Connection], now: int, time: int) -> None:
        """Begin a fault; `time` is the exchange's clock. One that befalls frames is counted when it does."""
        kind, ends = strike.kind, now + strike.duration
        if kind in FRAME_FAULTS:
            for connection in connections:
                connection.arm(kind, strike.passing)
            return
        if kind == "half_open" and not connections:
            return
        self._story[kind] += 1
        if kind == "stall":
            self.is_stalled, self.keeps_backlog, self._stall_ends = True, strike.flushes, ends
        elif kind == "too_many_requests":
            self._too_fast_until = ends
        elif kind == "clock_skew":
            self.jump, self._jump_ends = strike.skew, ends
        elif kind == "half_open":
            for connection in connections:
                connection.half_open = True
        else:
            self._say_goodbye(strike, connections, now, time)

    def end(self, now: int) -> bool:
        """What is over by now ends; whether data flow again after a stall."""
        if self.jump and now >= self._jump_ends:
            self.jump = 0
        if self.is_stalled and now >= self._stall_ends:
            self.is_stalled = False
            return True
        return False

    def refusal(self, now: int) -> tuple[Answer, int] | None:
        """The answer to any request while the exchange takes none, and seconds for Retry-After; None: it does."""
        if now < self._too_fast_until:
            self._story["refused"] += 1
            return Answer(429, '{"code":-1003,"msg":"Too many requests."}'), _seconds(
                self._too_fast_until - now
            )
        if self._down_from <= now < self._down_until:
            self._story["refused"] += 1
            return Answer(503, '{"msg":"Service unavailable."}'), _seconds(self._down_until - now)
        return None

    def crowding(self, now: int) -> tuple[Answer, int] | None:
        """As `refusal`, for a client that opens more connections than it may. Counts this one."""
        rules, arrivals = self._protocol.rules, self._arrivals
        while arrivals and arrivals[0] <= now - rules.attempts_per:
            arrivals.popleft()
        arrivals.append(now)
        if len(arrivals) <= rules.attempts:
            return None
        self._story["too_many_attempts"] += 1
        return Answer(429, "{}"), _seconds(arrivals[0] + rules.attempts_per - now)

    def _say_goodbye(self, strike: Strike, connections: list[Connection], now: int, time: int) -> None:
        is_announced = strike.kind == "server_shutdown" or self._protocol.has_closing_word
        closes_at = now + ANNOUNCED * is_announced
        for connection in connections:
            self._protocol.closing(connection, strike.kind, time)
            connection.closes_at = closes_at
        if strike.kind == "maintenance":
            self._down_from, self._down_until = closes_at, closes_at + strike.duration


def _seconds(duration: int) -> int:
    return -(-duration // SECOND)
