"""One connection of the head feed: its session, and a bounded inbox of the heads it pushed."""

import asyncio
from collections import deque
from typing import Any, Self

import msgspec

from bot.core.errors import RetryLater
from bot.core.ethereum_json import MalformedAnswer, decode_bloom, decode_head
from bot.core.identity import BlockHash
from bot.core.messages import Head
from bot.core.ports import Clock, RpcSession
from bot.core.result import Ok
from bot.core.units import Nanoseconds
from bot.feeds.config import FeedCounters


class HeardHead(msgspec.Struct, frozen=True):
    head: Head
    bloom: bytes | None
    seen_at: Nanoseconds


def hear(value: object, seen_at: Nanoseconds) -> HeardHead:
    """A header from the wire, stamped. Raises MalformedAnswer."""
    return HeardHead(decode_head(value), decode_bloom(value), seen_at)


class HeadConnection:
    """Made by `open`. `close` is safe to call twice."""

    def __init__(self, session: RpcSession, clock: Clock, counters: FeedCounters, queue_size: int) -> None:
        self.session = session
        self.is_open = True
        self.must_poll = True
        """The latest block is to be asked for: at the start, and when a head could not be read or followed."""
        self._clock = clock
        self._counters = counters
        self._inbox: deque[HeardHead] = deque(maxlen=queue_size)
        self._older: dict[BlockHash, HeardHead] = {}
        self._stirred = asyncio.Event()
        self._watcher = asyncio.create_task(self._watch())

    @classmethod
    async def open(cls, session: RpcSession, clock: Clock, counters: FeedCounters, queue_size: int) -> Self:
        """Subscribe to new heads. Raises RetryLater, with the session closed, when the node does not agree."""
        connection = cls(session, clock, counters, queue_size)
        answer = await session.subscribe(["newHeads"], connection._deliver)
        if not isinstance(answer, Ok):
            await connection.close()
            raise RetryLater(f"eth_subscribe newHeads: {answer}")
        return connection

    async def close(self) -> None:
        self.is_open = False
        self._watcher.cancel()
        await self.session.close()

    async def stirred(self, limit: Nanoseconds) -> None:
        """Return when a head came, the connection ended, or `limit` has passed."""
        await self._clock.within(limit, self._stirred.wait())

    def take_newest(self) -> HeardHead | None:
        """The head pushed last. Those before it are of use as its parents alone: they may have left the chain."""
        self._stirred.clear()
        if not self._inbox:
            return None
        newest = self._inbox.pop()
        self._older = {heard.head.hash: heard for heard in self._inbox}
        self._inbox.clear()
        if any(heard.head.number > newest.head.number for heard in self._older.values()):
            # A shorter branch, or heads told out of order: the node's latest block decides.
            self.must_poll = True
        return newest

    def take_parent(self, parent: BlockHash) -> HeardHead | None:
        """A block that was pushed before the newest one, so that it need not be asked for."""
        return self._older.pop(parent, None)

    def waiting(self) -> tuple[HeardHead, ...]:
        """Heads pushed since `take_newest`."""
        return tuple(self._inbox)

    def _deliver(self, value: Any) -> None:
        self._counters.heads_heard += 1
        try:
            heard = hear(value, self._clock.monotonic())
        except MalformedAnswer:
            self._counters.malformed_heads += 1
            self.must_poll = True
        else:
            if len(self._inbox) == self._inbox.maxlen:
                self._counters.dropped_heads += 1
            self._inbox.append(heard)
        self._stirred.set()

    async def _watch(self) -> None:
        await self.session.closed()
        self.is_open = False
        self._stirred.set()
