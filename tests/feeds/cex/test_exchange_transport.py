"""The sockets themselves: TLS by the default context, fragments, large frames, a server that says nothing, defects of ours."""

import asyncio
import shutil
import ssl
import subprocess

import pytest
from aiohttp import WSMsgType, web
from structlog.testing import capture_logs

from bot.core.result import Ok, Unknown
from bot.core.units import Nanoseconds
from bot.feeds.cex.alarm import event_or_time
from bot.feeds.cex.rest import MAX_ANSWER_BYTES, RestClient
from bot.feeds.cex.transport import USER_AGENT, Declined
from bot.feeds.cex.websocket import picows_connect
from tests.feeds.cex.cex_stage import ETH_USD, stage
from tests.feeds.cex.virtual_clock import SECOND, VirtualClock, settle, until


class Heard:
    def __init__(self):
        self.frames, self.pongs, self.pings, self.reasons = [], [], 0, []

    def on_frame(self, payload):
        self.frames.append(payload)

    def on_ping(self):
        self.pings += 1

    def on_pong(self, payload):
        self.pongs.append(payload)

    def on_closed(self, reason):
        self.reasons.append(reason)


@pytest.fixture
async def serve():
    """Starts a server of one handler; gives its port."""
    runners = []

    async def start(handler, context=None):
        app = web.Application()
        app.router.add_get("/{path:.*}", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        runners.append(runner)
        return runner.addresses[0][1]

    yield start
    for runner in runners:
        await runner.cleanup()


async def echo(request):
    socket = web.WebSocketResponse(max_msg_size=0)
    await socket.prepare(request)
    async for message in socket:
        if message.type == WSMsgType.TEXT and message.data == "close":
            await socket.close(code=4003, message=b"enough")
        elif message.type == WSMsgType.TEXT and message.data == "cut":
            request.transport.abort()
        elif message.type == WSMsgType.TEXT:
            await socket.send_str(message.data)
    return socket


def context_of(folder):
    """A certificate of localhost, and the context of a server that has it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate with")
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
    return context


async def test_tls_goes_by_the_default_context_and_the_host_s_name(serve, tmp_path, monkeypatch):
    port = await serve(echo, context_of(tmp_path))
    refused = await picows_connect(f"wss://localhost:{port}/", Heard())
    assert isinstance(refused, Unknown)
    assert "self-signed" in refused.cause
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    heard = Heard()
    socket = await picows_connect(f"wss://localhost:{port}/", heard)
    socket.send(b"through TLS")
    await until(lambda: heard.frames == [b"through TLS"], "the echo")
    socket.close()
    wrong_name = await picows_connect(f"wss://127.0.0.1:{port}/", Heard())
    assert isinstance(wrong_name, Unknown)


@pytest.mark.parametrize("size", [1, 125, 126, 65_535, 65_536, 3_000_000])
async def test_frames_of_all_sizes_come_whole(serve, size):
    heard = Heard()
    socket = await picows_connect(f"ws://127.0.0.1:{await serve(echo)}/", heard)
    payload = (b"0123456789" * (size // 10 + 1))[:size]
    socket.send(payload)
    await until(lambda: heard.frames, "the echo")
    assert heard.frames == [payload]
    assert type(heard.frames[0]) is bytes  # the kernel reads a bytes object with the NUL behind it
    socket.close()
    socket.close()
    await until(lambda: heard.reasons, "the end")
    assert len(heard.reasons) == 1


async def test_fragments_are_joined_and_pings_between_them_answered(serve):
    pongs = []

    async def fragments(request):
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        write = request.transport.write
        write(b"\x01\x05hello")  # text, not the last
        write(b"\x89\x02hi")  # ping
        write(b"\x00\x01 ")
        write(b"\x80\x05world")  # the last
        write(b"\x82\x03abc")  # binary
        async for message in socket:
            pongs.append((message.type, bytes(message.data)))  # noqa: PERF401  # as they come, not when all have
        return socket

    heard = Heard()
    socket = await picows_connect(f"ws://127.0.0.1:{await serve(fragments)}/", heard)
    await until(lambda: len(heard.frames) == 2, "both messages")
    assert heard.frames == [b"hello world", b"abc"]
    assert heard.pings == 1
    await until(lambda: pongs == [(WSMsgType.PONG, b"hi")], "the pong")
    socket.ping(b"x")
    socket.close()
    await until(lambda: heard.reasons, "the end")


@pytest.mark.parametrize(("word", "reason"), [(b"close", "4003 enough"), (b"cut", "without a closing frame")])
async def test_why_it_ended_is_kept(serve, word, reason):
    heard = Heard()
    socket = await picows_connect(f"ws://127.0.0.1:{await serve(echo)}/", heard)
    socket.send(word)
    await until(lambda: heard.reasons, "the end")
    assert reason in heard.reasons[0]
    socket.send(b"nobody hears")
    socket.ping(b"")
    socket.close()


async def test_what_is_no_websocket_is_declined_or_unknown(serve):
    async def refuse(_request):
        return web.Response(status=429, headers={"Retry-After": "9"}, text="slow down")

    async def moved(_request):
        raise web.HTTPFound("ws://127.0.0.1:1/")

    answer = await picows_connect(f"ws://127.0.0.1:{await serve(refuse)}/", Heard())
    assert answer == Declined(429, Nanoseconds(9 * SECOND), b"slow down")
    assert (await picows_connect(f"ws://127.0.0.1:{await serve(moved)}/", Heard())).status == 302
    nobody = await picows_connect("ws://127.0.0.1:1/", Heard())
    assert isinstance(nobody, Unknown)
    assert isinstance(await picows_connect("ws://no-such-host.invalid/", Heard()), Unknown)
    assert isinstance(await picows_connect("ws://localhost.invalid.:x/", Heard()), Unknown)


async def test_rest_answers_refusals_and_what_is_too_long(serve):
    async def answer(request):
        if request.path == "/long":
            return web.Response(body=b"x" * (MAX_ANSWER_BYTES + 1))
        if request.path == "/fast":
            return web.Response(status=418, headers={"Retry-After": "5"}, body=b"y" * 5000)
        return web.Response(body=b"{}")

    base = f"http://127.0.0.1:{await serve(answer)}"
    rest = RestClient()
    assert await rest.fetch(f"{base}/good") == Ok(b"{}")
    assert await rest.fetch(f"{base}/fast") == Declined(418, Nanoseconds(5 * SECOND), b"y" * 1024)
    assert isinstance(await rest.fetch(f"{base}/long"), Unknown)
    assert isinstance(await rest.fetch("http://127.0.0.1:1/"), Unknown)
    assert isinstance(await rest.fetch("http://example.org/"), Unknown)
    await rest.close()
    assert isinstance(await rest.fetch(f"{base}/good"), Unknown)


async def test_both_say_who_they_are(serve):
    """Firewalls in front of exchanges answer 403 to who does not."""
    heard = []

    async def look(request):
        heard.append(request.headers.getall("User-Agent", []))
        return web.Response(status=403)

    port = await serve(look)
    rest = RestClient()
    await picows_connect(f"ws://127.0.0.1:{port}/", Heard())
    await rest.fetch(f"http://127.0.0.1:{port}/")
    await rest.close()
    assert heard == [[USER_AGENT], [USER_AGENT]]


async def test_a_defect_of_ours_ends_one_connection_and_is_said():
    async with stage() as on:
        await on.live()
        broken = on.feed.connection

        def fail(_payload, _received):
            raise ZeroDivisionError("planted")

        broken._read = fail
        with capture_logs() as logged:
            await on.move()
            await until(lambda: broken.has_ended, "the end")
        (defect,) = [line for line in logged if line["event"] == "exchange.defect"]
        assert (defect["exchange"], defect["exc_info"]) == ("kraken", True), "with its traceback"
        assert broken.reason == "defect: ZeroDivisionError: planted"
        await on.run_for(1)
        await on.live()
        assert on.feed.is_fresh(ETH_USD, on.clock.now) is None


async def test_a_wait_ends_with_the_event_or_the_time_and_patience_does_not_stretch_it():
    class Patient(VirtualClock):
        async def within(self, limit, work):
            return await super().within(limit * 30, work)

    clock, event = Patient(), asyncio.Event()
    waiting = asyncio.create_task(event_or_time(clock, event, Nanoseconds(SECOND)))
    await clock.advance(SECOND - 1)
    assert not waiting.done()
    await clock.advance(1)
    assert waiting.done()
    waiting = asyncio.create_task(event_or_time(clock, event, Nanoseconds(SECOND)))
    await settle()
    event.set()
    await settle()
    assert waiting.done()
    assert not event.is_set()
    await settle()
    assert clock._next() is None  # nothing is left that would ring later
