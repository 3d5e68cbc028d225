"""A cycle that reverts whenever the node runs it must not starve the honest ones that share a pool with it."""

from listed_chain import ETHER, WETH
from loop_stage import Stage
from small_market import CHEAP, DEAR, THIRD, world_at

from bot.core.result import Reverted
from bot.loop import World
from bot.opportunities.search import ArbitrageSearch, SearchConfig


def two_ways_out_of_one_pool():
    """Token from the CHEAP pool sells at DEAR for most, and at THIRD for somewhat less."""
    world = world_at(pools=3)
    table = world.state.table
    third = table.index(THIRD)
    reserves = [table.reserve0[third], table.reserve1[third]]
    reserves[0 if table.pools[third].token0 == WETH else 1] = 108 * ETHER
    table.set_reserves(third, *reserves)
    return World(world.state, ArbitrageSearch(table, [WETH], SearchConfig(weth=WETH)))


def refuse(market, *pools):
    """Whatever goes through one of these reverts at the node; what was simulated, by whether it did."""
    simulator, said = market.simulator, []
    answer = simulator.simulate

    async def simulate(transaction, *rest):
        said.append(any(pool in transaction.data for pool in pools))
        return Reverted("K", b"\x08") if said[-1] else await answer(transaction, *rest)

    simulator.simulate = simulate
    return said


async def test_the_honest_one_is_sent_in_the_same_block_and_the_other_asked_ever_less():
    stage = Stage(world=two_ways_out_of_one_pool())
    reverted = refuse(stage.market, DEAR)
    running = await stage.running()
    await stage.block(101)
    assert reverted == [True, False]
    [intent] = stage.journal.of("intent")
    assert {leg.pool for leg in intent.plan.opportunities[0].legs} == {CHEAP, THIRD}
    assert stage.drops()["simulation: reverted"] == 1
    for number in range(102, 130):
        await stage.block(number)
    assert sum(reverted) == 5, "at blocks 101, 103, 106, 111, 120"
    assert len(reverted) - sum(reverted) >= 25
    running.cancel()


async def test_where_all_revert_the_block_ends():
    stage = Stage(world=two_ways_out_of_one_pool())
    reverted = refuse(stage.market, CHEAP, DEAR, THIRD)
    running = await stage.running()
    await stage.block(101)
    assert reverted == [True] * 3
    assert stage.signed() == []
    running.cancel()
