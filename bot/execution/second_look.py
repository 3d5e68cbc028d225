"""What is worth knowing of an ended intent, and worth no wait: read when the block's work is done, off the hot path."""

import asyncio

import msgspec

from bot.core.decisions import Outcome, Plan
from bot.core.identity import BlockRef, TxHash
from bot.core.messages import Head
from bot.core.ports import ChainReader
from bot.core.result import Ok, Reverted, Unknown
from bot.execution.rival import RivalBlock, payment_in_words, with_payment


def is_worth_a_look(outcome: Outcome) -> bool:
    """There is something that a second look can find."""
    return outcome.rival is not None and outcome.rival.paid_at_most is None


async def second_look(reader: ChainReader, plan: Plan, outcome: Outcome) -> Outcome:
    """The same verdict, with what the rival paid the builder and how short we were; a failed read is told, and no more.

    Seven reads, among them all receipts and transactions of one block.
    """
    rival = outcome.rival
    if rival is None or not is_worth_a_look(outcome):
        return outcome
    block = await _rival_block(reader, rival.tx_hash)
    if not isinstance(block, Ok):
        cause = block.cause if isinstance(block, Unknown) else block.reason
        return msgspec.structs.replace(
            outcome, reason=f"{outcome.reason}; what he paid the builder could not be read: {cause}"
        )
    paid = with_payment(rival, plan, block.value)
    reason = f"{outcome.reason}; {payment_in_words(plan, paid)}"
    return msgspec.structs.replace(outcome, rival=paid, reason=reason)


async def _rival_block(reader: ChainReader, tx_hash: TxHash) -> Ok[RivalBlock] | Reverted | Unknown:
    receipt = await reader.receipt(tx_hash)
    if not isinstance(receipt, Ok):
        return receipt
    if receipt.value is None:
        return Unknown("his transaction is in no block any more")
    head = await reader.head_by_hash(receipt.value.block.hash)
    if not isinstance(head, Ok):
        return head
    if head.value is None:
        return Unknown(f"the node does not have block {receipt.value.block.number}")
    return await _whole(reader, head.value)


async def _whole(reader: ChainReader, head: Head) -> Ok[RivalBlock] | Reverted | Unknown:
    parent = BlockRef(head.number - 1, head.parent_hash)
    answers = await asyncio.gather(
        reader.transactions(head.hash),
        reader.receipts(head.hash),
        reader.balance(head.coinbase, parent),
        reader.balance(head.coinbase, head.ref),
        reader.withdrawn(head.hash, head.coinbase),
    )
    match answers:
        case (Ok(value=mined), Ok(value=receipts), Ok(value=before), Ok(value=after), Ok(value=withdrawn)):
            if [one.hash for one in mined] != [one.tx_hash for one in receipts]:
                return Unknown(f"block {head.number} has other transactions than receipts")
            both = tuple(zip(mined, receipts, strict=True))
            return Ok(RivalBlock(head, both, before, after, withdrawn))
        case _:
            return next(answer for answer in answers if not isinstance(answer, Ok))
