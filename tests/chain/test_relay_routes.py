"""Routes against a real HTTP server that verifies every signature and misbehaves in every way known."""

import asyncio

import msgspec
import pytest
from aiohttp import web
from eth_utils import keccak
from msgspec.structs import replace

from bot.chain.relay_connection import MAX_ANSWER_BYTES
from bot.chain.relay_rows import FLASHBOTS_PROTECT, MARKET, MARKET_UNPROTECTED, PUBLIC, ROWS
from bot.chain.relays import open_route
from bot.clock import SystemClock
from bot.core.decisions import Bundle
from bot.core.identity import to_checksum
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import Nanoseconds
from bot.execution.submit import submit
from tests.chain.relay_server import IDENTITY, PATIENCE, UUID, RelayServer, json_answer

BUNDLE = Bundle((b"\x02first", b"\x02second"), 0x1234, UUID, may_revert=True)
SINGLE = replace(BUNDLE, transactions=(b"\x02only",), may_revert=False)
BUNDLE_HASH = "0x" + keccak(keccak(b"\x02first") + keccak(b"\x02second")).hex()
SHORT = Nanoseconds(100 * 10**6)


async def test_a_bundle_arrives_signed_and_field_by_field(relay, opened):
    assert await opened().send(BUNDLE) == Ok(BUNDLE_HASH)
    [(method, params, body, signer)] = relay.requests
    assert method == "eth_sendBundle"
    assert params == [
        {
            "txs": ["0x" + b"\x02first".hex(), "0x" + b"\x02second".hex()],
            "blockNumber": "0x1234",
            "replacementUuid": UUID,
        }
    ]
    assert signer == to_checksum(IDENTITY.address)
    assert set(msgspec.json.decode(body)) == {"jsonrpc", "id", "method", "params"}


async def test_a_relay_without_uuids_is_sent_none(relay, opened):
    await opened(replace(MARKET, uuid_rule="none")).send(BUNDLE)
    assert "replacementUuid" not in relay.requests[0][1][0]


async def test_many_requests_use_one_connection_and_their_own_ids(relay, opened):
    route = opened()
    for block in range(5):
        assert isinstance(await route.send(replace(BUNDLE, target_block=block)), Ok)
    assert len(relay.connections) == 1
    ids = [msgspec.json.decode(body)["id"] for _, _, body, _ in relay.requests]
    assert len(set(ids)) == 5


async def test_cancel_names_the_uuid(relay, opened):
    assert await opened().cancel(UUID) == Ok(None)
    assert relay.requests[0][:2] == ("eth_cancelBundle", [{"replacementUuid": UUID}])


async def test_call_bundle_is_decoded(relay, opened):
    result = {
        "coinbaseDiff": "20000000000126000",
        "totalGasUsed": 63000,
        "results": [
            {"txHash": "0x" + "11" * 32, "gasUsed": 21000, "value": "0x"},
            {"txHash": "0x" + "22" * 32, "gasUsed": 42000, "error": "execution reverted", "revert": "K"},
        ],
    }
    relay.good = lambda asked: result
    called = await opened().call(BUNDLE.transactions, 101, 100)
    assert relay.requests[0][1][0]["blockNumber"] == "0x65"
    assert relay.requests[0][1][0]["stateBlockNumber"] == "0x64"
    assert (called.value.coinbase_diff, called.value.total_gas_used) == (20000000000126000, 63000)
    assert [(t.gas_used, t.failure) for t in called.value.transactions] == [
        (21000, None),
        (42000, "execution reverted"),
    ]


def says(answer, status=200):
    """The answer, with the request's own id where it has none."""

    async def respond(_, asked):
        whole = {"jsonrpc": "2.0", "id": asked["id"]} | answer if isinstance(answer, dict) else answer
        return json_answer(whole, status)

    return respond


def sends(body, status=200, **headers):
    async def respond(*_):
        return web.Response(body=body, status=status, headers=headers)

    return respond


async def resets(request, _):
    request.transport.abort()
    return web.Response()


async def breaks_off(request, _):
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"jsonrpc"')
    request.transport.abort()
    return response


GOOD_HASH = {"bundleHash": BUNDLE_HASH}
NO = {
    "an error object": (
        says({"error": {"code": -32000, "message": "too many txs in bundle"}}),
        "too many txs",
    ),
    "an error text": (says({"error": "bundle with no txs"}), "bundle with no txs"),
    "an error beside a result": (says({"error": "no", "result": GOOD_HASH}), "no"),
    "an error to an unread request": (says({"id": None, "error": "cannot parse"}), "cannot parse"),
    "429": (sends(b"slow down", 429), "HTTP 429: slow down"),
    "403 with JSON": (says({"error": {"message": "bad signature"}}, 403), "HTTP 403: bad signature"),
    "a redirect": (sends(b"", 307, Location="http://127.0.0.1:1/"), "HTTP 307"),
}
SILENCE = {
    "500": (sends(b"oops", 500), "HTTP 500: oops"),
    "502 with JSON": (says({"result": GOOD_HASH}, 502), "HTTP 502"),
    "204": (sends(b"", 204), "HTTP 204"),
    "no body": (sends(b""), "not a JSON object"),
    "half a JSON": (sends(b'{"jsonrpc":"2.0","id":1,'), "not a JSON object"),
    "bytes that are no text": (sends(b"\xff\xfe\x00"), "not a JSON object"),
    "deep JSON": (sends(b"[" * 100_000), "not a JSON object"),
    "a list": (says([{"id": 1, "result": GOOD_HASH}]), "not a JSON object"),
    "another id": (says({"id": 999, "result": GOOD_HASH}), "request 999"),
    "no id": (says({"id": None, "result": GOOD_HASH}), "request None"),
    "true for an id": (says({"id": True, "result": GOOD_HASH}), "request True"),
    "neither result nor error": (says({}), "neither result nor error"),
    "a null result": (says({"result": None}), "without a bundle hash"),
    "a hash of the wrong length": (says({"result": {"bundleHash": "0x12"}}), "without a bundle hash"),
    "a hash that is a number": (says({"result": {"bundleHash": 12}}), "without a bundle hash"),
    "a connection reset": (resets, "connection failed"),
    "half an answer": (breaks_off, "connection failed"),
    "a huge answer": (sends(b" " * (MAX_ANSWER_BYTES + 1)), f"longer than {MAX_ANSWER_BYTES}"),
    "a lie about its compression": (sends(b"not gzip", **{"Content-Encoding": "gzip"}), "connection failed"),
}


@pytest.mark.parametrize("case", NO)
async def test_a_no_is_a_no(relay, opened, case):
    relay.respond, words = NO[case]
    answer = await opened().send(BUNDLE)
    assert isinstance(answer, Reverted), answer
    assert words in answer.reason
    assert len(relay.requests) == 1


@pytest.mark.parametrize("case", SILENCE)
async def test_anything_else_is_unknown(relay, opened, case):
    relay.respond, words = SILENCE[case]
    answer = await opened().send(BUNDLE)
    assert isinstance(answer, Unknown), answer
    assert words in answer.cause
    assert relay.url not in answer.cause


@pytest.mark.parametrize("case", [*NO, *SILENCE])
async def test_the_route_recovers_after_any_of_them(relay, opened, clock, case):
    route = opened()
    relay.respond, _ = (NO | SILENCE)[case]
    await route.send(BUNDLE)
    relay.respond = None
    clock.later(1)
    if not route.is_usable:
        clock.later(60)
        await route.warm()
    assert route.is_usable, route.standing.problem
    assert await route.send(BUNDLE) == Ok(BUNDLE_HASH)
    assert route.standing.problem == ""


@pytest.mark.parametrize(
    "answer",
    [
        {"result": GOOD_HASH, "error": None},
        {"result": BUNDLE_HASH},
        {"result": GOOD_HASH | {"smart": "true"}},
    ],
)
async def test_dialects_of_yes(relay, opened, answer):
    relay.respond = says(answer)
    assert await opened().send(BUNDLE) == Ok(BUNDLE_HASH)


async def test_a_relay_that_hangs_is_unknown(relay, opened):
    async def hang(*_):
        await relay.release.wait()
        return web.Response()

    relay.respond = hang
    answer = await opened(limit=SHORT).send(BUNDLE)
    assert isinstance(answer, Unknown)
    assert "no answer within 0.1 s" in answer.cause


async def test_a_relay_that_is_down_is_unknown(opened, relay):
    route = opened()
    await relay.stop()
    assert isinstance(await route.send(BUNDLE), Unknown)


async def test_an_idle_connection_closed_by_the_relay_costs_no_bundle(relay, opened):
    route = opened()
    assert isinstance(await route.send(BUNDLE), Ok)
    dropped = []

    async def drop_once(request, asked):
        if not dropped:
            dropped.append(True)
            request.transport.close()
            return web.Response()
        return json_answer({"id": asked["id"], "result": relay.good(asked)})

    relay.respond = drop_once
    assert await route.send(BUNDLE) == Ok(BUNDLE_HASH)
    assert relay.requests[-1][2] == relay.requests[-2][2]


async def test_one_relays_trouble_keeps_no_bundle_from_the_other(relay, opened):
    other = RelayServer()
    await other.start()

    async def hang(*_):
        await other.release.wait()
        return web.Response()

    other.respond = hang
    bad = open_route(replace(MARKET, name="bad"), other.url, IDENTITY, SystemClock(), SHORT)
    try:
        answers = await submit(BUNDLE, [bad, opened()], SystemClock(), PATIENCE)
    finally:
        await bad.close()
        await other.stop()
    assert isinstance(answers[0].answer, Unknown)
    assert answers[1].answer == Ok(BUNDLE_HASH)


async def test_the_budget_per_minute_refuses_here(relay, opened):
    route = opened(replace(MARKET, per_minute={"eth_sendBundle": 3}, other_per_minute=1))
    answers = [await route.send(BUNDLE) for _ in range(5)]
    assert [type(a) for a in answers] == [Ok] * 3 + [Reverted] * 2
    assert answers[3].reason.startswith("not sent: 3 eth_sendBundle per minute")
    assert len(relay.requests) == 3
    assert route._connection.refused_by_budget == 2
    assert isinstance(await route.cancel(UUID), Ok), "another method has its own budget"


async def test_too_many_transactions_or_bytes_are_not_sent(relay, opened):
    many = replace(BUNDLE, transactions=(b"\x02",) * 101)
    assert "takes 1 to 100" in (await opened().send(many)).reason
    assert "takes 1 to 100" in (await opened().send(replace(BUNDLE, transactions=()))).reason
    large = replace(BUNDLE, transactions=(bytes(150_000),))
    assert "takes 300000" in (await opened().send(large)).reason
    assert relay.requests == []


async def test_a_method_the_relay_does_not_know_is_not_sent(relay, opened):
    route = opened(replace(MARKET, methods=frozenset({"eth_sendBundle"})))
    assert "does not know eth_cancelBundle" in (await route.cancel(UUID)).reason
    assert relay.requests == []


@pytest.mark.parametrize("row", [row for row in ROWS.values() if not row.drops_reverts])
async def test_what_may_revert_never_leaves_for_who_mines_reverts(relay, opened, row):
    answer = await opened(row).send(replace(SINGLE, may_revert=True))
    assert isinstance(answer, Reverted)
    assert "mines reverts" in answer.reason
    assert relay.requests == []


async def test_a_private_transaction(relay, opened):
    tx_hash = "0x" + keccak(b"\x02only").hex()
    assert await opened(MARKET_UNPROTECTED).send(SINGLE) == Ok(tx_hash)
    assert relay.requests[0][:2] == (
        "eth_sendPrivateTransaction",
        [
            {
                "tx": "0x" + b"\x02only".hex(),
                "maxBlockNumber": "0x1234",
                "preferences": {"fast": False, "privacy": {"hints": ["hash"]}},
            }
        ],
    )


async def test_a_raw_transaction(relay, opened):
    route = opened(PUBLIC)
    assert await route.send(SINGLE) == Ok("0x" + keccak(b"\x02only").hex())
    assert relay.requests[0][:2] == ("eth_sendRawTransaction", ["0x" + b"\x02only".hex()])


async def test_the_hash_of_another_transaction_is_unknown(relay, opened):
    relay.respond = says({"result": "0x" + "11" * 32})
    answer = await opened(MARKET_UNPROTECTED).send(SINGLE)
    assert isinstance(answer, Unknown)
    assert "0x" + "11" * 32 in answer.cause


async def test_a_private_transaction_is_cancelled_by_its_hash(relay, opened):
    route = opened(FLASHBOTS_PROTECT)
    assert isinstance(await route.cancel(UUID), Reverted)
    await route.send(SINGLE)
    assert await route.cancel(UUID) == Ok(None)
    assert relay.requests[-1][:2] == (
        "eth_cancelPrivateTransaction",
        [{"txHash": "0x" + keccak(b"\x02only").hex()}],
    )
    relay.respond = says({"result": False})
    assert isinstance(await route.cancel(UUID), Reverted)


async def test_a_cancelled_send_leaves_the_route_usable(relay, opened):
    route = opened()

    arrived = asyncio.Event()

    async def hang(*_):
        arrived.set()
        await relay.release.wait()
        return web.Response()

    relay.respond = hang
    task = asyncio.ensure_future(route.send(BUNDLE))
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    relay.respond = None
    assert await route.send(BUNDLE) == Ok(BUNDLE_HASH)
