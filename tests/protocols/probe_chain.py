"""Real pools of Uniswap V3 and pairs of two V2 venues on a private anvil, and a probe that tries swaps on any state.

The states are storage written over the pool's for one call; the pools are made by the real factory.
"""

import subprocess
import sys
from functools import cache
from pathlib import Path

from eth_abi import decode, encode
from pair_chain import PAIRS, word

from bot.core.identity import Address, from_hex, hex_bytes, hex_quantity, keccak, to_checksum
from bot.core.messages import Log
from bot.protocols.uniswap_v2 import RESERVES_SLOT
from bot.protocols.uniswap_v3 import pool_address
from bot.world.anvil import Anvil
from bot.world.parts import protocol_artifact
from bot.world.venues import UNISWAP_V3

PROBE_SOURCE = Path(__file__).with_name("PoolProbe.vy")
PROBE, TRADER = Address(b"\x99" * 20), Address(b"\x77" * 20)
FREE_TOKENS = (Address(b"\x31" * 20), Address(b"\x32" * 20))
"""Of the V3 pools: whatever they ask, their balance has grown."""
PAIR_TOKENS = (Address(b"\x11" * 20), Address(b"\x22" * 20))
"""Of the pairs: two WETH9."""
FREE_TOKEN_CODE = bytes.fromhex("36602414600f5760015f5260205ff35b5a60c81b195f5260205ff3")
"""36 bytes of calldata, balanceOf: ~(gas << 200), which grows with every call. Else: true."""
TIERS = {100: 1, 500: 10, 3000: 60, 10000: 200}
OWN_TIERS = {2500: 50, 0: 16383, 1: 1000, 500_000: 5000, 999_999: 16383, 3001: 7}
"""PancakeSwap's, and some at the ends of what the factory's owner may open: wide enough to overflow."""
MOST_SWAPS = 256
CALL_GAS = 1 << 40
_BALANCES_SLOT = 3
_SWAP = "(bool,int256,uint160)"
_PAIR_SWAP = "(bool,uint256,uint256)"


def call_data(signature, *arguments):
    types = signature[signature.index("(") + 1 : -1]
    return keccak(signature.encode())[:4] + encode(split_types(types), arguments)


def split_types(types):
    """At the commas outside of parentheses."""
    parts, depth = [""], 0
    for letter in types:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part for part in parts if part]


@cache
def probe_code():
    compiler = Path(sys.executable).parent / "vyper"
    command = [compiler, "--evm-version", "cancun", "-f", "bytecode_runtime", PROBE_SOURCE]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def mapping_slot(key, slot):
    return int.from_bytes(keccak(key.to_bytes(32, "big", signed=True) + word(slot)), "big")


def v3_storage(pool, fee_protocol):
    """{slot: word} of a UniswapV3Pool in this state, its observations just begun."""
    tick = pool.tick & 0xFFFFFF
    slots = {
        0: pool.sqrt_price | tick << 160 | 1 << 200 | 1 << 216 | fee_protocol << 232 | 1 << 240,
        4: pool.liquidity,
        8: 1 | 1 << 248,
    }
    bitmap = {}
    for at, info in pool.ticks.items():
        base = mapping_slot(at, 5)
        slots[base] = info.gross | (info.net & (1 << 128) - 1) << 128
        slots[base + 3] = 1 << 248
        compressed = at // pool.tick_spacing
        bitmap[compressed >> 8] = bitmap.get(compressed >> 8, 0) | 1 << (compressed & 255)
    return slots | {mapping_slot(place, 6): bits for place, bits in bitmap.items()}


def state_diff(slots):
    return {"stateDiff": {hex_bytes(word(slot)): hex_bytes(word(value)) for slot, value in slots.items()}}


def reason(answer):
    """What a pool reverted with: the words of Error(string), or nothing."""
    return decode(["string"], answer[4:])[0] if answer[:4].hex() == "08c379a0" else ""


class ProbeChain:
    def __init__(self, anvil: Anvil) -> None:
        self._anvil = anvil

    async def found(self):
        await self._code(PROBE, probe_code())
        for token in FREE_TOKENS:
            await self._code(token, hex_bytes(FREE_TOKEN_CODE))
        await self._factory()
        await self._pairs()

    async def _code(self, address, runtime):
        await self._anvil.rpc("anvil_setCode", [to_checksum(address), runtime])

    async def _place(self, address, artifact):
        creation = hex_bytes(protocol_artifact(*artifact).creation_code)
        await self._code(address, await self._anvil.rpc("eth_call", [{"data": creation}, "latest"]))

    async def _factory(self):
        """At mainnet's address, its tiers and ours, one pool each."""
        factory = UNISWAP_V3.factory
        await self._anvil.rpc("anvil_setBalance", [to_checksum(TRADER), hex_quantity(10**30)])
        await self._anvil.rpc("anvil_impersonateAccount", [to_checksum(TRADER)])
        await self._anvil.rpc("anvil_setNonce", [to_checksum(factory), "0x1"])
        creation = protocol_artifact("uniswap-v3", "UniswapV3Factory").creation_code
        await self._code(factory, hex_bytes(creation))
        runtime = await self._anvil.rpc("eth_call", [{"to": to_checksum(factory)}, "latest"])
        await self.send(factory, b"")
        await self._code(factory, runtime)
        owner = word(int.from_bytes(TRADER, "big"))
        await self._anvil.rpc(
            "anvil_setStorageAt", [to_checksum(factory), hex_bytes(word(3)), hex_bytes(owner)]
        )
        for fee, spacing in (OWN_TIERS | {100: 1}).items():
            await self.send(factory, call_data("enableFeeAmount(uint24,int24)", fee, spacing))
        for fee in TIERS | OWN_TIERS:
            tokens = map(to_checksum, FREE_TOKENS)
            await self.send(factory, call_data("createPool(address,address,uint24)", *tokens, fee))

    async def _pairs(self):
        for token in PAIR_TOKENS:
            await self._place(token, ("weth9", "WETH9"))
        for pair, artifact, _ in PAIRS.values():
            await self._place(pair, artifact)
            for slot, value in {6: PAIR_TOKENS[0], 7: PAIR_TOKENS[1], 12: b"\x01"}.items():
                await self._anvil.rpc(
                    "anvil_setStorageAt",
                    [to_checksum(pair), hex_bytes(word(slot)), hex_bytes(value.rjust(32, b"\x00"))],
                )

    async def send(self, to, data):
        """A transaction in a block of its own; its logs. Fails if it reverts."""
        call = {
            "from": to_checksum(TRADER),
            "to": to_checksum(to),
            "data": hex_bytes(data),
            "gas": "0xf00000",
        }
        digest = await self._anvil.rpc("eth_sendTransaction", [call])
        await self._anvil.rpc("evm_mine")
        receipt = await self._anvil.rpc("eth_getTransactionReceipt", [digest])
        assert receipt["status"] == "0x1", data.hex()
        return [
            Log(
                Address(from_hex(row["address"])),
                tuple(map(from_hex, row["topics"])),
                from_hex(row["data"]),
                int(row["logIndex"], 16),
                b"",
            )
            for row in receipt["logs"]
        ]

    async def forward(self, to, data):
        """The same, sent by the probe, which takes the callbacks."""
        return await self.send(PROBE, call_data("forward(address,bytes)", to_checksum(to), data))

    async def call(self, to, data, overrides=None):
        request = {
            "from": to_checksum(TRADER),
            "to": to_checksum(to),
            "data": hex_bytes(data),
            "gas": hex_quantity(CALL_GAS),
        }
        return from_hex(await self._anvil.rpc("eth_call", [request, "latest", overrides or {}]))

    async def swap_many(self, pool, swaps, fee_protocol=0):
        """Of each (zero_for_one, amountSpecified, limit): (amount0, amount1, price, tick, liquidity), or the reason."""
        address = v3_address(pool.fee)
        overrides = {to_checksum(address): state_diff(v3_storage(pool, fee_protocol))}
        data = call_data(f"swap_many(address,{_SWAP}[])", to_checksum(address), swaps)
        [answers] = decode(["bytes[]"], await self.call(PROBE, data, overrides))
        types = ["int256", "int256", "uint160", "int24", "uint128"]
        return [decode(types, answer) if len(answer) == 160 else reason(answer) for answer in answers]

    async def pair_many(self, venue, reserves, swaps):
        """Of each (zero_for_one, amount in, amount out): None where the pair agrees, or the reason it gave."""
        pair = PAIRS[venue][0]
        overrides = {
            to_checksum(pair): state_diff({RESERVES_SLOT: reserves[0] | reserves[1] << 112}),
        }
        for token, reserve in zip(PAIR_TOKENS, reserves, strict=True):
            balances = {pair: reserve, PROBE: 1 << 120}
            overrides[to_checksum(token)] = state_diff(
                {
                    mapping_slot(int.from_bytes(who, "big"), _BALANCES_SLOT): has
                    for who, has in balances.items()
                }
            )
        tokens = [to_checksum(token) for token in PAIR_TOKENS]
        data = call_data(f"pair_many(address,address[2],{_PAIR_SWAP}[])", to_checksum(pair), tokens, swaps)
        [answers] = decode(["bytes[]"], await self.call(PROBE, data, overrides))
        return [None if len(answer) == 32 else reason(answer) for answer in answers]


def v3_address(fee):
    return pool_address(UNISWAP_V3.deployer, *FREE_TOKENS, fee, UNISWAP_V3.init_code_hash)
