"""What the nonces of a day may cost at worst. Pure."""

import msgspec

from bot.core.units import Wei


class DaySpend(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A nonce counts once, at its dearest payload, for as long as it is open, and on the day it closes and the next.

    The next too, because that a nonce was used is the engine's word: if it was not, its payload may still land. What
    two days in a row cost together is therefore never more than one day's limit.
    """

    open: dict[int, Wei] = {}
    """Unused nonce to the worst cost of its dearest payload."""
    closed: Wei = Wei(0)
    """Of the nonces reported as used today."""
    carried: Wei = Wei(0)
    """Of those reported as used yesterday."""

    @property
    def total(self) -> Wei:
        return Wei(self.carried + self.closed + sum(self.open.values()))

    def with_payload(self, nonce: int, worst_cost: Wei) -> "DaySpend":
        dearest = Wei(max(worst_cost, self.open.get(nonce, 0)))
        return msgspec.structs.replace(self, open=self.open | {nonce: dearest})

    def with_next_nonce(self, next_nonce: int) -> "DaySpend":
        """A used nonce keeps counting, also when a reorg, or a report that was none, opens it again."""
        used = sum(cost for nonce, cost in self.open.items() if nonce < next_nonce)
        return msgspec.structs.replace(
            self,
            closed=Wei(self.closed + used),
            open={nonce: cost for nonce, cost in self.open.items() if nonce >= next_nonce},
        )

    def after_days(self, days: int) -> "DaySpend":
        """`days` (1 or more) later."""
        return msgspec.structs.replace(self, closed=Wei(0), carried=self.closed if days == 1 else Wei(0))
