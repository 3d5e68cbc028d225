"""What a V3 pool may cost beyond the expected gas, on the real bytecode: the plan's first gas limit is enough for it."""

import math
from collections.abc import Iterator, Sequence

import pytest
from executor_chain import call_data
from executor_stage import ETHER
from gas_frames import BUILDER
from mixed_market import SPACING, V2, V3, Pool, provide
from mixed_stage import MixedStage
from test_gas_by_shape import VENUES, Found, assert_within, crossed, receipt_gas, shape, tick
from test_mixes import MIXES
from universal_router import router_data

from bot.core.units import Bps
from bot.costs.gas_table import HopShape, Shape, estimate_gas, gas_limit_for

MARGIN = Bps(3_000)
"""As in bot/execution/config.py."""
NEVER_CROSSED = 34_200
FEE_AND_OBSERVATION = 7_200
NARROWEST = 100
"""The fee of the pool with a tick spacing of 1, in millionths."""


@pytest.fixture
def stage(mixed: MixedStage) -> Iterator[MixedStage]:
    """As it was before."""
    snapshot = mixed.chain.rpc("evm_snapshot")
    yield mixed
    mixed.chain.rpc("evm_revert", snapshot)
    mixed.chain.rpc("anvil_setCoinbase", BUILDER)  # no snapshot holds it


def needed_gas(stage: MixedStage, found: Found) -> int:
    """The least limit with which it runs."""
    cycle, gain = found
    data = stage.data(cycle, min_profit=gain - gain // 3, payment=gain // 3)
    fields = {"from": stage.operator, "to": stage.executor, "data": "0x" + data.hex()}
    return int(stage.chain.rpc("eth_estimateGas", fields), 16)


def swap(stage: MixedStage, pool: Pool, amount: int) -> None:
    stage.chain.rpc("evm_increaseTime", 12)
    stage.chain.send(stage.market.deployer, stage.routers[0], router_data([pool], amount))


def back(pool: Pool) -> Pool:
    return Pool(V3, pool.address, pool.token_out, pool.token_in, pool.fee)


@pytest.mark.parametrize("reverse", [False, True], ids=["", "reverse"])
@pytest.mark.parametrize("mix", [(V3, V2), (V2, V3), (V3, V3)], ids="-".join)
def test_ticks_that_were_never_crossed(stage: MixedStage, mix: tuple[str, ...], *, reverse: bool) -> None:
    """Up or down by the token that the path goes through."""
    market, path = stage.market, stage.market.path(mix, reverse=reverse)
    for pool in path:
        if pool.protocol == V3:
            at = tick(stage.chain, pool) // SPACING[pool.fee]
            for place in range(-6, 7):
                if place:
                    step = SPACING[pool.fee]
                    provide(market, pool, (at + place) * step, (at + place + 1) * step, ETHER)
    stage.chain.rpc("evm_increaseTime", 12)
    stage.chain.rpc("evm_mine")
    most = dearer = new = 0
    for amount in (ETHER, 3 * ETHER, 8 * ETHER):
        found = market.cycle(amount, path)
        ticks = crossed(stage, path, found)
        most = max(most, *ticks)
        hops = [
            tuple(
                HopShape(VENUES[pool.protocol], count, upwards=not pool.zero_for_one)
                for pool, count in zip(path, ticks, strict=True)
            )
        ]
        new = sum(count for pool, count in zip(path, ticks, strict=True) if not pool.zero_for_one)
        expected, used = estimate_gas(hops), receipt_gas(stage, [found])
        assert used <= expected + new * NEVER_CROSSED
        dearer = max(dearer, used - expected)
        assert needed_gas(stage, found) <= gas_limit_for(hops, MARGIN)
    assert most >= 2
    assert dearer >= new * NEVER_CROSSED // 2, "the ticks had been crossed before"


def pool_without_ticks(stage: MixedStage) -> Pool:
    """Tick spacing 1, and no initialised tick but the ends: fifty per cent generous to who brings WETH."""
    market, chain = stage.market, stage.chain
    token0, token1 = sorted((market.weth, market.tokens[0]), key=lambda token: int(token, 16))
    chain.send(market.deployer, market.v3_factory, call_data("enableFeeAmount(uint24,int24)", NARROWEST, 1))
    create = call_data("createPool(address,address,uint24)", token0, token1, NARROWEST)
    chain.send(market.deployer, market.v3_factory, create)
    asked = token0, token1, NARROWEST
    address = chain.read(market.v3_factory, "getPool(address,address,uint24)", *asked, returns="address")
    parts = (150, 100) if market.weth == token0 else (100, 150)
    price = math.isqrt((parts[0] << 192) // parts[1])
    chain.send(market.deployer, address, call_data("initialize(uint160)", price))
    pool = Pool(V3, address, market.weth, market.tokens[0], NARROWEST)
    provide(market, pool, -887_272, 887_272, 10 * ETHER)
    for each in (pool, back(pool)):
        swap(stage, each, ETHER // 1_000)
    chain.rpc("evm_increaseTime", 12)
    chain.rpc("evm_mine")
    return pool


def word_ends(stage: MixedStage, pool: Pool, found: Found) -> int:
    before = tick(stage.chain, pool)
    snapshot = stage.chain.rpc("evm_snapshot")
    stage.execute(found[0])
    after = tick(stage.chain, pool)
    stage.chain.rpc("evm_revert", snapshot)
    ahead = 0 if pool.zero_for_one else 1
    return abs((before + ahead >> 8) - (after + ahead >> 8))


def test_words_of_the_bitmap_without_any_tick(stage: MixedStage) -> None:
    pool = pool_without_ticks(stage)
    seen = set()
    path = [pool, stage.market.pools[V2, pool.token_out, stage.market.weth]]
    for amount in (ETHER // 100, ETHER // 10, ETHER // 4, ETHER, 3 * ETHER):
        found = stage.market.cycle(amount, path)
        words = word_ends(stage, pool, found)
        hops: list[Shape] = [(HopShape("uniswap-v3", 0, words), HopShape("uniswap-v2"))]
        assert_within(estimate_gas(hops), receipt_gas(stage, [found]))
        assert needed_gas(stage, found) <= gas_limit_for(hops, MARGIN)
        seen.add(words)
    assert min(seen) == 0
    assert max(seen) >= 20


def switch_on(stage: MixedStage, pools: Sequence[Pool], *, observations: int) -> None:
    """The protocol's part of the fee, which holds something already, and slots for observations."""
    for pool in pools:
        if pool.protocol == V3:
            owner = stage.market.deployer
            stage.chain.send(owner, pool.address, call_data("setFeeProtocol(uint8,uint8)", 4, 4))
            grow = call_data("increaseObservationCardinalityNext(uint16)", observations)
            stage.chain.send(owner, pool.address, grow)
            for each in (pool, back(pool), pool, back(pool)):
                swap(stage, each, ETHER // 100)
    stage.chain.rpc("evm_increaseTime", 12)
    stage.chain.rpc("evm_mine")


@pytest.mark.parametrize("observations", [1, 100])
def test_the_protocols_part_of_the_fee_and_observations(stage: MixedStage, observations: int) -> None:
    switch_on(stage, list(stage.market.pools.values()), observations=observations)
    over = 0
    for mix in MIXES:
        path = stage.market.path(mix)
        found = stage.market.cycle(ETHER, path)
        expected, used = estimate_gas([shape(path)]), receipt_gas(stage, [found])
        assert used <= expected + sum(pool.protocol == V3 for pool in path) * FEE_AND_OBSERVATION
        assert needed_gas(stage, found) <= gas_limit_for([shape(path)], MARGIN)
        over += used > expected
    assert over >= 20, "nothing was switched on"


def test_a_builder_that_was_never_paid(stage: MixedStage) -> None:
    stage.chain.rpc("anvil_setCoinbase", "0x" + "c1" * 20)
    stage.chain.rpc("evm_mine")
    for mix in MIXES:
        path = stage.market.path(mix)
        needed = needed_gas(stage, stage.market.cycle(ETHER, path))
        assert needed <= gas_limit_for([shape(path)], Bps(1_400))
