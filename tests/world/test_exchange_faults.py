"""Each fault of the exchanges does on the wire what its name says, and is counted."""

import asyncio
import contextlib
import json
from collections import Counter

import aiohttp
import pytest
from exchange_readers import READERS, KrakenReader
from exchange_stage import SECOND, open_exchanges

from bot.world.exchanges.faults import FAULTS, FaultRates, every_fault, strikes_after
from bot.world.exchanges.server import EXCHANGES

SYMBOLS = {
    "binance": "ETHUSDT",
    "binance-usdm": "ETHUSDT",
    "coinbase": "ETH-USD",
    "kraken": "ETH/USD",
    "okx": "ETH-USDT",
    "bybit": "ETHUSDT",
}
BOOK_ALONE = {
    "coinbase": [{"type": "subscribe", "product_ids": ["ETH-USD"], "channel": "level2"}],
    "kraken": [{"method": "subscribe", "params": {"channel": "book", "symbol": ["ETH/USD"], "depth": 25}}],
    "okx": [{"op": "subscribe", "args": [{"channel": "books", "instId": "ETH-USDT"}]}],
    "bybit": [{"op": "subscribe", "args": ["orderbook.50.ETHUSDT"]}],
}


async def following(stage, name):
    """Follows one book alone; everything said so far has been read."""
    query = "?streams=ethusdt@depth@100ms" if name.startswith("binance") else ""
    wire = await stage.connect(name, query)
    for message in BOOK_ALONE.get(name, []):
        await wire.say(message)
    await wire.texts()
    return wire


async def updates(wire):
    """Texts of book updates."""
    return [text for text in await wire.texts() if '"status"' not in text and "heartbeat" not in text]


def stamp(name, text):
    """What orders the updates of a book."""
    message = json.loads(text)
    return {
        "binance": lambda: message["data"]["u"],
        "binance-usdm": lambda: message["data"]["u"],
        "coinbase": lambda: message["sequence_num"],
        "kraken": lambda: message["data"][0]["timestamp"],
        "okx": lambda: message["data"][0]["seqId"],
        "bybit": lambda: message["data"]["u"],
    }[name]()


@pytest.mark.parametrize("name", EXCHANGES)
async def test_frames_are_left_out_repeated_and_exchanged(name):
    async with open_exchanges() as struck, open_exchanges() as whole:
        wires = [await following(stage, name) for stage in (struck, whole)]
        stamps = []
        for fault in ("gap", "duplicate", "out_of_order"):
            struck.server.strike(name, fault, passing=1)
            for stage in (struck, whole):
                stage.step(4)
            stamps.append([[stamp(name, text) for text in await updates(wire)] for wire in wires])
        (gap, a), (duplicate, b), (exchanged, c) = stamps
        assert gap == [a[0], a[2], a[3]]
        assert duplicate == [b[0], b[1], b[1], b[2], b[3]]
        assert exchanged == [c[0], c[2], c[1], c[3]]
        assert struck.server.story[name] == {"gap": 1, "duplicate": 1, "out_of_order": 1}


@pytest.mark.parametrize("name", BOOK_ALONE)
async def test_a_reader_by_the_documents_notices_a_gap(name):
    """Of those whose books begin in the stream; the ids of the others are compared above."""
    async with open_exchanges() as stage:
        reader = READERS[name]()
        fresh = await following_with(stage, name, reader)
        stage.server.strike(name, "gap")
        stage.step(2)
        texts = [json.loads(text, parse_float=str) for text in await fresh.texts()]
        with pytest.raises(AssertionError, match=r"gap|lost|checksum"):
            take_all(reader, texts)


def take_all(reader, messages):
    for message in messages:
        reader.take(message)


async def following_with(stage, name, reader):
    wire = await stage.connect(name)
    for message in BOOK_ALONE[name]:
        await wire.say(message | {"req_id": "7"} if name == "bybit" else message)
    take_all(reader, [json.loads(text, parse_float=str) for text in await wire.texts()])
    assert reader.books
    return wire


async def test_a_wrong_checksum_stands_on_a_right_book():
    async with open_exchanges() as stage:
        reader = KrakenReader()
        wire = await following_with(stage, "kraken", reader)
        okx = await following(stage, "okx")
        for name in ("kraken", "okx"):
            stage.server.strike(name, "wrong_checksum")
        stage.step(2)
        first, second = [json.loads(text, parse_float=str) for text in await updates(wire)]
        with pytest.raises(AssertionError, match="checksum"):
            reader.take(first)
        reader.take(second)
        sums = [json.loads(text)["data"][0]["checksum"] for text in await updates(okx)]
        assert sums[0] != 0
        assert sums[1] == 0
        with pytest.raises(ValueError, match="no wrong_checksum"):
            stage.server.strike("binance", "wrong_checksum")


@pytest.mark.parametrize("name", EXCHANGES)
async def test_malformed_is_no_json_or_of_wrong_types(name):
    kinds = Counter()
    async with open_exchanges() as stage:
        wire = await following(stage, name)
        for _ in range(12):
            stage.server.strike(name, "malformed")
            stage.step(2)
            spoilt, good = await updates_of_two(wire)
            json.loads(good)
            try:
                read = json.loads(spoilt)
            except ValueError:
                kinds["cut off"] += 1
            else:
                assert "{}" in json.dumps(read), spoilt[:200]
                kinds["wrong type"] += 1
        assert stage.server.story[name] == {"malformed": 12}
    assert set(kinds) == {"cut off", "wrong type"}


async def updates_of_two(wire):
    texts = await wire.texts()
    return [text for text in texts if text != '{"channel":"heartbeat"}'][-2:]


@pytest.mark.parametrize("name", EXCHANGES)
@pytest.mark.parametrize("flushes", [True, False])
async def test_in_a_stall_no_data_come_while_pings_are_answered(name, flushes):
    async with open_exchanges() as stage:
        wire = await following(stage, name)
        stage.server.strike(name, "stall", duration=4 * SECOND, flushes=flushes)
        stage.step(3)
        assert await updates(wire) == []
        await wire.socket.ping(b"are you there")
        assert await said_in_a_stall(name, wire)
        assert wire.pongs == 1
        stamps = []
        for count in (2, 0, 0) if flushes else (2,):
            stage.step(count)
            stage.wait(0)
            stamps += [stamp(name, text) for text in await updates(wire)]
        assert len(stamps) == (5 if flushes else 2)
        assert stamps == sorted(stamps), "late, but in order"
        assert stage.server.story[name] == {"stall": 1}


async def said_in_a_stall(name, wire):
    """Whether a ping by message is answered; the others have ping frames alone."""
    pings = {"kraken": {"method": "ping"}, "okx": "ping", "bybit": {"op": "ping"}}
    if name in pings:
        await wire.say(pings[name])
    texts = await wire.texts()
    return name not in pings or any("pong" in text for text in texts)


async def test_who_subscribes_in_a_stall_gets_his_snapshot_after_it():
    async with open_exchanges() as stage:
        stage.server.strike("okx", "stall", duration=3 * SECOND)
        wire = await stage.connect("okx")
        await wire.say(BOOK_ALONE["okx"][0])
        assert [m.get("event") for m in await wire.messages()] == ["subscribe"]
        stage.step(2)
        assert await wire.texts() == []
        stage.step(2)
        assert [m["action"] for m in await wire.messages()] == ["snapshot", "update", "update"]


@pytest.mark.parametrize("name", EXCHANGES)
async def test_half_open_answers_nothing_and_stays(name):
    async with open_exchanges() as stage:
        wire = await following(stage, name)
        stage.server.strike(name, "half_open")
        for message in BOOK_ALONE.get(name, [{"method": "LIST_SUBSCRIPTIONS", "id": 1}]):
            await wire.say(message)
        stage.step(3)
        await wire.socket.ping(b"are you there")
        assert await wire.texts() == []
        assert (wire.closed_with, wire.pongs, wire.socket.closed) == (None, 0, False)
        fresh = await following(stage, name)
        stage.step(2)
        assert len(await updates(fresh)) == 2, "a new connection is well"
        assert stage.server.story[name] == {"half_open": 1}
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(wire.socket.close(), 0.1)
        assert wire.socket.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE, "not even a close is answered"


@pytest.mark.parametrize("name", EXCHANGES)
async def test_too_many_requests_refuse_handshakes_and_rest_for_a_while(name):
    async with open_exchanges() as stage:
        wire = await following(stage, name)
        stage.server.strike(name, "too_many_requests", duration=7 * SECOND)
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await stage.connect(name)
        assert refused.value.status == 429
        assert refused.value.headers["Retry-After"] == "7"
        stage.step(3)
        status, headers, _ = await stage.get(name, "/api/v3/depth", symbol="ETHUSDT")
        assert (status, headers["Retry-After"]) == (429, "4")
        assert len(await updates(wire)) == 3, "who is connected stays so"
        stage.step(4)
        await stage.connect(name)
        assert stage.server.story[name] == {"too_many_requests": 1, "refused": 2}


@pytest.mark.parametrize("name", EXCHANGES)
async def test_the_exchanges_clock_jumps_and_comes_back(name):
    async with open_exchanges(skews={name: 400_000_000}) as stage:
        exchange = stage.server.exchanges[name]
        assert abs(exchange.time() - stage.clock.now - 400_000_000) < 1_000
        stage.server.strike(name, "clock_skew", skew=-3 * SECOND, duration=5 * SECOND)
        assert abs(exchange.time() - stage.clock.now + 2_600_000_000) < 1_000
        stage.step(5)
        assert abs(exchange.time() - stage.clock.now - 400_000_000) < 1_000


CLOSING_WORD = {"binance": "serverShutdown", "kraken": '"system":"maintenance"', "okx": '"code":"64008"'}


@pytest.mark.parametrize("name", EXCHANGES)
async def test_maintenance_is_announced_where_it_is_and_keeps_everybody_out(name):
    async with open_exchanges() as stage:
        wire = await following(stage, name)
        stage.server.strike(name, "maintenance", duration=20 * SECOND)
        said = await wire.texts()
        if name in CLOSING_WORD:
            assert CLOSING_WORD[name] in said[-1]
            stage.step(3)
            await wire.texts()
            assert wire.closed_with is None
            stage.wait(1)
        else:
            assert said == []
            stage.wait(0)
        await wire.texts()
        assert wire.closed_with == 1012
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await stage.connect(name)
        assert refused.value.status == 503
        stage.wait(20)
        await following(stage, name)


async def test_server_shutdown_of_binance_leaves_the_door_open():
    async with open_exchanges() as stage:
        wire = await following(stage, "binance")
        stage.server.strike("binance", "server_shutdown")
        [word] = await wire.messages()
        assert word["stream"] == "!serverShutdown"
        assert word["data"]["e"] == "serverShutdown"
        second = await following(stage, "binance")
        stage.step(5)
        await wire.texts()
        assert wire.closed_with == 1012
        assert len(await updates(second)) == 5
        with pytest.raises(ValueError, match="no server_shutdown"):
            stage.server.strike("kraken", "server_shutdown")


def test_the_schedule_follows_from_the_seed_and_strikes_at_its_rate():
    rates = every_fault(20)
    struck = {name: [strikes_after(rates, 7, name, block) for block in range(400)] for name in EXCHANGES}
    again = {name: [strikes_after(rates, 7, name, block) for block in range(400)] for name in EXCHANGES}
    assert struck == again
    assert struck["kraken"] != struck["okx"]
    assert struck["okx"] != [strikes_after(rates, 8, "okx", block) for block in range(400)]
    for name in EXCHANGES:
        counts = Counter(strike.kind for due in struck[name] for strike in due)
        assert set(counts) == set(FAULTS)
        assert all(8 < count < 50 for count in counts.values()), counts
    stalls = FaultRates(stall_every=20)
    alone = [strikes_after(stalls, 7, "okx", block) for block in range(400)]
    assert alone == [tuple(s for s in due if s.kind == "stall") for due in struck["okx"]]
    assert not any(strikes_after(FaultRates(), 7, "okx", block) for block in range(200))


async def test_scheduled_faults_strike_and_the_truth_does_not_care():
    async with open_exchanges(steps=2, faults=every_fault(5)) as struck, open_exchanges(steps=2) as whole:
        for name in EXCHANGES:
            await following(struck, name)
        for block in range(40):
            for stage in (struck, whole):
                stage.clock.now += 12 * SECOND
                stage.server.advance(block)
        for name in EXCHANGES:
            books = [stage.server.exchanges[name].book(SYMBOLS[name]) for stage in (struck, whole)]
            assert books[0].best() == books[1].best()
            assert books[0].id == books[1].id
        assert {kind for story in struck.server.story.values() for kind in story} >= {"stall", "clock_skew"}


async def test_stopping_leaves_no_task_and_no_socket():
    before = asyncio.all_tasks()
    async with open_exchanges() as stage:
        wires = [await following(stage, name) for name in EXCHANGES]
        stage.server.strike("okx", "half_open")
        stage.step()
        port = stage.server.port
        await stage.server.stop()
        for wire in wires[:3]:
            await wire.texts()
            assert wire.closed_with is not None or wire.socket.closed
        with pytest.raises(OSError, match="onnect"):
            await asyncio.open_connection("127.0.0.1", port)
    await asyncio.sleep(0.05)
    assert asyncio.all_tasks() == before
