"""How one route behaves: what it answered, how fast, and whether it is given anything. Every change is one log line."""

from collections import deque
from typing import Final

import structlog

from bot.chain.relay_troubles import HARD, LONGEST_PAUSE, Trouble
from bot.core.ports import Clock
from bot.core.result import Ok, Reverted, Unknown
from bot.core.route_standing import RouteStanding
from bot.core.units import Nanoseconds

log = structlog.get_logger()

ADDRESS_STRIKES: Final = 3
"""A name service or a relay's restart may fail once or twice."""
_ANSWERS_KEPT: Final = 512
_FIRST_RETRY: Final = 5 * 10**9
_FIRST_PAUSE: Final = 10**9
"""Nanoseconds; doubled with each trouble of the kind in a row."""


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
        """Troubles of one kind in a row."""
        self._not_before = 0
        """Monotonic: of the next try, or the end of a pause that the relay asked for."""
        self._said_unusable = False

    @property
    def is_usable(self) -> bool:
        return self.why_not == ""

    @property
    def why_not(self) -> str:
        """Why it is given nothing just now; empty: it is."""
        trouble = self._trouble
        if trouble is None:
            return ""
        if trouble.kind == "rate":
            left = self._not_before - self._clock.monotonic()
            return f"{trouble.words}; it is left alone for {left / 10**9:.1f} s" if left > 0 else ""
        return trouble.words if self._is_down(trouble) else ""

    @property
    def wants_a_try(self) -> bool:
        """Something spoke against the route itself, and the time to see whether it still does has come."""
        trouble = self._trouble
        return trouble is not None and trouble.kind in HARD and self._clock.monotonic() >= self._not_before

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
        self._strikes = 0
        if before is None:
            return
        if self._said_unusable:
            log.info("relay.usable_again", relay=self._name, host=self._host, was=before.words)
        else:
            log.info("relay.well_again", relay=self._name, host=self._host, was=before.words)
        self._said_unusable = False

    def troubled(self, trouble: Trouble) -> None:
        before, was_down = self._trouble, not self.is_usable
        if before is not None and self._is_down(before) and trouble.kind not in HARD:
            # What may pass does not clear what does not.
            self._back_off(_FIRST_RETRY)
            return
        self._strikes = self._strikes + 1 if before is not None and before.kind == trouble.kind else 1
        self._trouble = trouble
        if trouble.kind == "rate":
            pause = trouble.pause
            if pause is None:
                self._back_off(_FIRST_PAUSE)
            else:
                self._not_before = self._clock.monotonic() + pause
        elif trouble.kind in HARD:
            self._back_off(_FIRST_RETRY)
        self._say(before, trouble, was_down=was_down)

    def clock_seen(self, trouble: Trouble | None) -> None:
        """Of the `Date` of an answer; None: the clocks agree. It takes no route out of use."""
        before, self._clock_trouble = self._clock_trouble, trouble
        if trouble is not None and before is None:
            log.warning("relay.clock", relay=self._name, problem=trouble.words)
        elif trouble is None and before is not None:
            log.info("relay.clock_well_again", relay=self._name)

    def _is_down(self, trouble: Trouble) -> bool:
        if trouble.kind == "address":
            return self._strikes >= ADDRESS_STRIKES
        return trouble.kind in HARD

    def _back_off(self, first: int) -> None:
        wait = min(first << min(self._strikes, 20) >> 1, LONGEST_PAUSE)
        self._not_before = self._clock.monotonic() + wait

    def _say(self, before: Trouble | None, trouble: Trouble, *, was_down: bool) -> None:
        is_down = not self.is_usable
        if is_down and (not was_down or before is None or before.kind != trouble.kind):
            self._said_unusable = True
            log.warning("relay.not_usable", relay=self._name, problem=trouble.words)
        elif not is_down and (before is None or before.kind != trouble.kind):
            log.warning("relay.trouble", relay=self._name, problem=trouble.words)


def _quantile(ascending: list[int], percent: int) -> Nanoseconds | None:
    """Nearest rank."""
    if not ascending:
        return None
    return Nanoseconds(ascending[max(0, -(-len(ascending) * percent // 100) - 1)])
