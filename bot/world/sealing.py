"""Making a planned block real, and holding the chain to the plan.

The transactions go into anvil's pool in order (`--order fifo`, no mining by itself) and are mined at once. Whatever
then differs from the plan (order, count, status, gas, base fee, time) is a defect of the market: it stops.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from bot.core.identity import (
    BlockHash,
    TxHash,
    address_from_hex,
    from_hex,
    hex_bytes,
    hex_quantity,
    to_checksum,
)
from bot.core.messages import Head
from bot.core.units import Gas, WeiPerGas
from bot.world.anvil import Anvil
from bot.world.block_story import Origin
from bot.world.builder import BlockPlan
from bot.world.raw_transaction import RawTransaction

_BODY_FIELDS = frozenset({"transactions", "uncles", "withdrawals", "size", "totalDifficulty"})


class MarketBrokenError(Exception):
    """The chain did not do what the builder planned; the message holds both."""


class SealedBlock(msgspec.Struct, frozen=True):
    head: Head
    header: dict[str, Any]
    """As newHeads carries it."""
    logs: tuple[dict[str, Any], ...]
    """As eth_getLogs gives them."""
    transactions: tuple[tuple[RawTransaction, Origin], ...]

    @property
    def hashes(self) -> frozenset[TxHash]:
        return frozenset(tx.hash for tx, _ in self.transactions)


async def seal(anvil: Anvil, plan: BlockPlan, *, state_base_fee: bool = False) -> SealedBlock:
    """Mine exactly `plan`. Raises MarketBrokenError, AnvilError.

    `state_base_fee` tells anvil the base fee; needed after a rollback alone, when it still holds the one that
    followed the abandoned head. Otherwise anvil works it out, and must come to what we came to.
    """
    block = plan.block
    await anvil.rpc("anvil_setCoinbase", [to_checksum(block.coinbase)])
    if state_base_fee:
        await anvil.rpc("anvil_setNextBlockBaseFeePerGas", [hex_quantity(block.base_fee)])
    for (
        planned
    ) in plan.transactions:  # one after the other: their order in the pool is their order in the block
        await anvil.rpc("eth_sendRawTransaction", [hex_bytes(planned.transaction.raw)])
    await anvil.rpc("evm_mine", [{"timestamp": block.timestamp}])
    number = hex_quantity(block.number)
    body, receipts = await anvil.rpc_batch(
        [("eth_getBlockByNumber", [number, False]), ("eth_getBlockReceipts", [number])]
    )
    if body is None:
        raise MarketBrokenError(f"block {block.number} was not mined")
    _hold_to_plan(plan, body, receipts or [])
    return SealedBlock(
        head=read_head(body),
        header={name: value for name, value in body.items() if name not in _BODY_FIELDS},
        logs=tuple(log for receipt in receipts or [] for log in receipt["logs"]),
        transactions=tuple((p.transaction, p.origin) for p in plan.transactions),
    )


def read_head(body: dict[str, Any]) -> Head:
    """The header of a block as JSON-RPC gives it."""
    return Head(
        number=int(body["number"], 16),
        hash=BlockHash(from_hex(body["hash"])),
        parent_hash=BlockHash(from_hex(body["parentHash"])),
        timestamp=int(body["timestamp"], 16),
        base_fee=WeiPerGas(int(body["baseFeePerGas"], 16)),
        gas_used=Gas(int(body["gasUsed"], 16)),
        gas_limit=Gas(int(body["gasLimit"], 16)),
        coinbase=address_from_hex(body["miner"]),
    )


def _hold_to_plan(plan: BlockPlan, body: dict[str, Any], receipts: Sequence[dict[str, Any]]) -> None:
    block = plan.block
    _compare(block.number, "parent", hex_bytes(block.parent.hash), body["parentHash"])
    _compare(block.number, "timestamp", block.timestamp, int(body["timestamp"], 16))
    _compare(block.number, "base fee", block.base_fee, int(body["baseFeePerGas"], 16))
    _compare(block.number, "gas limit", block.gas_limit, int(body["gasLimit"], 16))
    _compare(block.number, "coinbase", hex_bytes(block.coinbase), body["miner"].lower())
    planned = [hex_bytes(p.transaction.hash) for p in plan.transactions]
    _compare(block.number, "transactions", planned, body["transactions"])
    expected = [(p.expected.succeeded, p.expected.gas_used) for p in plan.transactions]
    mined = [(receipt["status"] == "0x1", int(receipt["gasUsed"], 16)) for receipt in receipts]
    _compare(block.number, "(status, gas) of each transaction", expected, mined)


def _compare(number: int, what: str, planned: object, mined: object) -> None:
    if planned != mined:
        raise MarketBrokenError(f"block {number}: {what} planned {planned}, mined {mined}")
