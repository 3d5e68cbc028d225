"""Transactions of one unlocked account, gathered, sent as one batch and mined as one block at a given time."""

from __future__ import annotations

from typing import Any

from bot.core.identity import Address, hex_bytes, hex_quantity, to_checksum
from bot.world.anvil import Anvil

GAS_PER_TRANSACTION = 15_000_000
"""Opening a V3 pool with six positions takes 6.5 million."""


class GenesisError(Exception):
    """The chain did not become what the plan says; the message names the transaction or address."""


class FoundingBlocks:
    """The blocks of the genesis. Times are the genesis time plus `block_seconds` a block, so every run is equal."""

    def __init__(self, anvil: Anvil, sender: Address, genesis_time: int, block_seconds: int) -> None:
        self._anvil = anvil
        self._sender = to_checksum(sender)
        self._genesis_time = genesis_time
        self._block_seconds = block_seconds
        self._nonce = 0
        self._height = 0
        self._waiting: list[dict[str, Any]] = []

    def add(self, to: Address, data: bytes = b"", value: int = 0) -> None:
        """Queue a call for the next block."""
        self._waiting.append(
            {
                "from": self._sender,
                "to": to_checksum(to),
                "data": hex_bytes(data),
                "value": hex_quantity(value),
                "nonce": hex_quantity(self._nonce),
                "gas": hex_quantity(GAS_PER_TRANSACTION),
                "maxFeePerGas": hex_quantity(1_000 * 10**9),
                "maxPriorityFeePerGas": "0x0",
            }
        )
        self._nonce += 1

    async def mine(self, base_fee_wei: int) -> None:
        """Send what waits and mine it. Raises GenesisError unless every transaction is in and succeeded."""
        sent, self._waiting = self._waiting, []
        await self._anvil.rpc_batch([("eth_sendTransaction", [call]) for call in sent])
        await self._anvil.rpc("anvil_setNextBlockBaseFeePerGas", [hex_quantity(base_fee_wei)])
        self._height += 1
        time = self._genesis_time + self._height * self._block_seconds
        await self._anvil.rpc("evm_mine", [{"timestamp": time}])
        receipts = await self._anvil.rpc("eth_getBlockReceipts", [hex_quantity(self._height)])
        if len(receipts) != len(sent):
            raise GenesisError(f"block {self._height}: {len(sent)} transactions sent, {len(receipts)} mined")
        for index, receipt in enumerate(receipts):
            if receipt["status"] != "0x1":
                data = sent[index]["data"][:74]
                raise GenesisError(
                    f"block {self._height}: transaction {index} to {receipt['to']} reverted: {data}"
                )
