"""The feed against a node that speaks true JSON-RPC and misbehaves: what is delivered is always one connected chain."""

import asyncio
import random

import msgspec
import pytest

from bot.core.errors import BrokenInvariant
from bot.core.messages import BlockArrived, ContinuityLost, FeedSilent, RolledBack
from bot.core.units import Nanoseconds
from tests.chain.fake_node import Drop, NodeFault
from tests.chain.waiting import until
from tests.feeds.conftest import CONFIG, MILLISECOND


async def take(events, count):
    async with asyncio.timeout(10):
        return [await anext(events) for _ in range(count)]


class Follower:
    """What a consumer of the feed believes: fails at the first event that does not fit the one before."""

    def __init__(self, start):
        self.refs = [start.ref]
        self.logs = {}
        self.events = []

    def take(self, event):
        self.events.append(event)
        if isinstance(event, BlockArrived):
            assert event.head.parent_hash == self.refs[-1].hash
            assert event.head.number == self.refs[-1].number + 1
            self.refs.append(event.head.ref)
            self.logs[event.head.hash] = event.logs
        elif isinstance(event, RolledBack):
            assert event.left, "an empty roll-back says nothing"
            for ref in event.left:
                assert self.refs.pop() == ref
            assert self.refs[-1] == event.to

    async def until(self, events, tip):
        async with asyncio.timeout(20):
            while self.refs[-1] != tip.ref:
                self.take(await anext(events))

    def matches(self, chain):
        expected = chain.blocks[self.refs[0].number :]
        assert self.refs == [block.ref for block in expected]
        assert [self.logs[block.hash] for block in expected[1:]] == [block.wanted() for block in expected[1:]]


async def settled(node, feed):
    """Subscribed, and the latest block asked for."""
    await until(lambda: feed.counters.probes and any(peer.subscriptions for peer in node.peers))


async def test_delivers_what_came_between_bootstrap_and_subscription(chain, make_feed):
    start = chain.tip
    missed = chain.mine(5)
    feed, events = await make_feed(start)
    arrived = await take(events, 5)
    assert [event.head.ref for event in arrived] == [block.ref for block in missed]
    assert [event.logs for event in arrived] == [block.wanted() for block in missed]
    assert [event.is_catch_up for event in arrived] == [True, True, True, True, False]
    assert feed.counters.gaps == 1


async def test_a_pushed_head_needs_one_request(chain, node, make_feed):
    feed, events = await make_feed(chain.tip)
    waiting = asyncio.create_task(anext(events))
    await settled(node, feed)
    asked = node.requests.copy()
    [block] = chain.mine()
    await node.push_head(block.header())
    event = await asyncio.wait_for(waiting, 5)
    assert (event.head.ref, event.logs, event.is_catch_up) == (block.ref, block.wanted(), False)
    assert node.requests - asked == {"eth_getLogs": 1}


async def test_a_reorg_is_said_before_its_blocks(chain, node, make_feed):
    start = chain.tip
    old = chain.mine(4)
    _, events = await make_feed(start)
    await take(events, 4)
    new = chain.reorg(3, 4)
    await node.push_head(new[-1].header())
    rolled_back, *arrived = await take(events, 5)
    assert rolled_back == RolledBack(old[0].ref, tuple(block.ref for block in reversed(old[1:])))
    assert [event.head.ref for event in arrived] == [block.ref for block in new]


async def test_a_reorg_to_a_shorter_branch_is_followed(chain, node, make_feed):
    start = chain.tip
    chain.mine(5)
    _, events = await make_feed(start)
    follower = Follower(start)
    for event in await take(events, 5):
        follower.take(event)
    [block] = chain.reorg(4, 1)
    await node.push_head(block.header())
    await follower.until(events, block)
    follower.matches(chain)


async def test_a_head_told_twice_is_delivered_once_and_counted(chain, node, make_feed):
    start = chain.tip
    feed, events = await make_feed(start)
    waiting = asyncio.create_task(anext(events))
    await settled(node, feed)
    first, second = chain.mine(2)
    await node.push_head(first.header())
    got = await asyncio.wait_for(waiting, 5)
    waiting = asyncio.create_task(anext(events))
    await node.push_head(first.header())
    await until(lambda: feed.counters.duplicate_heads)
    await node.push_head(second.header())
    following = await asyncio.wait_for(waiting, 5)
    assert got.head.ref == first.ref
    assert following.head.ref == second.ref


async def test_a_socket_dropped_in_the_middle_of_a_block_loses_nothing(chain, node, make_feed):
    start = chain.tip
    chain.mine(3)
    healthy = node.handlers["eth_getLogs"]
    cuts = iter([False, True, False, True])

    def logs(query):
        if next(cuts, False):
            raise Drop
        return healthy(query)

    node.handlers["eth_getLogs"] = logs
    feed, events = await make_feed(start)
    follower = Follower(start)
    await follower.until(events, chain.tip)
    follower.matches(chain)
    assert feed.counters.connections == 3
    assert len(follower.events) == 3, "no block is delivered twice"


async def test_a_reorg_during_the_backfill_is_followed(chain, node, make_feed):
    start = chain.tip
    chain.mine(6)
    healthy = node.handlers["eth_getLogs"]
    asked = []

    def logs(query):
        asked.append(query)
        if len(asked) == 4:
            chain.reorg(5, 7)
        return healthy(query)

    node.handlers["eth_getLogs"] = logs
    feed, events = await make_feed(start)
    follower = Follower(start)
    await follower.until(events, chain.blocks[1])
    while len(asked) < 4 or follower.refs[-1] != chain.tip.ref:
        follower.take(await asyncio.wait_for(anext(events), 5))
    follower.matches(chain)
    assert feed.counters.abandoned_heads >= 1
    assert any(isinstance(event, RolledBack) for event in follower.events)


async def test_a_full_queue_drops_the_oldest_heads_and_no_block(chain, node, make_feed):
    start = chain.tip
    feed, events = await make_feed(start, msgspec.structs.replace(CONFIG, queue_size=4))
    follower = Follower(start)
    [block] = chain.mine()
    follower.take(await asyncio.wait_for(anext(events), 5))
    for block in chain.mine(20):  # the consumer is busy: it asks for no event meanwhile
        await node.push_head(block.header())
    await until(lambda: feed.counters.heads_heard == 20)
    assert feed.counters.dropped_heads == 16
    await follower.until(events, chain.tip)
    follower.matches(chain)
    assert [event.is_catch_up for event in follower.events[-3:]] == [True, True, False]


async def test_logs_not_indexed_yet_are_asked_for_again(chain, node, make_feed):
    start = chain.tip
    chain.mine()
    healthy = node.handlers["eth_getLogs"]
    early = iter([[], NodeFault(-32000, "unknown block")])

    def logs(query):
        answer = next(early, None)
        if isinstance(answer, NodeFault):
            raise answer
        return healthy(query) if answer is None else answer

    node.handlers["eth_getLogs"] = logs
    feed, events = await make_feed(start)
    [event] = await take(events, 1)
    assert event.logs == chain.tip.wanted()
    assert feed.counters.logs_not_ready == 2


async def test_receipts_decide_when_logs_stay_empty_against_the_bloom(chain, node, make_feed):
    start = chain.tip
    chain.mine()
    node.handlers["eth_getLogs"] = lambda _query: []
    _, events = await make_feed(start)
    [event] = await take(events, 1)
    assert event.logs == chain.tip.wanted()
    assert len(event.logs) == 1


async def test_logs_of_another_block_are_never_delivered(chain, node, make_feed):
    start = chain.tip
    first, second = chain.mine(2)
    healthy = node.handlers["eth_getLogs"]
    lies = iter([True])

    def logs(query):
        return second.logs_json() if next(lies, False) else healthy(query)

    node.handlers["eth_getLogs"] = logs
    _, events = await make_feed(start)
    arrived = await take(events, 2)
    assert [event.logs for event in arrived] == [first.wanted(), second.wanted()]


async def test_an_empty_block_is_delivered_with_one_request(chain, node, make_feed):
    start = chain.tip
    chain.mine_empty()
    _, events = await make_feed(start)
    [event] = await take(events, 1)
    assert event.logs == ()
    assert node.requests["eth_getLogs"] == 1


async def test_an_ancestor_out_of_memory_is_continuity_lost_and_a_new_start_goes_on(chain, node, make_feed):
    start = chain.tip
    chain.mine(70)
    feed, events = await make_feed(start)
    follower = Follower(start)
    await follower.until(events, chain.tip)
    chain.reorg(65, 66)
    await node.push_head(chain.tip.header())
    [lost] = await take(events, 1)
    assert isinstance(lost, ContinuityLost)
    feed.start_after(chain.blocks[-3].ref)
    arrived = await take(events, 2)
    assert [event.head.ref for event in arrived] == [block.ref for block in chain.blocks[-2:]]


async def test_sixty_four_blocks_can_be_taken_back(chain, node, make_feed):
    start = chain.tip
    chain.mine(70)
    _, events = await make_feed(start)
    follower = Follower(start)
    await follower.until(events, chain.tip)
    chain.reorg(64, 65)
    await node.push_head(chain.tip.header())
    await follower.until(events, chain.tip)
    follower.matches(chain)


async def test_going_on_after_continuity_lost_without_a_new_start_is_refused(chain, make_feed):
    start = chain.tip
    chain.reorg(1, 3)
    _, events = await make_feed(start)
    [lost] = await take(events, 1)
    assert isinstance(lost, ContinuityLost)
    with pytest.raises(BrokenInvariant):
        await asyncio.wait_for(anext(events), 5)


async def test_a_gap_longer_than_allowed_is_continuity_lost(chain, make_feed):
    start = chain.tip
    chain.mine(20)
    _, events = await make_feed(start, msgspec.structs.replace(CONFIG, longest_gap=19))
    [lost] = await take(events, 1)
    assert isinstance(lost, ContinuityLost)
    assert "20 blocks" in lost.reason


async def test_silence_is_said_once_and_ended_by_the_next_block(chain, node, make_feed):
    quick = msgspec.structs.replace(
        CONFIG,
        heartbeat=Nanoseconds(10 * MILLISECOND),
        allowed_silence=Nanoseconds(40 * MILLISECOND),
    )
    feed, events = await make_feed(chain.tip, quick)
    [silent] = await take(events, 1)
    assert isinstance(silent, FeedSilent)
    assert silent.silent_for > silent.allowed
    assert feed.counters.probes > 1
    waiting = asyncio.create_task(anext(events))
    await asyncio.sleep(0.1)
    assert not waiting.done(), "one silence is said once"
    [block] = chain.mine()
    await node.push_head(block.header())
    assert (await asyncio.wait_for(waiting, 5)).head.ref == block.ref
    [again] = await take(events, 1)
    assert isinstance(again, FeedSilent)


async def test_a_probe_finds_blocks_that_a_dead_subscription_did_not_push(chain, make_feed):
    quick = msgspec.structs.replace(CONFIG, heartbeat=Nanoseconds(20 * MILLISECOND))
    start = chain.tip
    _, events = await make_feed(start, quick)
    chain.mine()
    await take(events, 1)
    chain.mine(2)
    arrived = await take(events, 2)
    assert [event.head.ref for event in arrived] == [block.ref for block in chain.blocks[-2:]]


async def test_a_half_open_socket_is_given_up_and_opened_again(chain, node, make_feed):
    start = chain.tip
    chain.mine()
    quick = msgspec.structs.replace(CONFIG, heartbeat=Nanoseconds(20 * MILLISECOND), follow_attempts=1)
    feed, events = await make_feed(start, quick)
    follower = Follower(start)
    await follower.until(events, chain.tip)
    node.is_frozen = True
    waiting = asyncio.create_task(anext(events))
    await until(lambda: feed.counters.abandoned_heads)
    node.is_frozen = False
    [block] = chain.mine()
    follower.take(await asyncio.wait_for(waiting, 10))
    assert follower.refs[-1] == block.ref
    assert feed.counters.connections > 1


async def test_silence_is_said_while_the_node_refuses_connections(chain, node, make_feed):
    node.refuses_connections = True
    quick = msgspec.structs.replace(CONFIG, allowed_silence=Nanoseconds(50 * MILLISECOND))
    feed, events = await make_feed(chain.tip, quick)
    [silent] = await take(events, 1)
    assert isinstance(silent, FeedSilent)
    assert feed.counters.failed_connections > 1
    node.refuses_connections = False
    [block] = chain.mine()
    [event] = await take(events, 1)
    assert event.head.ref == block.ref


async def test_a_malformed_head_makes_the_feed_ask(chain, node, make_feed):
    start = chain.tip
    feed, events = await make_feed(start)
    waiting = asyncio.create_task(anext(events))
    await settled(node, feed)
    [block] = chain.mine()
    await node.push_head(block.header() | {"number": "seven"})
    assert (await asyncio.wait_for(waiting, 5)).head.ref == block.ref
    assert feed.counters.malformed_heads == 1


async def test_random_chains_and_faults_end_in_the_canonical_chain(chain, node, make_feed):
    """Reorgs, lost and repeated heads, dropped sockets, failing reads, in an order drawn at test time."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    healthy = dict(node.handlers)

    def flaky(method):
        def answer(*params):
            fate = draw.random()
            if fate < 0.02:
                raise Drop
            if fate < 0.05:
                raise NodeFault(-32000, "header not found")
            return healthy[method](*params)

        return answer

    node.handlers |= {
        method: flaky(method) for method in ("eth_getLogs", "eth_getBlockByHash", "eth_getBlockByNumber")
    }
    start = chain.tip
    config = msgspec.structs.replace(CONFIG, queue_size=4, heartbeat=Nanoseconds(20 * MILLISECOND))
    feed, events = await make_feed(start, config)
    follower = Follower(start)
    for _ in range(150):
        depth = draw.choice([0, 0, 0, 1, 2, 5, 10])
        fresh = chain.reorg(min(depth, len(chain.blocks) - 1), depth + draw.randint(1, 3))
        for block in fresh:
            if draw.random() < 0.7:
                await node.push_head(draw.choice(fresh).header() if draw.random() < 0.2 else block.header())
        if draw.random() < 0.1:
            await node.drop_all()
        if draw.random() < 0.7:
            await follower.until(events, chain.tip)
    await follower.until(events, chain.tip)
    follower.matches(chain)
    assert feed.counters.reorgs > 10
    assert feed.counters.connections > 3
    assert feed.counters.abandoned_heads > 3
