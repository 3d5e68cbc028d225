"""Every message that is sent, byte by byte, and each beside the exchange's own sample of it."""

import itertools
import json
import re

import pytest

from bot.feeds.cex.venues import VENUES

SENT = {
    "binance": ([], []),
    "binance-usdm": ([], []),
    "coinbase": (
        [
            b'{"type":"subscribe","product_ids":["AAA-USD"],"channel":"level2"}',
            b'{"type":"subscribe","product_ids":["BBB-USD"],"channel":"level2"}',
            b'{"type":"subscribe","channel":"heartbeats"}',
        ],
        [],
    ),
    "kraken": (
        [
            b'{"method":"subscribe","params":{"channel":"book","symbol":["AAA/USD","BBB/USD"],"depth":100},"req_id":1}',
            (
                b'{"method":"subscribe","params":{"channel":"ticker","symbol":["AAA/USD","BBB/USD"],'
                b'"event_trigger":"bbo"},"req_id":2}'
            ),
        ],
        [
            b'{"method":"unsubscribe","params":{"channel":"book","symbol":["AAA/USD"],"depth":100},"req_id":3}',
            b'{"method":"subscribe","params":{"channel":"book","symbol":["AAA/USD"],"depth":100},"req_id":4}',
        ],
    ),
    "okx": (
        [
            (
                b'{"id":"AAAxUSDx1","op":"subscribe","args":[{"channel":"bbo-tbt","instId":"AAA-USD"},'
                b'{"channel":"books","instId":"AAA-USD"}]}'
            ),
            (
                b'{"id":"BBBxUSDx2","op":"subscribe","args":[{"channel":"bbo-tbt","instId":"BBB-USD"},'
                b'{"channel":"books","instId":"BBB-USD"}]}'
            ),
        ],
        [
            b'{"id":"AAAxUSDx3","op":"unsubscribe","args":[{"channel":"books","instId":"AAA-USD"}]}',
            b'{"id":"AAAxUSDx4","op":"subscribe","args":[{"channel":"books","instId":"AAA-USD"}]}',
        ],
    ),
    "bybit": (
        [
            b'{"req_id":"AAAUSD.1","op":"subscribe","args":["orderbook.1.AAAUSD","orderbook.50.AAAUSD"]}',
            b'{"req_id":"BBBUSD.2","op":"subscribe","args":["orderbook.1.BBBUSD","orderbook.50.BBBUSD"]}',
        ],
        [
            b'{"req_id":"AAAUSD.3","op":"unsubscribe","args":["orderbook.1.AAAUSD","orderbook.50.AAAUSD"]}',
            b'{"req_id":"AAAUSD.4","op":"subscribe","args":["orderbook.1.AAAUSD","orderbook.50.AAAUSD"]}',
        ],
    ),
}
JOINTS = {"coinbase": "-", "kraken": "/", "okx": "-", "bybit": "", "binance": "", "binance-usdm": ""}
PINGS = {
    "binance": None,
    "binance-usdm": None,
    "coinbase": None,
    "kraken": b'{"method":"ping","req_id":1}',
    "okx": b"ping",
    "bybit": b'{"req_id":"1","op":"ping"}',
}
SAMPLES = {
    "coinbase": (
        # websocket-overview, without the JWT that market data no longer need
        '{"type":"subscribe","product_ids":["ETH-USD","ETH-EUR"],"channel":"level2"}',
    ),
    "kraken": (
        # websocket-v2/book and websocket-v2/ticker
        '{"method":"subscribe","params":{"channel":"book","symbol":["ALGO/USD","MATIC/USD"]}}',
        '{"method":"subscribe","params":{"channel":"ticker","symbol":["ALGO/USD"]}}',
        '{"method":"unsubscribe","params":{"channel":"book","symbol":["ALGO/USD","MATIC/USD"]}}',
        '{"method":"ping","req_id":101}',
    ),
    "okx": (
        '{"id":"1512","op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"}]}',
        '{"op":"unsubscribe","args":[{"channel":"books","instId":"BTC-USDT"}]}',
    ),
    "bybit": (
        '{"req_id":"test","op":"subscribe","args":["orderbook.1.BTCUSDT","publicTrade.BTCUSDT"]}',
        '{"op":"unsubscribe","args":["publicTrade.ETHUSD"],"req_id":"customised_id"}',
        '{"req_id":"100001","op":"ping"}',
    ),
}


def sent(name):
    venue = VENUES[name]
    next_id = itertools.count(1).__next__
    symbols = [f"{base}{JOINTS[name]}USD" for base in ("AAA", "BBB")]
    return venue.subscribe(symbols, next_id), venue.resubscribe(symbols[0], next_id)


@pytest.mark.parametrize("name", VENUES)
def test_subscriptions_byte_by_byte(name):
    assert sent(name) == SENT[name]


@pytest.mark.parametrize("name", VENUES)
def test_pings_byte_by_byte(name):
    assert VENUES[name].ping(itertools.count(1).__next__) == PINGS[name]


def shape(value):
    """Types of a sample, its members with it: texts and numbers differ."""
    if isinstance(value, dict):
        return {key: shape(member) for key, member in value.items()}
    if isinstance(value, list):
        return [shape(value[0])]
    return type(value)


def covers(ours, sample):
    if isinstance(sample, dict):
        return isinstance(ours, dict) and all(
            key in ours and covers(ours[key], sample[key]) for key in sample
        )
    return ours == sample


@pytest.mark.parametrize(("name", "sample"), [(name, text) for name in SAMPLES for text in SAMPLES[name]])
def test_each_documented_sample_has_a_message_of_its_shape(name, sample):
    messages = [message for messages in sent(name) for message in messages]
    ping = VENUES[name].ping(itertools.count(1).__next__)
    if ping is not None and ping.startswith(b"{"):
        messages.append(ping)
    wanted = json.loads(sample)
    same_kind = [
        message
        for message in map(json.loads, messages)
        if all(message.get(key) == wanted.get(key) for key in ("method", "op", "type"))
    ]
    assert any(covers(shape(message), shape(wanted)) for message in same_kind)


@pytest.mark.parametrize("name", VENUES)
def test_a_message_stays_within_the_exchange_s_sizes(name):
    """Ten topics a message at Bybit; identities of 32 letters and digits at OKX; whole numbers at Kraken."""
    venue = VENUES[name]
    next_id = itertools.count(10**9).__next__
    symbols = [f"{'A' * 10}{number:05d}{JOINTS[name]}USDT" for number in range(20)]
    messages = venue.subscribe(symbols, next_id) + venue.resubscribe(symbols[0], next_id)
    for message in map(json.loads, messages):
        if name == "bybit":
            assert 1 <= len(message["args"]) <= 10
        if name == "okx":
            assert re.fullmatch(r"[A-Za-z0-9]{1,32}", message["id"])
        if name == "kraken":
            assert type(message["req_id"]) is int
        if name == "coinbase":
            assert isinstance(message["channel"], str)
    named = "".join(message.decode() for message in messages)
    assert all(symbol in named for symbol in symbols) or not messages


@pytest.mark.parametrize("name", VENUES)
def test_identities_are_used_once(name):
    venue = VENUES[name]
    next_id = itertools.count(1).__next__
    symbols = [f"{base}{JOINTS[name]}USD" for base in ("AAA", "BBB", "CCC")]
    messages = [*venue.subscribe(symbols, next_id), *venue.resubscribe(symbols[1], next_id)]
    messages += [ping for _ in range(3) if (ping := venue.ping(next_id)) and ping.startswith(b"{")]
    identities = [
        message[key] for message in map(json.loads, messages) for key in ("id", "req_id") if key in message
    ]
    assert len(set(identities)) == len(identities)
