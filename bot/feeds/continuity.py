"""The decisions of the head feed, without its sockets: duplicate, gap, reorg, and how a head joins what was delivered.

Pure. A head joins the delivered chain by a *branch*: itself and its ancestors, fetched by parent hash until one of
them is a block that was delivered (the *fork point*).
"""

from collections.abc import Sequence

import msgspec

from bot.core.identity import BlockHash, BlockRef
from bot.core.messages import Head, RolledBack

REMEMBERED_BLOCKS = 64
"""How many delivered blocks can be taken back; state's undo ring holds as many."""


class NeedParent(msgspec.Struct, frozen=True):
    """The branch does not reach the delivered chain yet: this block is missing below it."""

    hash: BlockHash
    number: int


class Joined(msgspec.Struct, frozen=True):
    """The branch stands on `fork_point`. `rolled_back` is None where nothing has to be taken back."""

    fork_point: BlockRef
    rolled_back: RolledBack | None


class TooDeep(msgspec.Struct, frozen=True):
    """No fork point among the remembered blocks, or the gap is longer than is worth filling block by block."""

    reason: str


class DeliveredChain:
    """The last delivered blocks, oldest first; at most 64 can be taken back."""

    def __init__(self, start: BlockRef) -> None:
        self._blocks: list[BlockRef] = [start]

    @property
    def tip(self) -> BlockRef:
        return self._blocks[-1]

    @property
    def oldest(self) -> BlockRef:
        return self._blocks[0]

    def holds(self, block: BlockRef) -> bool:
        place = block.number - self.oldest.number
        return 0 <= place < len(self._blocks) and self._blocks[place] == block

    def above(self, block: BlockRef) -> tuple[BlockRef, ...]:
        """Delivered blocks above one of them, newest first."""
        return tuple(reversed(self._blocks[block.number - self.oldest.number + 1 :]))

    def append(self, head: Head) -> None:
        """Raises ValueError when the head does not stand on the tip: the caller has skipped a decision."""
        if not stands_on(head, self.tip):
            raise ValueError(f"block {head.number} does not stand on the delivered tip {self.tip.number}")
        self._blocks.append(head.ref)
        del self._blocks[: -(REMEMBERED_BLOCKS + 1)]

    def take_back(self, rolled_back: RolledBack) -> None:
        del self._blocks[rolled_back.to.number - self.oldest.number + 1 :]


def stands_on(head: Head, parent: BlockRef) -> bool:
    return head.parent_hash == parent.hash and head.number == parent.number + 1


def is_duplicate(chain: DeliveredChain, head: Head) -> bool:
    """The head was delivered already, as the tip or below it (a late or repeated notification)."""
    return chain.holds(head.ref)


def is_gap(tip: BlockRef, head: Head) -> bool:
    """At least one block between the tip and the head was never heard of."""
    return head.number > tip.number + 1


def is_reorg(tip: BlockRef, head: Head) -> bool:
    """The head is beside or below the tip, or stands on another block than the tip."""
    return head.number <= tip.number or (head.number == tip.number + 1 and head.parent_hash != tip.hash)


def next_step(
    chain: DeliveredChain, branch: Sequence[Head], longest_gap: int
) -> NeedParent | Joined | TooDeep:
    """What to do for `branch` (newest first, each the child of the next): fetch one more, deliver, or give up."""
    oldest = branch[-1]
    parent = BlockRef(oldest.number - 1, oldest.parent_hash)
    if chain.holds(parent):
        if is_reorg(chain.tip, oldest):
            return Joined(parent, RolledBack(parent, chain.above(parent)))
        return Joined(parent, None)
    if parent.number <= chain.oldest.number:
        return TooDeep(
            f"no common ancestor down to block {chain.oldest.number}, the oldest remembered "
            f"(at most {REMEMBERED_BLOCKS} blocks are taken back)"
        )
    gap = branch[0].number - chain.tip.number
    if gap > longest_gap:
        return TooDeep(
            f"{gap} blocks from {chain.tip.number} to {branch[0].number}, at most {longest_gap} are filled"
        )
    return NeedParent(oldest.parent_hash, parent.number)
