"""Requests over one kept session that is opened again when it is gone. A request is never sent twice by itself."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from bot.core.errors import RetryLater
from bot.core.ports import RpcResult, RpcSession
from bot.core.result import Unknown


class LastingRpc:
    """core.ports.JsonRpc. While no session can be had every answer is Unknown: whoever asked decides what follows."""

    def __init__(self, connect: Callable[[], Awaitable[RpcSession]]) -> None:
        """`connect` raises RetryLater when there is no connection to be had now."""
        self._connect = connect
        self._session: RpcSession | None = None
        self._end: asyncio.Task[str] | None = None
        self._opening = asyncio.Lock()

    async def request(self, method: str, params: Sequence[object]) -> RpcResult:
        session = await self._open()
        return session if isinstance(session, Unknown) else await session.request(method, params)

    async def batch(self, calls: Sequence[tuple[str, Sequence[object]]]) -> list[RpcResult]:
        session = await self._open()
        return [session] * len(calls) if isinstance(session, Unknown) else await session.batch(calls)

    async def close(self) -> None:
        if self._end is not None:
            self._end.cancel()
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _open(self) -> RpcSession | Unknown:
        async with self._opening:
            if self._session is not None and self._end is not None and not self._end.done():
                return self._session
            try:
                self._session = await self._connect()
            except RetryLater as error:
                self._session = None
                return Unknown(str(error))
            self._end = asyncio.ensure_future(self._session.closed())
            return self._session
