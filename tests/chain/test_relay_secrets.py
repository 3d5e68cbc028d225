"""A relay that says back what we showed it tells nobody: not the answer, not its standing, not the log."""

import json
from urllib.parse import quote

import msgspec
import pytest
import structlog
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.chain.relay_rows import ROWS
from bot.chain.relay_secrets import HeaderSecrets
from bot.chain.relays import open_route
from bot.clock import SystemClock
from bot.core.decisions import Bundle
from bot.core.result import Ok
from bot.ops.relay_probe import RelayProbe, throwaway_identity
from tests.chain.relay_server import IDENTITY, PATIENCE, UUID

TOKEN = "U3VwZXJTZWNyZXQ+/yZXQxMjM0NTY3=="
BEARER = f"Bearer {TOKEN}"
BUNDLE = Bundle((b"\x02first",), 0x1234, UUID, may_revert=True)
ROW = replace(ROWS["bloxroute"], signature="taken")
FORMS = {
    "as it is": str,
    "in small letters": str.lower,
    "in capitals": str.upper,
    "as PHP's JSON": lambda text: text.replace("/", "\\/"),
    "as Go's and .NET's JSON": lambda text: text.replace("+", "\\u002b").replace("=", "\\u003D"),
    "as JSON in JSON": lambda text: json.dumps(json.dumps(text.replace("/", "\\/"))),
    "every character by its code": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "in an address": lambda text: quote(text, safe=""),
    "cut": lambda text: text[:25],
}


def tells(text):
    """Some way of writing what is secret in it."""
    plain = text.lower().replace("\\u002b", "+").replace("\\", "").replace("%2b", "+")
    return TOKEN[:14].lower() in plain


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("value", [TOKEN, BEARER], ids=["no scheme", "scheme"])
def test_however_it_is_written(form, value):
    body = f'{{"id":1,"error":"bad key {FORMS[form](value)} sent"}}'.encode()
    hidden = HeaderSecrets(value).hide(body).decode()
    assert "(hidden)" in hidden
    assert not tells(hidden)
    assert not tells(str(msgspec.json.decode(hidden)) if form != "as JSON in JSON" else hidden)
    assert "bad key" in hidden
    assert "yZXQx" not in hidden
    assert "sent" in hidden


def test_quotes_around_it_keep_the_answer_readable():
    body = json.dumps({"id": 1, "error": f'header "{BEARER}" is unknown'}).encode()
    assert json.loads(HeaderSecrets(BEARER).hide(body))["error"] == 'header "Bearer (hidden)" is unknown'


def test_short_values_are_hidden_as_a_whole_and_others_leave_answers_alone():
    assert HeaderSecrets("a:bc").hide(b"key A:BC, abc") == b"key (hidden), abc"
    assert HeaderSecrets("a b").hide(b"a b") == HeaderSecrets(" ").hide(b"a b") == b"a b"
    body = b'{"jsonrpc":"2.0","id":1,"result":{"bundleHash":"0x' + b"11" * 32 + b'"}}'
    assert HeaderSecrets(BEARER).hide(body, "0xab:0x" + "cd" * 65) == body
    assert HeaderSecrets(None).hide(BEARER.encode()) == BEARER.encode()


PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=40)


@settings(max_examples=150, deadline=None)
@given(PRINTABLE, st.binary(max_size=60))
def test_any_header_of_a_long_word_is_hidden(value, around):
    hidden = HeaderSecrets(value).hide(around + b" " + value.encode() + b" " + around)
    scheme, _, rest = value.strip().partition(" ")
    words = (rest or scheme).split()
    if len(words) == 1 and words[0].isalnum() and len(words[0]) >= 6:
        assert words[0].encode() not in hidden


async def echo(request):
    headers = request.headers
    said = f"unauthorized: {headers['Authorization']} by {headers.get('X-Flashbots-Signature')}"
    asked = await request.json()
    answer = {"jsonrpc": "2.0", "id": asked["id"], "error": {"code": -32000, "message": said}}
    status = int(request.path[1:] or 200)
    return web.Response(text=said if status == 502 else json.dumps(answer), status=status)


@pytest.fixture
async def echoing():
    app = web.Application()
    app.router.add_post("/{status:.*}", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    await runner.cleanup()


@pytest.mark.parametrize("status", [200, 400, 401, 403, 502])
async def test_nothing_that_leaves_the_connection_tells_it(echoing, status):
    route = open_route(ROW, f"{echoing}/{status}", IDENTITY, SystemClock(), PATIENCE, authorization=BEARER)
    signature = route.prepare(BUNDLE).signature.rpartition(":")[2]
    with structlog.testing.capture_logs() as logged:
        answer = await route.send(BUNDLE)
    await route.close()
    assert not isinstance(answer, Ok)
    outside = f"{answer} {route.standing} {logged}"
    assert "(hidden)" in str(answer), "it was said back"
    assert not tells(outside)
    assert signature[2:20] not in outside.lower()


async def test_nor_does_the_check_of_a_relay(echoing):
    probe = RelayProbe(f"{echoing}/401", throwaway_identity(), BEARER, SystemClock(), PATIENCE)
    reply = await probe.ask("eth_sendBundle", [{}])
    await probe.close()
    assert reply.words == "-32000 unauthorized: Bearer (hidden) by " + reply.words.rpartition(" ")[2]
    assert reply.words.endswith("0x(hidden)")
