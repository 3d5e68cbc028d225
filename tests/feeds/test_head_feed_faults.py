"""Dead, slow, half-open and lying connections, silence, and all faults at once: nothing is lost or delivered twice."""

import asyncio
import random

import msgspec
import pytest

from bot.core.messages import FeedSilent
from bot.core.units import Nanoseconds
from tests.chain.fake_node import Drop, NoAnswer, NodeFault
from tests.chain.waiting import until
from tests.feeds.conftest import CONFIG, MILLISECOND
from tests.feeds.follower import Follower, settled, take


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


@pytest.mark.parametrize("method", ["eth_getBlockByNumber", "eth_getBlockByHash", "eth_getLogs"])
async def test_a_half_open_socket_is_given_up_at_the_first_time_out(chain, node, make_feed, method):
    """Whichever read meets it; the next connection delivers what was missed."""
    start = chain.tip
    chain.mine()
    feed, events = await make_feed(
        start, msgspec.structs.replace(CONFIG, heartbeat=Nanoseconds(20 * MILLISECOND))
    )
    follower = Follower(start)
    await follower.until(events, chain.tip)
    healthy = node.handlers[method]
    asked = []

    def swallow_once(*params):
        asked.append(params)
        if len(asked) == 1:
            raise NoAnswer
        return healthy(*params)

    node.handlers[method] = swallow_once
    chain.mine(2)
    await follower.until(events, chain.tip)
    follower.matches(chain)
    assert (feed.counters.connections, feed.counters.abandoned_heads) == (2, 1)


async def test_a_node_that_freezes_is_left_and_followed_again_when_it_thaws(chain, node, make_feed):
    start = chain.tip
    chain.mine()
    quick = msgspec.structs.replace(CONFIG, heartbeat=Nanoseconds(20 * MILLISECOND))
    feed, events = await make_feed(start, quick)
    follower = Follower(start)
    await follower.until(events, chain.tip)
    node.is_frozen = True
    waiting = asyncio.create_task(anext(events))
    await until(lambda: feed.counters.abandoned_heads and feed.counters.failed_connections)
    node.is_frozen = False
    [block] = chain.mine()
    follower.take(await asyncio.wait_for(waiting, 10))
    assert follower.refs[-1] == block.ref


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


async def test_a_node_that_cuts_every_connection_is_given_longer_and_longer_pauses(chain, node, make_feed):
    def cut(*_):
        raise Drop

    healthy = node.handlers["eth_getBlockByNumber"]
    node.handlers["eth_getBlockByNumber"] = cut
    pauses = []

    def jitter():
        pauses.append(1)
        return 0.5

    feed, events = await make_feed(chain.tip, jitter=jitter)
    waiting = asyncio.create_task(anext(events))
    await until(lambda: feed.counters.connections >= 5)
    assert len(pauses) >= 4, "a pause before every new connection"
    node.handlers["eth_getBlockByNumber"] = healthy
    [block] = chain.mine()
    assert (await asyncio.wait_for(waiting, 5)).head.ref == block.ref


async def test_a_malformed_head_makes_the_feed_ask(chain, node, make_feed):
    start = chain.tip
    feed, events = await make_feed(start)
    waiting = asyncio.create_task(anext(events))
    await settled(node)
    [block] = chain.mine()
    await node.push_head(block.header() | {"number": "seven"})
    assert (await asyncio.wait_for(waiting, 5)).head.ref == block.ref
    assert feed.counters.malformed_heads == 1


@pytest.mark.parametrize("serves_abandoned", [False, True], ids=["like anvil", "like geth"])
async def test_random_chains_and_faults_end_in_the_canonical_chain(chain, node, make_feed, serves_abandoned):
    """Reorgs, lost and repeated heads, dropped sockets, failing reads, in an order drawn at test time."""
    chain.serves_abandoned = serves_abandoned
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
