"""Cycles that looked profitable and reverted when the node ran them: left out for a while, longer each time.

The search finds such a cycle again at every block, as nothing that it knows has changed: a token that cheats its check,
a pool that is not what it seems. Best each time, it would keep out every honest cycle it shares a pool with.
"""

from typing import Final

import msgspec

MOST_BLOCKS: Final = 256
"""Of one stretch; an hour of mainnet's blocks."""
_FORGOTTEN_AFTER: Final = 1_024
"""Blocks without another revert, after which the next one counts as the first."""

Edges = tuple[int, ...]
"""In trading order, `2 * pool + (0 if token0 goes in else 1)`."""


class _Reverted(msgspec.Struct):
    times: int
    last: int
    """Block of the newest revert."""


class SetAside:
    """One block after the first revert, then two, four, up to MOST_BLOCKS."""

    def __init__(self) -> None:
        self._reverted: dict[Edges, _Reverted] = {}

    def __len__(self) -> int:
        return len(self._reverted)

    def note_reverted(self, cycle: Edges, block: int) -> None:
        """`block`: the head it was simulated on. A second revert on one head says nothing new."""
        known = self._reverted.get(cycle)
        if known is None or block - known.last > _FORGOTTEN_AFTER:
            self._reverted[cycle] = _Reverted(1, block)
        elif block != known.last:
            known.times += 1
            known.last = block

    def holds(self, cycle: Edges, block: int) -> bool:
        """Whether it is left out on the head `block`. A head further back, after a reorg, is as good as the last one."""
        known = self._reverted.get(cycle)
        return known is not None and block <= known.last + min(1 << (known.times - 1), MOST_BLOCKS)

    def forget_old(self, block: int) -> None:
        """Keep no more than what may still matter."""
        self._reverted = {
            cycle: known for cycle, known in self._reverted.items() if block - known.last <= _FORGOTTEN_AFTER
        }
