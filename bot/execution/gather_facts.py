"""Asking the chain about one open intent. What could not be read stays Unknown in the facts."""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from bot.core.decisions import Plan
from bot.core.identity import Address, BlockRef, TxHash
from bot.core.messages import Head, Log
from bot.core.ports import ChainReader, MinedTransaction
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import Gas, Nanoseconds, WeiPerGas
from bot.execution.block_facts import Aim, Attempt, BlockFacts, OwnPayload, TargetBlock, Touch
from bot.execution.nonce_use import NonceUse
from bot.execution.own_receipts import OwnReceipts
from bot.protocols.pool_events import MOVED_TOPICS, is_move, is_taking

_NOT_ASKED = Unknown("not asked: the receipt had said it")


class OpenQuestion(msgspec.Struct, frozen=True):
    """What we know of an intent ourselves."""

    plan: Plan
    payloads: tuple[TxHash, ...]
    attempts: tuple[Attempt, ...] | None
    seen_at: Mapping[int, Nanoseconds]
    """Monotonic; when blocks were first heard of, by their numbers."""
    left_block: BlockRef | None
    is_cancelled: bool
    is_withdrawn: bool = False
    own_senders: frozenset[Address] = frozenset()
    """Of all our wallets: none of them is a rival."""


async def facts_of_open_nonce(
    reader: ChainReader,
    receipts: OwnReceipts,
    question: OpenQuestion,
    head: Head,
    next_nonce: Ok[int] | Reverted | Unknown,
) -> BlockFacts:
    """No more than is needed: own receipts; the blocks that were aimed at when there is none, once the window is over.

    `next_nonce` is the wallet's transaction count at `head`, not above the plan's nonce, or not known.
    """
    plan = question.plan
    payloads = await asyncio.gather(*(receipts.payload(tx, plan.id, head) for tx in question.payloads))
    is_mined = any(isinstance(p.receipt, Ok) and p.receipt.value is not None for p in payloads)
    aims: tuple[Aim, ...] = ()
    if not is_mined and head.number >= plan.window.last_block:
        aims = tuple(
            await asyncio.gather(*(_aim(reader, receipts, question, n, head) for n in _aimed_at(question)))
        )
    return _facts(question, head, next_nonce, tuple(payloads), _NOT_ASKED, aims)


def facts_of_used_nonce(question: OpenQuestion, head: Head, use: NonceUse) -> BlockFacts:
    """Asks nothing: who used the nonce says it all."""
    witness = () if use.witness is None else (use.witness,)
    return _facts(question, head, use.count, witness, use.taken_by, ())


def _facts(
    question: OpenQuestion,
    head: Head,
    next_nonce: Ok[int] | Reverted | Unknown,
    payloads: tuple[OwnPayload, ...],
    taken_by: Ok[TxHash | None] | Reverted | Unknown,
    aims: tuple[Aim, ...],
) -> BlockFacts:
    return BlockFacts(
        plan=question.plan,
        head=head,
        next_nonce=next_nonce,
        payloads=payloads,
        nonce_taken_by=taken_by,
        aims=aims,
        attempts=question.attempts,
        left_block=question.left_block,
        is_cancelled=question.is_cancelled,
        is_withdrawn=question.is_withdrawn,
    )


def _aimed_at(question: OpenQuestion) -> list[int]:
    """The target block, and what else of the window was tried; all of it where that is not known any more."""
    plan, attempts = question.plan, question.attempts
    if attempts is None:
        return list(range(plan.target_block, plan.window.last_block + 1))
    return sorted({plan.target_block, *(one.target_block for one in attempts if one.target_block)})


async def _aim(
    reader: ChainReader, receipts: OwnReceipts, question: OpenQuestion, number: int, head: Head
) -> Aim:
    block = await _target(reader, receipts, question, number, head)
    return Aim(number, block, question.seen_at.get(number))


async def _target(
    reader: ChainReader, receipts: OwnReceipts, question: OpenQuestion, number: int, head: Head
) -> Ok[TargetBlock | None] | Reverted | Unknown:
    if head.number < number:
        return Ok(None)
    found = Ok(head) if head.number == number else await reader.head_by_number(number)
    if not isinstance(found, Ok):
        return found
    block = found.value
    if block is None:
        return Unknown(f"the node does not have block {number}, below its head {head.number}")
    mined = await reader.transactions(block.hash)
    if not isinstance(mined, Ok):
        return mined
    moves = await reader.logs(block.hash, MOVED_TOPICS)
    if not isinstance(moves, Ok):
        return moves
    return Ok(await _target_block(receipts, question, block, moves.value, mined.value))


async def _target_block(
    receipts: OwnReceipts,
    question: OpenQuestion,
    block: Head,
    moves: Sequence[Log],
    mined: Sequence[MinedTransaction],
) -> TargetBlock:
    """A pool writes a log whenever it changes for a taker: who changed its price took that pool.

    Liquidity that came or went counts among the pools that were moved, but takes none.
    """
    plan = question.plan
    ours = frozenset(pool for opportunity in plan.opportunities for pool in opportunity.pools)
    moved: dict[TxHash, set[Address]] = {}
    taken: dict[TxHash, set[Address]] = {}
    for log in moves:
        if is_move(log):
            moved.setdefault(log.tx_hash, set()).add(log.address)
        if is_taking(log):
            taken.setdefault(log.tx_hash, set()).add(log.address)
    takers = [tx for tx in mined if ours & taken.get(tx.hash, set())]
    others = [tx for tx in takers if tx.sender not in (*question.own_senders, plan.sender)]
    paid = await asyncio.gather(*(_paid(receipts, tx.hash, block) for tx in others))
    touches = tuple(
        Touch(tx.hash, tx.sender, tx.index, ours & taken[tx.hash], len(moved[tx.hash]), *terms)
        for tx, terms in zip(others, paid, strict=True)
    )
    return TargetBlock(block, touches, is_taken_by_us=len(others) < len(takers))


async def _paid(receipts: OwnReceipts, tx_hash: TxHash, block: Head) -> tuple[WeiPerGas | None, Gas | None]:
    receipt = await receipts.receipt(tx_hash)
    if not isinstance(receipt, Ok) or receipt.value is None or receipt.value.block != block.ref:
        return None, None
    return WeiPerGas(receipt.value.effective_gas_price - block.base_fee), receipt.value.gas_used
