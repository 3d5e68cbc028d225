"""The node's pool: bodies and hashes, what cannot be believed, a slow consumer, lost and half-open connections."""

import asyncio
import contextlib

import msgspec
import pytest
from structlog.testing import capture_logs

from bot.chain.rpc import open_session
from bot.clock import SystemClock
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import Nanoseconds
from bot.feeds.pending import PendingFeed, pending_for
from bot.feeds.pending_events import PendingConfig
from tests.chain.fake_node import FakeNode, NoAnswer, NodeFault
from tests.chain.waiting import until
from tests.feeds.pending_samples import ACCOUNT, bodies, raw_transaction, take
from tests.oracle.node_transaction_json import node_json

MILLISECOND = 10**6
LIMIT, PATIENT = Nanoseconds(300 * MILLISECOND), Nanoseconds(10_000 * MILLISECOND)
CONFIG = PendingConfig(
    first_backoff=Nanoseconds(2 * MILLISECOND),
    longest_backoff=Nanoseconds(10 * MILLISECOND),
    heartbeat=Nanoseconds(60 * 10**9),
)
SENDER = bytes.fromhex(ACCOUNT.address[2:])


class PoolNode(FakeNode):
    """A node with a pool; `knows_bodies` off: the subscription's second parameter is refused."""

    knows_bodies = True

    def __init__(self):
        super().__init__({"eth_blockNumber": lambda: "0x1", "eth_getTransactionByHash": self._body})
        self.pool = {}
        self.batches = []

    def _body(self, tx_hash):
        return self.pool.get(tx_hash)

    async def _one(self, peer, call):
        if call["method"] == "eth_subscribe" and len(call["params"]) > 1 and not self.knows_bodies:
            return {"error": {"code": -32602, "message": "too many arguments, want at most 1"}}
        return await super()._one(peer, call)

    async def _answer(self, peer, line):
        self.batches += (
            [line.count(b"eth_getTransactionByHash")] if b"eth_getTransactionByHash" in line else []
        )
        await super()._answer(peer, line)

    async def tell(self, *values):
        await until(lambda: any(peer.subscriptions for peer in self.peers))
        for value in values:
            for peer in list(self.peers):
                await peer.push("newPendingTransactions", value)


@pytest.fixture
async def node():
    made = PoolNode()
    yield made
    await made.stop()


@pytest.fixture
async def make_feed(node):
    url, clock = await node.start_ipc(), SystemClock()
    async with contextlib.AsyncExitStack() as stack:

        def make(limit=LIMIT, **changes):
            config = msgspec.structs.replace(CONFIG, **changes)
            feed = PendingFeed(lambda: open_session(url, clock, limit), clock, config, lambda: 0.5)
            events = feed.events()
            stack.push_async_callback(events.aclose)
            return feed, events

        yield make


async def told(node, events, *values, count):
    """`count` events after `values` were pushed."""
    async with asyncio.timeout(10):
        waiting = asyncio.ensure_future(take(events, count))
        await node.tell(*values)
        return await waiting


async def test_whole_bodies_are_delivered_in_order(node, make_feed):
    feed, events = make_feed()
    pushed = bodies(5)
    seen = await told(node, events, *pushed, count=5)
    assert [one.transaction.raw for one in seen] == [raw_transaction(nonce) for nonce in range(5)]
    first = seen[0]
    assert (first.source, first.hash, first.transaction.sender) == ("node", first.transaction.hash, SENDER)
    assert (first.to, first.selector, first.data) == (SENDER, b"\1\2\3\4", b"\1\2\3\4\5")
    assert first.seen_at > 0
    assert node.requests == {"eth_subscribe": 1}
    assert feed.counters.seen == 5


async def test_hashes_are_fetched_in_bounded_batches(node, make_feed):
    node.knows_bodies = False
    pool = bodies(20)
    node.pool = {body["hash"]: body for body in pool}
    feed, events = make_feed(batch_size=6)
    seen = await told(node, events, *node.pool, count=20)
    assert [one.transaction.nonce for one in seen] == list(range(20))
    assert max(node.batches) <= 6
    assert feed.counters.connections == 1
    assert node.requests["eth_subscribe"] == 2


async def test_hashes_beyond_what_may_wait_are_dropped_oldest_first(node, make_feed):
    node.knows_bodies = False
    pool = bodies(30)
    node.pool = {body["hash"]: body for body in pool}
    asked = asyncio.Event()

    async def slow(tx_hash):
        await asked.wait()
        return node.pool.get(tx_hash)

    node.handlers["eth_getTransactionByHash"] = slow
    feed, events = make_feed(PATIENT, batch_size=1, hashes_waiting=4)
    waiting = asyncio.ensure_future(take(events, 5))
    first, *later = node.pool
    await node.tell(first)
    await until(lambda: node.requests["eth_getTransactionByHash"])
    await node.tell(*later)
    await until(lambda: feed.counters.dropped == 25)
    asked.set()
    seen = await asyncio.wait_for(waiting, 10)
    assert [one.transaction.nonce for one in seen] == [0, 26, 27, 28, 29]


async def test_what_cannot_be_believed_is_counted_and_ends_nothing(node, make_feed):
    feed, events = make_feed()
    good = bodies(2)
    lie = good[0] | {"value": "0x7"}
    huge = bodies(1, start=9)[0] | {"input": "0x" + "00" * 200_000}
    junk = [None, 5, "0x12", [], {}, {"hash": 5}, good[0] | {"r": None}, good[0] | {"type": "0x7e"}]
    with capture_logs() as logs:
        seen = await told(
            node, events, good[0], lie | {"hash": "0x" + "11" * 32}, huge, *junk, good[1], count=2
        )
    assert [one.transaction.nonce for one in seen] == [0, 1]
    assert feed.counters.hash_mismatches == 2
    assert feed.counters.malformed == 6
    assert feed.counters.duplicates == 2, "the last two bear the hash of one that is known"
    assert feed.counters.connections == 1
    [line] = logs
    assert "0x" + "11" * 32 in line["reason"]
    assert lie["hash"] not in line["reason"], "what the lie hashes to is said, not what it was made of"


async def test_a_transaction_above_the_limit_is_refused(node, make_feed):
    feed, events = make_feed(largest_transaction=200)
    long = node_json(raw_transaction(3, b"\7" * 300))
    [seen] = await told(node, events, long, *bodies(1), count=1)
    assert (seen.transaction.nonce, feed.counters.malformed) == (0, 1)


async def test_bodies_that_are_gone_mined_unanswered_or_another_one(node, make_feed):
    node.knows_bodies = False
    one, mined, other, good = bodies(4)
    hashes = [one["hash"], mined["hash"], other["hash"], "0x" + "22" * 32, good["hash"]]
    node.pool = {
        mined["hash"]: mined | {"blockHash": "0x" + "33" * 32},
        other["hash"]: one,
        good["hash"]: good,
    }

    def body(tx_hash):
        if tx_hash == "0x" + "22" * 32:
            raise NodeFault(-32005, "rate limit")
        return node.pool.get(tx_hash)

    node.handlers["eth_getTransactionByHash"] = body
    feed, events = make_feed()
    [seen] = await told(node, events, *hashes, count=1)
    counters = feed.counters
    assert seen.transaction.nonce == 3
    assert (counters.gone, counters.unanswered, counters.hash_mismatches) == (2, 1, 1)


async def test_a_second_announcement_is_told_once_across_connections(node, make_feed):
    feed, events = make_feed()
    first, second = bodies(2)
    await told(node, events, first, first, count=1)
    await node.drop_all()
    waiting = asyncio.ensure_future(take(events, 1))
    await until(lambda: feed.counters.connections == 2 and any(peer.subscriptions for peer in node.peers))
    await node.tell(first, second)
    [seen] = await asyncio.wait_for(waiting, 10)
    assert seen.transaction.nonce == 1
    assert feed.counters.duplicates == 2


async def test_a_slow_consumer_gets_the_newest(node, make_feed):
    feed, events = make_feed(buffer_size=3)
    await told(node, events, *bodies(1), count=1)
    await node.tell(*bodies(10, start=1))
    await until(lambda: feed.counters.seen == 11)
    seen = await take(events, 3)
    assert [one.transaction.nonce for one in seen] == [8, 9, 10]
    assert feed.counters.dropped == 7


async def test_a_node_that_refuses_is_tried_again_until_it_does_not(node, make_feed):
    node.refuses_connections = True
    feed, events = make_feed()
    waiting = asyncio.ensure_future(take(events, 1))
    with capture_logs() as logs:
        await until(lambda: feed.counters.failed_connections >= 3)
    assert 1 <= len(logs) <= 2, "one reason is one line a minute"
    node.refuses_connections = False
    await node.tell(*bodies(1))
    [seen] = await asyncio.wait_for(waiting, 10)
    assert seen.transaction.nonce == 0


async def test_a_half_open_connection_is_given_up(node, make_feed):
    def silence():
        raise NoAnswer

    node.handlers["eth_blockNumber"] = silence
    feed, events = make_feed(heartbeat=Nanoseconds(30 * MILLISECOND))
    waiting = asyncio.ensure_future(take(events, 1))
    await until(lambda: feed.counters.connections >= 2)
    node.handlers["eth_blockNumber"] = lambda: "0x1"
    await until(lambda: node.requests["eth_blockNumber"] >= 4)
    connections = feed.counters.connections
    await until(lambda: node.requests["eth_blockNumber"] >= 8)
    assert feed.counters.connections <= connections + 1, "a quiet pool of a living node is no reason"
    await node.tell(*bodies(1))
    await asyncio.wait_for(waiting, 10)


async def test_close_ends_the_iteration_and_the_connection(node, make_feed):
    feed, events = make_feed()
    waiting = asyncio.ensure_future(take(events, 1))
    await until(lambda: any(peer.subscriptions for peer in node.peers))
    await feed.close()
    with pytest.raises(StopAsyncIteration):
        await waiting
    await feed.close()
    await until(lambda: not node.peers)


async def test_lockstep_answers_give_the_same_announcements(node, make_feed):
    _, events = make_feed()
    pushed = bodies(4)
    seen = await told(node, events, *pushed, count=4)
    asked = []

    def pending(number, answer=None):
        asked.append(number)
        return answer if answer is not None else ["0x" + raw_transaction(nonce).hex() for nonce in range(4)]

    session = await open_session(await node.start_ipc(), SystemClock(), LIMIT)
    node.handlers["market_pending"] = pending
    by_raw = await pending_for(session, 18, SystemClock())
    node.handlers["market_pending"] = lambda number: pending(number, pushed)
    by_body = await pending_for(session, 18, SystemClock())
    for answer in (by_raw, by_body):
        assert isinstance(answer, Ok)
        assert [msgspec.structs.replace(one, seen_at=0) for one in answer.value] == [
            msgspec.structs.replace(one, seen_at=0) for one in seen
        ]
    assert asked == ["0x12", "0x12"]
    for wrong in ({}, ["0x12"], [pushed[0] | {"value": "0x0"}], [5], ["0xc0"]):
        node.handlers["market_pending"] = lambda _, wrong=wrong: wrong
        assert isinstance(await pending_for(session, 18, SystemClock()), Unknown)
    del node.handlers["market_pending"]
    assert isinstance(await pending_for(session, 18, SystemClock()), Reverted)
    await session.close()
