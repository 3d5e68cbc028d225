"""Whether a pending transaction may move a pool of ours, by what it names: looked at before anybody is asked. Pure."""

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.core.identity import Address
from bot.core.pending import PendingTransaction
from bot.state.pool_table import PoolTable

_MOST_SCANNED: Final = 16_384
"""Bytes of calldata looked through; what a swap names comes early."""
_MOST_COMPARED: Final = 512
"""Places of one calldata at which a whole address is compared: nobody's calldata but a hostile one's has more."""
_ADDRESS: Final = 20
_PAIRS: Final = (18, 16, 9)
"""Where in an address two bytes each are compared first. Its end differs where its beginning is all zeros."""


class NamedPools:
    """Addresses that a transaction names when it may move a pool of ours: pools, and tokens but the wrapped coin."""

    def __init__(self, weth: Address) -> None:
        self._weth = weth
        self._pools: set[bytes] = set()
        self._named: set[bytes] = set()
        self._has_pair = _no_pairs()
        """By place of `_PAIRS`, then by the two bytes as a number: some address has them there."""
        self._table: PoolTable | None = None
        self._count = 0

    def are_in(self, pending: PendingTransaction, table: PoolTable) -> bool:
        """By its recipient, or at any byte of its calldata: routers name tokens in words or packed in paths.

        One that trades by calldata of its own making, naming nobody, is not found.
        """
        self._take_in(table)
        if pending.to is None or not pending.data:
            return False
        if pending.to in self._pools:
            return True
        data = pending.data[:_MOST_SCANNED]
        named = self._named
        return any(data[start : start + _ADDRESS] in named for start in self._candidates(data))

    def _candidates(self, data: bytes) -> list[int]:
        """Where an address of ours may begin: byte by byte in Python a full queue would hold the loop for seconds."""
        places = len(data) - _ADDRESS + 1
        if places <= 0:
            return []
        one = np.frombuffer(data, np.uint8)
        pairs = one[:-1].astype(np.uint16) << 8 | one[1:]
        starts = np.flatnonzero(self._has_pair[0][pairs[_PAIRS[0] : _PAIRS[0] + places]])
        for at, has_pair in zip(_PAIRS[1:], self._has_pair[1:], strict=True):
            starts = starts[has_pair[pairs[starts + at]]]
        found: list[int] = starts[:_MOST_COMPARED].tolist()
        return found

    def _take_in(self, table: PoolTable) -> None:
        if table is not self._table:
            self._table, self._count, self._pools, self._named = table, 0, set(), set()
            self._has_pair = _no_pairs()
        for pool in table.pools[self._count :]:
            self._pools.add(pool.address)
            self._name({pool.address, pool.token0, pool.token1} - {self._weth})
        self._count = len(table)

    def _name(self, addresses: Iterable[bytes]) -> None:
        for address in addresses:
            self._named.add(address)
            for at, has_pair in zip(_PAIRS, self._has_pair, strict=True):
                has_pair[int.from_bytes(address[at : at + 2], "big")] = True


def _no_pairs() -> tuple[NDArray[np.bool_], ...]:
    return tuple(np.zeros(1 << 16, np.bool_) for _ in _PAIRS)
