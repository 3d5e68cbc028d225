"""What a route says of itself: a clear line for each thing that can be wrong, out of use when it must be, and back again."""

import socket
from email.utils import formatdate

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver
from msgspec.structs import replace
from structlog.testing import capture_logs

from bot.chain.relay_rows import MARKET_TITAN, MARKET_UNPROTECTED
from bot.chain.relay_troubles import LONGEST_PAUSE, pause_of
from bot.core.decisions import Bundle
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import Nanoseconds
from tests.chain.relay_server import UNKNOWN_METHOD, UUID, answers, json_answer

BUNDLE = Bundle((b"\x02first",), 0x1234, UUID, may_revert=True)
NOW = 1_795_000_000
"""Seconds of UTC that the tests' wall clock stands at."""


async def fails(route, times=1):
    for block in range(times):
        assert not isinstance(await route.send(replace(BUNDLE, target_block=block)), Ok)


HARD = {
    "403": (answers(403, "no"), "does not let us in (HTTP 403: no)", "relay-check"),
    "401": (answers(401, {"message": "who?"}), "does not let us in (HTTP 401: who?)", "relay-check"),
    "signature refused in words": (
        answers(error="invalid X-Flashbots-Signature"),
        "does not let us in (HTTP 200: invalid X-Flashbots-Signature)",
        "relay-check",
    ),
    "method": (answers(error=UNKNOWN_METHOD), "does not know eth_sendBundle", "BOT_RELAY_MARKET__URL"),
    "method under 404": (
        answers(404, UNKNOWN_METHOD),
        "does not know eth_sendBundle",
        "BOT_RELAY_MARKET__URL",
    ),
}


@pytest.mark.parametrize("case", HARD)
async def test_a_wrong_row_is_out_of_use_at_once_says_why_and_comes_back_by_itself(
    relay, opened, clock, case
):
    relay.respond, seen, remedy = HARD[case]
    route = opened()
    assert route.is_usable
    with capture_logs() as lines:
        await fails(route)
    assert not route.is_usable
    problem = route.standing.problem
    assert seen in problem
    assert remedy in problem
    assert [(line["event"], line["problem"]) for line in lines] == [("relay.not_usable", problem)]

    asked = len(relay.requests)
    refused = await route.send(BUNDLE)
    assert refused == Reverted(f"not sent: {problem}")
    await route.warm()
    assert len(relay.requests) == asked, "it is left alone until the back-off is over"

    clock.later(6)
    with capture_logs() as lines:
        await route.warm()
    assert not route.is_usable
    assert lines == [], "nothing has changed"
    await route.warm()
    assert len(relay.requests) == asked + 1

    relay.respond = None
    clock.later(600)
    with capture_logs() as lines:
        await route.warm()
    assert route.is_usable
    assert route.standing.problem == ""
    assert [line["event"] for line in lines] == ["relay.usable_again"]
    assert isinstance(await route.send(BUNDLE), Ok)


async def test_a_refused_connection_counts_three_times(opened, relay, clock):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        route = opened(url=f"http://127.0.0.1:{port}/")
        with capture_logs() as lines:
            await fails(route, 2)
            assert route.is_usable
            assert "connection refused" in route.standing.problem
            await fails(route)
        assert not route.is_usable
        assert f"127.0.0.1:{port}" in route.standing.problem
        assert "correct BOT_RELAY_MARKET__URL" in route.standing.problem
        assert [line["event"] for line in lines] == ["relay.trouble", "relay.not_usable"]
        assert (route.standing.sent, route.standing.unknown) == (3, 3)


async def test_a_name_that_does_not_resolve(opened, monkeypatch):
    async def nowhere(*_args, **_kwargs):
        raise OSError("Name or service not known")

    route = opened(url="http://relay.localhost:9/")
    resolver = route._connection.session().connector._resolver
    assert isinstance(resolver, AbstractResolver)
    monkeypatch.setattr(resolver, "resolve", nowhere)
    await fails(route, 3)
    assert not route.is_usable
    assert "relay.localhost:9 does not resolve: correct BOT_RELAY_MARKET__URL" in route.standing.problem


async def test_what_speaks_no_tls(opened, relay):
    route = opened(url=relay.url.replace("http:", "https:"))
    await fails(route, 3)
    assert not route.is_usable
    assert route.standing.problem.startswith("no TLS with 127.0.0.1:")
    assert "BOT_RELAY_MARKET__URL" in route.standing.problem


@pytest.mark.parametrize("status", [301, 307, 404, 405])
async def test_a_page_that_is_no_relay_counts_as_a_wrong_address(opened, relay, status):
    async def elsewhere(*_):
        return web.Response(status=status, headers={"Location": "http://127.0.0.1:1/"})

    relay.respond = elsewhere
    route = opened()
    await fails(route, 2)
    assert route.is_usable
    await fails(route)
    assert not route.is_usable
    assert f"HTTP {status}" in route.standing.problem
    assert "correct BOT_RELAY_MARKET__URL" in route.standing.problem


async def test_a_rate_limit_is_kept_and_ends_by_itself(opened, relay, clock):
    relay.respond = answers(429, "slow down", **{"Retry-After": "7"})
    route = opened()
    with capture_logs() as lines:
        await fails(route)
    assert not route.is_usable
    assert "asks us to slow down" in route.standing.problem
    assert [line["event"] for line in lines] == ["relay.not_usable"]
    clock.later(6)
    assert not route.is_usable
    await route.warm()
    assert len(relay.requests) == 1, "who asked for silence is not pinged"
    clock.later(2)
    assert route.is_usable
    relay.respond = None
    assert isinstance(await route.send(BUNDLE), Ok)
    assert route.standing.problem == ""


async def test_a_rate_limit_without_a_time_backs_off_longer_each_time(opened, relay, clock):
    relay.respond = answers(429, "slow down")
    route, pauses = opened(), []
    for _ in range(4):
        await fails(route)
        waited = 0
        while not route.is_usable:
            clock.later(1)
            waited += 1
        pauses.append(waited)
    assert pauses == sorted(pauses)
    assert pauses[-1] > pauses[0]


def test_retry_after_in_every_form():
    at = Nanoseconds(NOW * 10**9)
    assert pause_of("7", at) == 7 * 10**9
    assert pause_of(formatdate(NOW + 30, usegmt=True), at) == 30 * 10**9
    assert pause_of(formatdate(NOW - 30, usegmt=True), at) == 0
    assert pause_of("99999999999999999999", at) == LONGEST_PAUSE
    for nothing in (None, "", "soon", "-1", "1.5", "٣"):
        assert pause_of(nothing, at) is None


@pytest.mark.parametrize(
    ("theirs", "said"),
    [(0, None), (2, None), (-2, None), (5, "5.0 s behind that of"), (-6, "5.0 s ahead of that of")],
)
async def test_a_clock_that_is_off_is_said_and_stops_nothing(opened, relay, theirs, said):
    async def dated(_, asked):
        answer = json_answer({"jsonrpc": "2.0", "id": asked["id"], "result": relay.good(asked)})
        answer.headers["Date"] = formatdate(NOW + theirs, usegmt=True)
        return answer

    relay.respond = dated
    route = opened(wall_clock=lambda: NOW * 10**9)
    with capture_logs() as lines:
        assert isinstance(await route.send(BUNDLE), Ok)
    assert route.is_usable
    if said is None:
        assert route.standing.problem == ""
        assert lines == []
    else:
        assert f"this machine's clock is {said} 127.0.0.1" in route.standing.problem
        assert "NTP" in route.standing.problem
        assert [line["event"] for line in lines] == ["relay.clock"]


async def test_what_passes_does_not_clear_what_does_not(opened, relay, clock):
    route = opened()
    relay.respond = answers(403, "no")
    await fails(route)
    relay.respond = answers(503, "overloaded")
    clock.later(600)
    await route.warm()
    assert not route.is_usable
    assert "does not let us in" in route.standing.problem


async def test_counts_and_times_of_the_answers(opened, relay):
    route = opened()
    assert (route.standing.sent, route.standing.answer_p50, route.standing.answer_p99) == (0, None, None)
    for block in range(4):
        await route.send(replace(BUNDLE, target_block=block))
    standing = route.standing
    assert (standing.sent, standing.accepted, standing.refused, standing.unknown) == (4, 4, 0, 0)
    assert 0 < standing.answer_p50 <= standing.answer_p99
    assert standing.host == relay.url.removeprefix("http://").rstrip("/")


async def test_what_cannot_be_said_to_a_relay_counts_for_nothing(opened, relay):
    route = opened(MARKET_TITAN)
    assert (
        "cannot put a bundle behind a hash"
        in (await route.send(replace(BUNDLE, behind_hash=bytes(32)))).reason
    )
    assert "takes 1 to 100" in (await route.send(replace(BUNDLE, transactions=(b"\x02",) * 101))).reason
    assert "mines reverts" in (await opened(MARKET_UNPROTECTED).send(BUNDLE)).reason
    assert (route.standing.sent, route.standing.problem, route.is_usable) == (0, "", True)
    assert relay.requests == []


async def test_an_answer_about_another_transaction_is_a_malformed_one(opened, relay):
    async def lies(_, asked):
        return json_answer({"id": asked["id"], "result": ["yes"]})

    relay.respond = lies
    route = opened()
    assert isinstance(await route.send(BUNDLE), Unknown)
    assert "nobody can read" in route.standing.problem


async def test_only_the_method_itself_proves_that_it_is_known(opened, relay, clock):
    async def knows_no_bundles(_, asked):
        if asked["method"] == "eth_sendBundle":
            return json_answer({"id": asked["id"], "error": UNKNOWN_METHOD})
        return json_answer({"id": asked["id"], "result": True})

    relay.respond = knows_no_bundles
    route = opened()
    await fails(route)
    assert await route.cancel(UUID) == Ok(None), "what was handed over before can still be taken back"
    assert not route.is_usable
    relay.respond = None
    clock.later(60)
    await route.warm()
    assert route.is_usable


async def test_closing_is_nobodys_trouble(opened, relay):
    route = opened()
    assert isinstance(await route.send(BUNDLE), Ok)
    await route.close()
    with capture_logs() as lines:
        assert isinstance(await route.send(replace(BUNDLE, target_block=2)), Unknown)
    assert lines == []
    assert route.standing.problem == ""
