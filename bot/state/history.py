"""The undo ring: what each of the last 64 applied blocks changed, so that it can be taken back exactly. Pure."""

from collections import deque

import msgspec

from bot.core.identity import BlockRef

UNDO_BLOCKS = 64


class ReservesBefore(msgspec.Struct, frozen=True):
    index: int
    reserve0: int
    reserve1: int


class BlockUndo(msgspec.Struct, frozen=True):
    """One applied block: where the state stood before it, and what it overwrote."""

    block: BlockRef
    parent: BlockRef
    overwritten: tuple[ReservesBefore, ...]
    created: tuple[int, ...]
    """Pools put into service by this block, new in the table or not."""


class UndoRing:
    """At most 64 blocks; the oldest is forgotten."""

    def __init__(self) -> None:
        self._blocks: deque[BlockUndo] = deque(maxlen=UNDO_BLOCKS)

    def __len__(self) -> int:
        return len(self._blocks)

    def push(self, undo: BlockUndo) -> None:
        self._blocks.append(undo)

    def pop(self) -> BlockUndo:
        """The newest block's undo. Raises IndexError when the ring is empty."""
        return self._blocks.pop()

    def newest(self, count: int) -> tuple[BlockUndo, ...]:
        """The undos of the last `count` blocks, newest first; fewer when the ring holds fewer."""
        return tuple(self._blocks[-place] for place in range(1, min(count, len(self._blocks)) + 1))
