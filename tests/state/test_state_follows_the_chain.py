"""The world in, end to end: whatever the chain and the socket do, the state is what a fresh bootstrap reads."""

import os

import pytest

from bot.chain import pool_reads
from bot.chain.lens_code import load_lens_code
from bot.chain.pool_reads import audit_pools, bootstrap_pools
from bot.chain.reader import RpcChainReader
from bot.chain.rpc import open_rpc
from bot.clock import SystemClock
from bot.state.bootstrap import DiscoveryFailed
from tests.state.live_market import profile_of
from tests.state.sweep import Sweep, everything

BLOCKS = int(os.environ.get("STATE_BLOCKS", "500"))
COMPARE_EVERY = 50
CLOCK = SystemClock()


async def test_state_after_random_blocks_reorgs_cuts_and_losses_is_a_fresh_bootstrap(market, draw):
    profile, lens = profile_of(market.plan), load_lens_code()
    assert lens is not None
    rpc = await open_rpc(str(market.anvil.ipc_path), CLOCK)
    reader = RpcChainReader(rpc)
    boot = await bootstrap_pools(reader, profile, (await reader.head()).value.ref, lens)
    assert boot.left_out == ()
    assert len(boot.state.table) == len(market.plan.pools) > len(market.pairs) > 20
    for _ in range(5):
        await market.play()  # what happens between bootstrap and subscription is not lost either
    sweep = Sweep(market, draw, boot.state, (reader, profile, lens))
    sweep.start()
    await sweep.play(BLOCKS, COMPARE_EVERY)
    # What chance may have left out.
    undone = await sweep.create_and_undo()
    await sweep.overflow_and_audit()
    await sweep.compare()
    sweep.consumer.cancel()
    one_by_one = await bootstrap_pools(reader, profile, boot.state.ref)
    by_hand, held = await sweep.by_hand()
    await sweep.count_unfollowed()
    await rpc.close()
    sweep.assert_not_empty(BLOCKS, COMPARE_EVERY)
    assert everything(boot.state) == everything(one_by_one.state)
    assert one_by_one.left_out == ()
    assert held == by_hand
    assert all(boot.state.table.index(pool) is not None for pool in undone)
    assert boot.state.take_divergences() == ()


@pytest.fixture
async def standing(market):
    """A state at the market's newest block, and how to audit it."""
    profile, lens = profile_of(market.plan), load_lens_code()
    rpc = await open_rpc(str(market.anvil.ipc_path), CLOCK)
    reader = RpcChainReader(rpc)
    state = (await bootstrap_pools(reader, profile, (await reader.head()).value.ref, lens)).state
    yield state, lambda count: audit_pools(reader, profile, state, count, lens)
    await rpc.close()
    dead = await audit_pools(reader, profile, state, 3, lens)
    assert (dead.checked, dead.mismatches, dead.tick_maps) == ((), (), ())
    assert len(dead.unread) >= 3


def of_kind(state, *, concentrated):
    return [
        index for index, held in enumerate(state.table.concentrated) if (held is not None) == concentrated
    ]


async def test_the_audit_finds_reserves_tampered_with_and_a_fresh_read_ends_the_stop(standing, draw):
    state, audit = standing
    truth = everything(state)
    victim = draw.choice(of_kind(state, concentrated=False))
    state.table.set_reserves(victim, state.table.reserve0[victim] + 1, state.table.reserve1[victim])
    await found_and_ended(state, audit, victim, truth, lambda actual: (actual[0] + 1, actual[1]))


async def test_the_audit_finds_a_price_tampered_with_and_a_fresh_read_ends_the_stop(standing, draw):
    state, audit = standing
    truth = everything(state)
    victim = draw.choice(of_kind(state, concentrated=True))
    held = state.table.concentrated[victim]
    held.set_price(held.sqrt_price + 1, held.tick, held.liquidity)
    state.table.note_changed(victim)
    await found_and_ended(state, audit, victim, truth, lambda actual: (actual[0] + 1, *actual[1:3]))


async def found_and_ended(state, audit, victim, truth, tampered):
    found = await audit(len(state.table))
    [mismatch] = found.mismatches
    pool = state.table.pools[victim].address
    actual = truth[pool][1]
    assert mismatch.pool == pool
    assert (mismatch.believed, mismatch.actual) == (tampered(actual), actual[: len(mismatch.actual)])
    assert not state.table.live[victim]
    again = await audit(len(state.table))
    assert (again.mismatches, again.resumed) == ((), (pool,))
    assert everything(state) == truth


async def test_a_tick_tampered_with_far_from_the_price_is_found_in_its_turn(standing, draw):
    state, audit = standing
    truth = everything(state)
    victim = draw.choice(of_kind(state, concentrated=True))
    held, pool = state.table.concentrated[victim], state.table.pools[victim].address
    widest = 887_272 // held.tick_spacing * held.tick_spacing
    held.change_liquidity(widest - held.tick_spacing, widest, 5)
    state.table.note_changed(victim)
    audits = 0
    while state.table.live[victim]:
        found = await audit(1)
        audits += 1
        assert audits <= len(state.table), "one round of the rotation sees every pool"
    [mismatch] = found.mismatches
    assert (mismatch.pool, mismatch.believed) == (pool, (widest - held.tick_spacing, 5, 5))
    assert mismatch.actual == (widest - held.tick_spacing, 0, 0)
    assert (await audit(0)).resumed == (pool,)
    assert everything(state) == truth


async def test_listed_discovery_and_small_chunks_read_the_same_pools(market, monkeypatch):
    rpc = await open_rpc(market.anvil.url, CLOCK)
    reader = RpcChainReader(rpc)
    at = (await reader.head()).value.ref
    everywhere = await bootstrap_pools(reader, profile_of(market.plan), at, load_lens_code())
    monkeypatch.setattr(pool_reads, "READS_A_CALL", 97)
    listed = await bootstrap_pools(reader, profile_of(market.plan, "listed"), at)
    assert everything(listed.state) == everything(everywhere.state)
    await rpc.close()
    with pytest.raises(DiscoveryFailed):
        await bootstrap_pools(reader, profile_of(market.plan), at)
