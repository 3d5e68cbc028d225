"""One connection, many requests in flight: matched by id, each with its own time-out, notifications in order.

Whatever carries the frames (websocket, IPC) is a `Wire`; this file knows the protocol and no socket.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import msgspec

from bot.chain.rpc_messages import (
    Answer,
    Malformed,
    Notification,
    decode_messages,
    encode_batch,
    encode_request,
    opened,
)
from bot.core.ports import Clock, RpcResult
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import Nanoseconds

Undecoded = Ok[msgspec.Raw] | Reverted | Unknown
"""An answer whose result is still the bytes that came."""
REQUEST_LIMIT: Final = Nanoseconds(10 * 10**9)
MAX_PENDING: Final = 4096
"""Requests in flight on one connection; one more is Unknown at once."""
MAX_EARLY: Final = 64
"""Notifications kept while the answer to eth_subscribe, which names their subscription, is still on its way."""


class ConnectionLost(Exception):  # noqa: N818  # an event of the wire, not an error of ours
    """The wire is gone; the text says how it ended."""


class Wire(Protocol):
    """Whole frames over one socket."""

    async def send(self, frame: bytes) -> None:
        """Raises ConnectionLost."""
        ...

    async def receive(self) -> bytes | str:
        """The next frame. Raises ConnectionLost."""
        ...

    async def close(self) -> None: ...


class SessionCounters(msgspec.Struct):
    """Anomalies of one session."""

    late_answers: int = 0
    """Answers to requests that had timed out, or that nobody made."""
    dropped_notifications: int = 0
    """Notifications of a subscription nobody holds."""


class MultiplexedSession:
    """core.ports.RpcSession over a Wire. `start` before the first request; `close` ends everything that waits."""

    def __init__(self, wire: Wire, clock: Clock, limit: Nanoseconds = REQUEST_LIMIT) -> None:
        self.counters = SessionCounters()
        self._wire = wire
        self._clock = clock
        self._limit = limit
        self._next_id = 1
        self._pending: dict[int, asyncio.Future[Undecoded]] = {}
        self._subscribers: dict[str, Callable[[Any], None]] = {}
        self._awaited_subscriptions = 0
        self._early: list[Notification] = []
        self._end: asyncio.Future[str] | None = None
        self._reader: asyncio.Task[None] | None = None

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._end = loop.create_future()
        self._reader = loop.create_task(self._read())

    async def request(self, method: str, params: Sequence[object]) -> RpcResult:
        return opened(await self.request_undecoded(method, params))

    async def request_undecoded(self, method: str, params: Sequence[object]) -> Undecoded:
        [answer] = await self._exchange(1, lambda first: encode_request(first, method, params), method)
        return answer

    async def batch(self, calls: Sequence[tuple[str, Sequence[object]]]) -> list[RpcResult]:
        if not calls:
            return []
        answers = await self._exchange(len(calls), lambda first: encode_batch(first, calls), "batch")
        return [opened(answer) for answer in answers]

    async def subscribe(
        self, params: Sequence[object], deliver: Callable[[Any], None]
    ) -> Ok[str] | Reverted | Unknown:
        self._awaited_subscriptions += 1
        try:
            answer = await self.request("eth_subscribe", params)
        finally:
            self._awaited_subscriptions -= 1
        if isinstance(answer, Ok) and not isinstance(answer.value, str):
            return Unknown(f"eth_subscribe answered {str(answer.value)[:80]!r}, expected an id")
        if isinstance(answer, Ok):
            self._subscribers[answer.value] = deliver
        early, self._early = self._early, []
        for notification in early:
            self._notify(notification)
        return answer

    async def closed(self) -> str:
        if self._end is None:
            return "the session was never started"
        return await asyncio.shield(self._end)

    async def close(self) -> None:
        self._finish("closed by us")
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
        await self._wire.close()

    async def _exchange(self, count: int, encode: Callable[[int], bytes], what: str) -> list[Undecoded]:
        if self._end is None or self._end.done():
            cause = self._end.result() if self._end is not None else "the session was never started"
            return [Unknown(f"{what}: {cause}")] * count
        if len(self._pending) + count > MAX_PENDING:
            full = f"{what}: {len(self._pending)} requests are waiting, {MAX_PENDING} at most"
            return [Unknown(full)] * count
        first, self._next_id = self._next_id, self._next_id + count
        ids = range(first, first + count)
        futures = [asyncio.get_running_loop().create_future() for _ in ids]
        self._pending.update(zip(ids, futures, strict=True))
        try:
            answered = await self._clock.within(self._limit, self._send_and_wait(encode(first), futures))
        finally:
            for request_id in ids:
                self._pending.pop(request_id, None)
        if isinstance(answered, Ok):
            return answered.value
        late = Unknown(f"{what}: {answered.cause}")
        return [f.result() if f.done() and not f.cancelled() else late for f in futures]

    async def _send_and_wait(self, frame: bytes, futures: list[asyncio.Future[Undecoded]]) -> list[Undecoded]:
        try:
            await self._wire.send(frame)
        except ConnectionLost as lost:
            self._finish(str(lost))
        return [await future for future in futures]

    async def _read(self) -> None:
        try:
            while True:
                frame = await self._wire.receive()
                for message in decode_messages(frame):
                    if isinstance(message, Malformed):
                        # Nothing later on this wire can be trusted to be whole: reconnecting refills what is lost.
                        self._finish(f"the node sent {message.cause}")
                        return
                    self._take(message)
        except ConnectionLost as lost:
            self._finish(str(lost))
        finally:
            self._finish("its reader ended")
            await self._wire.close()

    def _take(self, message: Answer | Notification) -> None:
        if isinstance(message, Notification):
            self._notify(message)
            return
        future = self._pending.pop(message.id, None)
        if future is None or future.done():
            self.counters.late_answers += 1
        else:
            future.set_result(message.result)

    def _notify(self, notification: Notification) -> None:
        deliver = self._subscribers.get(notification.subscription)
        if deliver is not None:
            deliver(notification.result)
        elif self._awaited_subscriptions and len(self._early) < MAX_EARLY:
            self._early.append(notification)
        else:
            self.counters.dropped_notifications += 1

    def _finish(self, reason: str) -> None:
        if self._end is not None and not self._end.done():
            self._end.set_result(reason)
        pending, self._pending = self._pending, {}
        for future in pending.values():
            if not future.done():
                future.set_result(Unknown(f"connection lost: {reason}"))
