"""Contracts at addresses of our choosing, their constructors really executed there.

The creation code is first placed as the code of the target; a call of the target then returns the runtime code
(immutables filled in, `address(this)` right), and a transaction to it leaves the constructor's storage and logs.
At the end the runtime code takes its place.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bot.core.identity import Address, from_hex, hex_bytes, to_checksum
from bot.world.anvil import Anvil
from bot.world.founding_blocks import FoundingBlocks, GenesisError
from bot.world.parts import Artifact


class Placement(msgspec.Struct, frozen=True):
    address: Address
    artifact: Artifact
    arguments: bytes = b""
    """ABI-encoded constructor arguments."""


async def place_contracts(
    anvil: Anvil, blocks: FoundingBlocks, placements: Sequence[Placement], sender: Address, base_fee_wei: int
) -> None:
    """Run all constructors in one block, `sender` being their msg.sender. Raises GenesisError, AnvilError."""
    creation = [placement.artifact.creation_code + placement.arguments for placement in placements]
    await _set_codes(anvil, placements, creation)
    # EIP-161: a contract's nonce starts at 1, and a factory's first CREATE depends on it.
    await anvil.rpc_batch([("anvil_setNonce", [to_checksum(p.address), "0x1"]) for p in placements])
    call = {"from": to_checksum(sender)}
    calls = [("eth_call", [call | {"to": to_checksum(p.address)}, "latest"]) for p in placements]
    runtimes = [from_hex(text) for text in await anvil.rpc_batch(calls)]
    for placement, runtime in zip(placements, runtimes, strict=True):
        if not runtime:
            raise GenesisError(f"{placement.artifact.name}: its constructor returned no code")
        blocks.add(placement.address)
    await blocks.mine(base_fee_wei)
    await _set_codes(anvil, placements, runtimes)


async def _set_codes(anvil: Anvil, placements: Sequence[Placement], codes: Sequence[bytes]) -> None:
    await anvil.rpc_batch(
        [
            ("anvil_setCode", [to_checksum(placement.address), hex_bytes(code)])
            for placement, code in zip(placements, codes, strict=True)
        ]
    )
