"""The MEV-Share stream against a server on loopback that speaks it: hints of every kind, and every way it can go wrong."""

import asyncio
import contextlib
import json

import msgspec
import pytest
from eth_utils import keccak
from structlog.testing import capture_logs

from bot.clock import SystemClock
from bot.core.errors import BadConfiguration
from bot.core.pending import HintLog
from bot.core.raw_transaction_codec import HashMismatch
from bot.core.units import Nanoseconds
from bot.feeds.mev_share import LARGEST_EVENT, HintFeed
from bot.feeds.mev_share_hint import read_hint
from bot.feeds.pending_events import HintsComplete, PendingConfig
from tests.chain.waiting import until
from tests.feeds.hint_server import Cut, HintServer, stay
from tests.feeds.pending_samples import DOCUMENTED_HINT, bodies, raw_transaction, take

MILLISECOND = 10**6
CONFIG = PendingConfig(
    first_backoff=Nanoseconds(2 * MILLISECOND), longest_backoff=Nanoseconds(10 * MILLISECOND)
)
PAIR, SWAP = "0x" + "ab" * 20, "0x" + "d7" * 32


def name_of(nonce):
    return keccak(keccak(raw_transaction(nonce)))


A_LOG = {"address": PAIR, "topics": [SWAP]}


def hint(nonce, logs=(A_LOG,), txs=None):
    return json.dumps({"hash": "0x" + name_of(nonce).hex(), "logs": logs, "txs": txs}).encode()


def event(data):
    return b"data: " + data + b"\n\n"


@pytest.fixture
async def serve():
    """`serve(script)`: the server and a feed of it."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(script, **changes):
            server = HintServer(script)
            url = await server.start()
            stack.push_async_callback(server.stop)
            feed = HintFeed(url, SystemClock(), msgspec.structs.replace(CONFIG, **changes), lambda: 0.5)
            stack.push_async_callback(feed.close)
            return server, feed, feed.events()

        yield make


async def taken(events, count):
    async with asyncio.timeout(10):
        return await take(events, count)


def test_the_documented_event():
    seen = read_hint(DOCUMENTED_HINT, Nanoseconds(5))
    assert seen.hash.hex() == "c7dc06c994400830054ab815732d91275bc1241f9be62b62b687b7882f19b8d4"
    assert (seen.source, seen.seen_at, seen.transaction, seen.logs) == ("mev-share", 5, None, ())
    assert seen.to.hex() == "0000c335bc9d5d1af0402cad63fa7f258363d71a"
    assert (seen.selector, seen.data) == (b"im s", b"im shariiiiiing")


def test_hints_of_every_kind():
    assert read_hint(hint(1, None), 0) is None
    assert read_hint(hint(1, [], []), 0) is None
    assert read_hint(hint(1, None, [{"to": PAIR}, {"to": PAIR}]), 0) is None
    log = {"address": PAIR, "topics": [SWAP, "0x" + "00" * 32], "data": "0x"}
    found = read_hint(hint(1, [log]), 0)
    assert found.logs == (HintLog(b"\xab" * 20, (b"\xd7" * 32, bytes(32)), b""),)
    calldata = read_hint(hint(1, txs=[{"callData": "0x0102030405"}]), 0)
    assert (calldata.selector, calldata.data, calldata.to) == (b"\1\2\3\4", b"\1\2\3\4\5", None)
    told = read_hint(hint(1, txs=[{"hash": bodies(1, 1)[0]["hash"], "to": PAIR}]), 0)
    assert (told.to, told.transaction) == (b"\xab" * 20, None)
    bundle = read_hint(hint(1, [log], [{"to": PAIR}, {"to": PAIR}]), 0)
    assert (bundle.to, len(bundle.logs)) == (None, 1)


@pytest.mark.parametrize("names", [("input",), ("callData",), ("callData", "data")])
@pytest.mark.parametrize("tells_hash", [True, False])
def test_a_full_hint_is_the_transaction(names, tells_hash):
    [body] = bodies(1, 4)
    data = body.pop("input")
    body |= dict.fromkeys(names, data)
    if not tells_hash:
        del body["hash"]
    found = read_hint(hint(4, txs=[body]), 0)
    assert found.transaction.raw == raw_transaction(4)
    assert keccak(found.transaction.hash) == found.hash


@pytest.mark.parametrize("wrong", [{"value": "0x7"}, {"hash": "0x" + "11" * 32}])
def test_a_full_hint_of_another_transaction_is_refused(wrong):
    [body] = bodies(1, 4)
    body["callData"] = body["input"]
    with pytest.raises(HashMismatch):
        read_hint(hint(4, txs=[body | wrong]), 0)


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"5", b"null", b'"\xff"', b"[" * 5000, b"{}", b'{"hash":"0x12"}', b'{"hash":5}',
     hint(1, "x"), hint(1, [5]), hint(1, [{"address": "0x12", "topics": []}]), hint(1, txs={}), hint(1, txs=[5]),
     hint(1, [{"address": PAIR, "topics": [SWAP] * 5}]), hint(1, [{"address": PAIR, "topics": ["0x12"]}]),
     hint(1, txs=[{"to": "0x12"}]), hint(1, txs=[{"callData": 7}]), hint(1, [{"address": PAIR}] * 2000),
     hint(1, txs=[{"r": "0x1", "s": "0x1"}])],
)  # fmt: skip
def test_what_is_no_hint_is_refused(data):
    with pytest.raises(ValueError):
        read_hint(data, 0)


async def test_hints_pings_and_ends_of_blocks_in_order(serve):
    async def script(_, write):
        text = (
            b":ping\n\n"
            + event(hint(1))
            + b": block 17\r\n\r\n"
            + event(DOCUMENTED_HINT)
            + b":block 18\n\n:blocks 9\n"
        )
        for place in range(len(text)):
            await write(text[place : place + 1])
        await stay()

    server, feed, events = await serve(script)
    got = await taken(events, 4)
    assert [one.hash for one in got[::2]] == [name_of(1), read_hint(DOCUMENTED_HINT, 0).hash]
    assert got[1::2] == [HintsComplete(17), HintsComplete(18)]
    assert feed.counters.seen == 2
    assert server.headers[0]["Accept"] == "text/event-stream"
    assert feed.counters.connections == server.connections == 1


async def test_what_cannot_be_believed_ends_nothing(serve):
    [body] = bodies(1, 4)
    lie = hint(4, txs=[body | {"value": "0x9"}])
    huge = b'{"hash":"' + b"x" * (LARGEST_EVENT + 10)

    async def script(_, write):
        for data in (b"junk", lie, hint(1), hint(1), huge, hint(2)):
            await write(event(data))
        await stay()

    server, feed, events = await serve(script)
    with capture_logs() as logs:
        got = await taken(events, 2)
    assert [one.hash for one in got] == [name_of(1), name_of(2)]
    counters = feed.counters
    assert (counters.malformed, counters.hash_mismatches, counters.duplicates, counters.oversized) == (
        1,
        1,
        1,
        1,
    )
    assert server.connections == 1
    assert len(logs) == 1, "one line a minute"


@pytest.mark.parametrize("how", ["ends", "cut", "silence", "half a line"])
async def test_a_lost_connection_is_opened_again_and_nothing_is_told_twice(serve, how):
    async def script(connection, write):
        await write(event(hint(1)))
        if connection > 1:
            await write(event(hint(2)))
            await stay()
        if how == "cut":
            raise Cut
        while how == "half a line":
            await write(b"data: ")
            await asyncio.sleep(0.005)
        if how == "silence":
            await stay()

    silence = Nanoseconds((60 if how in ("ends", "cut") else 0.1) * 1000 * MILLISECOND)
    server, feed, events = await serve(script, allowed_silence=Nanoseconds(int(silence)))
    with capture_logs() as logs:
        got = await taken(events, 2)
    assert [one.hash for one in got] == [name_of(1), name_of(2)]
    assert (server.connections, feed.counters.connections, feed.counters.duplicates) == (2, 2, 1)
    [line] = logs
    assert line["event"] == "pending.connection_lost"


async def test_pings_keep_a_quiet_stream(serve):
    async def script(_, write):
        for _ in range(20):
            await write(b":ping\n\n")
            await asyncio.sleep(0.02)
        await write(event(hint(1)))
        await stay()

    server, _, events = await serve(script, allowed_silence=Nanoseconds(200 * MILLISECOND))
    assert len(await taken(events, 1)) == server.connections == 1


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [(403, {}, "HTTP 403: go\taway"), (429, {"Retry-After": "0"}, "HTTP 429"), (500, {}, "HTTP 500"),
     (302, {"Location": "/other"}, "redirect is not followed"), (200, {}, "content type is 'text/html'")],
)  # fmt: skip
async def test_an_answer_that_is_no_stream_is_one_line_and_tried_again(serve, status, headers, said):
    async def script(_, write):
        await write(event(hint(1)))
        await stay()

    server, feed, events = await serve(script)
    server.status, server.answer_headers, server.body = status, headers, b"go\taway"
    server.content_type = "text/html" if status == 200 else server.content_type
    with capture_logs() as logs:
        waiting = asyncio.ensure_future(taken(events, 1))
        await until(lambda: feed.counters.failed_connections >= 2)
    assert len(logs) == 1
    assert said.replace("\t", " ") in logs[0]["reason"]
    assert "canary" not in str(logs)
    server.status, server.content_type = 200, "text/event-stream"
    assert len(await waiting) == 1


async def test_a_server_that_asks_for_time_gets_it(serve):
    server, feed, events = await serve(stay)
    server.status, server.answer_headers = 429, {"Retry-After": "60"}
    waiting = asyncio.ensure_future(taken(events, 1))
    await until(lambda: feed.counters.failed_connections == 1)
    await asyncio.sleep(0.1)
    assert server.connections == 1
    await feed.close()
    with pytest.raises(StopAsyncIteration):
        await waiting


async def test_nobody_there(serve):
    server, feed, events = await serve(stay)
    await server.stop()
    waiting = asyncio.ensure_future(taken(events, 1))
    with capture_logs() as logs:
        await until(lambda: feed.counters.failed_connections >= 3)
    assert 1 <= len(logs) <= 2
    assert "canary" not in str(logs)
    waiting.cancel()


@pytest.mark.parametrize(
    "url", ["http://mev-share.flashbots.net", "ws://127.0.0.1:1", "ftp://x", "", "https://"]
)
def test_only_tls_off_loopback(url):
    with pytest.raises(BadConfiguration, match="without TLS only on loopback"):
        HintFeed(url, SystemClock(), CONFIG, lambda: 0.5)


def test_the_real_stream_is_taken():
    HintFeed("https://mev-share.flashbots.net", SystemClock(), CONFIG, lambda: 0.5)
