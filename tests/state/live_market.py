"""Real V2 and V3 venues on anvil under random use: swaps, mints, burns, donations, new pools; and reorgs at will."""

import itertools

from bot.core.identity import from_hex, hex_bytes, to_checksum
from bot.core.profile import ChainProfile, SlotRule
from bot.world.accounts import FOUNDER, POOL_SEEDER, TRADER_DESK, trader_accounts
from bot.world.anvil import AnvilConfig
from bot.world.dump import open_chain
from bot.world.genesis import GenesisConfig
from bot.world.market_plan import MarketPlan, PairPlan
from bot.world.venues import MULTICALL3, V2_VENUES, VENUES
from tests.state.live_pools import PLAYER, LivePools, calldata, player_code, view

OPEN_PAIR = "open_pair(address,address,address,uint256,uint256)"
GAS = hex(6_000_000)
MAX_FEE = hex(10**13)


def profile_of(plan, discovery="all"):
    tokens = tuple(priced.token for priced in plan.tokens)
    return ChainProfile(
        name="test",
        chain_id=31337,
        slot=SlotRule(genesis_time=1_700_000_000, seconds=12),
        gas_schedule="osaka",
        weth=tokens[0],
        base_tokens=tokens[:1],
        tokens=tokens,
        multicall3=MULTICALL3,
        venues=VENUES,
        discovery=discovery,
        code_hashes={},
        is_throwaway=True,
    )


class LiveMarket:
    """`open` it; `play` mines one random block, `reorg` abandons some and mines others."""

    def __init__(self, chain, draw):
        self.chain = chain
        self.anvil = chain.anvil
        self.draw = draw
        self.plan = chain.plan
        self.trader = trader_accounts(self.plan.seed)[0].address
        self.pairs = [pool for pool in self.plan.pools if isinstance(pool, PairPlan)]
        self.combinations = list(
            itertools.combinations(sorted((t for t in self.plan.tokens), key=lambda t: t.token.address), 2)
        )
        self.pools = LivePools(self.plan, draw, self.combinations)
        self.floor = 0
        """Blocks up to here are the genesis: they are never abandoned."""

    @classmethod
    async def open(cls, folder, cache, draw, ipc_path):
        plan = MarketPlan(seed=7, pools=40, tokens=12)
        config = AnvilConfig(log_path=folder / "anvil.log", ipc_path=ipc_path)
        market = cls(await open_chain(plan, GenesisConfig(), config, cache), draw)
        for who in (FOUNDER, market.trader):
            await market.anvil.rpc("anvil_impersonateAccount", [to_checksum(who)])
        await market.anvil.rpc("anvil_setCode", [to_checksum(PLAYER), player_code()])
        for sender, to, data, value in market.pools.stock(market.plan.tokens):
            await market.send(sender, to, data, value)
        await market.anvil.rpc("evm_mine")
        market.floor = await market.height()
        return market

    async def height(self):
        return int(await self.anvil.rpc("eth_blockNumber"), 16)

    async def head(self):
        block = await self.anvil.rpc("eth_getBlockByNumber", ["latest", False])
        return int(block["number"], 16), from_hex(block["hash"])

    async def play(self):
        """One block of zero to six operations, some of which revert as real ones do."""
        for _ in range(self.draw.choice([0, 1, 1, 2, 3, 6])):
            kind = self.draw.choices(
                [
                    self.swap,
                    self.donate,
                    self.add_and_burn,
                    self.open_pair,
                    self.create_empty_pair,
                    self.pools.any,
                ],
                [12, 2, 2, 1, 1, 18],
            )[0]
            for sender, to, data in kind():
                await self.send(sender, to, data)
        # No two blocks of one height are alike, not even empty ones.
        head = await self.anvil.rpc("eth_getBlockByNumber", ["latest", False])
        await self.anvil.rpc(
            "evm_mine", [{"timestamp": int(head["timestamp"], 16) + self.draw.randint(1, 10**6)}]
        )

    async def play_new_pair(self):
        """One block that creates and fills a pair that does not exist yet; its address."""
        while True:
            venue, token0, token1 = self._any_pair()
            tokens = (token0.token.address, token1.token.address)
            if not int(await view(self.anvil, venue.factory, "getPair(address,address)", *tokens), 16):
                break
        arguments = (venue.factory, *tokens, token0.units_worth(10**19), token1.units_worth(10**19))
        await self.send(FOUNDER, POOL_SEEDER, calldata(OPEN_PAIR, *arguments))
        await self.anvil.rpc("evm_mine")
        return from_hex(await view(self.anvil, venue.factory, "getPair(address,address)", *tokens))[12:]

    async def play_new_pool(self):
        """One block that creates a V3 pool that did not exist; its address."""
        while True:
            pool, (sender, to, data) = self.pools.new_pool()
            if await self.anvil.rpc("eth_getCode", [to_checksum(pool), "latest"]) == "0x":
                break
        await self.send(sender, to, data)
        await self.anvil.rpc("evm_mine")
        return pool

    async def reorg(self, depth):
        """Abandon `depth` blocks and play `depth` others and one more."""
        await self.anvil.rpc("anvil_rollback", [depth])
        await self.anvil.rpc("anvil_dropAllTransactions", [])
        for _ in range(depth + 1):
            await self.play()

    async def send(self, sender, to, data, value=0):
        transaction = {"from": to_checksum(sender), "to": to_checksum(to), "data": hex_bytes(data)}
        transaction["value"] = hex(value)
        fees = {"gas": GAS, "maxFeePerGas": MAX_FEE, "maxPriorityFeePerGas": "0x1"}
        await self.anvil.rpc("eth_sendTransaction", [transaction | fees])

    def swap(self):
        pair = self.draw.choice(self.pairs)
        zero_for_one = self.draw.random() < 0.5
        token, reserve = (pair.token0, pair.reserve0) if zero_for_one else (pair.token1, pair.reserve1)
        amount = max(1, int(reserve * 10 ** self.draw.uniform(-5, -1.3)))
        arguments = (pair.address, token.token.address, zero_for_one, amount, pair.venue.fee_numerator, 0)
        yield (
            self.trader,
            TRADER_DESK,
            calldata("swap_pair(address,address,bool,uint256,uint256,uint256)", *arguments),
        )

    def donate(self):
        pair = self.draw.choice(self.pairs)
        yield FOUNDER, POOL_SEEDER, self._supply(pair.token0, pair.address, 1 + pair.reserve0 // 1000)
        yield FOUNDER, pair.address, calldata("sync()")

    def add_and_burn(self):
        pair = self.draw.choice(self.pairs)
        share = self.draw.randint(50, 5000)
        yield FOUNDER, POOL_SEEDER, self._supply(pair.token0, pair.address, pair.reserve0 // share)
        yield FOUNDER, POOL_SEEDER, self._supply(pair.token1, pair.address, pair.reserve1 // share)
        yield FOUNDER, pair.address, calldata("mint(address)", pair.address)
        if self.draw.random() < 0.5:
            yield FOUNDER, pair.address, calldata("burn(address)", FOUNDER)

    def open_pair(self):
        venue, token0, token1 = self._any_pair()
        reserves = [priced.units_worth(self.draw.randint(10**18, 10**20)) for priced in (token0, token1)]
        arguments = (venue.factory, token0.token.address, token1.token.address, *reserves)
        yield (
            FOUNDER,
            POOL_SEEDER,
            calldata(OPEN_PAIR, *arguments),
        )

    def create_empty_pair(self):
        venue, token0, token1 = self._any_pair()
        yield (
            FOUNDER,
            venue.factory,
            calldata("createPair(address,address)", token0.token.address, token1.token.address),
        )

    def _any_pair(self):
        return self.draw.choice(V2_VENUES), *self.draw.choice(self.combinations)

    def _supply(self, priced, to, amount):
        return calldata("supply(address,address,uint256)", priced.token.address, to, amount)

    async def reserves_by_hand(self):
        """Pair address -> (reserve0, reserve1), read one by one without any code of the bot's."""
        found = {}
        for venue in V2_VENUES:
            count = int(await view(self.anvil, venue.factory, "allPairsLength()"), 16)
            for place in range(count):
                word = await view(self.anvil, venue.factory, "allPairs(uint256)", place)
                pair = from_hex(word)[12:]
                reserves = from_hex(await view(self.anvil, pair, "getReserves()"))
                found[pair] = (
                    int.from_bytes(reserves[:32], "big"),
                    int.from_bytes(reserves[32:64], "big"),
                )
        return found
