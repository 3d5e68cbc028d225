"""The committed gas table against receipts: every mix of two to four hops, merged ones, and ticks crossed."""

from collections.abc import Iterator, Sequence

import pytest
from executor_chain import Chain, call_data
from executor_stage import ETHER, Cycle
from mixed_market import SPACING, V2, V3, Pool, provide
from mixed_stage import MixedStage
from test_mixes import MERGED, MIXES
from universal_router import router_data

from bot.costs.gas_table import HopShape, estimate_gas

VENUES = {V2: "uniswap-v2", V3: "uniswap-v3"}
OVER = 1.035
"""How much more than a receipt the table may say. Less it never says."""
ROOM_PERCENT = 14
"""Of the estimate: what an execution needs for a while beyond it, as bot/costs/gas_table.py says."""
SLOT0 = "uint160,int24,uint16,uint16,uint16,uint8,bool"

Found = tuple[Cycle, int]


def receipt_gas(stage: MixedStage, found: Sequence[Found]) -> int:
    """Of one transaction of these cycles, a third of the gain paid to the builder; the state stays as it was."""
    gain = sum(one for _, one in found)
    snapshot = stage.chain.rpc("evm_snapshot")
    used = stage.execute(*(cycle for cycle, _ in found), min_profit=gain - gain // 3, payment=gain // 3)
    stage.chain.rpc("evm_revert", snapshot)
    return used


def assert_within(estimate: int, used: int) -> None:
    assert used <= estimate <= used * OVER, f"table {estimate}, receipt {used}: {estimate / used - 1:+.2%}"


def shape(path: Sequence[Pool]) -> tuple[HopShape, ...]:
    return tuple(HopShape(VENUES[pool.protocol]) for pool in path)


@pytest.mark.parametrize("reverse", [False, True], ids=["", "reverse"])
@pytest.mark.parametrize("mix", MIXES, ids="-".join)
def test_one_cycle(mixed: MixedStage, mix: tuple[str, ...], *, reverse: bool) -> None:
    path = mixed.market.path(mix, reverse=reverse)
    assert_within(estimate_gas([shape(path)]), receipt_gas(mixed, [mixed.market.cycle(ETHER, path)]))


@pytest.mark.parametrize("mixes", MERGED, ids=lambda mixes: "+".join("".join(mix) for mix in mixes))
def test_two_cycles(mixed: MixedStage, mixes: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
    paths = mixed.market.path(mixes[0]), mixed.market.path(mixes[1], reverse=True)
    found = [mixed.market.cycle(ETHER, path) for path in paths]
    assert_within(estimate_gas([shape(path) for path in paths]), receipt_gas(mixed, found))


@pytest.mark.parametrize("count", [3, 6])
@pytest.mark.parametrize("mix", [(V2, V2), (V2, V3), (V3, V3)], ids="-".join)
def test_more_cycles(mixed: MixedStage, mix: tuple[str, str], count: int) -> None:
    """Through one token each; six use both kinds of each token's pools."""
    other = {V2: V3, V3: V2}
    kinds = [mix] if count == 3 else [mix, (other[mix[0]], other[mix[1]])]
    market = mixed.market
    paths = [
        [market.pools[buys, market.weth, token], market.pools[sells, token, market.weth]]
        for token in market.tokens
        for buys, sells in kinds
    ]
    assert len({pool.address for path in paths for pool in path}) == 2 * count
    found = [market.cycle(ETHER, path) for path in paths]
    assert_within(estimate_gas([shape(path) for path in paths]), receipt_gas(mixed, found))


@pytest.fixture
def ticked(mixed: MixedStage) -> Iterator[MixedStage]:
    """Twelve initialised ticks around the prices of two V3 pools, all of which have been crossed before."""
    snapshot = mixed.chain.rpc("evm_snapshot")
    market = mixed.market
    for pool in market.path((V3, V3)):
        spacing = SPACING[pool.fee]
        at = tick(mixed.chain, pool) // spacing
        for place in range(-6, 7):
            if place:
                provide(market, pool, (at + place) * spacing, (at + place + 1) * spacing, ETHER)
        back = Pool(V3, pool.address, pool.token_out, pool.token_in, pool.fee)
        for path in ([pool], [back], [back], [pool]):
            data = router_data(path, spacing * ETHER)
            mixed.chain.send(market.deployer, mixed.routers[0], data)
            mixed.chain.rpc("evm_increaseTime", 12)
    mixed.chain.rpc("evm_mine")
    yield mixed
    mixed.chain.rpc("evm_revert", snapshot)


def tick(chain: Chain, pool: Pool) -> int:
    return int(chain.read(pool.address, "slot0()", returns=SLOT0)[1])


def is_initialised(chain: Chain, pool: Pool, at: int) -> bool:
    word, bit = divmod(at // SPACING[pool.fee], 256)
    return bool(chain.read(pool.address, "tickBitmap(int16)", word) >> bit & 1)


def crossed(stage: MixedStage, path: Sequence[Pool], found: Found) -> list[int]:
    """Initialised ticks that the cycle's swaps pass in each pool, by where the prices stand before and after."""
    pools = [pool for pool in path if pool.protocol == V3]
    before = [tick(stage.chain, pool) for pool in pools]
    snapshot = stage.chain.rpc("evm_snapshot")
    stage.execute(found[0])
    spans = [sorted((was, tick(stage.chain, pool))) for was, pool in zip(before, pools, strict=True)]
    stage.chain.rpc("evm_revert", snapshot)
    counts = iter(
        sum(
            is_initialised(stage.chain, pool, at)
            for at in range(low + 1, high + 1)
            if at % SPACING[pool.fee] == 0
        )
        for pool, (low, high) in zip(pools, spans, strict=True)
    )
    return [next(counts) if pool.protocol == V3 else 0 for pool in path]


def test_ticks_crossed(ticked: MixedStage) -> None:
    """In the first pool, in the last, in both; none to six of them."""
    seen = set()
    for mix in ((V3, V2), (V2, V3), (V3, V3)):
        path = ticked.market.path(mix)
        for amount in (ETHER // 10, ETHER, 2 * ETHER, 3 * ETHER, 4 * ETHER, 6 * ETHER, 8 * ETHER):
            found = ticked.market.cycle(amount, path)
            ticks = crossed(ticked, path, found)
            hops = [HopShape(VENUES[pool.protocol], count) for pool, count in zip(path, ticks, strict=True)]
            assert_within(estimate_gas([tuple(hops)]), receipt_gas(ticked, [found]))
            seen.add((mix, *ticks))
    assert {max(each[1:]) for each in seen} >= {0, 1, 2, 3, 4, 6}
    assert len(seen) >= 10


def test_the_gas_limit_needs_room_for_what_is_refunded(mixed: MixedStage) -> None:
    """The node finds the least limit with which it runs; the plan's own margin is 30 %."""
    merged = [[mixed.market.path(a), mixed.market.path(b, reverse=True)] for a, b in MERGED]
    for paths in [*([mixed.market.path(mix)] for mix in MIXES), *merged]:
        found = [mixed.market.cycle(ETHER, path) for path in paths]
        gain = sum(one for _, one in found)
        data = mixed.data(*(one for one, _ in found), min_profit=gain - gain // 3, payment=gain // 3)
        fields = {"from": mixed.operator, "to": mixed.executor, "data": "0x" + data.hex()}
        needed = int(mixed.chain.rpc("eth_estimateGas", fields), 16)
        pairs = sum(pool.protocol == V2 for path in paths for pool in path)
        assert needed - receipt_gas(mixed, found) == 19_900 + 2_800 * pairs
        assert needed * 100 <= estimate_gas([shape(path) for path in paths]) * (100 + ROOM_PERCENT)


def test_control_the_pools_are_old_ones(mixed: MixedStage) -> None:
    """A second swap in a row costs what the first did, within a thousand gas."""
    stage = mixed
    path = stage.market.path((V2, V3))
    first = receipt_gas(stage, [stage.market.cycle(ETHER, path)])
    snapshot = stage.chain.rpc("evm_snapshot")
    stage.execute(stage.market.cycle(ETHER, path)[0])
    stage.chain.rpc("evm_increaseTime", 12)
    stage.chain.send(stage.market.deployer, stage.market.weth, call_data("deposit()"), value=1)
    second = receipt_gas(stage, [stage.market.cycle(ETHER, path)])
    stage.chain.rpc("evm_revert", snapshot)
    assert abs(first - second) < 1000
