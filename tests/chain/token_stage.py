"""A market on anvil with tokens of our choosing in real V2 and V3 pools, and the guard that tests them."""

import json
import subprocess
import sys
from math import isqrt
from pathlib import Path

from eth_abi import encode

from bot.chain.reader import RpcChainReader
from bot.chain.rpc import open_rpc
from bot.chain.token_guard import TokenGuard
from bot.chain.token_probe import TokenProber, own_parties
from bot.clock import SystemClock
from bot.core.identity import from_hex, hex_bytes, keccak, to_checksum
from bot.protocols.v3_pool import ConcentratedPool, TickLiquidity
from bot.state.pool_table import PoolTable, V2Pool, V3Pool
from bot.state.token_safety import TokenBook, TokenPolicy
from bot.world.accounts import FOUNDER, POOL_SEEDER
from bot.world.anvil import AnvilConfig
from bot.world.dump import open_chain
from bot.world.genesis import GenesisConfig
from bot.world.market_plan import MarketPlan, PairPlan
from bot.world.tokens import WETH
from bot.world.venues import PANCAKESWAP_V1, UNISWAP_V2, UNISWAP_V3, pair_address, pool_address

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / ".build" / "test-contracts"
SOURCES = Path(__file__).parent / "tokens"
EXECUTOR, WALLET = (keccak(name)[12:] for name in (b"our executor", b"our wallet"))
ETHER = 10**18
HOUR = 3_600 * 10**9
POLICY = TokenPolicy(
    trusted=frozenset({WETH.address}),
    allowed=frozenset(),
    denied=frozenset(),
    expiry=24 * HOUR,
    retry=HOUR // 60,
)
V2_DEPTHS = {UNISWAP_V2: 100, PANCAKESWAP_V1: 60}
"""Ether a side; a V3 pool has 30, or ten times that where it is to be the deepest."""
FEE, SPACING, LAST_TICK = 3_000, 60, 887_220
TRICKS = [
    "FEE_ON_TRANSFER", "FEE_ON_PURCHASE", "FEE_ON_SALE", "FEE_BETWEEN_POOLS", "FEE_ON_TOP", "FEE_TOMORROW", "GROWS",
    "GROWS_WHEN_CALLED", "REFUSES_RECEIVER", "REFUSES_SENDER", "REFUSES_ORIGIN", "NO_SALES", "SMALL_SALES_ONLY",
    "NO_SALES_TOMORROW", "SALES_TOMORROW", "ANSWERS_FALSE", "ANSWERS_FALSE_AND_MOVES", "REVERTS", "LIES_TO_HOLDERS",
    "LIES_OF_ALL", "BURNS_GAS", "FEE_IF_SWITCHED", "FEE_WITH_GAS_PRICE", "FEE_WITH_COINBASE", "FEE_FROM_OTHERS",
    "FEE_ON_MUCH", "FEE_IN_100_BLOCKS",
]  # fmt: skip
"""In the order of TricksterToken's flag."""


def calldata(signature, *arguments):
    inner = signature[signature.index("(") + 1 : -1]
    types = [] if not inner else inner.replace("(int24,int24,uint128)[]", "POSITIONS").split(",")
    types = [one.replace("POSITIONS", "(int24,int24,uint128)[]") for one in types]
    return keccak(signature.encode())[:4] + encode(types, arguments)


def creation_code(name, folder=BUILT):
    return from_hex(json.loads((folder / f"{name}.json").read_bytes())["bytecode"])


def build_tokens():
    command = [
        sys.executable,
        str(ROOT / "scripts" / "build_contracts.py"),
        str(SOURCES),
        "--out",
        str(BUILT),
    ]
    subprocess.run(command, check=True, capture_output=True)


class TokenStage:
    """`open` it, add tokens, then `guard` and `admit`."""

    def __init__(self, chain, rpc):
        self.chain = chain
        self.anvil = chain.anvil
        self.rpc = rpc
        self.reader = RpcChainReader(rpc)
        self.v3_pools = []
        self.pairs = [
            (pool.address, pool.venue, pool.token0.token.address, pool.token1.token.address)
            for pool in chain.plan.pools
            if isinstance(pool, PairPlan)
        ]
        self.asked = 0

    @classmethod
    async def open(cls, folder, cache):
        build_tokens()
        plan = MarketPlan(seed=7, pools=40, tokens=12)
        chain = await open_chain(plan, GenesisConfig(), AnvilConfig(log_path=folder / "anvil.log"), cache)
        rpc = await open_rpc(chain.anvil.ws_url, SystemClock(), 20 * 10**9)
        await chain.anvil.rpc("anvil_impersonateAccount", [to_checksum(FOUNDER)])
        await chain.anvil.rpc("evm_setBlockGasLimit", [hex(10**12)])
        return cls(chain, rpc)

    async def close(self):
        await self.rpc.close()
        await self.anvil.stop()

    async def head(self):
        return (await self.reader.head()).value

    async def send(self, to, signature, *arguments):
        await self._send({"to": to_checksum(to), "data": hex_bytes(calldata(signature, *arguments))})

    async def mine(self, seconds=12):
        head = await self.head()
        await self.anvil.rpc("evm_mine", [{"timestamp": head.timestamp + seconds}])

    async def tricksters(self, wanted):
        """Tokens of (decimals, trick or None), all in one block; their addresses."""
        code = creation_code("TricksterToken")
        hashes = [
            await self._send(
                {"data": hex_bytes(code + encode(["uint8", "uint256"], [decimals, _flag(trick)]))}
            )
            for decimals, trick in wanted
        ]
        await self.mine()
        receipts = await self.anvil.rpc_batch([("eth_getTransactionReceipt", [one]) for one in hashes])
        tokens = [from_hex(receipt["contractAddress"]) for receipt in receipts]
        for token in tokens:
            for refused in (EXECUTOR, WALLET):
                await self.send(token, "refuse(address)", refused)
        return tokens

    async def open_narrow_pool(self, token, weth, ticks):
        """The token's only pool: V3, all its liquidity within so many tick spacings around a price of one."""
        first, second = sorted((token, WETH.address))
        liquidity = int(weth / (1 - 1.0001 ** (-ticks * SPACING / 2)))
        await self._open_v3(token, first, second, 1 << 96, liquidity, ticks * SPACING)

    async def open_pools(self, token, decimals=18, *, deepest="v2", currency=WETH.address, units=ETHER):
        """A pair on both V2 venues and a V3 pool, marked as pools; `units` of the currency are worth one token."""
        first, second = sorted((token, currency))
        for venue, depth in V2_DEPTHS.items():
            reserves = {token: depth * 10**decimals * 2_000, currency: depth * units}
            arguments = (venue.factory, first, second, reserves[first], reserves[second])
            await self.send(token, "mark(address)", pair_address(venue, first, second))
            await self.send(POOL_SEEDER, "open_pair(address,address,address,uint256,uint256)", *arguments)
            self.pairs.append((pair_address(venue, first, second), venue, first, second))
        depth = 300 if deepest == "v3" else 30
        chosen = (
            pool_address(UNISWAP_V3, first, second, FEE)
            if deepest == "v3"
            else pair_address(UNISWAP_V2, first, second)
        )
        await self.send(token, "mark_deepest(address)", chosen)
        reserves = {token: depth * 10**decimals * 2_000, currency: depth * units}
        sqrt_price = isqrt((reserves[second] << 192) // reserves[first])
        liquidity = isqrt(reserves[first] * reserves[second])
        await self._open_v3(token, first, second, sqrt_price, liquidity, LAST_TICK)

    async def _open_v3(self, token, first, second, sqrt_price, liquidity, reach):
        arguments = (UNISWAP_V3.factory, first, second, FEE, sqrt_price, [(-reach, reach, liquidity)])
        signature = "open_pool(address,address,address,uint24,uint160,(int24,int24,uint128)[])"
        pool = pool_address(UNISWAP_V3, first, second, FEE)
        await self.send(token, "mark(address)", pool)
        await self.send(POOL_SEEDER, signature, *arguments)
        self.v3_pools.append((pool, first, second, liquidity, reach))

    async def table(self):
        """Every pool as the chain has it now."""
        table = PoolTable()
        for address, venue, token0, token1 in self.pairs:
            word = await self.view(address, "getReserves()")
            reserves = int.from_bytes(word[:32], "big"), int.from_bytes(word[32:64], "big")
            fee = (venue.fee_numerator, venue.fee_denominator)
            table.add(V2Pool(address, venue.name, token0, token1, *fee), *reserves)
        for address, token0, token1, liquidity, reach in self.v3_pools:
            slot0 = await self.view(address, "slot0()")
            price, tick = int.from_bytes(slot0[:32], "big"), int.from_bytes(slot0[32:64], "big", signed=True)
            ticks = {-reach: TickLiquidity(liquidity, liquidity), reach: TickLiquidity(liquidity, -liquidity)}
            concentrated = ConcentratedPool(FEE, SPACING, price, tick, liquidity, ticks)
            table.add_concentrated(V3Pool(address, "uniswap-v3", token0, token1, FEE, SPACING), concentrated)
        return table

    def guard(self, policy=POLICY, known=(), rpc=None):
        """With a counting prober; what it saves is in `saved`."""
        self.saved = []

        async def save(checked):
            self.saved.append(checked)

        prober = CountingProber(rpc or self.rpc, own_parties(EXECUTOR, WALLET), self)
        return TokenGuard(TokenBook(policy, known), prober, WETH.address, save)

    async def view(self, to, signature, *arguments):
        call = {"to": to_checksum(to), "data": hex_bytes(calldata(signature, *arguments))}
        return from_hex(await self.anvil.rpc("eth_call", [call, "latest"]))

    async def _send(self, transaction):
        sent = {"from": to_checksum(FOUNDER), "gas": hex(30_000_000), "maxFeePerGas": hex(10**13)}
        return await self.anvil.rpc(
            "eth_sendTransaction", [sent | {"maxPriorityFeePerGas": "0x1"} | transaction]
        )


class CountingProber(TokenProber):
    def __init__(self, rpc, parties, stage):
        super().__init__(rpc, parties, 12)
        self._stage = stage

    async def probe(self, plan, on):
        self._stage.asked += 1
        return await super().probe(plan, on)


def no_progress(done, total):
    pass


def _flag(trick):
    return 0 if trick is None else 1 << TRICKS.index(trick)
