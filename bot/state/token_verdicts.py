"""What a check said of a token, and when. Words alone: the reading commands load nothing heavy for them."""

import msgspec

from bot.core.identity import Address, BlockRef
from bot.core.units import Nanoseconds


class Safe(msgspec.Struct, frozen=True, tag="safe"):
    """It moved to the unit, whatever was done with it."""


class Unsafe(msgspec.Struct, frozen=True, tag="unsafe"):
    kind: str
    """A few words that are counted: `fee on transfer`."""
    reason: str
    """With the numbers."""

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}"


class Undecided(msgspec.Struct, frozen=True, tag="undecided"):
    """Law 1: not known to be safe, and so not traded."""

    cause: str

    def __str__(self) -> str:
        return f"not known to be safe: {self.cause}"


Verdict = Safe | Unsafe | Undecided


class Checked(msgspec.Struct, frozen=True):
    token: Address
    verdict: Verdict
    block: BlockRef
    at: Nanoseconds
    """The block's timestamp."""
    pools: frozenset[Address] = frozenset()
    """That it was sold to and bought from to the unit: a verdict holds in these alone."""
