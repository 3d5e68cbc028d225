"""Troubles in a row take a route out, whatever they are; a good answer alone brings it back; neither fills the log."""

import socket

import pytest
from aiohttp import web
from msgspec.structs import replace
from structlog.testing import capture_logs

from bot.chain.relay_rows import MARKET_TITAN
from bot.core.decisions import Bundle
from bot.core.result import Ok, Reverted
from bot.core.units import Nanoseconds
from bot.execution.submit import routes_for
from bot.ops.relay_view import NO_ROUTE, relay_board, summary
from tests.chain.relay_server import UUID, answers, json_answer

BUNDLE = Bundle((b"\x02first",), 0x1234, UUID, may_revert=True)


async def fails(route, times=1):
    for block in range(times):
        assert not isinstance(await route.send(replace(BUNDLE, target_block=block)), Ok)


async def test_malformed_answers_and_server_errors_are_said_and_a_few_stop_nothing(opened, relay):
    route = opened()
    for respond, said in (
        (page(200), "nobody can read"),
        (answers(503, "overloaded"), "in trouble (HTTP 503: overloaded)"),
    ):
        relay.respond = respond
        await fails(route, 4)
        assert route.is_usable
        assert said in route.standing.problem
        relay.respond = answers(error="bundle with no txs")
        await fails(route)
        assert route.standing.problem == "", "a refusal is an answer like any other"
    assert (route.standing.sent, route.standing.refused, route.standing.unknown) == (10, 2, 8)


def page(status):
    async def respond(*_):
        return web.Response(text=" <html>welcome", status=status, content_type="text/html")

    return respond


async def silence(request, _):
    request.transport.abort()
    return web.Response()


async def lies_about_its_type(_, asked):
    return json_answer({"id": asked["id"], "result": ["yes"]})


NO_RELAY = {
    "page": page(200),
    "page that refuses": page(400),
    "black hole": silence,
    "liar": lies_about_its_type,
    "overloaded": answers(503, "overloaded"),
    "429 for ever": answers(429, "slow", **{"Retry-After": "0"}),
}


@pytest.mark.parametrize("case", NO_RELAY)
async def test_what_never_answers_as_a_relay_is_out_after_five_until_a_try_succeeds(
    opened, relay, clock, case
):
    relay.respond = NO_RELAY[case]
    route = opened()
    with capture_logs() as lines:
        for block in range(4):
            await route.send(replace(BUNDLE, target_block=block))
            clock.later(1)
        assert route.is_usable, "a few may fail"
        await route.send(replace(BUNDLE, target_block=4))
    assert not route.is_usable
    assert "5 requests in a row without one good answer" in route.standing.problem
    assert [line["event"] for line in lines if line["event"] != "relay.well_again"][-1] == "relay.not_usable"
    asked = len(relay.requests)
    assert isinstance(await route.send(BUNDLE), Reverted)
    await route.warm()
    assert len(relay.requests) == asked
    relay.respond = None
    clock.later(600)
    assert not route.is_usable, "time alone proves nothing"
    with capture_logs() as lines:
        await route.warm()
        assert route.is_usable
        assert isinstance(await route.send(BUNDLE), Ok)
    assert [line["event"] for line in lines] == ["relay.usable_again"]


async def test_troubles_of_any_kind_count_together_and_are_few_lines(opened, relay, clock):
    route = opened()
    kinds = [page(200), answers(503, "overloaded"), silence, answers(429, "slow", **{"Retry-After": "0"})]
    with capture_logs() as lines:
        for block in range(5):
            relay.respond = kinds[block % 4]
            await route.send(replace(BUNDLE, target_block=block))
            clock.later(1)
        assert not route.is_usable
        for block in range(40):
            relay.respond = kinds[block % 4]
            clock.later(1)
            await route.warm()
    assert not route.is_usable
    assert [line["event"] for line in lines] == ["relay.trouble", "relay.not_usable"]


async def test_refusals_of_bundles_never_take_a_relay_out(opened, relay):
    relay.respond = answers(400, {"code": -32000, "message": "bundle is too old"})
    route = opened()
    with capture_logs() as lines:
        await fails(route, 20)
    assert route.is_usable
    assert (route.standing.problem, lines) == ("", [])


async def test_a_method_that_bundles_do_not_need_never_takes_a_relay_out(opened, relay):
    relay.respond = answers(error={"code": -32601, "message": "method not found"})
    route = opened()
    for _ in range(8):
        await route.cancel(UUID)
    assert route.is_usable


async def test_a_rate_limit_that_comes_again_is_one_line_out_and_one_back(opened, relay, clock):
    relay.respond = answers(429, "slow down", **{"Retry-After": "2"})
    route = opened()
    with capture_logs() as lines:
        for block in range(4):
            await fails(route)
            assert not route.is_usable
            clock.later(3)
            assert route.is_usable, block
        relay.respond = None
        assert isinstance(await route.send(BUNDLE), Ok)
    assert [line["event"] for line in lines] == ["relay.not_usable", "relay.usable_again"]


async def test_a_relay_that_fails_every_other_time_is_one_pair_of_lines_a_minute(opened, relay, clock):
    route = opened()
    with capture_logs() as lines:
        for block in range(20):
            relay.respond = answers(503, "overloaded") if block % 2 else None
            await route.send(replace(BUNDLE, target_block=block))
            clock.later(5)
    assert [line["event"] for line in lines] == ["relay.trouble", "relay.well_again"] * 2


async def test_with_nothing_but_pages_and_silence_no_route_is_left(opened, relay):
    relay.respond = page(200)
    hole = socket.create_server(("127.0.0.1", 0))
    routes = [
        opened(),
        opened(MARKET_TITAN, url=f"http://127.0.0.1:{hole.getsockname()[1]}/", limit=Nanoseconds(10**7)),
    ]
    with hole:
        for block in range(5):
            assert relay_board(routes).may_send, block
            for route in routes:
                await route.send(replace(BUNDLE, target_block=block))
    assert NO_ROUTE in summary(relay_board(routes))
    choice = routes_for(BUNDLE, routes)
    assert choice.no_send is not None
    assert all("without one good answer" in one.reason for one in choice.refused)
