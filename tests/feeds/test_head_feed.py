"""Blocks, gaps, reorgs, logs: what the feed delivers is always one connected chain."""

import asyncio

import msgspec
import pytest

from bot.core.errors import BrokenInvariant
from bot.core.messages import ContinuityLost, RolledBack
from tests.chain.fake_node import NodeFault
from tests.chain.waiting import until
from tests.feeds.conftest import CONFIG
from tests.feeds.follower import Follower, settled, take


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
    _, events = await make_feed(chain.tip)
    waiting = asyncio.create_task(anext(events))
    await settled(node)
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
    await settled(node)
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


async def test_heads_told_before_a_reorg_and_read_after_it_are_not_delivered(chain, node, make_feed):
    """Even from a node that still serves them: the queue is history, its last head alone is news."""
    chain.serves_abandoned = True
    start = chain.tip
    feed, events = await make_feed(start)
    waiting = asyncio.create_task(anext(events))
    await settled(node)
    [first] = chain.mine()
    await node.push_head(first.header())
    await asyncio.wait_for(waiting, 5)
    stale = chain.mine(3)  # the consumer is busy
    fresh = chain.reorg(3, 4)
    for block in [*stale, *fresh]:
        await node.push_head(block.header())
    await until(lambda: feed.counters.heads_heard == 8)
    arrived = await take(events, 4)
    assert [event.head.ref for event in arrived] == [block.ref for block in fresh]
    waiting = asyncio.create_task(anext(events))
    [last] = chain.mine()
    await node.push_head(last.header())
    assert (await asyncio.wait_for(waiting, 5)).head.ref == last.ref
    assert feed.counters.reorgs == 0


async def test_a_longer_branch_told_before_a_shorter_one_replaced_it_is_not_delivered(chain, node, make_feed):
    chain.serves_abandoned = True
    start = chain.tip
    feed, events = await make_feed(start)
    waiting = asyncio.create_task(anext(events))
    await settled(node)
    [first] = chain.mine()
    await node.push_head(first.header())
    await asyncio.wait_for(waiting, 5)
    stale = chain.mine(5)  # the consumer is busy
    fresh = chain.reorg(5, 2)
    for block in [*stale, *fresh]:
        await node.push_head(block.header())
    await until(lambda: feed.counters.heads_heard == 8)
    arrived = await take(events, 2)
    assert [event.head.ref for event in arrived] == [block.ref for block in fresh]
    waiting = asyncio.create_task(anext(events))
    await until(lambda: node.requests["eth_getBlockByNumber"] == 2)
    [last] = chain.mine()
    await node.push_head(last.header())
    assert (await asyncio.wait_for(waiting, 5)).head.parent_hash == fresh[-1].hash
    assert feed.counters.reorgs == 0


async def test_a_late_head_of_an_abandoned_block_does_not_take_the_chain_back(chain, node, make_feed):
    chain.serves_abandoned = True
    start = chain.tip
    [stale] = chain.mine()
    fresh = chain.reorg(1, 3)
    feed, events = await make_feed(start)
    await take(events, 3)
    waiting = asyncio.create_task(anext(events))
    await node.push_head(stale.header())
    await until(lambda: node.requests["eth_getBlockByNumber"] == 2)
    [last] = chain.mine()
    await node.push_head(last.header())
    assert (await asyncio.wait_for(waiting, 5)).head.parent_hash == fresh[-1].hash
    assert feed.counters.reorgs == 0


async def test_heads_told_out_of_order_end_at_the_newest(chain, node, make_feed):
    feed, events = await make_feed(chain.tip)
    waiting = asyncio.create_task(anext(events))
    await settled(node)
    first, second, third = chain.mine(3)
    await node.push_head(first.header())
    got = [await asyncio.wait_for(waiting, 5)]
    await node.push_head(third.header())
    await node.push_head(second.header())
    await until(lambda: feed.counters.heads_heard == 3)
    got += await take(events, 2)
    assert [event.head.ref for event in got] == [first.ref, second.ref, third.ref]


async def test_a_consumer_that_starts_afresh_between_two_events_gets_what_follows_its_new_start(
    chain, make_feed
):
    start = chain.tip
    blocks = chain.mine(8)
    feed, events = await make_feed(start)
    await take(events, 2)
    feed.start_after(blocks[5].ref)
    arrived = await take(events, 2)
    assert [event.head.ref for event in arrived] == [block.ref for block in blocks[6:]]
