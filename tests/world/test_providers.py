"""Liquidity providers: the same seed intends the same, and all they intend can be done on the real pools."""

from collections import Counter

import pytest
from chain_stage import CONFIG, SEED, calldata

from bot.core.identity import from_hex, hex_bytes, keccak, to_checksum
from bot.core.transaction import decode_signed
from bot.world.accounts import LIQUIDITY_DESK, ThrowawayAccount
from bot.world.market_plan import MarketPlan
from bot.world.providers import Providers
from bot.world.venues import V3_TICK_SPACINGS

BLOCKS = 300
STRANGER = ThrowawayAccount(SEED, "stranger")
EVENTS = {
    keccak(b"Mint(address,address,int24,int24,uint128,uint256,uint256)"): "add",
    keccak(b"Burn(address,int24,int24,uint128,uint256,uint256)"): "remove",
    keccak(b"Collect(address,address,int24,int24,uint128,uint128)"): "collect",
}


def intents_of(seed, blocks=BLOCKS):
    providers = Providers(MarketPlan(seed), 31337)
    return [intent for index in range(blocks) for intent in providers.intended(index)]


def test_intents_follow_from_seed_and_index():
    first, second = Providers(MarketPlan(SEED), 31337), Providers(MarketPlan(SEED), 31337)
    forwards = [first.intended(index) for index in range(BLOCKS)]
    backwards = [second.intended(index) for index in reversed(range(BLOCKS))]
    assert forwards == backwards[::-1]
    assert intents_of(SEED + 1) != intents_of(SEED)


@pytest.mark.parametrize("seed", range(5))
def test_about_one_a_block_in_three_and_of_every_kind(seed):
    intents = intents_of(seed)
    assert 0.27 < len(intents) / BLOCKS < 0.45
    kinds = Counter(intent.action for intent in intents)
    assert min(kinds[action] for action in ("add", "remove", "collect")) > 10
    plan = MarketPlan(seed)
    assert len({intent.pool for intent in intents}) > 0.8 * len(plan.concentrated)
    by_pool = {pool.address: pool for pool in plan.concentrated}
    around = [i.tick_lower <= by_pool[i.pool].tick < i.tick_upper for i in intents if i.action == "add"]
    assert any(around)
    assert not all(around)


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_taken_out_that_was_not_put_in(seed):
    spacing = {pool.address: V3_TICK_SPACINGS[pool.fee] for pool in MarketPlan(seed).concentrated}
    held = Counter()
    for intent in intents_of(seed, 1_000):
        where = (intent.provider, intent.pool, intent.tick_lower, intent.tick_upper)
        assert intent.tick_lower < intent.tick_upper
        assert intent.tick_lower % spacing[intent.pool] == intent.tick_upper % spacing[intent.pool] == 0
        assert (intent.liquidity > 0) is (intent.action != "collect")
        held[where] += {"add": 1, "remove": -1, "collect": 0}[intent.action] * intent.liquidity
        assert where in held
        assert held[where] >= 0
    assert 0 in held.values(), "nobody ever took all out"


def test_a_market_without_concentrated_pools_has_none():
    assert Providers(MarketPlan(SEED, pools=1, tokens=2), 31337).intended(50) == ()


async def test_all_they_intend_is_done(stage):
    """Sixty blocks of intents, one after the other: every one succeeds and says so by its event."""
    providers = Providers(stage.plan, CONFIG.chain_id)
    nonces = {account.address: 0 for account in providers.accounts}
    done = Counter()
    for index in range(60):
        signed = providers.signed_transactions(index, CONFIG.base_fee_wei, nonces)
        await stage.send(signed)
        receipts = await stage.receipts(await stage.chain.mine())
        for one, receipt in zip(signed, receipts, strict=True):
            nonces[one.sender] += 1
            assert decode_signed(one.raw)[0].data == one.intent.calldata
            assert receipt["status"] == "0x1", one.intent
            [log] = [log for log in receipt["logs"] if from_hex(log["topics"][0]) in EVENTS]
            assert EVENTS[from_hex(log["topics"][0])] == one.intent.action
            assert from_hex(log["address"]) == one.intent.pool
            done[one.intent.action] += 1
    assert set(done) == {"add", "remove", "collect"}


async def test_the_desk_obeys_nobody_else(stage):
    pool = stage.plan.concentrated[0]
    where = (pool.address, pool.positions[0].tick_lower, pool.positions[0].tick_upper)
    for data in (
        calldata("add(address,int24,int24,uint128)", *where, 10**9),
        calldata("remove(address,int24,int24,uint128)", *where, 0),
        calldata("collect(address,int24,int24)", *where),
        calldata("uniswapV3MintCallback(uint256,uint256,bytes)", 1, 1, b""),
    ):
        call = {
            "from": to_checksum(STRANGER.address),
            "to": to_checksum(LIQUIDITY_DESK),
            "data": hex_bytes(data),
        }
        with pytest.raises(Exception, match="revert"):
            await stage.rpc("eth_call", call, "latest")
