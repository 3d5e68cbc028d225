"""The world in, end to end: whatever the chain and the socket do, the state is what a fresh bootstrap reads."""

import asyncio
import os
from collections import Counter

import msgspec
import pytest

from bot.chain import pool_reads
from bot.chain.lens_code import load_lens_code
from bot.chain.pool_reads import audit_pools, bootstrap_pools
from bot.chain.reader import RpcChainReader
from bot.chain.rpc import open_rpc, open_session
from bot.clock import SystemClock
from bot.core.identity import BlockRef
from bot.core.messages import BlockArrived, RolledBack
from bot.core.units import Nanoseconds
from bot.feeds.config import HeadFeedConfig
from bot.feeds.heads import HeadFeed
from bot.protocols.pool_events import FOLLOWED_TOPICS
from bot.protocols.uniswap_v2 import PAIR_CREATED_TOPIC, SYNC_TOPIC
from bot.protocols.uniswap_v3 import BURN_TOPIC, FORKS, INITIALIZE_TOPIC, MINT_TOPIC, POOL_CREATED_TOPIC
from bot.state.bootstrap import DiscoveryFailed
from tests.chain.waiting import until
from tests.state.live_market import profile_of
from tests.state.lossy_session import LossySession
from tests.state.screens import assert_screen_is_true, assert_screens_are_fresh

BLOCKS = int(os.environ.get("STATE_BLOCKS", "500"))
COMPARE_EVERY = 50
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


KINDS = {
    SYNC_TOPIC: "syncs",
    PAIR_CREATED_TOPIC: "pairs created",
    POOL_CREATED_TOPIC: "pools created",
    INITIALIZE_TOPIC: "initialised",
    FORKS["uniswap_v3"].swap_topic: "swaps",
    MINT_TOPIC: "mints",
    BURN_TOPIC: "burns",
}


def everything(state):
    """Every field of every pool in service, by address; the screen is checked on the way."""
    table = state.table
    assert_screens_are_fresh(table)
    found = {}
    for index, pool in enumerate(table.pools):
        held = table.concentrated[index]
        if not table.in_service(index):
            continue
        contents = (table.reserve0[index], table.reserve1[index])
        if held is not None:
            assert_screen_is_true(table, index)
            contents = (held.sqrt_price, held.tick, held.liquidity, dict(held.ticks))
        found[pool.address] = (msgspec.structs.asdict(pool), contents, bool(table.live[index]))
    return found


def note_logs(block, table, seen):
    """What kinds of things a block's logs say of pools that are followed, pokes and crossings apart."""
    for log in block.logs:
        seen[KINDS[log.topics[0]]] += 1
        if log.topics[0] == BURN_TOPIC and not any(log.data[:32]):
            seen["pokes"] += 1


def liquidity_of(state):
    """Active liquidity and count of ticks of every V3 pool: what changes when ticks are crossed, come and go."""
    return [None if pool is None else (pool.liquidity, len(pool.ticks)) for pool in state.table.concentrated]


async def follow(events, state, seen, at_work):
    """The consumer: applies what it is told while `at_work` is set, and notes what kinds of things it was told."""
    async for event in events:
        await at_work.wait()
        before = liquidity_of(state)
        match event:
            case BlockArrived():
                pools = len(state.table)
                state.apply(event)
                seen["blocks"] += 1
                seen["new pools"] += len(state.table) - pools
                note_logs(event, state.table, seen)
            case RolledBack():
                in_service = sum(map(state.table.in_service, range(len(state.table))))
                state.roll_back(event)
                seen["reorgs"] += 1
                seen[f"depth {len(event.left)}"] += 1
                seen["pools undone"] += in_service - sum(map(state.table.in_service, range(len(state.table))))
                seen["liquidity undone"] += liquidity_of(state) != before
            case _:
                raise AssertionError(f"nothing else was to happen: {event}")
        seen["ticks came or went"] += sum(
            1 for a, b in zip(before, liquidity_of(state), strict=False) if a is not None and a[1] != b[1]
        )
        seen["liquidity moved"] += sum(
            1 for a, b in zip(before, liquidity_of(state), strict=False) if a is not None and a[0] != b[0]
        )


async def test_state_after_random_blocks_reorgs_cuts_and_losses_is_a_fresh_bootstrap(market, draw):
    profile, lens = profile_of(market.plan), load_lens_code()
    rpc = await open_rpc(str(market.anvil.ipc_path), CLOCK)
    reader = RpcChainReader(rpc)
    boot = await bootstrap_pools(reader, profile, (await reader.head()).value.ref, lens)
    assert boot.left_out == ()
    assert len(boot.state.table) == len(market.plan.pools) > len(market.pairs) > 20
    state, seen, sessions = boot.state, Counter(), []

    async def connect():
        session = await open_session(draw.choice([str(market.anvil.ipc_path), market.anvil.ws_url]), CLOCK)
        sessions.append(LossySession(session, lambda: draw.random() < 0.2))
        return sessions[-1]

    for _ in range(5):
        await market.play()  # what happens between bootstrap and subscription is not lost either
    feed = HeadFeed(connect, CLOCK, CONFIG, FOLLOWED_TOPICS, draw.random)
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

    async def compare():
        """With a fresh bootstrap by the lens; what it left out is nothing."""
        await caught_up()
        fresh = await bootstrap_pools(reader, profile, state.ref, lens)
        assert fresh.left_out == ()
        assert everything(state) == everything(fresh.state)
        seen["comparisons"] += 1
        return fresh

    for played in range(BLOCKS):
        if played % COMPARE_EVERY == COMPARE_EVERY - 1:
            await compare()
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
    # What chance may have left out: pools whose creation is undone, and more heads than the queue holds.
    await caught_up()
    undone = [await market.play_new_pair(), await market.play_new_pool()]
    await caught_up()
    await market.reorg(2)
    await caught_up()
    at_work.clear()
    for _ in range(30):
        await market.play()
        if draw.random() < 0.1:
            await caught_up()
            audit = await audit_pools(reader, profile, state, 5, lens)
            assert (len(audit.checked), audit.mismatches, audit.unread) == (5, (), ())
            assert audit.divergences == ()
            seen["tick maps audited"] += len(audit.tick_maps)
    await compare()
    consumer.cancel()
    one_by_one = await bootstrap_pools(reader, profile, state.ref)
    by_hand = await market.reserves_by_hand()
    held = {address: contents for address, (_, contents, _) in everything(state).items()}
    concentrated = {address: contents[:3] for address, contents in held.items() if len(contents) == 4}
    concentrated_by_hand = await market.pools.by_hand(market.anvil, concentrated)
    await rpc.close()

    print(dict(seen), feed.counters)
    assert everything(state) == everything(one_by_one.state)
    assert one_by_one.left_out == ()
    assert {address: contents for address, contents in held.items() if len(contents) == 2} == by_hand
    assert concentrated == concentrated_by_hand
    assert all(state.table.index(pool) is not None for pool in undone)
    assert state.take_divergences() == ()
    for kind in (*KINDS.values(), "pokes", "ticks came or went", "liquidity moved", "liquidity undone"):
        assert seen[kind] > 0, kind
    assert seen["comparisons"] > BLOCKS // COMPARE_EVERY
    assert seen["blocks"] > BLOCKS
    assert seen["reorgs"] > BLOCKS // 40
    assert seen["new pools"] > 0
    assert seen["pools undone"] > 0
    assert feed.counters.connections > 1
    assert feed.counters.gaps > 0
    assert feed.counters.dropped_heads > 0
    assert sum(session.lost for session in sessions) > 0


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
