"""Law 10 for V3: price, liquidity and ticks are compared; a stopped pool is read whole and resumed."""

from collections import Counter

import pytest

from bot.core.result import Unknown
from bot.protocols.v3_pool import ConcentratedPool, TickLiquidity
from bot.state.audit import Mismatch, plan_audit
from bot.state.market_state import MarketState
from bot.state.pool_table import PoolTable, V3Pool
from tests.state.blocks import GENESIS, TOKENS, V3_VENUE, block, burnt, minted, v3_address
from tests.state.fake_pools import FakePools
from tests.state.screens import assert_screens_are_fresh
from tests.state.test_tick_maps import contents

COUPLES = [(a, b) for place, a in enumerate(TOKENS) for b in TOKENS[place + 1 :]][:5]


def staged():
    """Five pools on a chain and a state that agrees with it."""
    table, chain = PoolTable(), FakePools({})
    for number, (token0, token1) in enumerate(COUPLES):
        address = v3_address(token0, token1, 3000)
        chain.pools[address] = contents(60, {(-2, 3): 100 + number, (4, 9): 7}, tick=5)
        held = pool_of(chain, address)
        table.add_concentrated(V3Pool(address, "v3", token0, token1, 3000, 60), held)
    return MarketState(table, [V3_VENUE], GENESIS), chain


def pool_of(chain, address):
    spacing, price, tick, liquidity, ticks = chain.pools[address]
    return ConcentratedPool(
        3000, spacing, price, tick, liquidity, {at: TickLiquidity(*both) for at, both in ticks.items()}
    )


def audit(state, chain, count, *, has_lens=True):
    return chain.drive(plan_audit(state, count, has_lens=has_lens))


@pytest.mark.parametrize("has_lens", [True, False])
def test_agreement_changes_nothing_and_one_tick_map_is_compared(has_lens):
    state, chain = staged()
    result = audit(state, chain, 3, has_lens=has_lens)
    assert (len(result.checked), result.mismatches, result.unread) == (3, (), ())
    assert len(result.tick_maps) == 1
    assert state.table.live.all()


def test_every_tick_map_has_its_turn():
    state, chain = staged()
    turns = Counter()
    for _ in range(5):
        turns.update(audit(state, chain, 1).tick_maps)
    assert set(turns.values()) == {1}
    assert len(turns) == 5


@pytest.mark.parametrize("has_lens", [True, False])
def test_a_price_that_differs_stops_the_pool_until_it_is_read_whole(has_lens):
    state, chain = staged()
    address = state.table.pools[2].address
    truth = chain.pools[address]
    chain.pools[address] = contents(60, {(-1, 3): 55, (4, 10): 9}, tick=7)
    result = audit(state, chain, 5, has_lens=has_lens)
    [mismatch] = result.mismatches
    assert mismatch == Mismatch(address, "v3", GENESIS, truth[1:4], chain.pools[address][1:4])
    assert "stopped until read afresh" in str(mismatch)
    assert state.table.live.tolist() == [True, True, False, True, True]
    assert state.table.concentrated[2].sqrt_price == truth[1], "never patched silently"
    again = audit(state, chain, 0, has_lens=has_lens)
    assert again.resumed == (address,)
    assert dict(state.table.concentrated[2].ticks) == dict(pool_of(chain, address).ticks)
    assert state.table.live.all()
    assert_screens_are_fresh(state.table)


def test_a_tick_that_differs_stops_the_pool_and_is_named():
    state, chain = staged()
    for address in chain.pools:
        chain.pools[address] = contents(60, {(-2, 3): chain.pools[address][3], (4, 9): 8}, tick=5)
    result = audit(state, chain, 1)
    [mismatch] = result.mismatches
    assert (mismatch.believed, mismatch.actual) == ((240, 7, 7), (240, 8, 8))
    assert state.table.stopped() == (state.table.index(mismatch.pool),)


DIFFERENCES = {
    "a tick more on the chain": ({(-2, 3): 104, (4, 9): 7, (20, 21): 1}, (1200, 0, 0), (1200, 1, 1)),
    "a tick less": ({(-2, 3): 104}, (240, 7, 7), (240, 0, 0)),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_any_difference_of_ticks_is_found(name):
    positions, believed, actual = DIFFERENCES[name]
    state, chain = staged()
    for index in range(4):
        state.table.take_out_of_service(index)
    chain.pools[state.table.pools[4].address] = contents(60, positions, tick=5)
    [mismatch] = audit(state, chain, 1).mismatches
    assert (mismatch.believed, mismatch.actual) == (believed, actual)


def test_gross_liquidity_alone_may_differ():
    state, chain = staged()
    for index in range(1, 5):
        state.table.take_out_of_service(index)
    ticks = chain.pools[state.table.pools[0].address][4]
    gross, net = ticks[240]
    ticks[240] = (gross + 2, net)
    [mismatch] = audit(state, chain, 1).mismatches
    assert (mismatch.believed, mismatch.actual) == ((240, gross, net), (240, gross + 2, net))


def test_a_stopped_pool_that_cannot_be_read_stays_stopped():
    state, chain = staged()
    state.stop(1)
    address = state.table.pools[1].address
    chain.broken[address, "slot0"] = Unknown("late")
    result = audit(state, chain, 0)
    assert [one.pool for one in result.unread] == [address]
    assert not state.table.live[1]
    chain.broken.clear()
    assert audit(state, chain, 0).resumed == (address,)


def test_what_the_logs_contradicted_is_reported_once_and_ended_by_a_fresh_read():
    state, chain = staged()
    address = state.table.pools[0].address
    state.apply(block(GENESIS, [minted(address, -60, 60, 5), burnt(address, -600, 60, 1)]))
    assert not state.table.live[0]
    chain.pools[address] = contents(60, {(-1, 1): 6}, tick=1)
    result = audit(state, chain, 0)
    [divergence] = result.divergences
    assert divergence.pool == address
    assert "block 101" in str(divergence)
    assert result.resumed == (address,)
    assert state.table.concentrated[0].liquidity == 6
    assert audit(state, chain, 0).divergences == ()


def test_a_state_that_moves_on_while_a_stopped_pool_is_read_keeps_it_stopped():
    state, chain = staged()
    state.stop(0)
    plan = plan_audit(state, 0, has_lens=True)
    assert next(plan) == []
    reads = plan.send([])
    state.apply(block(GENESIS, []))
    with pytest.raises(StopIteration) as end:
        plan.send([chain.answer(read, None) for read in reads])
    assert end.value.value.resumed == ()
    assert not state.table.live[0]
