"""The funnel of one block while it is being worked on; at its end it becomes the block's record (law 14)."""

from collections import Counter

from bot.core.messages import BlockArrived
from bot.core.records import BlockRecord
from bot.core.units import Nanoseconds

_ABSORBED = ("pending", "planned", "simulated", "allowed", "sent", "resubmitted")


class Funnel:
    """Counts what came through each stage, why the rest fell out, and how long each step took."""

    def __init__(self, block: BlockArrived, pools_touched: int) -> None:
        self._block = block
        self._pools_touched = pools_touched
        self.cycles_screened = 0
        self.opportunities = 0
        self.sized = 0
        self.profitable = 0
        self.planned = 0
        self.simulated = 0
        self.allowed = 0
        self.sent = 0
        self.resubmitted = 0
        self.landed = 0
        self.pending = 0
        self.drops: Counter[str] = Counter()
        self.durations: dict[str, Nanoseconds] = {}

    def drop(self, reason: str, count: int = 1) -> None:
        """`count` things went no further, for a short stable reason."""
        if count:
            self.drops[reason] += count

    def took(self, step: str, duration: int) -> None:
        """Add to the time of a step; a step done twice in a block counts as one."""
        self.durations[step] = Nanoseconds(self.durations.get(step, 0) + duration)

    def absorb(self, other: "Funnel") -> None:
        """What was counted beside, or before, this one."""
        for name in _ABSORBED:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.drops.update(other.drops)
        for step, duration in other.durations.items():
            self.took(step, duration)

    def record(self, run_id: str) -> BlockRecord:
        head = self._block.head
        return BlockRecord(
            run_id=run_id,
            block=head.ref,
            timestamp=head.timestamp,
            base_fee=head.base_fee,
            logs=len(self._block.logs),
            pools_touched=self._pools_touched,
            cycles_screened=self.cycles_screened,
            opportunities=self.opportunities,
            sized=self.sized,
            profitable=self.profitable,
            planned=self.planned,
            simulated=self.simulated,
            allowed=self.allowed,
            sent=self.sent,
            resubmitted=self.resubmitted,
            landed=self.landed,
            pending=self.pending,
            drops=dict(sorted(self.drops.items())),
            durations=dict(self.durations),
        )
