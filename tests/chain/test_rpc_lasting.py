"""The kept session: opened anew when it ended, when it went silent, and only once however many ask."""

import asyncio

import pytest

from bot.chain.rpc_lasting import SILENT_ANSWERS, LastingRpc
from bot.core.errors import RetryLater
from bot.core.result import Ok, Reverted, Unknown


class Session:
    """Answers what it is told to; `end` is what a dropped connection does."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = 0
        self.is_closed = False
        self._ended = asyncio.Event()

    async def request(self, method, params):
        self.asked += 1
        return self.answer

    async def batch(self, calls):
        self.asked += 1
        return [self.answer] * len(calls)

    async def closed(self):
        await self._ended.wait()
        return "gone"

    async def close(self):
        self.is_closed = True
        self._ended.set()

    def end(self):
        self._ended.set()


class Node:
    """Opens one session after the other; an exception in the list is a connection that fails."""

    def __init__(self, *sessions):
        self.coming = list(sessions)
        self.opened = 0

    async def connect(self):
        self.opened += 1
        await asyncio.sleep(0)
        session = self.coming.pop(0)
        if isinstance(session, Exception):
            raise session
        return session


async def ask(rpc):
    return await rpc.request("eth_chainId", [])


async def test_one_session_serves_all_who_ask_at_once():
    session = Session(Ok("0x1"))
    node = Node(session)
    rpc = LastingRpc(node.connect)
    assert await asyncio.gather(*(ask(rpc) for _ in range(20))) == [Ok("0x1")] * 20
    assert (node.opened, session.asked) == (1, 20)
    await rpc.close()
    assert session.is_closed


async def test_all_who_ask_share_a_failed_attempt():
    node = Node(RetryLater("refused"), Session(Ok("0x1")))
    rpc = LastingRpc(node.connect)
    assert await asyncio.gather(*(ask(rpc) for _ in range(20))) == [Unknown("refused")] * 20
    assert node.opened == 1
    assert await ask(rpc) == Ok("0x1")
    await rpc.close()


async def test_a_session_that_ended_is_replaced():
    first, second = Session(Ok("0x1")), Session(Ok("0x2"))
    rpc = LastingRpc(Node(first, second).connect)
    assert await ask(rpc) == Ok("0x1")
    first.end()
    await asyncio.sleep(0)
    assert await ask(rpc) == Ok("0x2")
    await rpc.close()


@pytest.mark.parametrize("batched", [False, True])
async def test_silence_in_a_row_ends_a_half_open_session(batched):
    first, second = Session(Unknown("no answer within 2 s")), Session(Ok("0x2"))
    rpc = LastingRpc(Node(first, second).connect)
    for _ in range(SILENT_ANSWERS):
        answer = (await rpc.batch([("eth_chainId", [])]))[0] if batched else await ask(rpc)
        assert isinstance(answer, Unknown)
    assert first.is_closed
    assert await ask(rpc) == Ok("0x2")
    await rpc.close()


@pytest.mark.parametrize("word", [Ok("0x1"), Reverted("method not found")])
async def test_a_word_in_between_is_life(word):
    session = Session(Unknown("slow"))
    rpc = LastingRpc(Node(session).connect)
    for _ in range(4):
        for answer in [Unknown("slow")] * (SILENT_ANSWERS - 1) + [word]:
            session.answer = answer
            assert await ask(rpc) == answer
    assert not session.is_closed
    await rpc.close()


async def test_after_a_timeout_nothing_is_sent_twice():
    first, second = Session(Unknown("no answer")), Session(Ok("0x2"))
    rpc = LastingRpc(Node(first, second).connect)
    await ask(rpc)
    assert (first.asked, second.asked) == (1, 0)
    await rpc.close()
