"""The plan is a function of its arguments, and what it plans is a market worth trading in."""

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.identity import address_from_hex, to_checksum
from bot.world.market_plan import MarketPlan
from bot.world.tokens import priced_tokens
from bot.world.venues import (
    PANCAKESWAP_V1,
    UNISWAP_V2,
    UNISWAP_V3,
    V3_TICK_SPACINGS,
    pair_address,
    pool_address,
)

seeds = st.integers(min_value=0, max_value=2**63)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_the_default_market(seed):
    plan = MarketPlan(seed)
    assert MarketPlan(seed).fingerprint() == plan.fingerprint()
    assert MarketPlan(seed + 1).fingerprint() != plan.fingerprint()
    assert len(plan.pools) == 40
    assert len({pool.address for pool in plan.pools}) == 40
    weth = plan.tokens[0]
    by_weth = Counter(p.venue.name for p in plan.pairs if weth in (p.token0, p.token1))
    assert by_weth == {UNISWAP_V2.name: 11, PANCAKESWAP_V1.name: 11}
    assert {pool.fee for pool in plan.concentrated} == set(V3_TICK_SPACINGS)
    assert {priced.token.decimals for priced in plan.tokens} == {6, 8, 18}
    assert [p.token.symbol for p in plan.tokens if p.kind == "silent"] == ["USDT"]


@given(seeds, st.integers(min_value=4, max_value=300), st.integers(min_value=16, max_value=30))
@settings(max_examples=30, deadline=None)
def test_every_pool_is_deep_and_priced_fairly(seed, pools, tokens):
    plan = MarketPlan(seed, pools, tokens)
    assert len(plan.pools) == pools
    for pool in plan.pools:
        assert pool.token0.token.address < pool.token1.token.address
        worth = [
            reserve * priced.wei_per_whole / 10**priced.token.decimals / 1e18
            for reserve, priced in ((pool.reserve0, pool.token0), (pool.reserve1, pool.token1))
        ]
        assert 49.8 < min(worth) <= max(worth) < 3010
        assert abs(math.log(worth[0] / worth[1])) < 0.0011
    for pool in plan.concentrated:
        spacing = V3_TICK_SPACINGS[pool.fee]
        ranges = [(p.tick_lower, p.tick_upper) for p in pool.positions]
        assert len(set(ranges)) == len(ranges) >= 3
        assert all(low < high and low % spacing == high % spacing == 0 for low, high in ranges)
        ratio = (pool.sqrt_price_x96 / 2**96) ** 2
        assert ratio == pytest.approx(pool.reserve1 / pool.reserve0, rel=1e-9)


def test_more_pools_than_the_tokens_can_make_are_refused():
    with pytest.raises(ValueError, match="more tokens"):
        MarketPlan(1, pools=2_000, tokens=12)
    assert len(MarketPlan(1, pools=2_000, tokens=40).pools) == 2_000


@pytest.mark.parametrize(("pools", "tokens"), [(6, 12), (40, 12), (200, 40), (1_000, 200)])
def test_a_market_of_any_size_has_three_pool_cycles(pools, tokens):
    """Without a word about tokens: most pools hold WETH, and couples of two other tokens are both joined to it."""
    plan = MarketPlan(3, pools)
    weth = plan.tokens[0]
    assert (len(plan.pools), len(plan.tokens)) == (pools, tokens)
    joined = {
        token
        for pool in plan.pools
        if weth in (pool.token0, pool.token1)
        for token in (pool.token0, pool.token1)
    }
    others = [pool for pool in plan.pools if weth not in (pool.token0, pool.token1)]
    assert all({pool.token0, pool.token1} <= joined for pool in others)
    if pools >= 40:
        assert 0.1 < len(others) / pools < 0.5


def test_addresses_are_those_of_mainnet():
    """Published addresses: USDC/WETH on Uniswap V2, and its 0.05 % pool on V3."""
    usdc = address_from_hex("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48")
    weth = priced_tokens(1, 2)[0].token.address
    pair = pair_address(UNISWAP_V2, usdc, weth)
    assert to_checksum(pair) == "0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc"
    pool = pool_address(UNISWAP_V3, usdc, weth, 500)
    assert to_checksum(pool) == "0x88e6A0c2dDD26FEEb64F039a2c41296FcB3f5640"
