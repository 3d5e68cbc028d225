"""JSON-RPC over HTTP POST on kept connections, by aiohttp. It cannot push: no subscriptions, hence no heads."""

from collections.abc import Sequence
from typing import Any, Final

import aiohttp

from bot.chain.bounded_read import read_at_most
from bot.chain.rpc_messages import (
    Answer,
    Malformed,
    Message,
    decode_messages,
    encode_batch,
    encode_request,
    opened,
)
from bot.core.ports import Clock, RpcResult
from bot.core.result import Ok, Unknown
from bot.core.units import Nanoseconds

MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
_HEADERS: Final = {"Content-Type": "application/json"}


class HttpRpc:
    """core.ports.JsonRpc. Its causes never carry the URL."""

    def __init__(self, url: str, clock: Clock, limit: Nanoseconds) -> None:
        self._url = url
        self._clock = clock
        self._limit = limit
        self._next_id = 1
        # Time-outs are the Clock's alone; aiohttp's own default would cut a request after five minutes.
        self._client = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None))

    async def request(self, method: str, params: Sequence[object]) -> RpcResult:
        first = self._take_ids(1)
        [answer] = await self._exchange(
            encode_request(first, method, params), range(first, first + 1), method
        )
        return answer

    async def batch(self, calls: Sequence[tuple[str, Sequence[object]]]) -> list[RpcResult]:
        if not calls:
            return []
        first = self._take_ids(len(calls))
        return await self._exchange(encode_batch(first, calls), range(first, first + len(calls)), "batch")

    async def close(self) -> None:
        await self._client.close()

    def _take_ids(self, count: int) -> int:
        first, self._next_id = self._next_id, self._next_id + count
        return first

    async def _exchange(self, body: bytes, ids: range, what: str) -> list[RpcResult]:
        posted = await self._clock.within(self._limit, self._post(body))
        answer = posted.value if isinstance(posted, Ok) else posted
        if isinstance(answer, Unknown):
            return [Unknown(f"{what}: {answer.cause}")] * len(ids)
        return _match(answer, ids, what)

    async def _post(self, body: bytes) -> list[Message] | Unknown:
        try:
            async with self._client.post(self._url, data=body, headers=_HEADERS) as response:
                content = await read_at_most(response.content, MAX_ANSWER_BYTES)
                status = response.status
        except (aiohttp.ClientError, OSError, RuntimeError) as error:  # RuntimeError: closed by us meanwhile
            return Unknown(f"connection failed: {type(error).__name__}")
        if content is None:
            return Unknown(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
        messages = decode_messages(content)
        # geth answers JSON-RPC errors under 200; other servers send them under 4xx: the body decides, if it is one.
        if status != 200 and any(isinstance(message, Malformed) for message in messages):
            return Unknown(f"HTTP {status}")
        return messages


def _match(messages: list[Message], ids: range, what: str) -> list[RpcResult]:
    answers = {message.id: opened(message.result) for message in messages if isinstance(message, Answer)}
    strays = [message.cause for message in messages if isinstance(message, Malformed)]
    cause = f"{what}: the node sent {strays[0]}" if strays else f"{what}: the node left out this answer"
    missing: Any = Unknown(cause)
    return [answers.get(request_id, missing) for request_id in ids]
