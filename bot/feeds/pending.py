"""The node's own pool: `newPendingTransactions`, whole bodies where the node sends them, else fetched by their hash."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import islice
from typing import Any, Final

from bot.core.errors import RetryLater
from bot.core.ethereum_json import MalformedAnswer, decode_data
from bot.core.identity import hex_bytes, hex_quantity
from bot.core.pending import PendingSeen, PendingTransaction
from bot.core.ports import Clock, JsonRpc, RpcResult, RpcSession
from bot.core.raw_transaction_codec import from_json, from_raw
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import Nanoseconds
from bot.feeds.pending_events import PendingConfig, PendingCounters, PendingEvent
from bot.feeds.pending_stream import Ended, PendingStream
from bot.feeds.sender_recovery import recover_sender
from bot.feeds.unread_announcements import UnreadAnnouncements

NODE: Final = "node"
"""PendingSeen.source."""


class PendingFeed:
    """pending_events.PendingEvents of one node.

    `connect` opens a session that can subscribe and raises RetryLater when it cannot now. `jitter` gives numbers in
    [0, 1).
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[RpcSession]],
        clock: Clock,
        config: PendingConfig,
        jitter: Callable[[], float],
    ) -> None:
        self._connect = connect
        self._clock = clock
        self._config = config
        self._unread: UnreadAnnouncements[Any] = UnreadAnnouncements(
            clock, config.announcements_per_window, self._read, self._pushed_out
        )
        self._stream = PendingStream(NODE, self._serve, clock, config, jitter, self._unread)
        self._waiting: dict[bytes, Nanoseconds] = {}
        """Hashes whose body is to be asked for, oldest first, and when each was heard."""
        self._stirred = asyncio.Event()
        self._heard_at = Nanoseconds(0)

    @property
    def counters(self) -> PendingCounters:
        return self._stream.counters

    def events(self) -> AsyncIterator[PendingEvent]:
        return self._stream.events()

    async def close(self) -> None:
        await self._stream.close()

    async def _serve(self) -> Ended:
        try:
            session = await self._connect()
        except RetryLater as error:
            self.counters.failed_connections += 1
            return Ended(str(error))
        try:
            answer = await self._subscribe(session)
            if not isinstance(answer, Ok):
                self.counters.failed_connections += 1
                return Ended(f"eth_subscribe newPendingTransactions: {answer}")
            self.counters.connections += 1
            return await self._follow(session)
        finally:
            self._waiting.clear()
            await session.close()

    async def _subscribe(self, session: RpcSession) -> Ok[str] | Reverted | Unknown:
        """Whole bodies; hashes alone of a node that does not know the second parameter (it is geth's own)."""
        answer = await session.subscribe(["newPendingTransactions", True], self._hear)
        if isinstance(answer, Reverted):
            return await session.subscribe(["newPendingTransactions"], self._hear)
        return answer

    async def _follow(self, session: RpcSession) -> Ended:
        """Until the session ends or answers no more."""
        seen_before, self._heard_at = self.counters.seen, self._clock.monotonic()
        closed = asyncio.ensure_future(session.closed())
        closed.add_done_callback(lambda _: self._stirred.set())
        try:
            reason = None
            while reason is None and not closed.done():
                if self._waiting:
                    await self._fetch(session)
                    continue
                await self._clock.within(self._until_heartbeat(), self._stirred.wait())
                self._stirred.clear()
                if not closed.done() and self._until_heartbeat() <= 0:
                    reason = await self._probe(session)
            return Ended(reason or closed.result(), was_good=self.counters.seen > seen_before)
        finally:
            closed.cancel()

    def _until_heartbeat(self) -> Nanoseconds:
        return Nanoseconds(self._heard_at + self._config.heartbeat - self._clock.monotonic())

    async def _probe(self, session: RpcSession) -> str | None:
        """Why the session is given up; None: the node lives, its pool is quiet."""
        answer = await session.request("eth_blockNumber", [])
        self._heard_at = self._clock.monotonic()
        return f"the node does not answer: {answer.cause}" if isinstance(answer, Unknown) else None

    def _hear(self, value: Any) -> None:
        """One notification."""
        self._heard_at = self._clock.monotonic()
        self._unread.announced(value)

    def _read(self, value: Any, seen_at: Nanoseconds) -> None:
        """A body, or a hash."""
        try:
            if isinstance(value, dict):
                if not self._stream.knows(decode_data(value.get("hash"), 32)):
                    self._take(from_json(value), seen_at)
            else:
                self._queue(decode_data(value, 32), seen_at)
        except ValueError as error:
            self._stream.refuse(error)

    def _pushed_out(self, _: Any) -> None:
        self._stream.drop_unread()

    def _queue(self, tx_hash: bytes, seen_at: Nanoseconds) -> None:
        if self._stream.knows(tx_hash):
            return
        if len(self._waiting) >= self._config.hashes_waiting:
            del self._waiting[next(iter(self._waiting))]
            self._stream.drop("bodies come slower than hashes: the oldest hash is not asked for")
        self._waiting.setdefault(tx_hash, seen_at)
        self._stirred.set()

    async def _fetch(self, session: RpcSession) -> None:
        """The bodies of the hashes that have waited longest, in one batch."""
        asked = dict(islice(self._waiting.items(), self._config.batch_size))
        for tx_hash in asked:
            del self._waiting[tx_hash]
        answers = await session.batch([("eth_getTransactionByHash", [hex_bytes(one)]) for one in asked])
        for (tx_hash, seen_at), answer in zip(asked.items(), answers, strict=True):
            try:
                self._take_answer(tx_hash, seen_at, answer)
            except ValueError as error:
                self._stream.refuse(error)

    def _take_answer(self, tx_hash: bytes, seen_at: Nanoseconds, answer: RpcResult) -> None:
        if not isinstance(answer, Ok):
            self.counters.unanswered += 1
            self._stream.complain(f"eth_getTransactionByHash: {answer}")
        elif answer.value is None or _is_mined(answer.value):
            self.counters.gone += 1
        else:
            # The hash that was asked for is the one it must have, whatever it says of itself.
            self._take(from_json({**answer.value, "hash": hex_bytes(tx_hash)}), seen_at)

    def _take(self, transaction: PendingTransaction, seen_at: Nanoseconds) -> None:
        if len(transaction.raw) > self._config.largest_transaction:
            raise ValueError(
                f"a transaction of {len(transaction.raw)} bytes, {self._config.largest_transaction} at most"
            )
        self._stream.put_seen(_seen(transaction, seen_at))


async def pending_for(
    rpc: JsonRpc, number: int, clock: Clock
) -> Ok[tuple[PendingSeen, ...]] | Reverted | Unknown:
    """All that the local market's public pool has learned before block `number`, in the order in which it came.

    For lockstep, where a push may be late. `market_pending` answers with raw transactions, whose senders are
    recovered, or with bodies as a node gives them.
    """
    answer = await rpc.request("market_pending", [hex_quantity(number)])
    if not isinstance(answer, Ok):
        return answer
    seen_at = clock.monotonic()
    try:
        if not isinstance(answer.value, list):
            raise MalformedAnswer("a list is expected")
        return Ok(tuple(_seen(_transaction(item), seen_at) for item in answer.value))
    except ValueError as error:
        return Unknown(f"market_pending: {error}")


def _transaction(item: object) -> PendingTransaction:
    if isinstance(item, dict):
        return from_json(item)
    raw = decode_data(item)
    return from_raw(raw, recover_sender(raw))


def _seen(transaction: PendingTransaction, seen_at: Nanoseconds) -> PendingSeen:
    return PendingSeen(
        source=NODE,
        hash=transaction.hash,
        seen_at=seen_at,
        transaction=transaction,
        to=transaction.to,
        selector=transaction.data[:4],
        data=transaction.data,
    )


def _is_mined(body: object) -> bool:
    if not isinstance(body, dict):
        raise MalformedAnswer(f"{str(body)[:80]} is not a transaction")
    return body.get("blockHash") is not None
