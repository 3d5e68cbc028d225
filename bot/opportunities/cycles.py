"""Every cycle of two and three pools through the base tokens, as flat arrays that grow with the pool table.

A cycle's id is its row in `legs` and never changes. Memory: 48 bytes a cycle here and in the search together (legs 12,
incidence 8-12, value, input and place in the sparse set 24), so 24 MB for the 500,000 cycles of a market of 20,000
pools, and 96 MB at the most that are ever held, `most_cycles`.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.core.errors import BrokenInvariant
from bot.core.identity import Address, to_checksum
from bot.opportunities.cycles_kernel import (
    count_cycles,
    cycles_by_pool,
    edges_by_token,
    edges_to_base,
    fill_cycles,
)
from bot.state.pool_table import Pool, PoolTable

MOST_CYCLES: Final = 2_000_000
"""Two tokens that both trade against base in hundreds of pools make a product of them for every pool between the two.
What does not fit is counted in `left_out`; cycles of two pools come first, then by the index of the middle pool."""


class Cycles:
    """Grows with the table, by `extend`. No cycle uses a pool twice."""

    def __init__(
        self, table: PoolTable, base_tokens: Sequence[Address], most_cycles: int = MOST_CYCLES
    ) -> None:
        self._table = table
        self._most = most_cycles
        self._numbers: dict[Address, int] = {token: at for at, token in enumerate(dict.fromkeys(base_tokens))}
        self.base_count: Final = len(self._numbers)
        """Base tokens are the first of the token numbers."""
        self._tokens: list[int] = []
        self.pool_count = 0
        """How many pools of the table are in the arrays."""
        self.left_out = 0
        """Cycles that there are and that are not held."""
        self.legs: NDArray[np.int32] = np.empty((0, 3), np.int32)
        """Edges in trading order: base token into the first, base out of the last; -1 as third of two."""
        self._publish_tokens()
        self._publish_incidence()
        self.extend()

    def __len__(self) -> int:
        return len(self.legs)

    @property
    def token_count(self) -> int:
        return len(self._numbers)

    def extend(self) -> range:
        """Take in the pools added to the table since; the ids of the cycles they make with each other and the rest."""
        start, known = len(self), self.pool_count
        if known == len(self._table):
            return range(start, start)
        for pool in self._table.pools[known:]:
            self._tokens += self._numbered(pool)
        self.pool_count = len(self._table)
        self._publish_tokens()
        self.legs = np.concatenate(
            [self.legs, *(self._brought(base, known) for base in range(self.base_count))]
        )
        if len(self.legs) > self._most:
            self.left_out += len(self.legs) - self._most
            self.legs = self.legs[: self._most]
        self._publish_incidence()
        return range(start, len(self))

    def _numbered(self, pool: Pool) -> tuple[int, int]:
        if not pool.token0 < pool.token1:
            raise BrokenInvariant(
                f"pool {to_checksum(pool.address)} does not hold its tokens in ascending order"
            )
        numbers = self._numbers
        return (
            numbers.setdefault(pool.token0, len(numbers)),
            numbers.setdefault(pool.token1, len(numbers)),
        )

    def _publish_tokens(self) -> None:
        """Fresh arrays: the old ones may be in a reader's hands."""
        self.tokens: NDArray[np.int32] = np.array(self._tokens, np.int32)
        """By edge: the number of the token that goes in; what comes out is that of `edge ^ 1`."""
        self.edge_offsets: NDArray[np.int64]
        self.edges: NDArray[np.int32]
        self.edge_offsets, self.edges = edges_by_token(self.tokens, self.token_count)
        """`edges[edge_offsets[t]:edge_offsets[t + 1]]`: what token t goes into."""
        self.to_base: list[tuple[NDArray[np.int64], NDArray[np.int32]]] = [
            edges_to_base(self.tokens, self.edge_offsets, self.edges, base) for base in range(self.base_count)
        ]
        """For each base token, by token in the same form: its edges straight into base."""

    def _publish_incidence(self) -> None:
        self.offsets: NDArray[np.int64]
        self.incident: NDArray[np.int32]
        self.offsets, self.incident = cycles_by_pool(self.legs, self.pool_count)
        """`incident[offsets[p]:offsets[p + 1]]`: the cycles that pool p is in."""

    def _brought(self, base: int, known: int) -> NDArray[np.int32]:
        """The new cycles through one base token, as many as there is room for."""
        ends, into_base = self.to_base[base]
        of_two, of_three = count_cycles(self.tokens, ends, into_base, base, known)
        room = max(0, self._most - len(self))
        legs = np.empty((min(of_two + of_three, room), 3), np.int32)
        filled = fill_cycles(self.tokens, ends, into_base, base, known, legs)
        self.left_out += of_two + of_three - filled
        return legs[:filled]
