"""What a consumer of the head feed believes, and waiting for the feed."""

import asyncio

from bot.core.messages import BlockArrived, RolledBack
from tests.chain.waiting import until


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


async def settled(node):
    """Subscribed, and told the latest block, so that whatever comes now comes by a push."""
    await until(
        lambda: node.requests["eth_getBlockByNumber"] and any(peer.subscriptions for peer in node.peers)
    )
