"""Requests over one kept session that is opened again when it is gone. A request is never sent twice by itself."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from bot.core.errors import RetryLater
from bot.core.ports import RpcResult, RpcSession
from bot.core.result import Unknown

SILENT_ANSWERS = 3
"""So many answers in a row that did not come end a session."""


class LastingRpc:
    """core.ports.JsonRpc. While no session can be had every answer is Unknown: whoever asked decides what follows."""

    def __init__(self, connect: Callable[[], Awaitable[RpcSession]]) -> None:
        """`connect` raises RetryLater when there is no connection to be had now."""
        self._connect = connect
        self._session: RpcSession | None = None
        self._end: asyncio.Task[str] | None = None
        self._opening: asyncio.Task[RpcSession | Unknown] | None = None
        self._silent = 0

    async def request(self, method: str, params: Sequence[object]) -> RpcResult:
        session = await self._current()
        if isinstance(session, Unknown):
            return session
        answer = await session.request(method, params)
        await self._judge(session, heard=not isinstance(answer, Unknown))
        return answer

    async def batch(self, calls: Sequence[tuple[str, Sequence[object]]]) -> list[RpcResult]:
        session = await self._current()
        if isinstance(session, Unknown):
            return [session] * len(calls)
        answers = await session.batch(calls)
        await self._judge(session, heard=any(not isinstance(answer, Unknown) for answer in answers))
        return answers

    async def close(self) -> None:
        if self._end is not None:
            self._end.cancel()
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _judge(self, session: RpcSession, *, heard: bool) -> None:
        """A half-open socket never says that it is gone: silence in a row is taken for its end."""
        self._silent = 0 if heard else self._silent + 1
        if self._silent >= SILENT_ANSWERS and session is self._session:
            self._silent = 0
            self._session = None
            await session.close()

    async def _current(self) -> RpcSession | Unknown:
        """The session there is, or one that is opened now; whoever asks meanwhile shares the attempt and its end."""
        if self._session is not None and self._end is not None and not self._end.done():
            return self._session
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
            self._opening.add_done_callback(self._opened)
        return await asyncio.shield(self._opening)

    def _opened(self, _: "asyncio.Task[RpcSession | Unknown]") -> None:
        self._opening = None

    async def _open(self) -> RpcSession | Unknown:
        try:
            session = await self._connect()
        except RetryLater as error:
            self._session = None
            return Unknown(str(error))
        self._session = session
        self._end = asyncio.ensure_future(session.closed())
        return session
