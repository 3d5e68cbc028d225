"""How one route behaves: what it answered, how fast, and whether it is given anything.

Out of use is one log line, back and proven another; what changes in between is said at most once a minute.
"""

from collections import deque
from typing import Final

import structlog

from bot.chain.relay_troubles import HARD, LONGEST_PAUSE, PROVES_A_RELAY, Trouble
from bot.core.ports import Clock
from bot.core.result import Ok, Reverted, Unknown
from bot.core.route_standing import RouteStanding
from bot.core.units import Nanoseconds

log = structlog.get_logger()

ADDRESS_STRIKES: Final = 3
"""A name service or a relay's restart may fail once or twice."""
TROUBLES_IN_A_ROW: Final = 5
"""Of any kind without one good answer: a page that is no relay, or nothing at all, does not get better by bundles."""
_ANSWERS_KEPT: Final = 512
_FIRST_RETRY: Final = 5 * 10**9
_FIRST_PAUSE: Final = 10**9
"""Nanoseconds; doubled each time in a row."""
_SAY_EVERY: Final = 60 * 10**9


class StandingKeeper:
    """`is_usable` and `standing` are for whoever chooses; the route tells what happened."""

    def __init__(self, name: str, host: str, clock: Clock, *, drops_reverts: bool) -> None:
        self._name = name
        self._host = host
        self._drops_reverts = drops_reverts
        self._clock = clock
        self._sent = self._accepted = self._refused = self._unknown = 0
        self._answers: deque[int] = deque(maxlen=_ANSWERS_KEPT)
        self._trouble: Trouble | None = None
        self._clock_trouble: Trouble | None = None
        self._strikes = 0
        """Troubles since the last good answer."""
        self._waits = 0
        """Back-offs since the last good answer."""
        self._strikes_before = 0
        """As many as the last good answer has cleared, should it turn out to be none."""
        self._not_before = 0
        """Monotonic: of the next try, or the end of a pause that the relay asked for."""
        self._said_unusable = self._said_trouble = False
        """Since it last answered well."""
        self._said_kind: str | None = None
        self._say_not_before: int | None = None
        """Monotonic; of a change that takes the route neither out nor in."""

    @property
    def is_usable(self) -> bool:
        return self.why_not == ""

    @property
    def why_not(self) -> str:
        """Why it is given nothing just now; empty: it is."""
        trouble = self._trouble
        if trouble is None:
            return ""
        if self._is_down(trouble):
            return self._words(trouble)
        if trouble.kind == "rate":
            left = self._not_before - self._clock.monotonic()
            return f"{trouble.words}; it is left alone for {left / 10**9:.1f} s" if left > 0 else ""
        return ""

    @property
    def wants_a_try(self) -> bool:
        """Something spoke against the route itself, and the time to see whether it still does has come."""
        trouble = self._trouble
        is_doubted = trouble is not None and (trouble.kind in HARD or self._is_down(trouble))
        return is_doubted and self._clock.monotonic() >= self._not_before

    @property
    def standing(self) -> RouteStanding:
        answers = sorted(self._answers)
        soft = self._trouble or self._clock_trouble
        return RouteStanding(
            name=self._name,
            host=self._host,
            drops_reverts=self._drops_reverts,
            is_usable=self.is_usable,
            problem=self.why_not or (soft.words if soft is not None else ""),
            sent=self._sent,
            accepted=self._accepted,
            refused=self._refused,
            unknown=self._unknown,
            answer_p50=_quantile(answers, 50),
            answer_p99=_quantile(answers, 99),
        )

    def answered(self, answer: Ok[str] | Reverted | Unknown, after: Nanoseconds) -> None:
        """Of a bundle that was handed over; Unknown answers have no duration worth keeping."""
        self._sent += 1
        if isinstance(answer, Ok):
            self._accepted += 1
        elif isinstance(answer, Reverted):
            self._refused += 1
        else:
            self._unknown += 1
            return
        self._answers.append(after)

    def well(self, *, proves_method: bool = True) -> None:
        """It answered as a relay does; `proves_method`: a request that takes the method of its bundles."""
        before = self._trouble
        if before is not None and before.kind == "method" and not proves_method:
            return
        self._trouble = None
        self._strikes_before, self._strikes, self._waits = self._strikes, 0, 0
        if before is not None and self._said_unusable:
            log.info("relay.usable_again", relay=self._name, host=self._host, was=before.words)
        elif before is not None and self._said_trouble:
            log.info("relay.well_again", relay=self._name, host=self._host, was=before.words)
        self._said_unusable = self._said_trouble = False
        self._said_kind = None

    def troubled(self, trouble: Trouble) -> None:
        before = self._trouble
        was_hard = before is not None and before.kind in HARD and self._is_down(before)
        self._strikes += trouble.kind not in PROVES_A_RELAY
        if was_hard and trouble.kind not in HARD:
            # What may pass does not clear what does not.
            self._back_off(_FIRST_RETRY)
            return
        self._trouble = trouble
        if trouble.kind in HARD or self._is_down(trouble):
            self._back_off(_FIRST_RETRY)
        elif trouble.kind == "rate" and trouble.pause is None:
            self._back_off(_FIRST_PAUSE)
        if trouble.pause is not None:
            self._not_before = max(self._not_before, self._clock.monotonic() + trouble.pause)
        self._say(trouble)

    def belied(self, trouble: Trouble) -> None:
        """The answer that has just counted as a good one is none."""
        self._strikes = self._strikes_before
        self.troubled(trouble)

    def clock_seen(self, trouble: Trouble | None) -> None:
        """Of the `Date` of an answer; None: the clocks agree. It takes no route out of use."""
        before, self._clock_trouble = self._clock_trouble, trouble
        if trouble is not None and before is None:
            log.warning("relay.clock", relay=self._name, problem=trouble.words)
        elif trouble is None and before is not None:
            log.info("relay.clock_well_again", relay=self._name)

    def _is_down(self, trouble: Trouble) -> bool:
        """It stays out until a try succeeds. A pause that a relay asked for ends by itself, the first few times."""
        if self._strikes >= TROUBLES_IN_A_ROW:
            return True
        if trouble.kind == "address":
            return self._strikes >= ADDRESS_STRIKES
        return trouble.kind in HARD

    def _words(self, trouble: Trouble) -> str:
        if trouble.kind in HARD:
            return trouble.words
        return f"{trouble.words}; {self._strikes} requests in a row without one good answer"

    def _back_off(self, first: int) -> None:
        self._waits += 1
        self._not_before = self._clock.monotonic() + min(first << min(self._waits, 20) >> 1, LONGEST_PAUSE)

    def _say(self, trouble: Trouble) -> None:
        now, is_down = self._clock.monotonic(), not self.is_usable
        if is_down and not self._said_unusable:
            event, self._said_unusable = "relay.not_usable", True
        elif trouble.kind == self._said_kind or (
            self._say_not_before is not None and now < self._say_not_before
        ):
            return
        else:
            event = "relay.not_usable" if is_down else "relay.trouble"
        self._said_trouble, self._said_kind = True, trouble.kind
        self._say_not_before = now + _SAY_EVERY
        log.warning(event, relay=self._name, problem=self.why_not or trouble.words)


def _quantile(ascending: list[int], percent: int) -> Nanoseconds | None:
    """Nearest rank."""
    if not ascending:
        return None
    return Nanoseconds(ascending[max(0, -(-len(ascending) * percent // 100) - 1)])
