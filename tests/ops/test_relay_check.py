"""`bot relay-check` against the market's own relays, and against relays that are not what their rows say."""

import argparse
import asyncio
import json
import socket
import time

import pytest
from aiohttp import web
from msgspec.structs import replace

from bot.chain.relay_identity import FILE_NAME, load_or_create_identity
from bot.chain.relay_rows import MARKET, ROWS
from bot.core.errors import BadConfiguration, Unreachable
from bot.core.identity import ZERO_ADDRESS, ZERO_HASH, BlockRef
from bot.core.transaction import decode_signed
from bot.ops import relay_check
from bot.ops.relay_check import print_relay_check
from bot.ops.relay_findings import CANNOT_BE_TOLD, SIZES, Findings, differences
from bot.ops.relay_probe import unfunded_transaction
from bot.world.block_simulation import BuildingBlock
from bot.world.block_story import JsonLines
from bot.world.relay import Relay
from bot.world.relay_faults import RelayFaults
from bot.world.relay_kinds import KINDS
from bot.world.relay_server import RelayServer
from tests.oracle.relay_decoder import read_request

BLOCK = BuildingBlock(BlockRef(100, ZERO_HASH), 101, 1_700_000_000, 10**9, 30_000_000, ZERO_ADDRESS)


@pytest.fixture
async def market(tmp_path):
    """The market's endpoints for bundles, without a chain: nothing here is ever built."""
    log = JsonLines(tmp_path / "requests.jsonl")
    relay = Relay(None, None, lambda: BLOCK, log, time.time_ns)
    served = {}
    for name in ("market", "market-titan", "market-buildernet"):
        served[name] = RelayServer(relay, KINDS[name], RelayFaults({}, 0))
        await served[name].start()
    yield {name: server.url for name, server in served.items()}
    for server in served.values():
        await server.stop()
    log.close()


@pytest.fixture
def check(capsys):
    async def run(url, row=None, **more):
        options = {"identity": None, "authorization_file": None, "json": True, "report": None} | more
        asked = argparse.Namespace(url=url, row=row, **options)
        code = await asyncio.to_thread(print_relay_check, asked)
        printed = capsys.readouterr().out
        return code, json.loads(printed) if options["json"] else printed

    return run


@pytest.mark.parametrize("name", ["market", "market-titan", "market-buildernet"])
async def test_the_markets_relays_are_what_their_rows_say(market, check, name):
    code, said = await check(market[name], name)
    assert said["differences"] == []
    assert (code, said["schema"], said["row"]) == (0, 1, name)
    found = said["findings"]
    assert found["methods"]["eth_sendBundle"] == "known"
    assert found["methods"]["blxr_submit_bundle"] == "unknown"
    assert found["needs_signature"] == (name != "market-titan")
    rules = {"market": "uuid", "market-titan": "text", "market-buildernet": "v4"}
    assert found["uuid_rule"] == rules[name]
    assert found["wrongly_signed"].startswith("refused: HTTP 403")
    assert found["empty_bundle"] == "accepted"
    assert found["batch"].startswith("refused")
    assert found["largest_read"] == SIZES[1]
    assert found["clock"] == "agrees"


@pytest.mark.parametrize(
    ("at", "row", "words"),
    [
        ("market", "market-titan", ["signature: the row says taken", "uuid: the row says text"]),
        ("market-titan", "market", ["eth_callBundle", "signature: the row says required", "uuid"]),
        ("market", "market-share", ["the row has mev_sendBundle, the endpoint says: unknown"]),
        ("market", "bloxroute", ["the row has blxr_submit_bundle, the endpoint says: unknown"]),
    ],
)
async def test_a_wrong_row_is_told_where(market, check, at, row, words):
    code, said = await check(market[at], row)
    assert code == 1
    lines = "\n".join(said["differences"])
    assert all(word in lines for word in words), lines


async def test_the_table_names_what_cannot_be_known(market, check):
    code, text = await check(market["market-titan"], json=False)
    assert code == 0
    assert "silently ignored looks like one that was accepted" in text
    assert "eth_sendBundle" in text
    assert "not required" in text
    assert "differs" not in text
    code, text = await check(market["market-titan"], "market", json=False)
    assert "differs from row market" in text


async def test_the_json_goes_to_a_file_as_well(market, check, tmp_path):
    path = tmp_path / "report.json"
    _, said = await check(market["market"], "market", report=path)
    assert json.loads(path.read_text()) == said


@pytest.fixture
async def serve():
    runners = []

    async def start(respond):
        app = web.Application(client_max_size=1 << 22)
        app.router.add_post("/", respond)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/"

    yield start
    for runner in runners:
        await runner.cleanup()


def id_of(body):
    asked = json.loads(body)
    return asked["id"] if isinstance(asked, dict) else asked[0]["id"]


def result_to(body):
    return web.Response(body=b'{"jsonrpc":"2.0","id":%d,"result":null}' % id_of(body))


async def test_nothing_that_is_asked_could_do_harm(serve, check):
    seen = []

    async def respond(request):
        body = await request.read()
        seen.append((body, request.headers.get("X-Flashbots-Signature")))
        return result_to(body)

    url = await serve(respond)
    code, said = await check(url, "market")
    assert code == 1
    assert set(said["findings"]["methods"].values()) == {CANNOT_BE_TOLD}
    assert said["findings"]["needs_signature"] is None
    assert said["differences"] == [f"methods: {CANNOT_BE_TOLD}"]
    code, said = await check(url)
    assert code == 1, "without a row as well: nothing of it was found out"
    _, text = await check(url, "market", json=False)
    assert CANNOT_BE_TOLD in text
    assert "cannot be told" in next(line for line in text.splitlines() if line.startswith("signature"))
    seen = seen[: len(seen) // 3]
    assert 20 <= len(seen) <= 36
    signers, senders, bundles = set(), set(), 0
    for body, signature in seen:
        if signature is not None:
            signers.add(signature.partition(":")[0])
        try:
            asked = json.loads(body)
        except ValueError:
            continue
        if isinstance(asked, dict) and asked["method"] == "eth_sendBundle" and asked["params"][0].get("txs"):
            assert asked["params"][0]["blockNumber"] == "0x1", "a block long past"
            raw = asked["params"][0]["txs"][0]
            if len(raw) < 1_000:  # the others are noise
                fields, *_ = decode_signed(bytes.fromhex(raw[2:]))
                assert (fields.value, fields.data, fields.nonce) == (0, b"", 0)
                senders.add(raw)
                bundles += 1
    assert bundles >= 5
    assert len(senders) == len(signers) == 1
    again = {unfunded_transaction() for _ in range(3)}
    assert len(again) == 3, "another key each time"
    readable = next(one for one in seen if b'"txs":["0x02' in one[0] and b"replacementUuid" in one[0])
    assert read_request("market", *readable).block == 1


async def test_a_relay_that_lets_nobody_in(serve, check):
    async def respond(_):
        return web.Response(status=403, text="no")

    code, said = await check(await serve(respond), "market")
    assert code == 1
    assert set(said["findings"]["methods"].values()) == {"needs auth"}
    assert said["findings"]["needs_signature"] is None
    assert said["findings"]["uuid_rule"].startswith("unknown: every bundle is refused")


async def test_a_page_that_is_no_relay(serve, check):
    async def respond(_):
        return web.Response(text="<html>welcome</html>", content_type="text/html")

    url = await serve(respond)
    code, said = await check(url, "flashbots")
    assert code == 1
    assert set(said["findings"]["methods"].values()) == {"no JSON-RPC"}
    assert said["findings"]["needs_signature"] is None
    assert said["findings"]["uuid_rule"].startswith("unknown")
    code, text = await check(url, json=False)
    assert code == 1
    assert "signature       cannot be told" in text


@pytest.mark.parametrize("row", ["market", None])
@pytest.mark.parametrize("answer", [{"result": None}, {"error": {"code": -32601, "message": "unknown"}}])
async def test_answers_to_another_request_are_none(serve, check, answer, row):
    async def respond(_):
        return web.Response(body=json.dumps({"jsonrpc": "2.0", "id": 999_999, **answer}).encode())

    code, said = await check(await serve(respond), row)
    assert code == 1
    assert set(said["findings"]["methods"].values()) == {"no JSON-RPC"}
    assert "the answer is to request 999999" in said["findings"]["error_shape"]
    assert said["findings"]["needs_signature"] is None
    assert not said["findings"]["empty_bundle"].startswith("accepted")


@pytest.mark.parametrize(
    "answer", [b'{"id":true,"result":1}', b'{"id":null,"result":1}', b'[{"id":1,"result":1}]']
)
async def test_ids_that_only_look_like_ours(serve, check, answer):
    async def respond(_):
        return web.Response(body=answer)

    code, said = await check(await serve(respond), "market")
    assert code == 1
    assert set(said["findings"]["methods"].values()) == {"no JSON-RPC"}


@pytest.mark.parametrize("name", ROWS)
async def test_every_row_can_be_checked(serve, check, name):
    async def respond(request):
        body = await request.read()
        answer = {"jsonrpc": "2.0", "id": id_of(body), "error": f"unread {len(body) % 7}"}
        return web.Response(body=json.dumps(answer).encode())

    code, said = await check(await serve(respond), name)
    assert code in (0, 1)
    assert said["row"] == name


async def test_a_size_limit_below_the_rows(serve, check):
    async def respond(request):
        body = await request.read()
        if len(body) > 200_000:
            return web.Response(status=413, text="too large")
        return web.Response(body=b'{"id":%d,"error":"no"}' % id_of(body))

    _, said = await check(await serve(respond), "market")
    assert said["findings"]["largest_read"] == 100_000
    assert any(line.startswith("size: the row says 300000 bytes") for line in said["differences"])


async def test_bad_usage_and_no_answer(check, tmp_path, unused_tcp_port_of):
    for url in ("ftp://127.0.0.1", "relay.example", "http://relay.example", ""):
        with pytest.raises(BadConfiguration, match="relay-check"):
            await check(url)
    with pytest.raises(BadConfiguration, match="known: market, "):
        await check("http://127.0.0.1:1/", "no-such-row")
    with pytest.raises(BadConfiguration, match="is not there"):
        await check("http://127.0.0.1:1/", identity=tmp_path / "none")
    with pytest.raises(Unreachable, match="gives no answer"):
        await check(f"http://127.0.0.1:{unused_tcp_port_of}/")


@pytest.fixture
def unused_tcp_port_of():
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        yield nobody.getsockname()[1]


async def test_a_relay_that_never_answers(serve, check, monkeypatch):
    monkeypatch.setattr(relay_check, "LIMIT", 10**8)
    never = asyncio.Event()

    async def respond(_):
        await never.wait()
        return web.Response()

    url = await serve(respond)
    with pytest.raises(Unreachable, match="no answer within"):
        await check(url)
    never.set()


async def test_ones_own_identity_is_used_where_it_is_given(serve, check, tmp_path):
    identity = load_or_create_identity(tmp_path)
    seen = set()

    async def respond(request):
        seen.add(request.headers.get("X-Flashbots-Signature", "").partition(":")[0].lower())
        return result_to(await request.read())

    await check(await serve(respond), identity=tmp_path / FILE_NAME)
    assert seen == {"", "0x" + identity.address.hex()}


def test_the_row_and_the_endpoint_are_compared_field_by_field():
    found = Findings(
        methods=dict.fromkeys(MARKET.methods, "known"),
        codec="flashbots",
        unsigned="",
        wrongly_signed="",
        needs_signature=True,
        uuids={},
        uuid_rule="v4",
        cancel="refused",
        empty_bundle="accepted",
        error_shape="",
        batch="",
        sizes={300_000: "accepted"},
        largest_read=300_000,
        clock="agrees",
        latency_ms=1.0,
    )
    assert differences(MARKET, found) == []
    for change, word in (
        ({"methods": dict.fromkeys(MARKET.methods, "unknown")}, "methods"),
        ({"needs_signature": False}, "signature"),
        ({"uuid_rule": "none"}, "uuid"),
        ({"cancel": "unknown method"}, "cancel"),
        ({"largest_read": 100_000}, "size"),
    ):
        assert differences(MARKET, replace(found, **change))[0].startswith(word)
