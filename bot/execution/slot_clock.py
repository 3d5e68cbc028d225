"""Which timestamp the next block will have, how surely, and until when a bundle for it is of use.

Pure: every time comes as an argument. Two kinds of chain (core.profile.SlotRule):

slots: a slot starts every `seconds` since genesis; a block's timestamp is its slot's start. The chance that a slot stays
empty is learned, from a stated prior. A slot whose block should have been seen by now grows unlikely by itself: its
chance is weighed with how many heads came that late before.

observed: timestamps step from the head's own, arrivals from the head's arrival; both steps are medians of what was seen.
"""

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Sequence
from typing import Final

import msgspec

from bot.core.identity import BlockHash
from bot.core.messages import Head
from bot.core.profile import SlotRule
from bot.core.units import Nanoseconds

SECOND: Final = 1_000_000_000
COVERAGE: Final = 0.999
"""slots: the next block's timestamp lies from `earliest` to `latest` with at least this probability."""
MISSED_PRIOR: Final = 0.003
"""Part of mainnet's slots without a block before anything was seen (0.15 to 0.31 % a day, early 2026)."""
PRIOR_SLOTS: Final = 300
"""What the prior counts for: as much as so many slots seen, an hour of mainnet's."""
SLOTS_KEPT: Final = 14_400
"""Two days of twelve seconds; beyond, older ones count half."""
ARRIVALS_KEPT: Final = 256
FEW: Final = 3
"""Fewer arrivals than this say nothing: the profile's own words stand."""
NEVER: Final = Nanoseconds((1 << 63) - 1)
_SLOTS_AHEAD: Final = 16
_SLOTS_BACK: Final = 2
"""A block that was not seen so many slots after its own began will not come: its child's proposer has passed it over."""
_OTHER_STEP: Final = 0.5
"""observed: how many steps unlike the usual one are believed to have been seen before any was."""
_EARLY_GAP: Final = 0.05
"""observed: a bundle is meant to be there before this part of the gaps that are still possible has passed."""


class ExpectedBlock(msgspec.Struct, frozen=True):
    """The block after the newest head. Timestamps in seconds UTC, moments in monotonic nanoseconds."""

    number: int
    timestamp: int
    """The most likely one."""
    earliest: int
    latest: int
    """Of the timestamp, both included."""
    coverage: float
    """The least probability that it lies there. slots: COVERAGE. observed: n steps were seen, all of them in there, so
    the next one is with (n - 1) / (n + 1)."""
    probability: float
    """That the timestamp is the one stated."""
    opens_at: Nanoseconds
    """From then on a bundle for it can be sent: the moment it was asked for."""
    closes_at: Nanoseconds
    """What reaches a builder later is of no use; NEVER where the chain waits for us."""
    interval: Nanoseconds
    """From one block to the next, as far as known: what other lengths of time are measured by."""


class _Newest:
    """The newest ARRIVALS_KEPT numbers, kept in order: what is asked of them is asked in a hurry."""

    def __init__(self) -> None:
        self._by_age: deque[int] = deque()
        self.ordered: list[int] = []

    def append(self, number: int) -> None:
        if len(self._by_age) == ARRIVALS_KEPT:
            del self.ordered[bisect_left(self.ordered, self._by_age.popleft())]
        self._by_age.append(number)
        insort(self.ordered, number)


class SlotClock:
    """What has been seen of one chain's blocks. `waits`: a market in lockstep seals no block before we are done."""

    def __init__(self, rule: SlotRule, *, waits: bool = False) -> None:
        self._rule = rule
        self._waits = waits
        self._head: Head | None = None
        self._head_arrived: Nanoseconds | None = None
        self._filled = 0.0
        self._missed = 0.0
        self._delays = _Newest()
        """slots: from a slot's start to its head's arrival."""
        self._gaps = _Newest()
        """From one head's arrival to its child's."""
        self._steps = _Newest()
        """From one head's timestamp to its child's."""

    def note_head(
        self, head: Head, seen_utc: Nanoseconds, seen_monotonic: Nanoseconds, *, is_catch_up: bool = False
    ) -> None:
        """A head, newest last; one on another branch than the last replaces it and teaches no step.

        `is_catch_up`: it was fetched after the fact: its arrival says nothing.
        """
        before, arrived_before = self._head, self._head_arrived
        arrived = None if is_catch_up else seen_monotonic
        self._head, self._head_arrived = head, arrived
        if arrived is not None and self._rule.kind == "slots":
            self._delays.append(seen_utc - head.timestamp * SECOND)
        if before is None or not _is_child(head, before.hash):
            return
        self._steps.append(head.timestamp - before.timestamp)
        self._count_slots((head.timestamp - before.timestamp) // self._rule.seconds)
        if arrived is not None and arrived_before is not None:
            self._gaps.append(arrived - arrived_before)

    @property
    def missed_rate(self) -> float:
        """slots: that a slot stays empty; the prior and what was seen."""
        return (self._missed + MISSED_PRIOR * PRIOR_SLOTS) / (self._filled + self._missed + PRIOR_SLOTS)

    @property
    def least_delay(self) -> Nanoseconds | None:
        """slots: the soonest a head came after its slot's start. Negative: the wall clock is behind by that at least."""
        return Nanoseconds(self._delays.ordered[0]) if self._delays.ordered else None

    def why_not_trusted(self) -> str | None:
        """slots: why the wall clock or the node cannot be right, for the log; None as long as heads come when they can."""
        soonest = self.least_delay
        if self._rule.kind != "slots" or soonest is None or len(self._delays.ordered) < FEW:
            return None
        if soonest < 0:
            return (
                f"a head came {-soonest / SECOND:.3f} s before its slot began: the wall clock is behind by that at"
                " least, set it by NTP"
            )
        if soonest > self._rule.seconds * SECOND * 2 // 3:
            return (
                f"no head comes sooner than {soonest / SECOND:.3f} s into its slot of {self._rule.seconds} s: the wall"
                " clock is ahead (set it by NTP), or the node is that late"
            )
        return None

    def next_block(self, now_utc: Nanoseconds, now_monotonic: Nanoseconds) -> ExpectedBlock:
        """The child of the last head noted. Raises ValueError before the first."""
        head = self._head
        if head is None:
            raise ValueError("no head has been noted: there is nothing to expect a block after")
        if self._rule.kind == "slots":
            return self._by_slots(head, now_utc, now_monotonic)
        return self._as_observed(head, now_monotonic)

    def _by_slots(self, head: Head, now_utc: Nanoseconds, now_monotonic: Nanoseconds) -> ExpectedBlock:
        seconds = self._rule.seconds
        passed = (now_utc // SECOND - head.timestamp) // seconds
        first = max(1, passed - _SLOTS_BACK + 1)
        stamps = [head.timestamp + seconds * ahead for ahead in range(first, first + _SLOTS_AHEAD)]
        weights = self._weights(stamps, now_utc)
        timestamp = stamps[max(range(len(stamps)), key=weights.__getitem__)]
        closes_utc = timestamp * SECOND + self._rule.closes_after
        earliest, latest = _covering(stamps, weights)
        return ExpectedBlock(
            number=head.number + 1,
            timestamp=timestamp,
            earliest=earliest,
            latest=latest,
            coverage=COVERAGE,
            probability=max(weights),
            opens_at=now_monotonic,
            closes_at=self._closing(now_monotonic + closes_utc - now_utc),
            interval=Nanoseconds(seconds * SECOND),
        )

    def _weights(self, stamps: Sequence[int], now_utc: Nanoseconds) -> list[float]:
        """Of each slot: that it is the first with a block, and that this block has not been seen by now. Sum: 1."""
        missed = self.missed_rate
        weights = [
            missed**place * (1 - missed) * self._unseen(now_utc - stamp * SECOND)
            for place, stamp in enumerate(stamps)
        ]
        whole = sum(weights)
        return [weight / whole for weight in weights]

    def _unseen(self, since_start: int) -> float:
        """Part of the heads that come later than this into their slot.

        Two believed-in heads stand for those never seen: one at `heads_after`, and one that comes any time in a slot.
        """
        if since_start <= 0:
            return 1.0
        length, delays = self._rule.seconds * SECOND, self._delays.ordered
        later = len(delays) - bisect_right(delays, since_start)
        believed = float(since_start < self._rule.heads_after) + max(1e-9, 1 - since_start / length)
        return (later + believed) / (len(delays) + 2)

    def _as_observed(self, head: Head, now_monotonic: Nanoseconds) -> ExpectedBlock:
        steps, gaps = self._steps.ordered, self._gaps.ordered
        usual = _at_part(steps, 0.5) if len(steps) >= FEW else self._rule.seconds
        alike = bisect_right(steps, usual) - bisect_left(steps, usual)
        low, high = min(*steps[:1], usual, usual), max(*steps[-1:], usual, usual)
        known = len(gaps) >= FEW
        interval = _at_part(gaps, 0.5) if known else self._rule.seconds * SECOND
        arrived = self._head_arrived if self._head_arrived is not None else now_monotonic
        elapsed = now_monotonic - arrived
        possible = gaps[bisect_right(gaps, elapsed) :] if known else [max(interval, elapsed)]
        soonest = _at_part(possible, _EARLY_GAP) if possible else elapsed + interval
        return ExpectedBlock(
            number=head.number + 1,
            timestamp=head.timestamp + usual,
            earliest=head.timestamp + low,
            latest=head.timestamp + high,
            coverage=max(0, len(steps) - 1) / (len(steps) + 1),
            probability=(alike + _OTHER_STEP) / (len(steps) + 2 * _OTHER_STEP),
            opens_at=now_monotonic,
            closes_at=self._closing(arrived + soonest),
            interval=Nanoseconds(interval),
        )

    def _closing(self, moment: int) -> Nanoseconds:
        return NEVER if self._waits else Nanoseconds(moment)

    def _count_slots(self, passed: int) -> None:
        if self._rule.kind != "slots" or passed < 1:
            return
        self._filled += 1
        self._missed += passed - 1
        if self._filled + self._missed > SLOTS_KEPT:
            self._filled /= 2
            self._missed /= 2


def _is_child(head: Head, of: BlockHash) -> bool:
    return head.parent_hash == of


def _at_part(ordered: Sequence[int], part: float) -> int:
    """The value that `part` of them do not reach; the lower of two in the middle."""
    return ordered[int(part * (len(ordered) - 1))]


def _covering(stamps: Sequence[int], weights: Sequence[float]) -> tuple[int, int]:
    """First and last of the shortest run that leaves out no more than half of what COVERAGE allows on either side."""
    allowed = (1 - COVERAGE) / 2
    first, out = 0, weights[0]
    while out <= allowed and first < len(stamps) - 1:
        first += 1
        out += weights[first]
    last, out = len(stamps) - 1, weights[-1]
    while out <= allowed and last > first:
        last -= 1
        out += weights[last]
    return stamps[first], stamps[last]
