"""Single transactions waiting for a block: the public ones, and the two kinds a builder alone was told of."""

from __future__ import annotations

import msgspec

from bot.core.identity import Address, TxHash
from bot.world.block_story import Origin
from bot.world.mempool import Mempool


class TransactionPools(msgspec.Struct, frozen=True):
    public: Mempool
    private: Mempool
    """Order flow that a builder sees and nobody else; bundles may stand around it."""
    unprotected: Mempool
    """Of the private RPC whose senders gave up revert protection."""

    def in_order(self) -> tuple[tuple[Mempool, Origin], ...]:
        """As a builder takes them, behind the bundles."""
        return (self.private, "private"), (self.public, "public"), (self.unprotected, "unprotected")

    def senders(self) -> set[Address]:
        return {sender for pool, _ in self.in_order() for sender in pool.senders()}

    def origin_of(self, tx_hash: TxHash) -> Origin | None:
        """Where a transaction waits, None for one that came in a bundle alone."""
        for pool, origin in self.in_order():
            if pool.get(tx_hash) is not None:
                return origin
        return None

    def of(self, origin: Origin) -> Mempool | None:
        """The pool of that origin; None for bundles."""
        return next((pool for pool, name in self.in_order() if name == origin), None)
