"""Receipts of one block's post-mortem, each asked for once, and believed only from a canonical block."""

import asyncio

from bot.core.identity import IntentId, TxHash
from bot.core.messages import Head
from bot.core.ports import ChainReader, Receipt
from bot.core.result import Ok, Reverted, Unknown
from bot.execution.block_facts import OwnPayload


class OwnReceipts:
    """Intents that share a nonce ask for the same ones."""

    def __init__(self, reader: ChainReader) -> None:
        self._reader = reader
        self._asked: dict[TxHash, asyncio.Task[Ok[Receipt | None] | Reverted | Unknown]] = {}

    async def receipt(self, tx: TxHash) -> Ok[Receipt | None] | Reverted | Unknown:
        """As the node gives it, of whosever transaction."""
        if tx not in self._asked:
            self._asked[tx] = asyncio.ensure_future(self._reader.receipt(tx))
        return await self._asked[tx]

    async def payload(self, tx: TxHash, intent: IntentId | None, head: Head) -> OwnPayload:
        """A payload of ours with its receipt, which is Unknown where its block is not canonical at `head`."""
        receipt = await self.receipt(tx)
        if isinstance(receipt, Ok) and receipt.value is not None:
            canonical = await self._canonical(receipt.value, tx, head)
            if isinstance(canonical, Ok):
                return OwnPayload(tx, intent, receipt, canonical.value)
            return OwnPayload(tx, intent, canonical)
        return OwnPayload(tx, intent, receipt)

    async def _canonical(self, receipt: Receipt, tx: TxHash, head: Head) -> Ok[Head] | Unknown:
        """Law 5: only a receipt in a canonical block, at or below `head`, counts. The header of that block."""
        block = receipt.block
        if receipt.tx_hash != tx:
            return Unknown(f"the node gave the receipt of 0x{receipt.tx_hash.hex()}")
        if block.number > head.number:
            return Unknown(f"mined in block {block.number}, which is above our head {head.number}")
        if block.number == head.number:
            canonical: Ok[Head | None] | Reverted | Unknown = Ok(head)
        else:
            canonical = await self._reader.head_by_number(block.number)
        if not isinstance(canonical, Ok):
            return Unknown(f"whether block {block.number} is canonical could not be read")
        if canonical.value is None or canonical.value.hash != block.hash:
            return Unknown(f"its block 0x{block.hash.hex()} is not the canonical block {block.number}")
        return Ok(canonical.value)
