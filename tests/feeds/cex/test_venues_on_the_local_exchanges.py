"""Each exchange's file talks to the local market's exchange of that name, over a real socket and without a reader.

A wrong symbol stands among the right ones: it alone is refused.
"""

import asyncio
import contextlib
import itertools
import json

import aiohttp
import pytest

from bot.core.market_data import Pair
from bot.exchange_settings import PERPETUALS
from bot.feeds.cex.venue import Acknowledged, Halted, Malformed, Pong, Refused, Resumed, Shutdown
from bot.feeds.cex.venues import VENUES
from bot.world.exchanges.server import ExchangeServer

WRONG = {"binance": "NOPEUSDT", "binance-usdm": "NOPEUSDT", "coinbase": "NOPE-USD", "kraken": "NOPE/USD"}
WRONG |= {"okx": "NOPE-USDT", "bybit": "NOPEUSDT"}
CLOSING = {"binance": Shutdown, "okx": Shutdown, "kraken": Halted}
"""USD-M futures document no word before a close."""


class Conversation:
    """What the exchange has said so far: its meanings, and its data frames by symbol."""

    def __init__(self, venue, symbols, socket):
        self.venue, self.symbols, self.socket = venue, symbols, socket
        self.next_id = itertools.count(1).__next__
        self.meanings = []
        self.data = []

    async def say(self, messages):
        for message in messages:
            await self.socket.send_str(message.decode())

    async def listen(self, until, limit=5.0):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit):
                while not until():
                    message = await self.socket.receive()
                    if message.type is not aiohttp.WSMsgType.TEXT:
                        return
                    self.hear(message.data)

    def hear(self, text):
        payload = text.encode()
        if len(payload) < 60_000:
            self.meanings.append(self.venue.control(payload))
        if any(f'"{symbol}"' in text or f".{symbol}" in text for symbol in self.symbols):
            self.data.append(text)

    def of(self, kind):
        return [meaning for meaning in self.meanings if isinstance(meaning, kind)]

    def symbols_with_data(self):
        return {
            symbol
            for symbol in self.symbols
            if any(f'"{symbol}"' in text or f".{symbol}" in text for text in self.data)
        }


@contextlib.asynccontextmanager
async def conversation(name, symbols):
    venue, server = VENUES[name], ExchangeServer(5)
    await server.start()
    try:
        async with aiohttp.ClientSession() as client:
            url = venue.url(server.url(name).ws, symbols)
            async with client.ws_connect(url, max_msg_size=2**24) as socket:
                talk = Conversation(venue, symbols, socket)
                await talk.say(venue.subscribe(symbols, talk.next_id))
                moving = asyncio.create_task(keep_moving(server))
                try:
                    yield talk, server, client
                finally:
                    moving.cancel()
    finally:
        await server.stop()


async def keep_moving(server):
    while True:
        await asyncio.sleep(0.02)
        server.move()


def symbols_of(name):
    pairs = VENUES[name].default_pairs("ETH")
    assert all(isinstance(pair, Pair) and pair.is_perpetual == (name in PERPETUALS) for pair in pairs)
    return [VENUES[name].symbol(pair) for pair in pairs]


@pytest.mark.parametrize("name", VENUES)
async def test_a_wrong_symbol_is_refused_and_the_others_are_served(name):
    symbols = symbols_of(name)
    mixed = [symbols[0], WRONG[name], *symbols[1:]]
    async with conversation(name, mixed) as (talk, server, client):
        by_rest = talk.venue.snapshot is not None
        served = set(symbols)
        await talk.listen(lambda: served <= talk.symbols_with_data() and (by_rest or talk.of(Refused)))
        assert served <= talk.symbols_with_data()
        assert not talk.of(Malformed)
        if by_rest:
            statuses = {}
            for symbol in mixed:
                async with client.get(talk.venue.snapshot.url(server.url(name).rest, symbol)) as answer:
                    statuses[symbol] = answer.status
                    body = await answer.read()
                if symbol == WRONG[name]:
                    assert isinstance(talk.venue.control(body), Refused)
                else:
                    assert {"lastUpdateId", "bids", "asks"} <= json.loads(body).keys()
            assert statuses == {symbol: 400 if symbol == WRONG[name] else 200 for symbol in mixed}
        else:
            assert {refused.symbol for refused in talk.of(Refused)} == {WRONG[name]}
            named = {meaning.symbol for meaning in talk.of(Acknowledged)} - {None}
            assert named <= served
            assert named == served or name == "coinbase"


@pytest.mark.parametrize("name", ["kraken", "okx", "bybit"])
async def test_a_book_is_asked_for_anew_and_comes_whole(name):
    symbols = symbols_of(name)[:2]
    async with conversation(name, symbols) as (talk, _, _):
        await talk.listen(lambda: set(symbols) <= talk.symbols_with_data())
        before = snapshots(talk, symbols[0])
        await talk.say(talk.venue.resubscribe(symbols[0], talk.next_id))
        await talk.listen(lambda: snapshots(talk, symbols[0]) > before)
        assert snapshots(talk, symbols[0]) == before + 1
        assert not talk.of(Refused)


def snapshots(talk, symbol):
    """Whole books of `symbol` that came: the stream of the best bid and offer left out."""
    return sum(
        1
        for text in talk.data
        if symbol in text
        and '"snapshot"' in text
        and not any(word in text for word in ('"ticker"', '"bbo-tbt"', "orderbook.1.", '"success"'))
    )


@pytest.mark.parametrize("name", ["kraken", "okx", "bybit"])
async def test_a_text_ping_is_answered(name):
    async with conversation(name, symbols_of(name)[:1]) as (talk, _, _):
        await talk.say([talk.venue.ping(talk.next_id)])
        await talk.listen(lambda: talk.of(Pong))
        assert len(talk.of(Pong)) == 1


@pytest.mark.parametrize("name", CLOSING)
async def test_the_word_before_a_close_is_understood(name):
    async with conversation(name, symbols_of(name)[:1]) as (talk, server, _):
        await talk.listen(talk.symbols_with_data)
        if name == "kraken":
            assert talk.of(Resumed)
        server.strike(name, "maintenance")
        await talk.listen(lambda: talk.of(CLOSING[name]))
        assert talk.of(CLOSING[name])
