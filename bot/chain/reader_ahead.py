"""The chain reader of the loop: it asks for what every block needs the moment the head is heard, before it is asked."""

import asyncio
from collections.abc import Sequence

from bot.chain.reader import RpcChainReader
from bot.core.identity import Address, BlockHash, BlockRef
from bot.core.messages import Head
from bot.core.ports import JsonRpc
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import Wei


class ReaderAhead(RpcChainReader):
    """As RpcChainReader. Nonce and balance of `wallets` are under way while the block's logs still are.

    An answer read ahead is given out once, and for the very block it was read at; anything else is read anew.
    """

    def __init__(self, rpc: JsonRpc, wallets: Sequence[Address]) -> None:
        super().__init__(rpc)
        self._wallets = tuple(wallets)
        self._block: BlockHash | None = None
        self._counts: dict[Address, asyncio.Task[Ok[int] | Reverted | Unknown]] = {}
        self._balances: dict[Address, asyncio.Task[Ok[Wei] | Reverted | Unknown]] = {}

    def expect(self, head: Head) -> None:
        """Said of a head that will be acted on. What was read ahead for another one is given up."""
        if head.hash == self._block:
            return
        self.forget()
        self._block, at = head.hash, head.ref
        for wallet in self._wallets:
            self._counts[wallet] = asyncio.create_task(super().transaction_count(wallet, at))
            self._balances[wallet] = asyncio.create_task(super().balance(wallet, at))

    def forget(self) -> None:
        for task in (*self._counts.values(), *self._balances.values()):
            task.cancel()
        self._counts.clear()
        self._balances.clear()
        self._block = None

    async def transaction_count(self, address: Address, at: BlockRef) -> Ok[int] | Reverted | Unknown:
        ahead = self._counts.pop(address, None) if at.hash == self._block else None
        return await (super().transaction_count(address, at) if ahead is None else ahead)

    async def balance(self, address: Address, at: BlockRef) -> Ok[Wei] | Reverted | Unknown:
        ahead = self._balances.pop(address, None) if at.hash == self._block else None
        return await (super().balance(address, at) if ahead is None else ahead)
