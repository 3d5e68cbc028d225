"""Random use of real V3 pools: swaps, mints, burns, pokes, collects, flash loans, new pools, protocol fees."""

import functools
import json
import subprocess
import sys
from pathlib import Path

from eth_abi import encode

from bot.core.identity import Address, from_hex, hex_bytes, keccak, to_checksum
from bot.world.accounts import FOUNDER, POOL_SEEDER
from bot.world.market_plan import PoolPlan
from bot.world.tokens import WETH
from bot.world.venues import UNISWAP_V3, V3_TICK_SPACINGS, pool_address

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / ".build" / "test-contracts"
PLAYER = Address(keccak(b"test: pool player")[12:])
MAX_TICK = 887_272
MIN_SQRT, MAX_SQRT = 4295128739, 1461446703485210103287273052203988822378723970342
STOCK = 10**26
Q96 = 1 << 96


def calldata(signature, *arguments):
    types = signature[signature.index("(") + 1 : -1]
    return keccak(signature.encode())[:4] + encode(types.split(",") if types else [], arguments)


@functools.cache
def player_code():
    """Runtime code of the test's own contract."""
    script, sources = ROOT / "scripts" / "build_contracts.py", Path(__file__).parent / "contracts"
    subprocess.run([sys.executable, str(script), "--out", str(BUILT), str(sources)], check=True)
    return json.loads((BUILT / "PoolPlayer.json").read_text())["runtime"]


class LivePools:
    """What to send; each kind yields (sender, to, data) and may revert on the chain, as real ones do."""

    def __init__(self, plan, draw, combinations):
        self.draw = draw
        self.combinations = combinations
        self.plans = [pool for pool in plan.pools if isinstance(pool, PoolPlan)]
        self.places = {pool.address: self._of_plan(pool) for pool in self.plans}
        """Pool -> (spacing, tick near the price, usual liquidity, usual amounts)."""
        self.positions = []
        self.unopened = []
        """Pools that were created here and may lack a price."""

    def _of_plan(self, pool):
        spacing = V3_TICK_SPACINGS[pool.fee]
        return (
            spacing,
            tick_near(pool.sqrt_price_x96),
            pool.positions[0].liquidity,
            (pool.reserve0, pool.reserve1),
        )

    def stock(self, tokens):
        """Give the player of every token what it can need; the chain impersonates FOUNDER."""
        yield FOUNDER, WETH.address, calldata("deposit()"), STOCK
        yield FOUNDER, WETH.address, calldata("transfer(address,uint256)", PLAYER, STOCK), 0
        for priced in tokens:
            if priced.token.address != WETH.address:
                supply = calldata("supply(address,address,uint256)", priced.token.address, PLAYER, STOCK)
                yield FOUNDER, POOL_SEEDER, supply, 0

    def any(self):
        kinds = [self.swap, self.mint, self.burn, self.poke, self.collect, self.flash]
        rare = [self.create, self.open, self.swap_to_the_end, self.protocol_fee]
        return self.draw.choices([*kinds, *rare], [10, 6, 6, 1, 2, 1, 1.5, 2, 0.3, 0.3])[0]()

    def swap(self):
        pool = self._pool()
        zero_for_one = self.draw.random() < 0.5
        amounts = self.places[pool][3]
        amount = max(1, int(amounts[0 if zero_for_one else 1] * 10 ** self.draw.uniform(-7, -0.4)))
        if self.draw.random() < 0.3:
            amount = -max(1, int(amounts[1 if zero_for_one else 0] * 10 ** self.draw.uniform(-7, -0.8)))
        yield self._play("swap(address,bool,int256,uint160)", pool, zero_for_one, amount, limit(zero_for_one))

    def swap_to_the_end(self):
        """As far as the pool goes, over every tick, and back by the next swaps."""
        zero_for_one = self.draw.random() < 0.5
        amount = STOCK // 10**6
        yield self._play(
            "swap(address,bool,int256,uint160)", self._pool(), zero_for_one, amount, limit(zero_for_one)
        )

    def mint(self):
        pool = self._pool()
        lower, upper = self._range(pool)
        usual = self.places[pool][2]
        amount = max(1, int(usual * 10 ** self.draw.uniform(-6, 0)))
        self.positions.append((pool, lower, upper, amount))
        yield self._play("mint(address,int24,int24,uint128)", pool, lower, upper, amount)

    def burn(self):
        """A position or a part of it; its ticks go with the last."""
        if not self.positions:
            return
        place = self.draw.randrange(len(self.positions))
        pool, lower, upper, amount = self.positions[place]
        part = amount if self.draw.random() < 0.6 else max(1, amount // self.draw.randint(2, 5))
        if part == amount:
            self.positions.pop(place)
        else:
            self.positions[place] = (pool, lower, upper, amount - part)
        yield self._play("burn(address,int24,int24,uint128)", pool, lower, upper, part)

    def poke(self):
        if self.positions:
            pool, lower, upper, _ = self.draw.choice(self.positions)
            yield self._play("burn(address,int24,int24,uint128)", pool, lower, upper, 0)

    def collect(self):
        if self.positions:
            pool, lower, upper, _ = self.draw.choice(self.positions)
            yield self._play("collect(address,int24,int24)", pool, lower, upper)

    def flash(self):
        pool = self._pool()
        amounts = self.places[pool][3]
        yield self._play("flash(address,uint256,uint256)", pool, amounts[0] // 1000, amounts[1] // 1000)

    def create(self):
        pool, create = self.new_pool()
        yield create
        if self.draw.random() < 0.5:
            yield self._initialise(pool)

    def new_pool(self):
        """Its address and what creates it; an existing one's creation reverts."""
        token0, token1 = (priced.token.address for priced in self.draw.choice(self.combinations))
        fee = self.draw.choice(list(V3_TICK_SPACINGS))
        pool = pool_address(UNISWAP_V3, token0, token1, fee)
        if pool not in self.places:
            self.unopened.append(pool)
            self.places[pool] = (V3_TICK_SPACINGS[fee], 0, 10**18, (10**18, 10**18))
        data = calldata("createPool(address,address,uint24)", token0, token1, fee)
        return pool, (FOUNDER, UNISWAP_V3.factory, data)

    def open(self):
        if self.unopened:
            yield self._initialise(self.draw.choice(self.unopened))

    def protocol_fee(self):
        yield FOUNDER, self._pool(), calldata("setFeeProtocol(uint8,uint8)", 4, self.draw.choice([0, 10]))

    def _initialise(self, pool):
        return (
            FOUNDER,
            pool,
            calldata("initialize(uint160)", self.draw.choice([Q96, Q96 * 3 // 2, MIN_SQRT, MAX_SQRT - 1])),
        )

    def _pool(self):
        return self.draw.choice(list(self.places))

    def _range(self, pool):
        """On the pool's ticks: near the price or far off, narrow or the widest there is."""
        spacing, tick, _, _ = self.places[pool]
        widest = MAX_TICK // spacing
        if self.draw.random() < 0.1:
            return -widest * spacing, widest * spacing
        middle = tick // spacing + self.draw.randint(-40, 40)
        below, above = (self.draw.choice([0, 1, 1, 2, 10, 300]) for _ in range(2))
        lower, upper = middle - below, middle + above + 1
        return max(lower, -widest) * spacing, min(upper, widest) * spacing

    def _play(self, signature, *arguments):
        return FOUNDER, PLAYER, calldata(signature, *arguments)

    async def by_hand(self, anvil, addresses):
        """Pool -> (price, tick, liquidity) read one by one without any code of the bot's."""
        found = {}
        for pool in addresses:
            slot0 = from_hex(await view(anvil, pool, "slot0()"))
            price, tick = (int.from_bytes(slot0[at : at + 32], "big", signed=at > 0) for at in (0, 32))
            found[pool] = (price, tick, int(await view(anvil, pool, "liquidity()"), 16))
        return found


async def view(anvil, to, signature, *arguments):
    call = {"to": to_checksum(to), "data": hex_bytes(calldata(signature, *arguments))}
    return await anvil.rpc("eth_call", [call, "latest"])


def limit(zero_for_one):
    return MIN_SQRT + 1 if zero_for_one else MAX_SQRT - 1


def tick_near(sqrt_price):
    from math import floor, log  # noqa: PLC0415

    return floor(2 * log(sqrt_price / Q96) / log(1.0001))
