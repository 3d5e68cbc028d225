"""Asking the chain about one open intent. What could not be read stays Unknown in the facts."""

import asyncio
from collections.abc import Sequence

import msgspec

from bot.core.decisions import Plan
from bot.core.identity import Address, BlockRef, IntentId, TxHash
from bot.core.messages import Head, Log
from bot.core.ports import ChainReader, MinedTransaction, Receipt
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import Nanoseconds, WeiPerGas
from bot.execution.block_facts import Attempt, BlockFacts, OwnPayload, TargetBlock, Touch
from bot.protocols.uniswap_v2 import SYNC_TOPIC

_NOT_ASKED = Unknown("not asked: the receipt had said it")


class OpenQuestion(msgspec.Struct, frozen=True):
    """What we know of an intent ourselves."""

    plan: Plan
    payloads: tuple[tuple[TxHash, IntentId | None], ...]
    """Every payload of the wallet at the plan's nonce, and whose it is (None: a cancellation)."""
    attempts: tuple[Attempt, ...] | None
    target_seen_at: Nanoseconds | None
    left_block: BlockRef | None
    is_cancelled: bool


class ReceiptsOnce:
    """The receipts of one block's post-mortem, each asked for once: intents of a losing streak share their nonce."""

    def __init__(self, reader: ChainReader) -> None:
        self._reader = reader
        self._asked: dict[TxHash, asyncio.Task[Ok[Receipt | None] | Reverted | Unknown]] = {}

    async def receipt(self, tx: TxHash) -> Ok[Receipt | None] | Reverted | Unknown:
        if tx not in self._asked:
            self._asked[tx] = asyncio.ensure_future(self._reader.receipt(tx))
        return await self._asked[tx]


async def gather_facts(
    reader: ChainReader,
    receipts: ReceiptsOnce,
    question: OpenQuestion,
    head: Head,
    next_nonce: Ok[int] | Reverted | Unknown,
) -> BlockFacts:
    """No more than is needed: own receipts; when the nonce is used, who used it; else the target block.

    `next_nonce` is the wallet's transaction count at `head`, which the caller has read once for all its intents.
    """
    plan = question.plan
    own = [tx_hash for tx_hash, intent in question.payloads if intent == plan.id]
    others = [(tx_hash, intent) for tx_hash, intent in question.payloads if intent != plan.id]
    payloads = await asyncio.gather(*(_payload(reader, receipts, tx, plan.id, head) for tx in own))
    target: Ok[TargetBlock | None] | Reverted | Unknown = _NOT_ASKED
    if not _any_mined(payloads):
        if isinstance(next_nonce, Ok) and next_nonce.value > plan.transaction.nonce:
            payloads += await asyncio.gather(*(_payload(reader, receipts, tx, i, head) for tx, i in others))
            if not _any_mined(payloads):
                next_nonce = await _still_canonical(reader, head, next_nonce)
                target = await _target(reader, receipts, plan, head, with_touches=False)
        else:
            target = await _target(reader, receipts, plan, head, with_touches=True)
    return BlockFacts(
        plan=plan,
        head=head,
        next_nonce=next_nonce,
        payloads=tuple(payloads),
        target=target,
        target_seen_at=question.target_seen_at,
        attempts=question.attempts,
        left_block=question.left_block,
        is_cancelled=question.is_cancelled,
    )


def _any_mined(payloads: Sequence[OwnPayload]) -> bool:
    return any(isinstance(p.receipt, Ok) and p.receipt.value is not None for p in payloads)


async def _payload(
    reader: ChainReader, receipts: ReceiptsOnce, tx_hash: TxHash, intent: IntentId | None, head: Head
) -> OwnPayload:
    receipt = await receipts.receipt(tx_hash)
    if isinstance(receipt, Ok) and receipt.value is not None:
        return OwnPayload(tx_hash, intent, await _canonical(reader, receipt.value, tx_hash, head))
    return OwnPayload(tx_hash, intent, receipt)


async def _canonical(
    reader: ChainReader, receipt: Receipt, tx_hash: TxHash, head: Head
) -> Ok[Receipt | None] | Unknown:
    """Law 5: only a receipt in a canonical block, at or below `head`, counts."""
    block = receipt.block
    if receipt.tx_hash != tx_hash:
        return Unknown(f"the node gave the receipt of 0x{receipt.tx_hash.hex()}")
    if block.number > head.number:
        return Unknown(f"mined in block {block.number}, which is above our head {head.number}")
    if block.number == head.number:
        canonical: Ok[Head | None] | Reverted | Unknown = Ok(head)
    else:
        canonical = await reader.head_by_number(block.number)
    if not isinstance(canonical, Ok):
        return Unknown(f"whether block {block.number} is canonical could not be read")
    if canonical.value is None or canonical.value.hash != block.hash:
        return Unknown(f"its block 0x{block.hash.hex()} is not the canonical block {block.number}")
    return Ok(receipt)


async def _still_canonical(reader: ChainReader, head: Head, count: Ok[int]) -> Ok[int] | Unknown:
    """A used nonce without a receipt of ours is believed only if the chain did not move between the two reads."""
    now = await reader.head_by_number(head.number)
    if isinstance(now, Ok) and now.value is not None and now.value.hash == head.hash:
        return count
    return Unknown(f"block {head.number} left the chain while it was read, or could not be read again")


async def _target(
    reader: ChainReader, receipts: ReceiptsOnce, plan: Plan, head: Head, *, with_touches: bool
) -> Ok[TargetBlock | None] | Reverted | Unknown:
    if head.number < plan.target_block:
        return Ok(None)
    found = Ok(head) if head.number == plan.target_block else await reader.head_by_number(plan.target_block)
    if not isinstance(found, Ok):
        return found
    block = found.value
    if block is None:
        return Unknown(f"the node does not have block {plan.target_block}, below its head {head.number}")
    mined = await reader.transactions(block.hash)
    if not isinstance(mined, Ok):
        return mined
    touches: tuple[Touch, ...] = ()
    if with_touches:
        syncs = await reader.logs(block.hash, [SYNC_TOPIC])
        if not isinstance(syncs, Ok):
            return syncs
        touches = await _touches(receipts, plan, block, syncs.value, mined.value)
    return Ok(TargetBlock(head=block, touches=touches, nonce_taken_by=_taker(plan, mined.value)))


def _taker(plan: Plan, mined: Sequence[MinedTransaction]) -> TxHash | None:
    ours = (tx for tx in mined if tx.sender == plan.sender and tx.nonce == plan.transaction.nonce)
    return next((tx.hash for tx in ours), None)


async def _touches(
    receipts: ReceiptsOnce, plan: Plan, block: Head, syncs: Sequence[Log], mined: Sequence[MinedTransaction]
) -> tuple[Touch, ...]:
    """A pair emits Sync whenever its reserves change: who made it do so took that pool."""
    ours = frozenset(pool for opportunity in plan.opportunities for pool in opportunity.pools)
    moved: dict[TxHash, set[Address]] = {}
    for log in syncs:
        moved.setdefault(log.tx_hash, set()).add(log.address)
    others = [tx for tx in mined if tx.sender != plan.sender and ours & moved.get(tx.hash, set())]
    tips = await asyncio.gather(*(_tip(receipts, tx.hash, block) for tx in others))
    return tuple(
        Touch(tx.hash, tx.sender, tx.index, ours & moved[tx.hash], len(moved[tx.hash]), tip)
        for tx, tip in zip(others, tips, strict=True)
    )


async def _tip(receipts: ReceiptsOnce, tx_hash: TxHash, block: Head) -> WeiPerGas | None:
    receipt = await receipts.receipt(tx_hash)
    if not isinstance(receipt, Ok) or receipt.value is None:
        return None
    return WeiPerGas(receipt.value.effective_gas_price - block.base_fee)
