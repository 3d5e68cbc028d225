"""Real pair bytecode on a private anvil; every swap is an eth_call on reserves of the caller's choosing."""

import asyncio

from bot.core.identity import Address, hex_bytes, hex_quantity, keccak, to_checksum
from bot.protocols.uniswap_v2 import RESERVES_SLOT, swap_calldata
from bot.world.anvil import Anvil, AnvilError
from bot.world.parts import protocol_artifact

TRADER = Address(b"\x77" * 20)
TOKENS = (Address(b"\x11" * 20), Address(b"\x22" * 20))
PAIRS = {
    "uniswap-v2": (Address(b"\xaa" * 20), ("uniswap-v2", "UniswapV2Pair"), (997, 1000)),
    "pancakeswap-v1": (Address(b"\xbb" * 20), ("pancake-v2", "PancakePair"), (998, 1000)),
}
"""Address, artifact, fee."""
_TOKEN0_SLOT, _TOKEN1_SLOT, _UNLOCKED_SLOT = 6, 7, 12
_WETH9_BALANCES_SLOT = 3
_AT_ONCE = 32


def word(value):
    return value.to_bytes(32, "big")


class PairChain:
    """Pairs of both venues over two WETH9s, placed without factory or liquidity."""

    def __init__(self, anvil: Anvil) -> None:
        self._anvil = anvil
        self._gate = asyncio.Semaphore(_AT_ONCE)

    async def found(self):
        for token in TOKENS:
            await self._place(token, ("weth9", "WETH9"))
        for pair, artifact, _ in PAIRS.values():
            await self._place(pair, artifact)
            slots = {_TOKEN0_SLOT: TOKENS[0], _TOKEN1_SLOT: TOKENS[1], _UNLOCKED_SLOT: b"\x01"}
            for slot, value in slots.items():
                await self._anvil.rpc(
                    "anvil_setStorageAt",
                    [to_checksum(pair), hex_bytes(word(slot)), hex_bytes(value.rjust(32, b"\x00"))],
                )

    async def _place(self, address, artifact):
        creation = hex_bytes(protocol_artifact(*artifact).creation_code)
        runtime = await self._anvil.rpc("eth_call", [{"data": creation}, "latest"])
        assert len(runtime) > 1_000
        await self._anvil.rpc("anvil_setCode", [to_checksum(address), runtime])

    async def swap(self, venue, reserve_in, reserve_out, zero_for_one, amount_in, amount_out):
        """None when the pair agrees, else the reason it gave. The input has been sent to it already."""
        pair = PAIRS[venue][0]
        reserves = (reserve_in, reserve_out) if zero_for_one else (reserve_out, reserve_in)
        balances = (
            (reserve_in + amount_in, reserve_out) if zero_for_one else (reserve_out, reserve_in + amount_in)
        )
        outs = (0, amount_out) if zero_for_one else (amount_out, 0)
        call = {
            "from": to_checksum(TRADER),
            "to": to_checksum(pair),
            "data": hex_bytes(swap_calldata(*outs, TRADER)),
            "gas": hex_quantity(1_000_000),
        }
        overrides = {
            to_checksum(pair): {
                "stateDiff": {
                    hex_bytes(word(RESERVES_SLOT)): hex_bytes(word(reserves[0] | reserves[1] << 112))
                }
            }
        }
        balance_slot = hex_bytes(keccak(pair.rjust(32, b"\x00") + word(_WETH9_BALANCES_SLOT)))
        for token, balance in zip(TOKENS, balances, strict=True):
            overrides[to_checksum(token)] = {"stateDiff": {balance_slot: hex_bytes(word(balance))}}
        async with self._gate:
            try:
                await self._anvil.rpc("eth_call", [call, "latest", overrides])
            except AnvilError as error:
                return error.message
        return None
