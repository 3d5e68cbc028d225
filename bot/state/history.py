"""The undo ring: what each of the last 64 applied blocks changed, so that it can be taken back exactly. Pure."""

from collections import deque

import msgspec

from bot.core.identity import BlockRef

UNDO_BLOCKS = 64


class ReservesBefore(msgspec.Struct, frozen=True):
    index: int
    reserve0: int
    reserve1: int


class PriceBefore(msgspec.Struct, frozen=True):
    """Of a V3 pool, until an Initialize or a Swap."""

    index: int
    sqrt_price: int
    tick: int
    liquidity: int


class LiquidityChanged(msgspec.Struct, frozen=True):
    """By a Mint (`delta` > 0) or a Burn (< 0) in a V3 pool."""

    index: int
    tick_lower: int
    tick_upper: int
    delta: int


ConcentratedChange = PriceBefore | LiquidityChanged


class BlockUndo(msgspec.Struct, frozen=True):
    """One applied block: where the state stood before it, and what it overwrote."""

    block: BlockRef
    parent: BlockRef
    overwritten: tuple[ReservesBefore, ...]
    concentrated: tuple[ConcentratedChange, ...]
    """In the order in which they happened: the active liquidity depends on the price of that moment."""
    created: tuple[int, ...]
    """Pools put into service by this block, new in the table or not."""

    @property
    def touched(self) -> set[int]:
        changed = {change.index for change in (*self.overwritten, *self.concentrated)}
        return changed.union(self.created)


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
