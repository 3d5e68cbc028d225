"""A recorded node in the place of the chain's: sessions that answer as it did, by the recording's own clock.

A request gets the recorded answer to the same request, at the time it came. What a session was told unasked it tells
just before the request that followed, stamped with the time it came: so the feed decides with the same knowledge as
then, even where its consumer was busy for a while.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, Final, TypeVar

import msgspec

from bot.core.errors import RetryLater
from bot.core.ethereum_json import MalformedAnswer
from bot.core.identity import from_hex
from bot.core.ports import RpcResult, RpcSession
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import Nanoseconds
from bot.feeds.recorded_session import Undecoded, opened
from bot.feeds.recording_format import Kind, Record
from bot.feeds.replay_loop import ReplayClock

T = TypeVar("T")
REMEMBERED: Final = 512
"""Answers kept for a request that the recording does not have once more."""

MALFORMED: Final = (
    msgspec.DecodeError,
    MalformedAnswer,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What reading a record raises that nobody recorded so."""

_encode = msgspec.json.Encoder().encode


class RecordedRequest(msgspec.Struct):
    id: int
    method: str
    params: list[Any]

    @property
    def key(self) -> bytes:
        return _key(self.method, self.params)


class RecordedFrame(msgspec.Struct):
    id: int = 0
    subscription: int = 0
    result: msgspec.Raw = msgspec.Raw()
    reverted: str | None = None
    data: str = "0x"
    unknown: str | None = None

    @property
    def answer(self) -> Undecoded:
        if self.unknown is not None:
            return Unknown(self.unknown)
        if self.reverted is not None:
            return Reverted(self.reverted, from_hex(self.data))
        return Ok(self.result)


request_decoder = msgspec.json.Decoder(RecordedRequest)
frame_decoder = msgspec.json.Decoder(RecordedFrame)


class RecordedNode:
    """`deliver` the records of one run in order; `connect` is what a HeadFeed takes."""

    def __init__(self) -> None:
        self.clock: ReplayClock | None = None
        """Shows the time a notification came at while it is told."""
        self.frames = 0
        self.dropped = 0
        """Records that the disk did not take when this was recorded."""
        self.unrecorded = 0
        """Requests of the feed that it had not made then: answered as before, or with Unknown."""
        self.malformed = 0
        """Records that are no request, answer or notification."""
        self._sessions: dict[int, PlayedSession] = {}
        self._unclaimed: deque[PlayedSession | RetryLater] = deque()
        self._connecting: deque[asyncio.Future[PlayedSession]] = deque()

    async def connect(self) -> RpcSession:
        """The next recorded connection; until it comes this waits. Raises RetryLater where the attempt failed."""
        if self._unclaimed:
            first = self._unclaimed.popleft()
            if isinstance(first, RetryLater):
                raise first
            return first
        future: asyncio.Future[PlayedSession] = asyncio.get_running_loop().create_future()
        self._connecting.append(future)
        try:
            return await future
        finally:
            if future in self._connecting:
                self._connecting.remove(future)

    def deliver(self, record: Record) -> None:
        """One more record, at its time. Of one that cannot be read nothing is told."""
        try:
            self._deliver(record)
        except MALFORMED:
            self.malformed += 1

    def _deliver(self, record: Record) -> None:
        session = self._sessions.get(record.connection)
        match record.kind:
            case Kind.OPENED | Kind.CONTINUED:
                self._opened(record.connection)
            case Kind.CLOSED if session is not None:
                session.end(record.text)
            case Kind.CLOSED:
                self._failed(RetryLater(record.text))
            case Kind.SENT if session is not None:
                session.asked(request_decoder.decode(record.payload))
            case Kind.FRAME if session is not None:
                self.frames += 1
                session.heard(frame_decoder.decode(record.payload), record.received)
            case Kind.DROPPED:
                self.dropped += record.dropped
            case _:
                pass

    def release(self) -> None:
        """The recording is over: what is still held back is told."""
        for session in self._sessions.values():
            session.release()

    def _opened(self, connection: int) -> None:
        session = self._sessions[connection] = PlayedSession(self)
        if not (self._connecting and _settle(self._connecting.popleft(), session)):
            self._unclaimed.append(session)

    def _failed(self, error: RetryLater) -> None:
        waiting = self._connecting.popleft() if self._connecting else None
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)
        else:
            self._unclaimed.append(error)


class PlayedSession:
    """core.ports.RpcSession of one recorded connection."""

    def __init__(self, node: RecordedNode) -> None:
        self._node = node
        self._asked: OrderedDict[int, bytes] = OrderedDict()
        """Requests of the recording that are not answered yet."""
        self._waiting: deque[tuple[bytes, asyncio.Future[Undecoded]]] = deque()
        """Requests of the feed that are not answered yet."""
        self._answers: dict[bytes, deque[Undecoded]] = {}
        self._last: OrderedDict[bytes, Undecoded] = OrderedDict()
        self._subscriptions: dict[int, bytes] = {}
        self._subscribers: dict[bytes, Callable[[Any], None]] = {}
        self._held: deque[tuple[RecordedFrame, Nanoseconds]] = deque()
        self._end: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def request(self, method: str, params: Sequence[object]) -> RpcResult:
        return opened(await self.request_undecoded(method, params))

    async def request_undecoded(self, method: str, params: Sequence[object]) -> Undecoded:
        if self._end.done():
            return Unknown(f"{method}: {self._end.result()}")
        key = _key(method, params)
        ready = self._answers.get(key)
        if ready:
            return ready.popleft()
        future: asyncio.Future[Undecoded] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, future))
        return await future

    async def batch(self, calls: Sequence[tuple[str, Sequence[object]]]) -> list[RpcResult]:
        return list(await asyncio.gather(*(self.request(method, params) for method, params in calls)))

    async def subscribe(
        self, params: Sequence[object], deliver: Callable[[Any], None]
    ) -> Ok[str] | Reverted | Unknown:
        self._subscribers[_key("eth_subscribe", params)] = deliver
        return await self.request("eth_subscribe", params)

    async def closed(self) -> str:
        return await asyncio.shield(self._end)

    async def close(self) -> None:
        self.end("closed by us")

    # --- the recording's side ---------------------------------------------------------------------------------------

    def asked(self, request: RecordedRequest) -> None:
        """The feed asked for this then. What it asks for now and did not then gets no answer of its own."""
        key = request.key
        if request.method == "eth_subscribe":
            self._subscriptions[request.id] = key
        known = {key, *self._asked.values()}
        strays = [entry for entry in self._waiting if entry[0] not in known]
        for stray in strays:
            self._waiting.remove(stray)
            self._node.unrecorded += 1
            _settle(stray[1], self._last.get(stray[0], Unknown("the recording has no such request here")))
        self._asked[request.id] = key
        if len(self._asked) > REMEMBERED:
            self._asked.popitem(last=False)
        self.release()

    def heard(self, frame: RecordedFrame, received: Nanoseconds) -> None:
        if frame.subscription:
            self._held.append((frame, received))
            if self._asked or self._waiting:
                self.release()
            return
        key = self._asked.pop(frame.id, None)
        if key is None:
            return
        self._remember(key, frame.answer)
        for entry in self._waiting:
            if entry[0] == key:
                self._waiting.remove(entry)
                _settle(entry[1], frame.answer)
                return
        self._answers.setdefault(key, deque()).append(frame.answer)

    def release(self) -> None:
        while self._held:
            frame, received = self._held.popleft()
            deliver = self._subscribers.get(self._subscriptions.get(frame.subscription, b""))
            value = opened(Ok(frame.result))
            if deliver is not None and isinstance(value, Ok):
                with self._node.clock.showing(received) if self._node.clock else nullcontext():
                    deliver(value.value)

    def end(self, reason: str) -> None:
        if self._end.done():
            return
        self.release()
        self._end.set_result(reason)
        while self._waiting:
            _settle(self._waiting.popleft()[1], Unknown(f"connection lost: {reason}"))

    def _remember(self, key: bytes, answer: Undecoded) -> None:
        self._last[key] = answer
        self._last.move_to_end(key)
        if len(self._last) > REMEMBERED:
            self._last.popitem(last=False)


def _key(method: str, params: Sequence[object]) -> bytes:
    return _encode([method, list(params)])


def _settle(future: asyncio.Future[T], answer: T) -> bool:
    """False: who waited for it has gone."""
    if future.done():
        return False
    future.set_result(answer)
    return True
