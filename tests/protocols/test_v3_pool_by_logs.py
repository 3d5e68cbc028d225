"""A pool followed by its logs alone, through mints, burns and swaps of the real contract: equal to it in everything."""

import random
from functools import partial

import pytest
from probe_chain import PROBE, TIERS, call_data, v3_address
from protocol_sweeps import LIMITS, probe_chain

from bot.core.identity import to_checksum
from bot.protocols.uniswap_v3 import (
    BURN_TOPIC,
    INITIALIZE_TOPIC,
    MINT_TOPIC,
    POOL_CREATED_TOPIC,
    SWAP_WORDS,
    decode_burn,
    decode_fee,
    decode_initialize,
    decode_liquidity,
    decode_mint,
    decode_pool_created,
    decode_slot0,
    decode_swap,
    decode_tick,
    decode_tick_bitmap,
    decode_tick_spacing,
    fee_calldata,
    get_pool_calldata,
    liquidity_calldata,
    slot0_calldata,
    tick_bitmap_calldata,
    tick_spacing_calldata,
    ticks_calldata,
)
from bot.protocols.v3_pool import ConcentratedPool
from bot.world.venues import UNISWAP_V3

ACTIONS = 60


@pytest.fixture
async def chain(tmp_path):
    async with probe_chain(tmp_path) as chain:
        yield chain


class Followed:
    def __init__(self, chain, fee, spacing):
        self.chain, self.address = chain, v3_address(fee)
        self.pool = ConcentratedPool(fee, spacing)
        self.before = []
        """How to take back each change, the last one first."""

    async def do(self, signature, *arguments):
        logs = await self.chain.forward(self.address, call_data(signature, *arguments))
        for log in logs:
            if log.address == self.address:
                self.apply(log)

    def apply(self, log):
        pool, topic = self.pool, log.topics[0]
        stood = pool.sqrt_price, pool.tick, pool.liquidity
        if topic == INITIALIZE_TOPIC:
            pool.set_price(*decode_initialize(log), 0)
        elif topic in SWAP_WORDS:
            swap = decode_swap(log)
            pool.set_price(swap.sqrt_price, swap.tick, swap.liquidity)
        elif topic in {MINT_TOPIC, BURN_TOPIC}:
            change = decode_mint(log) if topic == MINT_TOPIC else decode_burn(log)
            pool.change_liquidity(change.tick_lower, change.tick_upper, change.delta)
            undo = change.tick_lower, change.tick_upper, -change.delta
            self.before.insert(0, partial(pool.change_liquidity, *undo))
            return
        else:
            return
        self.before.insert(0, partial(pool.set_price, *stood))

    async def compare(self):
        """Price, tick, liquidity, every tick of every bitmap word near the price and at both ends."""
        pool = self.pool
        slot0 = decode_slot0(await self.chain.call(self.address, slot0_calldata()), "uniswap_v3")
        assert (slot0.sqrt_price, slot0.tick) == (pool.sqrt_price, pool.tick)
        assert decode_liquidity(await self.chain.call(self.address, liquidity_calldata())) == pool.liquidity
        spacing = pool.tick_spacing
        words = {tick // spacing >> 8 for tick in pool.ticks} | {0, -1, 887272 // spacing >> 8}
        found = []
        for place in sorted(words | {word + 1 for word in words}):
            answer = await self.chain.call(self.address, tick_bitmap_calldata(place))
            found += decode_tick_bitmap(answer, place, spacing)
        assert found == sorted(pool.ticks) == list(pool.bounds)
        for tick in found:
            answer = await self.chain.call(self.address, ticks_calldata(tick))
            assert decode_tick(answer) == pool.ticks[tick]


@pytest.mark.parametrize("fee", sorted(TIERS))
async def test_a_pool_followed_by_its_logs(chain, fee):
    seed = random.randrange(2**32)
    print(f"\nseed {seed}")
    draw = random.Random(seed)
    spacing = TIERS[fee]
    followed = Followed(chain, fee, spacing)
    await followed.do("initialize(uint160)", draw.randrange(1 << 80, 1 << 112))
    positions, done = {}, []
    me = to_checksum(PROBE)
    for _ in range(ACTIONS):
        action = draw.choice(("mint", "mint", "burn", "swap", "swap", "poke"))
        if action == "mint":
            middle = followed.pool.tick // spacing
            lower, upper = sorted(draw.sample(range(middle - 400, middle + 400), 2))
            place = lower * spacing, upper * spacing
            liquidity = draw.randint(1, 10 ** draw.randint(1, 22))
            signature = "mint(address,int24,int24,uint128,bytes)"
            await followed.do(signature, me, *place, liquidity, b"")
            positions[place] = positions.get(place, 0) + liquidity
        elif positions and action in {"burn", "poke"}:
            place = draw.choice(sorted(positions))
            part = draw.choice((positions[place], draw.randint(1, positions[place])))
            await followed.do("burn(int24,int24,uint128)", *place, part if action == "burn" else 0)
            positions[place] -= part if action == "burn" else 0
            if not positions[place]:
                del positions[place]
        elif action == "swap":
            zero_for_one = draw.random() < 0.5
            amount = draw.choice((-1, 1)) * draw.randint(1, 10 ** draw.randint(1, 24))
            limit = followed.pool.sqrt_price * (80 if zero_for_one else 120) // 100
            assert LIMITS[True] < limit < LIMITS[False]
            await followed.do("swap(address,bool,int256,uint160,bytes)", me, zero_for_one, amount, limit, b"")
        done.append(action)
        await followed.compare()
    assert {"mint", "burn", "swap", "poke"} <= set(done)
    for take_back in followed.before:
        take_back()
    assert (followed.pool.sqrt_price, followed.pool.liquidity, dict(followed.pool.ticks)) == (0, 0, {})


async def test_what_the_factory_and_a_pool_say_of_themselves(chain):
    fee, spacing = 100, 1
    tokens = [to_checksum(token) for token in (PROBE, b"\x88" * 20)]
    logs = await chain.send(UNISWAP_V3.factory, call_data("createPool(address,address,uint24)", *tokens, fee))
    [created] = [decode_pool_created(log) for log in logs if log.topics[0] == POOL_CREATED_TOPIC]
    assert (created.fee, created.tick_spacing) == (fee, spacing)
    assert {created.token0, created.token1} == {PROBE, b"\x88" * 20}
    answer = await chain.call(UNISWAP_V3.factory, get_pool_calldata(created.token1, created.token0, fee))
    assert answer[12:] == created.pool
    assert decode_fee(await chain.call(created.pool, fee_calldata())) == fee
    assert decode_tick_spacing(await chain.call(created.pool, tick_spacing_calldata())) == spacing
    slot0 = decode_slot0(await chain.call(created.pool, slot0_calldata()), "uniswap_v3")
    assert (slot0.sqrt_price, slot0.tick, slot0.fee_protocol) == (0, 0, 0)
