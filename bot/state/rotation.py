"""Whose turn it is to be audited: a seeded order that visits every pool before it visits one again. Pure."""

from collections.abc import Iterable

from bot.core.identity import keccak
from bot.state.pool_table import PoolTable


class AuditRotation:
    """Pools are ordered by keccak(seed ‖ address), so that new ones find their place without a new shuffle."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._last_turn = b""

    def next_turn(self, table: PoolTable, candidates: Iterable[int], count: int) -> tuple[int, ...]:
        """At most `count` of the candidate indices, those longest not seen first; moves the rotation on."""
        order = sorted((keccak(self._seed + table.pools[index].address), index) for index in candidates)
        after = [place for place in order if place[0] > self._last_turn]
        before = order[: len(order) - len(after)]
        turn = (after + before)[:count]
        if turn:
            self._last_turn = turn[-1][0]
        return tuple(index for _, index in turn)
