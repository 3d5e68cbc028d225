"""Each exchange of the local market spoken to by a reader written from its documents: the wire tells the truth."""

import asyncio
import json
from decimal import Decimal

import pytest
from exchange_readers import DEPTHS, PAIRS, READERS, KrakenReader, OkxReader
from exchange_stage import open_exchanges

from bot.world.exchanges.server import EXCHANGES

STEPS = 40
REST = {"binance": "/api/v3/depth", "binance-usdm": "/fapi/v1/depth"}
SCALE = 10**8


async def follow(stage, name, reader, symbols):
    wire = await stage.connect(name, reader.url_query(symbols))
    for message in reader.subscriptions(symbols):
        await wire.say(message)
    await read(wire, reader)
    if name in REST:
        stage.step()
        await read(wire, reader)
        for symbol in symbols:
            _, _, body = await stage.get(name, REST[name], symbol=symbol, limit="1000")
            reader.snapshot(symbol, json.loads(body))
    return wire


async def read(wire, reader):
    for text in await wire.texts():
        exact = json.loads(text, parse_float=str) if isinstance(reader, KrakenReader) else json.loads(text)
        reader.take(exact)


def scaled(levels):
    return tuple((int(price * SCALE), int(size * SCALE)) for price, size in levels)


def truth_of(server, name, symbol, number, *, of_quote=False):
    serial = int(of_quote) if name == "bybit" else None
    return server.truth(name, symbol, number, serial=serial)


def compare_books(server, name, reader, symbol):
    truth = truth_of(server, name, symbol, reader.ids[symbol])
    assert truth is not None
    depth = DEPTHS.get(name)
    bids, asks = reader.sorted(symbol, depth)
    assert scaled(bids) == truth.bids[:depth]
    assert scaled(asks) == truth.asks[:depth]
    assert len(bids) >= (depth or 150)
    assert bids[0] < asks[0]
    return truth


def compare_quotes(server, name, reader, symbol):
    number, *numbers = reader.quotes[symbol]
    truth = truth_of(server, name, symbol, number, of_quote=True)
    assert truth is not None
    assert tuple(int(one * SCALE) for one in numbers) == (*truth.bids[0], *truth.asks[0])


@pytest.mark.parametrize("name", EXCHANGES)
async def test_what_is_sent_is_the_truth_by_the_exchanges_own_rule(name):
    async with open_exchanges(okx_checksums=True) as stage:
        reader = READERS[name]()
        wire = await follow(stage, name, reader, PAIRS[name])
        begun = {symbol: reader.ids[symbol] for symbol in PAIRS[name]}
        for _ in range(STEPS // 4):
            stage.step(4, seconds=0.5)
            await read(wire, reader)
            for symbol in PAIRS[name]:
                truth = compare_books(stage.server, name, reader, symbol)
                assert truth.until is None or name in REST, "the newest state is still so"
                assert truth.since == stage.clock.now
                compare_quotes(stage.server, name, reader, symbol)
        assert all(reader.ids[symbol] != begun[symbol] for symbol in PAIRS[name])
        assert reader.updates >= 2 * STEPS - 4
        if isinstance(reader, KrakenReader | OkxReader):
            assert reader.checked >= 2 * STEPS
        assert not stage.server.story[name]


async def test_okx_sends_a_checksum_of_nothing_as_it_does_today():
    async with open_exchanges() as stage:
        wire = await follow(stage, "okx", OkxReader(), ("ETH-USDT",))
        stage.step(3)
        books = [m for m in await wire.messages() if m["arg"]["channel"] == "books"]
        assert [book["data"][0]["checksum"] for book in books] == [0, 0, 0]
        sizes = [level[1] for book in books for level in book["data"][0]["bids"]]
        assert not any("." in size and size.endswith("0") for size in sizes), "no zeros at the end"


async def test_a_book_drawn_anew_is_one_large_message():
    async with open_exchanges() as stage:
        reader = READERS["coinbase"]()
        wire = await follow(stage, "coinbase", reader, ("ETH-USD",))
        for _ in range(16):
            stage.step(64, seconds=0.25)
            await read(wire, reader)
        stage.step(4)
        await read(wire, reader)
        compare_books(stage.server, "coinbase", reader, "ETH-USD")
        assert stage.server.step_number > 1_024


async def test_a_late_listener_meets_the_same_book():
    """A book nobody has asked for is not moved; asked for, it is where it would have been."""
    async with open_exchanges() as early, open_exchanges() as late:
        for name in EXCHANGES:
            early.server.exchanges[name].book(PAIRS[name][0])
        for stage in (early, late):
            stage.step(40)
        for name in EXCHANGES:
            books = [stage.server.exchanges[name].book(PAIRS[name][0]) for stage in (early, late)]
            for stage in (early, late):
                stage.step(3)
            assert books[0].id == books[1].id
            assert books[0].quote_serial == books[1].quote_serial
            truths = [book.truth(book.id) for book in books]
            assert truths[0] == truths[1]
            assert len(truths[0].bids) > 150


async def test_dex_and_exchanges_drift_apart_but_stay_near():
    async with open_exchanges() as stage:
        book = stage.server.exchanges["kraken"].book("ETH/USD")
        prices = []
        for _ in range(600):
            stage.step(seconds=12)
            prices.append(book.best()[0] / 100)
        assert min(prices) > 2_700
        assert max(prices) < 3_300
        assert max(prices) - min(prices) > 15
        dollars = stage.server.exchanges["kraken"].book("USDT/USD").best()[0] / 10**5
        assert 0.99 < dollars < 1.01


async def test_binance_takes_subscriptions_while_it_runs():
    async with open_exchanges() as stage:
        wire = await stage.connect("binance", path="/ws")
        await wire.say(
            {"method": "SUBSCRIBE", "params": ["ethusdt@bookTicker", "nopeusdt@bookTicker"], "id": 1}
        )
        assert await wire.messages() == [{"result": None, "id": 1}]
        stage.step()
        [raw] = {message["s"] for message in await wire.messages()}
        assert raw == "ETHUSDT"
        await wire.say({"method": "LIST_SUBSCRIPTIONS", "id": 2})
        assert (await wire.messages())[0]["result"] == ["ethusdt@bookTicker", "nopeusdt@bookTicker"]
        await wire.say({"method": "UNSUBSCRIBE", "params": ["ethusdt@bookTicker"], "id": 3})
        assert await wire.messages() == [{"result": None, "id": 3}]
        stage.step()
        assert await wire.messages() == []
        await wire.say({"method": "JUMP", "id": 4})
        assert (await wire.messages())[0]["error"]["code"] == 2


@pytest.mark.parametrize(("name", "path"), REST.items())
async def test_binance_refuses_by_rest(name, path):
    async with open_exchanges() as stage:
        status, _, body = await stage.get(name, path, symbol="NOPEUSDT")
        assert (status, json.loads(body)["code"]) == (400, -1121)
        status, _, body = await stage.get(name, path, symbol="ETHUSDT", limit="77777")
        assert (status, json.loads(body)["code"]) == (400, -1130)
        status, _, body = await stage.get(name, path, symbol="ETHUSDT", limit="5")
        assert [len(json.loads(body)[side]) for side in ("bids", "asks")] == [5, 5]
        assert (await stage.get(name, "/api/v9/nothing"))[0] == 404


async def test_binance_spot_writes_eight_decimals_and_others_their_own():
    async with open_exchanges() as stage:
        _, _, body = await stage.get("binance", "/api/v3/depth", symbol="ETHUSDT", limit="1")
        [[price, size]] = json.loads(body)["bids"]
        assert len(price.partition(".")[2]) == len(size.partition(".")[2]) == 8
        assert Decimal(price) == Decimal(price).quantize(Decimal("0.01"))


REFUSALS = {
    "coinbase": {"type": "subscribe", "product_ids": ["NOPE-USD"], "channel": "level2"},
    "kraken": {"method": "subscribe", "params": {"channel": "book", "symbol": ["NOPE/USD"]}, "req_id": 9},
    "okx": {"op": "subscribe", "args": [{"channel": "books", "instId": "NOPE-USDT"}]},
    "bybit": {"op": "subscribe", "args": ["orderbook.50.NOPEUSDT"], "req_id": "9"},
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_an_unknown_symbol_is_refused_in_the_exchanges_own_words(name):
    async with open_exchanges() as stage:
        wire = await stage.connect(name)
        await wire.say(REFUSALS[name])
        refusal = (await wire.messages())[-1]
        assert {
            "coinbase": lambda: refusal["type"] == "error" and "NOPE-USD" in refusal["message"],
            "kraken": lambda: (
                refusal["error"] == "Currency pair not supported NOPE/USD" and refusal["req_id"] == 9
            ),
            "okx": lambda: (
                (refusal["event"], refusal["code"]) == ("error", "60018") and "NOPE-USDT" in refusal["msg"]
            ),
            "bybit": lambda: refusal["success"] is False and "NOPEUSDT" in refusal["ret_msg"],
        }[name]()
        stage.step()
        assert all("heartbeat" in json.dumps(message) for message in await wire.messages())


async def test_nonsense_is_answered_and_harms_nobody():
    async with open_exchanges() as stage:
        for name in EXCHANGES:
            wire = await stage.connect(name)
            for text in ("{", "[]", '{"op":7}', '{"method":"subscribe","params":[]}', '"x"'):
                await wire.say(text)
                stage.clock.now += 10**9
                await asyncio.sleep(0.01)
            answers = await wire.texts()
            assert wire.closed_with is None
            assert len(answers) >= 5, name


async def test_pings_of_every_kind_are_answered():
    async with open_exchanges() as stage:
        kraken, okx, bybit = [await stage.connect(name) for name in ("kraken", "okx", "bybit")]
        await kraken.say({"method": "ping", "req_id": 42})
        pong = (await kraken.messages())[-1]
        assert (pong["method"], pong["req_id"]) == ("pong", 42)
        await okx.say("ping")
        assert await okx.texts() == ["pong"]
        await bybit.say({"op": "ping", "req_id": "5"})
        [pong] = await bybit.messages()
        assert (pong["success"], pong["ret_msg"], pong["op"], pong["req_id"]) == (True, "pong", "ping", "5")


async def test_bybit_repeats_a_quiet_quote_and_takes_ten_topics_at_most():
    async with open_exchanges() as stage:
        wire = await stage.connect("bybit")
        await wire.say({"op": "subscribe", "args": ["orderbook.1.USDCUSDT"]})
        assert len(await wire.messages()) == 2
        stage.step(8, seconds=4)
        pushed = [message["data"] for message in await wire.messages()]
        assert len(pushed) == 8, "one each step, changed or not"
        assert len({data["u"] for data in pushed}) <= 8
        await wire.say({"op": "subscribe", "args": ["orderbook.50.ETHUSDT"] * 11})
        assert (await wire.messages())[-1]["success"] is False


async def test_limits_are_held():
    async with open_exchanges() as stage:
        hasty, idle = await stage.connect("binance"), await stage.connect("coinbase")
        for number in range(6):
            await hasty.say({"method": "LIST_SUBSCRIPTIONS", "id": number})
        assert len(await hasty.texts()) == 5
        assert hasty.closed_with == 1008
        stage.wait(4)
        assert await idle.texts() == []
        assert idle.closed_with is None
        stage.wait(2)
        await idle.texts()
        assert idle.closed_with is not None, "no subscription within five seconds"
        for _ in range(3):
            await stage.connect("okx")
        status, headers, _ = await refused(stage, "okx")
        assert (status, headers["Retry-After"]) == (429, "1")
        assert stage.server.story["binance"] == {"too_many_messages": 1}
        assert stage.server.story["coinbase"] == {"no_subscription": 1}
        assert stage.server.story["okx"] == {"too_many_attempts": 1}


async def refused(stage, name):
    """A handshake's answer."""
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    headers["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    url = stage.server.url(name).rest + "/ws/v5/public"
    async with stage.session.get(url, headers=headers) as answer:
        return answer.status, answer.headers, await answer.text()


async def test_binance_pings_and_cuts_off_who_does_not_answer():
    async with open_exchanges() as stage:
        url = stage.server.url("binance").ws + "/stream?streams=ethusdt@bookTicker"
        answering = await stage.session.ws_connect(url)
        silent = await stage.session.ws_connect(url, autoping=False)
        reader = asyncio.create_task(answering.receive())
        for _ in range(5):
            stage.wait(20)
            await asyncio.sleep(0.05)
        assert stage.server.story["binance"] == {"no_pong": 1}
        assert not reader.done()
        reader.cancel()
        await silent.close()


async def test_a_day_is_the_life_of_a_connection_to_binance():
    async with open_exchanges() as stage:
        wire = await stage.connect("binance", "?streams=ethusdt@bookTicker")
        stage.wait(86_400)
        await wire.texts()
        assert wire.closed_with == 1001
