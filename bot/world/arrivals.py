"""What waits in the public pool for one block, told once everybody of the market has sent for it."""

from __future__ import annotations

import asyncio

from bot.world.json_rpc import refused
from bot.world.mempool import Mempool
from bot.world.raw_transaction import RawTransaction

MOST_BLOCKS_AHEAD = 1


class Arrivals:
    """For a client in lockstep, who wants to decide on all of it and not on what happened to have come.

    `number`: of the last block nobody sends for any more, the head to begin with.
    """

    def __init__(self, mempool: Mempool, number: int) -> None:
        self._mempool = mempool
        self._number = number
        self._changed = asyncio.Event()

    def complete(self, number: int) -> None:
        """The market's people have sent all they want to send for block `number`."""
        self._number = number
        self._changed.set()
        self._changed = asyncio.Event()

    async def waiting_for(self, number: int) -> tuple[RawTransaction, ...]:
        """Public transactions in order of arrival. Waits until block `number` is the next one and all have sent.

        Raises RpcError for a block that is already there, and for one ahead of the next.
        """
        if number > self._number + MOST_BLOCKS_AHEAD:
            raise refused(f"block {number} is too far ahead: {self._number} is the next one")
        while self._number < number:
            await self._changed.wait()
        if self._number != number:
            raise refused(f"block {number} is already there: {self._number} is the next one")
        return self._mempool.in_order_of_arrival()
