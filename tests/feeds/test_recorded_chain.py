"""A head feed's session recorded and played back: the feed delivers the same events, and counts the same."""

import asyncio
import contextlib
import json

import msgspec
import pytest

from bot.chain.rpc import open_session
from bot.clock import SystemClock
from bot.core.errors import RetryLater
from bot.core.messages import BlockArrived, ContinuityLost, RolledBack
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import Nanoseconds
from bot.feeds.heads import HeadFeed
from bot.feeds.recorded_chain import chain_part, find_beginning
from bot.feeds.recorded_node import RecordedNode
from bot.feeds.recorded_session import recorded_connect
from bot.feeds.recorder import Recorder
from bot.feeds.recording_files import RecorderConfig
from bot.feeds.recording_format import Kind, Record
from bot.feeds.recording_reader import read_recording
from bot.feeds.replay_loop import Part, replay
from tests.chain.fake_chain import TOPIC
from tests.chain.fake_node import NodeFault
from tests.feeds.conftest import CONFIG, REQUEST_LIMIT
from tests.feeds.follower import Follower, settled


class Live:
    """A feed over a recorded session, what it delivered, and the recording played back."""

    def __init__(self, folder, url, start, busy_s=0.0):
        self.folder = folder
        self.clock = SystemClock()
        self.recorder = Recorder(folder, RecorderConfig(kept_free=0), self.clock)
        connect = recorded_connect(
            lambda: open_session(url, self.clock, REQUEST_LIMIT),
            "wss://user:canary@node.example/canary?key=canary",
            self.recorder.source("chain", CONFIG),
            self.clock,
        )
        self.feed = HeadFeed(connect, self.clock, CONFIG, [TOPIC], lambda: 0.5)
        self.feed.start_after(start.ref)
        self.events = []
        self.busy_s = busy_s
        self.restarts = []
        self.task = asyncio.create_task(self._consume())

    async def _consume(self):
        async for event in self.feed.events():
            self.events.append(event)
            if isinstance(event, ContinuityLost):
                self.feed.start_after(self.restarts.pop(0).ref)
            await asyncio.sleep(self.busy_s)

    async def until_tip(self, block):
        async with asyncio.timeout(20):
            while not any(isinstance(e, BlockArrived) and e.head.ref == block.ref for e in self.events[-1:]):
                assert not self.task.done(), self.task.exception()
                await asyncio.sleep(0.002)

    async def played(self):
        """The counters at the end of the live feed, and the replay."""
        counters = msgspec.structs.replace(self.feed.counters)
        self.task.cancel()
        await asyncio.wait([self.task])
        await self.recorder.close()
        [run] = read_recording(self.folder)
        events = []
        part = chain_part(run.records, CONFIG, events.append)
        [result] = await asyncio.to_thread(replay, [part], is_paced=False)
        assert run.damage == []
        return counters, result, events


def said(events):
    """Without the time: a notification is replayed when the feed took it, microseconds after it came."""
    return [
        msgspec.structs.replace(event, seen_at=Nanoseconds(0)) if isinstance(event, BlockArrived) else event
        for event in events
    ]


async def check_equal(live, kinds):
    counters, result, events = await live.played()
    assert said(events) == said(live.events)
    assert {type(event) for event in events} == set(kinds)
    assert result.counters == counters
    assert result.unrecorded == 0
    assert result.dropped == 0
    blocks = [event for event in live.events if isinstance(event, BlockArrived)]
    assert result.tip == blocks[-1].head.ref
    assert any(event.logs for event in blocks)
    late = [
        abs(one.seen_at - other.seen_at)
        for one, other in zip(live.events, events, strict=True)
        if isinstance(one, BlockArrived)
    ]
    assert sorted(late)[len(late) // 2] < 50_000_000
    return events


@pytest.mark.parametrize("busy_s", [0.0, 0.02])
async def test_pushed_blocks_gaps_and_reorgs_are_replayed(tmp_path, chain, node, url, busy_s):
    chain.mine(3)
    start = chain.tip
    chain.mine(4)
    live = Live(tmp_path, url, start, busy_s)
    await live.until_tip(chain.tip)
    await settled(node)
    for _ in range(5):
        chain.mine()
        await node.push_head(chain.tip.header())
        await asyncio.sleep(0.005)
    await live.until_tip(chain.tip)
    chain.mine(3)  # two that are never told
    await node.push_head(chain.tip.header())
    await live.until_tip(chain.tip)
    chain.reorg(2, 3)
    await node.push_head(chain.tip.header())
    await live.until_tip(chain.tip)
    await node.push_head(chain.tip.header())  # twice
    chain.mine_empty()
    await node.push_head(chain.tip.header())
    await live.until_tip(chain.tip)
    await check_equal(live, {BlockArrived, RolledBack})


async def test_lost_connections_and_refusals_are_replayed(tmp_path, chain, node, url):
    start = chain.tip
    live = Live(tmp_path, url, start)
    chain.mine(2)
    await live.until_tip(chain.tip)
    node.refuses_connections = True
    await node.drop_all()
    await asyncio.sleep(0.02)
    chain.mine(3)
    node.refuses_connections = False
    await live.until_tip(chain.tip)
    healthy = node.handlers["eth_getLogs"]
    faults = iter([NodeFault(-32000, "unknown block"), []])

    def logs(query):
        fault = next(faults, None)
        if isinstance(fault, NodeFault):
            raise fault
        return healthy(query) if fault is None else fault

    node.handlers["eth_getLogs"] = logs
    await settled(node)
    chain.mine()
    await node.push_head(chain.tip.header())
    await live.until_tip(chain.tip)
    await check_equal(live, {BlockArrived})
    assert live.feed.counters.logs_not_ready == 2
    assert live.feed.counters.connections >= 2


async def test_a_new_start_after_lost_continuity_is_found_in_the_recording(tmp_path, chain, node, url):
    start = chain.tip
    chain.mine(70)
    live = Live(tmp_path, url, start)
    await live.until_tip(chain.tip)
    await settled(node)
    chain.reorg(65, 66)
    live.restarts = [chain.blocks[-3]]
    await node.push_head(chain.tip.header())
    await live.until_tip(chain.tip)
    await check_equal(live, {BlockArrived, ContinuityLost})


async def test_a_consumer_that_sleeps_through_a_reorg_is_replayed_without_it(tmp_path, chain, node, url):
    """What was told to a busy consumer and then taken back was never delivered, and is not in the replay either."""
    start = chain.tip
    live = Live(tmp_path, url, start, busy_s=0.1)
    chain.mine()
    await live.until_tip(chain.tip)
    await settled(node)
    for block in [*chain.mine(3), *chain.reorg(3, 4)]:
        await node.push_head(block.header())
    await live.until_tip(chain.tip)
    events = await check_equal(live, {BlockArrived})
    follower = Follower(start)
    for event in events:
        follower.take(event)
    follower.matches(chain)


async def test_every_meaning_of_an_answer_is_kept_and_no_secret_of_the_url(tmp_path, chain, node, url):
    clock = SystemClock()
    recorder = Recorder(tmp_path, RecorderConfig(kept_free=0), clock)
    attempts = iter([RetryLater("no route"), None])

    async def connect():
        error = next(attempts)
        if error is not None:
            raise error
        return await open_session(url, clock, REQUEST_LIMIT)

    connect = recorded_connect(connect, "wss://a:canary@host/canary", recorder.source("chain"), clock)
    with contextlib.suppress(RetryLater):
        await connect()
    session = await connect()
    node.handlers["eth_call"] = lambda *_: (_ for _ in ()).throw(NodeFault(3, "execution reverted", "0x0102"))
    node.handlers["eth_chainId"] = lambda: (_ for _ in ()).throw(NodeFault(-32005, "limit exceeded"))
    assert isinstance(await session.request("eth_getBlockByNumber", ["latest", False]), Ok)
    assert isinstance(await session.request("eth_call", [{}]), Reverted)
    [one, other] = await session.batch([("eth_chainId", []), ("eth_none", [])])
    assert isinstance(one, Unknown)
    assert isinstance(other, Reverted)
    await session.close()
    await session.close()
    await recorder.close()
    [run] = read_recording(tmp_path)
    records = list(run.records())
    texts = [record.text for record in records]
    assert [r.kind for r in records if r.kind in (Kind.OPENED, Kind.CLOSED)] == [
        Kind.CLOSED,
        Kind.OPENED,
        Kind.CLOSED,
    ]
    assert "wss://host" in texts
    assert '{"id":2,"reverted":"execution reverted","data":"0x0102"}' in texts
    assert sum('"unknown":' in text and "limit exceeded" in text for text in texts) == 1
    assert sum(text.startswith('{"id":4,"reverted"') for text in texts) == 1
    assert "canary" not in "".join(texts)
    assert "canary" not in "".join(path.read_bytes().decode("latin-1") for path in tmp_path.iterdir())
    assert find_beginning(records) is None
    assert chain_part(run.records, CONFIG) is None


async def test_a_request_that_was_not_made_then_gets_what_was_answered_before_or_no_answer():
    node, answers = RecordedNode(), []

    def said(kind, at, **content):
        return Record(kind, 1, Nanoseconds(at), Nanoseconds(at), json.dumps(content).encode())

    records = [
        Record(Kind.OPENED, 1, Nanoseconds(1), Nanoseconds(1), b"ws://node"),
        said(Kind.SENT, 2, id=1, method="eth_a", params=[]),
        said(Kind.FRAME, 3, id=1, result="once"),
        said(Kind.SENT, 10**9, id=2, method="eth_b", params=[1]),
        said(Kind.FRAME, 10**9 + 1, id=2, result="second"),
        said(Kind.SENT, 2 * 10**9, id=3, method="eth_b", params=[2]),
        said(Kind.FRAME, 2 * 10**9 + 1, id=3, result="third"),
        Record(Kind.CLOSED, 1, Nanoseconds(3 * 10**9), Nanoseconds(3 * 10**9), b"lost"),
        Record(Kind.OPENED, 2, Nanoseconds(4 * 10**9), Nanoseconds(4 * 10**9), b"ws://node"),
    ]

    async def follow(clock, is_over):
        session = await node.connect()
        for method, params in (("eth_a", []), ("eth_a", []), ("eth_b", [1]), ("eth_c", []), ("eth_b", [2])):
            answers.append((clock.monotonic(), await session.request(method, params)))
        answers.append((clock.monotonic(), await session.request("eth_d", [])))
        answers.append((clock.monotonic(), await session.closed()))
        answers.append((clock.monotonic(), await session.request("eth_a", [])))
        await is_over.wait()

    await asyncio.to_thread(replay, [Part(records, node.deliver, follow)], is_paced=False)
    results = [answer for _, answer in answers]
    assert results[:3] == [Ok("once"), Ok("once"), Ok("second")]
    assert isinstance(results[3], Unknown)
    assert results[4:] == [
        Ok("third"),
        Unknown("connection lost: lost"),
        "lost",
        Unknown("eth_a: lost"),
    ]
    assert node.unrecorded == 2
