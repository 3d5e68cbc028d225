"""How reserves moved inside a block: storage at its parent, then each Sync in the order of the transactions."""

from collections.abc import Iterable, Mapping

from oracle.chain_reader import SYNC
from oracle.facts import Block, MinedTransaction, Reserves


def pools_moved(tx: MinedTransaction) -> frozenset[bytes]:
    """Pairs whose reserves the transaction changed."""
    return frozenset(log.address for log in tx.logs if log.topics[:1] == (SYNC,))


def reserves_before(
    block: Block, index: int, at_parent: Mapping[bytes, Reserves], pools: Iterable[bytes]
) -> dict[bytes, Reserves]:
    """Reserves of `pools` just before the transaction at `index`; len(block.transactions) means after the block."""
    now = {pool: at_parent[pool] for pool in pools}
    for tx in block.transactions[:index]:
        for log in tx.logs:
            if log.topics[:1] == (SYNC,) and log.address in now:
                now[log.address] = (
                    int.from_bytes(log.data[:32], "big"),
                    int.from_bytes(log.data[32:64], "big"),
                )
    return now
