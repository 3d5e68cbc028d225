"""Who used a nonce: asked once for all intents that shared it, however many a losing streak has left there."""

import asyncio
from collections.abc import Sequence

import msgspec

from bot.core.identity import Address, IntentId, TxHash
from bot.core.messages import Head
from bot.core.ports import ChainReader
from bot.core.result import Ok, Reverted, Unknown
from bot.execution.block_facts import OwnPayload
from bot.execution.own_receipts import OwnReceipts

_AT_ONCE = 32
"""Receipts asked for together, newest payload first: most often the first of them is the mined one."""

Payload = tuple[TxHash, IntentId | None]
"""A signed transaction of ours and whose it is (None: a cancellation)."""


class UsedNonce(msgspec.Struct, frozen=True):
    """The question. Payloads oldest first."""

    sender: Address
    nonce: int
    undecided: tuple[Payload, ...]
    """Of the intents without a verdict."""
    others: tuple[Payload, ...]
    """Of those with one, which can leak, and cancellations."""
    windows: frozenset[int]
    """Every block in which an undecided payload could succeed."""


class NonceUse(msgspec.Struct, frozen=True):
    """The answer, at one head."""

    count: Ok[int] | Unknown
    """The transaction count that says the nonce is used; Unknown when its block left the chain meanwhile."""
    witness: OwnPayload | None
    """The payload of ours that was mined; else one that keeps the question open, having no receipt to read yet."""
    taken_by: Ok[TxHash | None] | Reverted | Unknown
    """Found among the blocks' transactions; Ok(None): in none of them."""

    @property
    def is_by_us(self) -> bool:
        """One of our payloads was mined at it."""
        return (
            self.witness is not None
            and isinstance(self.witness.receipt, Ok)
            and self.witness.receipt.value is not None
        )

    @property
    def is_by_a_stranger(self) -> bool:
        """A transaction that is none of our payloads stands in a block at it."""
        return isinstance(self.taken_by, Ok) and self.taken_by.value is not None and self.witness is None


async def find_nonce_use(
    reader: ChainReader, receipts: OwnReceipts, used: UsedNonce, head: Head, count: Ok[int]
) -> NonceUse:
    """Cheapest first: the undecided payloads' receipts, the blocks' transactions, all other receipts.

    A node's receipts can lag behind its count, so a nonce counts as used by nobody of ours only when the blocks
    themselves do not show one of our hashes.
    """
    mined, unread = await _mined_one(receipts, used.undecided, head)
    if mined is not None:
        return NonceUse(count, mined, Ok(mined.tx_hash))
    taken_by = await _taken_by(reader, used, head)
    taker = taken_by.value if isinstance(taken_by, Ok) else None
    if taker is not None:
        ours = next((p for p in used.undecided + used.others if p[0] == taker), None)
        witness = await receipts.payload(*ours, head) if ours is not None else None
    else:
        witness, unread_other = await _mined_one(receipts, used.others, head)
        witness = witness or unread or unread_other
    answer = NonceUse(count, witness, taken_by)
    return (
        answer
        if answer.is_by_us
        else msgspec.structs.replace(answer, count=await _still(reader, head, count))
    )


async def _mined_one(
    receipts: OwnReceipts, payloads: Sequence[Payload], head: Head
) -> tuple[OwnPayload | None, OwnPayload | None]:
    """The one that was mined, for no two of a nonce can be; else None and one that could not be read."""
    newest_first = payloads[::-1]
    unread = None
    for start in range(0, len(newest_first), _AT_ONCE):
        asked = newest_first[start : start + _AT_ONCE]
        for payload in await asyncio.gather(*(receipts.payload(tx, intent, head) for tx, intent in asked)):
            if not isinstance(payload.receipt, Ok):
                unread = payload
            elif payload.receipt.value is not None:
                return payload, None
    return None, unread


async def _taken_by(
    reader: ChainReader, used: UsedNonce, head: Head
) -> Ok[TxHash | None] | Reverted | Unknown:
    """From the newest block down; the head itself may be above every window."""
    failed: Reverted | Unknown | None = None
    for number in sorted({head.number, *(n for n in used.windows if n < head.number)}, reverse=True):
        block = Ok(head) if number == head.number else await reader.head_by_number(number)
        if not isinstance(block, Ok):
            failed = block
        elif block.value is None:
            failed = Unknown(f"the node does not have block {number}, below its head {head.number}")
        else:
            mined = await reader.transactions(block.value.hash)
            if not isinstance(mined, Ok):
                failed = mined
                continue
            for tx in mined.value:
                if tx.sender == used.sender and tx.nonce == used.nonce:
                    return Ok(tx.hash)
    return failed or Ok(None)


async def _still(reader: ChainReader, head: Head, count: Ok[int]) -> Ok[int] | Unknown:
    """A used nonce without a receipt of ours is believed only if the chain did not move between the reads."""
    now = await reader.head_by_number(head.number)
    if isinstance(now, Ok) and now.value is not None and now.value.hash == head.hash:
        return count
    return Unknown(f"block {head.number} left the chain while it was read, or could not be read again")
