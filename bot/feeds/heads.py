"""core.ports.ChainFeed from one node: blocks in order with their logs, gaps filled, reorgs said, silence said.

The node pushes heads; each is only a hint that the chain moved. The feed takes the newest, walks back by parent hash
to what it has delivered, and delivers the difference. So a head that was dropped, repeated, late or never pushed
costs a request at most, and an order of notifications that no chain could have is harmless.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from bot.core.errors import BrokenInvariant, RetryLater
from bot.core.identity import BlockRef
from bot.core.messages import BlockArrived, ChainEvent, ContinuityLost, FeedSilent, Head
from bot.core.ports import Clock, RpcSession
from bot.core.result import Ok
from bot.core.units import Nanoseconds
from bot.feeds.backoff import delay
from bot.feeds.block_reads import BlockReads
from bot.feeds.config import FeedCounters, HeadFeedConfig
from bot.feeds.continuity import (
    DeliveredChain,
    Joined,
    NeedParent,
    TooDeep,
    is_duplicate,
    is_gap,
    next_step,
)
from bot.feeds.head_connection import HeadConnection, HeardHead
from bot.feeds.silence import SilenceWatch


class HeadFeed:
    """`start_after` a block, then iterate `events()`.

    `connect` opens a session that can subscribe and raises RetryLater when it cannot now. `jitter` gives numbers in
    [0, 1): a seeded source in lockstep. `topics` are the first topics of the events wanted. `coming` is told of a
    head whose logs are about to be asked for, unless a newer one is known: what else the block needs can be read
    meanwhile. The block may fail to come all the same.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[RpcSession]],
        clock: Clock,
        config: HeadFeedConfig,
        topics: Sequence[bytes],
        jitter: Callable[[], float],
        coming: Callable[[Head], None] = lambda _head: None,
    ) -> None:
        self.counters = FeedCounters()
        self._connect = connect
        self._clock = clock
        self._config = config
        self._topics = tuple(topics)
        self._jitter = jitter
        self._coming = coming
        self._chain: DeliveredChain | None = None
        self._watch = self._new_watch()
        self._failures_in_a_row = 0

    def start_after(self, block: BlockRef) -> None:
        """Deliver what follows `block`, the one state was read at, however long ago that was.

        To be called before the first event is asked for, again after ContinuityLost, and between any two events
        when the consumer has read its state afresh.
        """
        self._chain = DeliveredChain(block)
        self._watch = self._new_watch()

    async def events(self) -> AsyncIterator[ChainEvent]:
        """Never ends by itself. Raises BrokenInvariant when an event is asked for without a block to start after."""
        attempt = 0
        while True:
            connection = await self._open()
            if connection is not None:
                blocks_before = self.counters.blocks
                try:
                    async for event in self._follow(connection):
                        yield event
                finally:
                    await connection.close()
                # A connection that brought a block earns an immediate second try; any other waits longer each time.
                attempt = 0 if self.counters.blocks > blocks_before else attempt + 1
            else:
                attempt += 1
            if attempt:
                async for silent in self._wait_before(attempt):
                    yield silent

    async def _open(self) -> HeadConnection | None:
        try:
            session = await self._connect()
            connection = await HeadConnection.open(
                session, self._clock, self.counters, self._config.queue_size
            )
        except RetryLater:
            self.counters.failed_connections += 1
            return None
        self.counters.connections += 1
        return connection

    async def _wait_before(self, attempt: int) -> AsyncIterator[FeedSilent]:
        wait = delay(attempt - 1, self._config.first_backoff, self._config.longest_backoff, self._jitter())
        until = self._clock.monotonic() + wait
        while (now := self._clock.monotonic()) < until:
            for silent in self._silences():
                yield silent
            await self._clock.sleep(Nanoseconds(min(until - now, self._watch.until_silence(now))))
        for silent in self._silences():
            yield silent

    async def _follow(self, connection: HeadConnection) -> AsyncIterator[ChainEvent]:
        """Events until the connection ends or is given up."""
        reads = BlockReads(connection.session, self._clock, self._config, self._topics, self.counters)
        self._failures_in_a_row = 0
        while connection.is_open and self._failures_in_a_row < self._config.follow_attempts:
            target = await self._next_target(connection, reads)
            if target is not None:
                async for event in self._advance(connection, reads, target):
                    yield event
            for silent in self._silences():
                yield silent

    async def _next_target(self, connection: HeadConnection, reads: BlockReads) -> HeardHead | None:
        """The newest head that is not delivered yet; None when there was none for a while."""
        chain = self._delivered()
        heard = connection.take_newest()
        if heard is not None:
            self._watch.heard_message(heard.seen_at)
            if is_duplicate(chain, heard.head):
                self.counters.duplicate_heads += 1
                return None
            if heard.head.number > chain.tip.number:
                return heard
            # Beside or below what was delivered: a reorg, or a head told late that has left the chain since.
            connection.must_poll = True
        now = self._clock.monotonic()
        if not connection.must_poll and not self._watch.is_probe_due(now):
            await connection.stirred(self._watch.until_next_check(now))
            return None
        connection.must_poll = False
        self.counters.probes += 1
        latest = await reads.latest()
        if latest is None:
            await self._could_not_follow(connection, now)
            return None
        self._watch.heard_message(latest.seen_at)
        return None if is_duplicate(chain, latest.head) else latest

    async def _advance(
        self, connection: HeadConnection, reads: BlockReads, target: HeardHead
    ) -> AsyncIterator[ChainEvent]:
        chain = self._delivered()
        self.counters.gaps += is_gap(chain.tip, target.head)
        branch = [target]
        step = next_step(chain, [target.head], self._config.longest_gap)
        while isinstance(step, NeedParent):
            started = self._clock.monotonic()
            parent = connection.take_parent(step.hash) or await reads.block(step.hash)
            if parent is None or parent.head.number != step.number:
                await self._could_not_follow(connection, started)
                return
            branch.append(parent)
            step = next_step(chain, [heard.head for heard in branch], self._config.longest_gap)
        if isinstance(step, TooDeep):
            self.counters.continuity_lost += 1
            self._chain = None
            yield ContinuityLost(step.reason)
            connection.must_poll = True
            return
        async for event in self._deliver(connection, reads, branch, step):
            yield event

    async def _deliver(
        self, connection: HeadConnection, reads: BlockReads, branch: list[HeardHead], joined: Joined
    ) -> AsyncIterator[ChainEvent]:
        chain = self._delivered()
        if joined.rolled_back is not None:
            self.counters.reorgs += 1
            self.counters.blocks_taken_back += len(joined.rolled_back.left)
            chain.take_back(joined.rolled_back)
            yield joined.rolled_back
            if self._has_restarted(chain, connection):
                return

        def newer_is_known() -> bool:
            return any(not is_duplicate(chain, later.head) for later in connection.waiting())

        for heard in reversed(branch):
            started = self._clock.monotonic()
            if heard is branch[0] and not newer_is_known():
                self._coming(heard.head)
            logs = await reads.logs(heard, newer_is_known)
            if not isinstance(logs, Ok):
                await self._could_not_follow(connection, started)
                return
            chain.append(heard.head)
            is_catch_up = heard is not branch[0] or newer_is_known()
            self._failures_in_a_row = 0
            self._watch.heard_block(self._clock.monotonic())
            self.counters.blocks += 1
            self.counters.catch_up_blocks += is_catch_up
            yield BlockArrived(heard.head, logs.value, heard.seen_at, is_catch_up)
            if self._has_restarted(chain, connection):
                return

    async def _could_not_follow(self, connection: HeadConnection, started: Nanoseconds) -> None:
        """The chain moved on while it was read, or the node is unwell: ask for its latest block after a moment.

        A failure that took long is a time-out: the socket is half open, and waiting on it again would be in vain.
        """
        self._failures_in_a_row += 1
        self.counters.abandoned_heads += 1
        connection.must_poll = True
        if self._clock.monotonic() - started >= self._config.patience:
            connection.is_open = False
        if connection.is_open:
            await self._clock.sleep(self._config.retry_delay)

    def _has_restarted(self, chain: DeliveredChain, connection: HeadConnection) -> bool:
        """The consumer called `start_after` while it held the last event: what follows starts from there."""
        if self._chain is chain:
            return False
        connection.must_poll = True
        return True

    def _new_watch(self) -> SilenceWatch:
        return SilenceWatch(self._config.heartbeat, self._config.allowed_silence, self._clock.monotonic())

    def _silences(self) -> list[FeedSilent]:
        silent = self._watch.silence(self._clock.monotonic())
        self.counters.silences += silent is not None
        return [] if silent is None else [silent]

    def _delivered(self) -> DeliveredChain:
        if self._chain is None:
            raise BrokenInvariant("the head feed has no block to start after: call start_after first")
        return self._chain
