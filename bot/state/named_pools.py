"""Whether a pending transaction may move a pool of ours, by what it names: looked at before anybody is asked. Pure."""

from typing import Final

from bot.core.identity import Address
from bot.core.pending import PendingTransaction
from bot.state.pool_table import PoolTable

_MOST_SCANNED: Final = 16_384
"""Bytes of calldata looked through; what a swap names comes early."""
_ADDRESS: Final = 20


class NamedPools:
    """Addresses that a transaction names when it may move a pool of ours: pools, and tokens but the wrapped coin."""

    def __init__(self, weth: Address) -> None:
        self._weth = weth
        self._pools: set[bytes] = set()
        self._tokens: set[bytes] = set()
        self._table: PoolTable | None = None
        self._count = 0

    def are_in(self, pending: PendingTransaction, table: PoolTable) -> bool:
        """By its recipient, or anywhere in its calldata: routers name tokens in words or packed in paths.

        One that trades by calldata of its own making, naming nobody, is not found.
        """
        self._take_in(table)
        if pending.to is None or not pending.data:
            return False
        if pending.to in self._pools:
            return True
        data = pending.data[:_MOST_SCANNED]
        pools, tokens = self._pools, self._tokens
        for start in range(len(data) - _ADDRESS + 1):
            part = data[start : start + _ADDRESS]
            if part in tokens or part in pools:
                return True
        return False

    def _take_in(self, table: PoolTable) -> None:
        if table is not self._table:
            self._table, self._count, self._pools, self._tokens = table, 0, set(), set()
        for pool in table.pools[self._count :]:
            self._pools.add(pool.address)
            self._tokens |= {pool.token0, pool.token1} - {self._weth}
        self._count = len(table)
