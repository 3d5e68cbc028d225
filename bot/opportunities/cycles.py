"""Every two-pool cycle through the base tokens, as flat arrays: base token into `first`, out of `second`.

Two pools of one pair of tokens make two cycles, one a direction. A cycle's id is its place in the arrays and never
changes; `incident[offsets[p]:offsets[p + 1]]` are the ids of the cycles that pool p is in.
"""

from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bot.core.errors import BrokenInvariant
from bot.core.identity import Address, to_checksum
from bot.state.pool_table import PoolTable, V2Pool


class TwoPoolCycles:
    """Grows with the table, by `extend`."""

    def __init__(self, table: PoolTable, base_tokens: Sequence[Address]) -> None:
        self._table = table
        self._base_tokens = tuple(dict.fromkeys(base_tokens))
        self._pools_of: dict[tuple[Address, Address], list[int]] = {}
        self._first = array("i")
        self._second = array("i")
        self._base_is_token0 = array("b")
        self.pool_count = 0
        """How many pools of the table are in the arrays."""
        self._publish()
        self.extend()

    def __len__(self) -> int:
        return len(self._first)

    def extend(self) -> range:
        """Take in the pools added to the table since; the ids of the cycles they make with each other and the rest."""
        start = len(self)
        for index in range(self.pool_count, len(self._table)):
            self._take_in(index, self._table.pools[index])
        if self.pool_count != len(self._table):
            self.pool_count = len(self._table)
            self._publish()
        return range(start, len(self))

    def _take_in(self, index: int, pool: V2Pool) -> None:
        if not pool.token0 < pool.token1:
            raise BrokenInvariant(
                f"pool {to_checksum(pool.address)} does not hold its tokens in ascending order"
            )
        for base in self._base_tokens:
            if base not in (pool.token0, pool.token1):
                continue
            between = pool.token1 if base == pool.token0 else pool.token0
            partners = self._pools_of.setdefault((base, between), [])
            for partner in partners:
                self._first.extend((partner, index))
                self._second.extend((index, partner))
                self._base_is_token0.extend((base < between,) * 2)
            partners.append(index)

    def _publish(self) -> None:
        """Fresh arrays: the old ones may be in a reader's hands."""
        self.first: NDArray[np.int32] = np.array(self._first, dtype=np.int32)
        self.second: NDArray[np.int32] = np.array(self._second, dtype=np.int32)
        self.base_is_token0: NDArray[np.bool_] = np.array(self._base_is_token0, dtype=np.bool_)
        """Of both pools: every V2 factory sorts its tokens."""
        self.fee: NDArray[np.float64] = np.array(
            [pool.fee_numerator / pool.fee_denominator for pool in self._table.pools[: self.pool_count]],
            dtype=np.float64,
        )
        """By pool: the part of the input that counts. It screens and never decides."""
        ends = np.concatenate([self.first, self.second])
        ids = np.concatenate([np.arange(len(self), dtype=np.int32)] * 2)
        self.incident: NDArray[np.int32] = ids[np.argsort(ends, kind="stable")]
        degrees = np.bincount(ends, minlength=self.pool_count)
        self.offsets: NDArray[np.int64] = np.concatenate([np.zeros(1, np.int64), np.cumsum(degrees)])
