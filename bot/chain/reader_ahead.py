"""The chain reader of the loop: it asks for what every block needs the moment the head is heard, before it is asked."""

import asyncio
from collections.abc import Callable, Sequence

from bot.chain.reader import RpcChainReader
from bot.core.identity import Address, BlockHash, BlockRef, TxHash
from bot.core.messages import Head
from bot.core.ports import JsonRpc, Receipt
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import Wei


class ReaderAhead(RpcChainReader):
    """As RpcChainReader. What is under way while the block's logs still are: nonce and balance of `wallets`, and the
    receipts of `awaited`, which are those the block may have mined.

    An answer read ahead is given out once, and for the very block it was read at; anything else is read anew. So is what
    the node could not say yet, because it heard of the block later than we did, and a receipt that is of another block.
    """

    def __init__(self, rpc: JsonRpc, wallets: Sequence[Address]) -> None:
        super().__init__(rpc)
        self._wallets = tuple(wallets)
        self.awaited: Callable[[], Sequence[TxHash]] = tuple
        self._block: BlockHash | None = None
        self._counts: dict[Address, asyncio.Task[Ok[int] | Reverted | Unknown]] = {}
        self._balances: dict[Address, asyncio.Task[Ok[Wei] | Reverted | Unknown]] = {}
        self._receipts: dict[TxHash, asyncio.Task[Ok[Receipt | None] | Reverted | Unknown]] = {}

    def expect(self, head: Head) -> None:
        """Said of a head that will be acted on. What was read ahead for another one is given up."""
        if head.hash == self._block:
            return
        self.forget()
        self._block, at = head.hash, head.ref
        for wallet in self._wallets:
            self._counts[wallet] = asyncio.create_task(super().transaction_count(wallet, at))
            self._balances[wallet] = asyncio.create_task(super().balance(wallet, at))
        for tx in self.awaited():
            self._receipts[tx] = asyncio.create_task(super().receipt(tx))

    def forget(self) -> None:
        for task in (*self._counts.values(), *self._balances.values(), *self._receipts.values()):
            task.cancel()
        self._counts.clear()
        self._balances.clear()
        self._receipts.clear()
        self._block = None

    async def transaction_count(self, address: Address, at: BlockRef) -> Ok[int] | Reverted | Unknown:
        ahead = self._counts.pop(address, None) if at.hash == self._block else None
        found = None if ahead is None else await ahead
        return found if isinstance(found, Ok) else await super().transaction_count(address, at)

    async def balance(self, address: Address, at: BlockRef) -> Ok[Wei] | Reverted | Unknown:
        ahead = self._balances.pop(address, None) if at.hash == self._block else None
        found = None if ahead is None else await ahead
        return found if isinstance(found, Ok) else await super().balance(address, at)

    async def receipt(self, tx: TxHash) -> Ok[Receipt | None] | Reverted | Unknown:
        ahead = self._receipts.pop(tx, None)
        found = None if ahead is None else await ahead
        if isinstance(found, Ok) and found.value is not None and found.value.block.hash == self._block:
            return found
        return await super().receipt(tx)
