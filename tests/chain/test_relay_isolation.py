"""One relay's trouble touches no other: by order and outcome, not by time."""

import asyncio
import socket
import sys
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from eth_utils import keccak
from msgspec.structs import replace

from bot.chain.relay_bodies import BundleBodies
from bot.chain.relay_identity import RelayIdentity
from bot.chain.relay_rows import FLASHBOTS, MARKET, MARKET_BUILDERNET, MARKET_TITAN, QUASAR
from bot.chain.relays import open_route, prepare_all, warm_all
from bot.clock import SystemClock
from bot.core.decisions import Bundle
from bot.core.result import Ok, Unknown
from bot.core.units import Nanoseconds
from bot.execution.submit import hand_over, routes_for
from tests.chain.relay_server import RelayServer, json_answer

IDENTITY = RelayIdentity(keccak(b"relay identity of the isolation"))
BUNDLE = Bundle((b"\x02first",), 0x1234, "01234567-89ab-4cde-8f01-23456789abcd", may_revert=True)
PATIENCE = Nanoseconds(20 * 10**9)
ROWS = (MARKET, MARKET_TITAN, MARKET_BUILDERNET, FLASHBOTS, QUASAR)


@asynccontextmanager
async def stage(count):
    """So many relays and a route to each; the routes share the bytes."""
    servers = [RelayServer() for _ in range(count)]
    for server in servers:
        await server.start()
    bodies = BundleBodies(IDENTITY)
    routes = [
        open_route(row, server.url, IDENTITY, SystemClock(), PATIENCE, bodies=bodies)
        for row, server in zip(ROWS, servers, strict=False)
    ]
    try:
        yield servers, routes
    finally:
        for server in servers:
            server.release.set()
        for route in routes:
            await route.close()
        for server in servers:
            await server.stop()


async def stalls(server):
    async def hang(*_):
        await server.release.wait()
        return web.Response()

    server.respond = hang


async def drips(server):
    async def drop_by_drop(request, _):
        response = web.StreamResponse()
        await response.prepare(request)
        while not server.release.is_set():
            await response.write(b" ")
            await asyncio.sleep(0.01)
        return response

    server.respond = drop_by_drop


@pytest.mark.parametrize("trouble", [stalls, drips])
async def test_the_others_answer_while_one_does_not(trouble):
    async with stage(4) as (servers, routes):
        await warm_all(routes)
        await trouble(servers[1])
        tasks = hand_over(BUNDLE, routes_for(BUNDLE, routes).usable, SystemClock(), PATIENCE)
        good = [task for place, task in enumerate(tasks) if place != 1]
        answers = await asyncio.gather(*good)
        assert all(isinstance(answer.answer, Ok) for answer in answers)
        assert not tasks[1].done(), "the others were not held up until its time-out"
        tasks[1].cancel()
        await asyncio.wait([tasks[1]])
        assert [route.standing.accepted for route in routes] == [1, 0, 1, 1]
        assert [bool(route.standing.problem) for route in routes] == [False, True, False, False]
        assert all(route.is_usable for route in routes), "slow is not broken"


def speaks(status, body, **headers):
    async def respond(*_):
        return web.Response(status=status, body=body, headers=headers)

    return respond


async def lies_about_its_type(_, asked):
    return json_answer({"id": asked["id"], "result": [["0x"]]})


TROUBLES = {
    "429": speaks(429, b"slow", **{"Retry-After": "600"}),
    "503": speaks(503, b"no"),
    "403": speaks(403, b"no"),
    "rubbish": speaks(200, b"\xff\x00{"),
    "oversized": speaks(200, b" " * (2 << 20)),
    "redirect": speaks(307, b"", Location="http://127.0.0.1:1/"),
    "a lie": lies_about_its_type,
}


@pytest.mark.parametrize("case", TROUBLES)
async def test_no_answer_of_one_reaches_another(case):
    async with stage(3) as (servers, routes):
        servers[0].respond = TROUBLES[case]
        for block in range(4):
            bundle = replace(BUNDLE, target_block=block)
            answers = await asyncio.gather(*(route.send(bundle) for route in routes))
            assert not isinstance(answers[0], Ok)
            assert [type(answer) for answer in answers[1:]] == [Ok, Ok]
        assert [(r.standing.accepted, r.standing.problem) for r in routes[1:]] == [(4, ""), (4, "")]
        assert routes[0].standing.problem
        assert [len(server.requests) for server in servers[1:]] == [4, 4]


class SilentServer:
    """A socket that takes a connection, answers the first request, and from then on only shows what has arrived."""

    def __init__(self):
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.setblocking(False)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/"
        self.taken = None

    async def answer_one(self):
        loop = asyncio.get_running_loop()
        self.taken, _ = await loop.sock_accept(self._listening)
        self.taken.setblocking(False)
        request = b""
        while not request.endswith(b"}"):
            request += await loop.sock_recv(self.taken, 65536)
        answer = b'{"id":null,"error":"bundle with no txs"}'
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(
            answer
        )
        await loop.sock_sendall(self.taken, head + answer)

    def arrived(self):
        """All that came, without waiting for any of it."""
        try:
            return self.taken.recv(1 << 20)
        except BlockingIOError:
            return b""

    def close(self):
        self._listening.close()
        if self.taken is not None:
            self.taken.close()


async def test_on_warm_connections_the_bytes_leave_for_all_in_one_turn_of_the_loop():
    servers = [SilentServer() for _ in ROWS]
    bodies = BundleBodies(IDENTITY)
    routes = [
        open_route(row, server.url, IDENTITY, SystemClock(), PATIENCE, bodies=bodies)
        for row, server in zip(ROWS, servers, strict=True)
    ]
    try:
        await asyncio.gather(warm_all(routes), *(server.answer_one() for server in servers))
        assert [server.arrived() for server in servers] == [b""] * len(ROWS)
        prepared = prepare_all(BUNDLE, routes)
        tasks = hand_over(BUNDLE, routes_for(BUNDLE, routes).usable, SystemClock(), PATIENCE)
        arrived, turns = [b""], 0
        while not all(arrived):
            await asyncio.sleep(0)
            arrived, turns = [server.arrived() for server in servers], turns + 1
            assert any(arrived) == all(arrived), "for all in the same turn, or not yet for any"
        # aiohttp writes a body by a task of its own, which Python before 3.12 begins in the turn after.
        assert turns == (1 if sys.version_info >= (3, 12) else 2)
        body = prepared["market"].body
        assert all(request.endswith(b"\r\n\r\n" + body) for request in arrived), (
            "one turn, one body, all of it"
        )
        signed = [b"x-flashbots-signature" in request.lower() for request in arrived]
        assert signed == [row.signature != "none" for row in ROWS]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    finally:
        for route in routes:
            await route.close()
        for server in servers:
            server.close()


async def test_a_relay_that_is_gone_leaves_the_others_usable():
    async with stage(3) as (servers, routes):
        await servers[0].stop()
        for block in range(4):
            bundle = replace(BUNDLE, target_block=block)
            answers = [
                await task
                for task in hand_over(bundle, routes_for(bundle, routes).usable, SystemClock(), PATIENCE)
            ]
            named = {answer.route: answer.answer for answer in answers}
            assert {name for name, answer in named.items() if isinstance(answer, Ok)} == {
                "market-titan",
                "market-buildernet",
            }
        assert [route.is_usable for route in routes] == [False, True, True]
        assert isinstance(answers[0].answer, Ok), (
            "the fourth bundle was not even handed to the one that is gone"
        )
        assert Unknown not in {type(answer.answer) for answer in answers}
