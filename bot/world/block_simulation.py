"""What a sequence of transactions would do in the next block, by the chain's own eth_simulateV1.

Between groups of transactions a small reader contract, which exists only in the simulation, reports the balance of
the fee recipient: what a group pays the builder is the difference, tips and direct payments alike. Anvil 1.7.1
refuses a simulation for too little balance or gas, but accepts wrong nonces and fees under the base fee: the
caller has checked those.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from bot.core.identity import Address, BlockRef, from_hex, hex_bytes, hex_quantity, keccak, to_checksum
from bot.core.units import Gas, Wei, WeiPerGas
from bot.world.anvil import Anvil, AnvilError
from bot.world.raw_transaction import RawTransaction

READERS_GAS_RESERVE = 2_000_000
"""Part of the block's gas limit the builder leaves free, so that the readers fit into the simulated block."""

_READER = Address(keccak(b"balance reader of the local market's builder")[12:])
_READER_CALLER = Address(keccak(b"caller of the balance reader of the local market's builder")[12:])
_READER_CODE = "0x6000353160005260206000f3"
"""CALLDATALOAD(0) BALANCE, returned as one word."""
_READER_GAS = 30_000


class SimulationRefusedError(Exception):
    """The node would not simulate this sequence at all; the message is its reason."""


class BuildingBlock(msgspec.Struct, frozen=True):
    """The block being built: everything in it that does not depend on its transactions."""

    parent: BlockRef
    number: int
    timestamp: int
    base_fee: WeiPerGas
    gas_limit: Gas
    coinbase: Address


class TransactionOutcome(msgspec.Struct, frozen=True):
    succeeded: bool
    gas_used: Gas
    return_data: bytes
    """Revert data where it failed."""
    error: str
    logs: tuple[dict[str, Any], ...] = ()
    """As JSON-RPC gives them; none where it failed."""


class GroupOutcome(msgspec.Struct, frozen=True):
    """What one group did, after everything before it."""

    transactions: tuple[TransactionOutcome, ...]
    builder_gain: Wei
    """Change of the fee recipient's balance."""

    @property
    def gas_used(self) -> Gas:
        return Gas(sum(outcome.gas_used for outcome in self.transactions))


async def simulate(
    anvil: Anvil, block: BuildingBlock, groups: Sequence[Sequence[RawTransaction]]
) -> list[GroupOutcome]:
    """Run the groups in order on top of `block.parent`. Raises SimulationRefusedError."""
    reader = _reader_call(block)
    calls: list[dict[str, Any]] = [reader]
    for group in groups:
        calls += [tx.call_object() for tx in group]
        calls.append(reader)
    payload = {
        "blockStateCalls": [
            {"blockOverrides": _overrides(block), "stateOverrides": _reader_state(), "calls": calls}
        ],
        "validation": True,
    }
    try:
        answer = await anvil.rpc("eth_simulateV1", [payload, hex_quantity(block.parent.number)])
    except AnvilError as error:
        raise SimulationRefusedError(error.message) from error
    return _outcomes(answer[0]["calls"], groups)


def _outcomes(
    results: Sequence[dict[str, Any]], groups: Sequence[Sequence[RawTransaction]]
) -> list[GroupOutcome]:
    balance = _balance(results[0])
    position = 1
    outcomes: list[GroupOutcome] = []
    for group in groups:
        transactions = tuple(_outcome(result) for result in results[position : position + len(group)])
        position += len(group)
        after = _balance(results[position])
        position += 1
        outcomes.append(GroupOutcome(transactions, Wei(after - balance)))
        balance = after
    return outcomes


def _outcome(result: dict[str, Any]) -> TransactionOutcome:
    error = result.get("error") or {}
    return TransactionOutcome(
        succeeded=result["status"] == "0x1",
        gas_used=Gas(int(result["gasUsed"], 16)),
        return_data=from_hex(result.get("returnData") or "0x"),
        error=str(error.get("message", "")),
        logs=tuple(result.get("logs") or ()),
    )


def _balance(result: dict[str, Any]) -> int:
    if result["status"] != "0x1":
        raise SimulationRefusedError(f"the balance reader failed: {result.get('error')}")
    return int(result["returnData"], 16)


def _overrides(block: BuildingBlock) -> dict[str, str]:
    return {
        "number": hex_quantity(block.number),
        "time": hex_quantity(block.timestamp),
        "gasLimit": hex_quantity(block.gas_limit),
        "feeRecipient": to_checksum(block.coinbase),
        "baseFeePerGas": hex_quantity(block.base_fee),
    }


def _reader_state() -> dict[str, Any]:
    return {
        to_checksum(_READER): {"code": _READER_CODE},
        to_checksum(_READER_CALLER): {"balance": hex_quantity(10**30)},
    }


def _reader_call(block: BuildingBlock) -> dict[str, Any]:
    return {
        "from": to_checksum(_READER_CALLER),
        "to": to_checksum(_READER),
        "gas": hex_quantity(_READER_GAS),
        "maxFeePerGas": hex_quantity(block.base_fee),
        "maxPriorityFeePerGas": "0x0",
        "input": hex_bytes(block.coinbase.rjust(32, b"\0")),
    }
