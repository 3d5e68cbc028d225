"""A node's session that is recorded: each request with its answer, each notification, as the feed got them.

In the recording a request is `{"id", "method", "params"}`; its answer `{"id", "result"}`, `{"id", "reverted", "data"}`
or `{"id", "unknown"}`; a notification `{"subscription", "result"}`, with the id of the request that subscribed. Ids count
from 1 on each connection. Of the node's URL the host alone is kept.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from bot.core.errors import RetryLater
from bot.core.identity import hex_bytes
from bot.core.ports import Clock, RpcResult, RpcSession
from bot.core.result import Ok, Reverted, Unknown
from bot.feeds.cex.transport import Tap
from bot.feeds.recording_format import host_of

Undecoded = Ok[msgspec.Raw] | Reverted | Unknown

_encode = msgspec.json.Encoder().encode
_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def recorded_connect(
    connect: Callable[[], Awaitable[RpcSession]], url: str, tap: Tap, clock: Clock
) -> Callable[[], Awaitable[RpcSession]]:
    """`connect` whose sessions, and attempts that fail, are told to `tap`. Raises what `connect` raises."""
    connections = 0
    host = host_of(url)

    async def connect_and_tell() -> RpcSession:
        nonlocal connections
        connections += 1
        number = connections
        try:
            session = await connect()
        except RetryLater as error:
            tap.closed(number, str(error), clock.monotonic())
            raise
        tap.opened(number, host, clock.monotonic())
        return RecordedSession(session, number, tap, clock)

    return connect_and_tell


class RecordedSession:
    """core.ports.RpcSession over another."""

    def __init__(self, session: RpcSession, number: int, tap: Tap, clock: Clock) -> None:
        self._session = session
        self._number = number
        self._tap = tap
        self._clock = clock
        self._last_id = 0
        self._has_ended = False

    async def request(self, method: str, params: Sequence[object]) -> RpcResult:
        return opened(await self.request_undecoded(method, params))

    async def request_undecoded(self, method: str, params: Sequence[object]) -> Undecoded:
        request_id = self._asked(method, params)
        answer = await self._session.request_undecoded(method, params)
        self._answered(request_id, answer)
        return answer

    async def batch(self, calls: Sequence[tuple[str, Sequence[object]]]) -> list[RpcResult]:
        ids = [self._asked(method, params) for method, params in calls]
        answers = await self._session.batch(calls)
        for request_id, answer in zip(ids, answers, strict=True):
            self._answered(request_id, _encoded(answer))
        return answers

    async def subscribe(
        self, params: Sequence[object], deliver: Callable[[Any], None]
    ) -> Ok[str] | Reverted | Unknown:
        request_id = self._asked("eth_subscribe", params)
        head = b'{"subscription":%d,"result":' % request_id

        def deliver_and_tell(value: Any) -> None:
            self._tap.frame(self._number, head + _encode(value) + b"}", self._clock.monotonic())
            deliver(value)

        answer = await self._session.subscribe(params, deliver_and_tell)
        self._answered(request_id, _encoded(answer))
        return answer

    async def closed(self) -> str:
        reason = await self._session.closed()
        self._ended(reason)
        return reason

    async def close(self) -> None:
        self._ended("closed by us")
        await self._session.close()

    def _asked(self, method: str, params: Sequence[object]) -> int:
        self._last_id += 1
        request = {"id": self._last_id, "method": method, "params": list(params)}
        self._tap.sent(self._number, _encode(request), self._clock.monotonic())
        return self._last_id

    def _answered(self, request_id: int, answer: Undecoded) -> None:
        if not self._has_ended:
            self._tap.frame(self._number, encode_answer(request_id, answer), self._clock.monotonic())

    def _ended(self, reason: str) -> None:
        if not self._has_ended:
            self._has_ended = True
            self._tap.closed(self._number, reason, self._clock.monotonic())


def encode_answer(request_id: int, answer: Undecoded) -> bytes:
    match answer:
        case Ok(value=value):
            return b'{"id":%d,"result":' % request_id + bytes(value) + b"}"
        case Reverted(reason=reason, data=data):
            return _encode({"id": request_id, "reverted": reason, "data": hex_bytes(data)})
        case Unknown(cause=cause):
            return _encode({"id": request_id, "unknown": cause})


def opened(answer: Undecoded) -> RpcResult:
    """The answer with its result decoded, as plain lists, dictionaries and texts."""
    if not isinstance(answer, Ok):
        return answer
    try:
        return Ok(_decoder.decode(answer.value))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Unknown(f"the answer's result is not JSON ({error})")


def _encoded(answer: RpcResult) -> Undecoded:
    return Ok(msgspec.Raw(_encode(answer.value))) if isinstance(answer, Ok) else answer
