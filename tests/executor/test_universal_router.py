"""The same swaps by the Executor and by Uniswap's Universal Router: what each costs beside the pools and tokens."""

import pytest
from executor_stage import ETHER
from gas_frames import overhead, own_gas
from mixed_market import V2, V3, Pool
from mixed_stage import MixedStage
from universal_router import router_data

SWAPS = [(V2, V2), (V2, V3), (V3, V2), (V3, V3), (V2, V2, V3), (V3, V2, V3), (V3, V3, V3)]


def router_path(stage: MixedStage, swaps: tuple[str, ...]) -> tuple[str, list[Pool]]:
    """The Executor's own path, and the router that knows its pairs. A router knows one pair for two tokens: where
    the cycle takes two, its second swap goes on to another token instead of back.
    """
    market = stage.market
    if swaps == (V2, V2):
        stops = [market.weth, *market.tokens[:2]]
        return stage.routers[0], [market.pools[V2, stops[0], stops[1]], market.pools[V2, stops[1], stops[2]]]
    return stage.routers[swaps == (V3, V2)], market.path(swaps)


@pytest.mark.parametrize("swaps", SWAPS, ids="-".join)
def test_the_executor_adds_less_than_the_router(mixed: MixedStage, swaps: tuple[str, ...]) -> None:
    stage, chain = mixed, mixed.chain
    cycle, gain = stage.market.cycle(ETHER, stage.market.path(swaps))
    ours = stage.operator, stage.executor, stage.data(cycle, min_profit=gain)
    router, path = router_path(stage, swaps)
    theirs = stage.market.deployer, router, router_data(path, ETHER)
    by_receipt = [overhead(chain, *call) for call in (ours, theirs)]
    by_steps = []
    for sender, contract, data in (ours, theirs):
        fields = {"from": sender, "to": contract, "data": "0x" + data.hex(), "gas": hex(8_000_000)}
        by_steps.append(own_gas(chain, contract, fields)[0].total())
    print(f"\n{'-'.join(swaps)}: Executor, router: {by_receipt} by the receipt, {by_steps} by the steps")
    assert by_receipt[0] < by_receipt[1]
    assert 0 < by_steps[0] < by_steps[1]
