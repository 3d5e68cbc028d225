import contextlib

import pytest

from bot.chain.rpc import open_session
from bot.clock import SystemClock
from bot.core.units import Nanoseconds
from bot.feeds.config import HeadFeedConfig
from bot.feeds.heads import HeadFeed
from tests.chain.fake_chain import TOPIC, FakeChain
from tests.chain.fake_node import FakeNode, chain_handlers

MILLISECOND = 10**6
REQUEST_LIMIT = Nanoseconds(500 * MILLISECOND)
CONFIG = HeadFeedConfig(
    heartbeat=Nanoseconds(60 * 10**9),
    allowed_silence=Nanoseconds(120 * 10**9),
    first_backoff=Nanoseconds(2 * MILLISECOND),
    longest_backoff=Nanoseconds(10 * MILLISECOND),
    retry_delay=Nanoseconds(2 * MILLISECOND),
    logs_attempts=3,
    patience=Nanoseconds(400 * MILLISECOND),
)


@pytest.fixture
def chain():
    return FakeChain()


@pytest.fixture
async def node(chain):
    made = FakeNode(chain_handlers(chain))
    yield made
    await made.stop()


@pytest.fixture
async def url(node):
    return await node.start_ipc()


@pytest.fixture
async def make_feed(url):
    """A feed of the fake node, its iterator closed at the end."""
    clock = SystemClock()
    async with contextlib.AsyncExitStack() as stack:

        async def make(start, config=CONFIG, jitter=lambda: 0.5):
            feed = HeadFeed(lambda: open_session(url, clock, REQUEST_LIMIT), clock, config, [TOPIC], jitter)
            feed.start_after(start.ref)
            events = feed.events()
            stack.push_async_callback(events.aclose)
            return feed, events

        yield make
