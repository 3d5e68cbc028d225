"""The world in, end to end: whatever the chain and the socket do, the state is what a fresh bootstrap reads."""

import asyncio
import os
from collections import Counter

import msgspec
import pytest

from bot.chain import pool_reads
from bot.chain.pool_reads import audit_pools, bootstrap_pools
from bot.chain.reader import RpcChainReader
from bot.chain.rpc import open_rpc, open_session
from bot.clock import SystemClock
from bot.core.identity import BlockRef
from bot.core.messages import BlockArrived, RolledBack
from bot.core.units import Nanoseconds
from bot.feeds.config import HeadFeedConfig
from bot.feeds.heads import HeadFeed
from bot.protocols.uniswap_v2 import PAIR_CREATED_TOPIC, SYNC_TOPIC
from bot.state.bootstrap import DiscoveryFailed
from tests.chain.waiting import until
from tests.state.live_market import profile_of
from tests.state.lossy_session import LossySession

BLOCKS = int(os.environ.get("STATE_BLOCKS", "500"))
MILLISECOND = 10**6
CONFIG = HeadFeedConfig(
    heartbeat=Nanoseconds(50 * MILLISECOND),
    allowed_silence=Nanoseconds(60 * 10**9),
    queue_size=4,
    first_backoff=Nanoseconds(2 * MILLISECOND),
    longest_backoff=Nanoseconds(20 * MILLISECOND),
    retry_delay=Nanoseconds(5 * MILLISECOND),
)
CLOCK = SystemClock()


def everything(state):
    """Every field of every pool in service, by address."""
    table = state.table
    for index in range(len(table)):
        assert table.screen_reserve0[index] == float(table.reserve0[index])
        assert table.screen_reserve1[index] == float(table.reserve1[index])
    return {
        pool.address: (
            msgspec.structs.asdict(pool),
            table.reserve0[index],
            table.reserve1[index],
            bool(table.live[index]),
        )
        for index, pool in enumerate(table.pools)
        if table.in_service(index)
    }


async def follow(events, state, seen, at_work):
    """The consumer: applies what it is told while `at_work` is set, and notes what kinds of things it was told."""
    async for event in events:
        await at_work.wait()
        match event:
            case BlockArrived():
                pools = len(state.table)
                state.apply(event)
                seen["blocks"] += 1
                seen["new pools"] += len(state.table) - pools
            case RolledBack():
                in_service = sum(map(state.table.in_service, range(len(state.table))))
                state.roll_back(event)
                seen["reorgs"] += 1
                seen[f"depth {len(event.left)}"] += 1
                seen["pools undone"] += in_service - sum(map(state.table.in_service, range(len(state.table))))
            case _:
                raise AssertionError(f"nothing else was to happen: {event}")


async def test_state_after_random_blocks_reorgs_cuts_and_losses_is_a_fresh_bootstrap(market, draw):
    profile = profile_of(market.plan)
    rpc = await open_rpc(str(market.anvil.ipc_path), CLOCK)
    reader = RpcChainReader(rpc)
    boot = await bootstrap_pools(reader, profile, (await reader.head()).value.ref)
    assert boot.left_out == ()
    assert len(boot.state.table) == len(market.pairs) > 20
    state, seen, sessions = boot.state, Counter(), []

    async def connect():
        session = await open_session(draw.choice([str(market.anvil.ipc_path), market.anvil.ws_url]), CLOCK)
        sessions.append(LossySession(session, lambda: draw.random() < 0.2))
        return sessions[-1]

    for _ in range(5):
        await market.play()  # what happens between bootstrap and subscription is not lost either
    feed = HeadFeed(connect, CLOCK, CONFIG, [SYNC_TOPIC, PAIR_CREATED_TOPIC], draw.random)
    feed.start_after(state.ref)
    events = feed.events()
    at_work = asyncio.Event()
    consumer = asyncio.create_task(follow(events, state, seen, at_work))

    async def caught_up():
        at_work.set()
        number, block_hash = await market.head()
        tip = BlockRef(number, block_hash)
        await until(lambda: state.ref == tip or consumer.done(), limit_s=30)
        assert state.ref == tip, consumer

    for played in range(BLOCKS):
        fate = draw.random()
        if fate < 0.12 and await market.height() - market.floor > 10:
            if draw.random() < 0.8:
                await caught_up()  # so that the whole depth is seen as a reorg
            await market.reorg(10 if played % 40 == 0 else draw.randint(1, 10))
        else:
            await market.play()
        if draw.random() < 0.05 and sessions:
            await sessions[-1].cut()
        if draw.random() < 0.05:
            at_work.clear()  # a consumer too slow for the queue, until it is waited for
    # What chance may have left out: a pair whose creation is undone, and more heads than the queue holds.
    await caught_up()
    undone = await market.play_new_pair()
    await caught_up()
    await market.reorg(1)
    await caught_up()
    at_work.clear()
    for _ in range(30):
        await market.play()
        if draw.random() < 0.1:
            await caught_up()
            audit = await audit_pools(reader, profile, state, 5)
            assert (len(audit.checked), audit.mismatches, audit.unread) == (5, (), ())
    await caught_up()
    consumer.cancel()
    fresh = await bootstrap_pools(reader, profile, state.ref)
    by_hand = await market.reserves_by_hand()
    await rpc.close()

    print(dict(seen), feed.counters)
    assert everything(state) == everything(fresh.state)
    assert {address: pool[1:3] for address, pool in everything(state).items()} == by_hand
    assert fresh.left_out == ()
    assert state.table.index(undone) is not None
    assert seen["blocks"] > BLOCKS
    assert seen["reorgs"] > BLOCKS // 40
    assert seen["new pools"] > 0
    assert seen["pools undone"] > 0
    assert feed.counters.connections > 1
    assert feed.counters.gaps > 0
    assert feed.counters.dropped_heads > 0
    assert sum(session.lost for session in sessions) > 0


async def test_the_audit_finds_what_was_tampered_with_and_a_fresh_read_ends_the_stop(market, draw):
    rpc = await open_rpc(str(market.anvil.ipc_path), CLOCK)
    reader = RpcChainReader(rpc)
    at = (await reader.head()).value.ref
    profile = profile_of(market.plan)
    state = (await bootstrap_pools(reader, profile, at)).state
    truth = everything(state)
    victim = draw.randrange(len(state.table))
    state.table.set_reserves(victim, state.table.reserve0[victim] + 1, state.table.reserve1[victim])
    found = await audit_pools(reader, profile, state, len(state.table))
    [mismatch] = found.mismatches
    actual = truth[state.table.pools[victim].address][1:3]
    assert mismatch.pool == state.table.pools[victim].address
    assert (mismatch.believed, mismatch.actual) == ((actual[0] + 1, actual[1]), actual)
    assert not state.table.live[victim]
    again = await audit_pools(reader, profile, state, len(state.table))
    assert (again.mismatches, again.resumed) == ((), (mismatch.pool,))
    assert everything(state) == truth
    await rpc.close()
    dead = await audit_pools(reader, profile, state, 3)
    assert (dead.checked, dead.mismatches, len(dead.unread)) == ((), (), 3)


async def test_listed_discovery_and_small_chunks_read_the_same_pools(market, monkeypatch):
    rpc = await open_rpc(market.anvil.url, CLOCK)
    reader = RpcChainReader(rpc)
    at = (await reader.head()).value.ref
    everywhere = await bootstrap_pools(reader, profile_of(market.plan), at)
    monkeypatch.setattr(pool_reads, "READS_A_CALL", 7)
    listed = await bootstrap_pools(reader, profile_of(market.plan, "listed"), at)
    assert everything(listed.state) == everything(everywhere.state)
    await rpc.close()
    with pytest.raises(DiscoveryFailed):
        await bootstrap_pools(reader, profile_of(market.plan), at)
