"""Which pairs an exchange has, under which symbol, at which address, and that its own limits are kept."""

import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.market_data import Pair
from bot.exchange_settings import EXCHANGES, PERPETUALS
from bot.feeds.cex.venues import VENUES

SECOND = 10**9
TICKERS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=6)
ASSETS = st.sampled_from(("ETH", "BTC", "SOL", "USD", "USDT", "USDC", "EUR", "DAI", "1INCH", "FDUSD", "BNB"))
PAIRS = st.builds(Pair, ASSETS | TICKERS, ASSETS | TICKERS, st.booleans())

DEFAULTS = {
    "binance": ("ETH/USDT", "ETH/USDC", "USDC/USDT"),
    "binance-usdm": ("ETH/USDT perpetual",),
    "coinbase": ("ETH/USD", "USDT/USD"),
    "kraken": ("ETH/USD", "ETH/USDT", "ETH/USDC", "USDT/USD", "USDC/USD", "USDC/USDT"),
    "okx": ("ETH/USDT", "ETH/USDC", "USDC/USDT"),
    "bybit": ("ETH/USDT", "ETH/USDC", "USDC/USDT"),
}
SYMBOLS = {
    "binance": ("ETHUSDT", "ETHUSDC", "USDCUSDT"),
    "binance-usdm": ("ETHUSDT",),
    "coinbase": ("ETH-USD", "USDT-USD"),
    "kraken": ("ETH/USD", "ETH/USDT", "ETH/USDC", "USDT/USD", "USDC/USD", "USDC/USDT"),
    "okx": ("ETH-USDT", "ETH-USDC", "USDC-USDT"),
    "bybit": ("ETHUSDT", "ETHUSDC", "USDCUSDT"),
}
NOT_TRADED = {
    "binance": (Pair("ETH", "USD"), Pair("ETH", "USDT", is_perpetual=True)),
    "binance-usdm": (Pair("ETH", "USDT"), Pair("ETH", "USD", is_perpetual=True)),
    "coinbase": (Pair("ETH", "USDC"), Pair("USDC", "USD"), Pair("USDT", "USDC")),
    "kraken": (Pair("ETH", "USD", is_perpetual=True),),
    "okx": (Pair("ETH", "USDT", is_perpetual=True),),
    "bybit": (Pair("ETH", "USD"), Pair("ETH", "USDT", is_perpetual=True)),
}
URLS = {
    "binance": "ws://127.0.0.1:9/x/stream?streams=ethusdt@bookTicker/ethusdt@depth@100ms/usdcusdt@bookTicker/usdcusdt@depth@100ms",
    "binance-usdm": "ws://127.0.0.1:9/x/public/stream?streams=ethusdt@bookTicker/ethusdt@depth@100ms",
    "coinbase": "ws://127.0.0.1:9/x",
    "kraken": "ws://127.0.0.1:9/x/v2",
    "okx": "ws://127.0.0.1:9/x/ws/v5/public",
    "bybit": "ws://127.0.0.1:9/x/v5/public/spot",
}
OWN_URLS = {
    "binance": "wss://stream.binance.com:9443/stream?streams=ethusdt@bookTicker/ethusdt@depth@100ms",
    "binance-usdm": "wss://fstream.binance.com/public/stream?streams=ethusdt@bookTicker/ethusdt@depth@100ms",
    "coinbase": "wss://advanced-trade-ws.coinbase.com",
    "kraken": "wss://ws.kraken.com/v2",
    "okx": "wss://ws.okx.com:8443/ws/v5/public",
    "bybit": "wss://stream.bybit.com/v5/public/spot",
}


class Documented(msgspec.Struct):
    """Written here a second time, from the exchanges' documents. Seconds; None: not documented."""

    attempts: tuple[int, int] | None
    messages: tuple[int, int] | None
    life: int | None = None
    subscribe_within: int | None = None
    silence: int | None = None
    """The server's patience with a client that sends nothing."""
    weight_a_minute: int = 0
    snapshot_weight: int = 0
    streams: int | None = None


DOCUMENTED = {
    "binance": Documented(
        (300, 300), (5, 1), 86_400, silence=60, weight_a_minute=6000, snapshot_weight=50, streams=1024
    ),
    "binance-usdm": Documented(
        None, (10, 1), 86_400, silence=600, weight_a_minute=2400, snapshot_weight=20, streams=1024
    ),
    "coinbase": Documented((8, 1), (8, 1), subscribe_within=5),
    "kraken": Documented((150, 600), None),
    "okx": Documented((3, 1), (480, 3600), subscribe_within=30, silence=30),
    "bybit": Documented((500, 300), None, silence=600),
}


def test_the_exchanges_are_those_an_operator_can_name():
    assert tuple(VENUES) == EXCHANGES
    assert all(venue.name == name for name, venue in VENUES.items())


@pytest.mark.parametrize("name", VENUES)
def test_default_pairs_and_their_symbols(name):
    venue = VENUES[name]
    pairs = venue.default_pairs("ETH")
    assert tuple(str(pair) for pair in pairs) == DEFAULTS[name]
    assert tuple(venue.symbol(pair) for pair in pairs) == SYMBOLS[name]
    assert all(pair.is_perpetual == (name in PERPETUALS) for pair in pairs)


@pytest.mark.parametrize("name", VENUES)
def test_pairs_it_does_not_trade(name):
    assert [VENUES[name].symbol(pair) for pair in NOT_TRADED[name]] == [None] * len(NOT_TRADED[name])


@pytest.mark.parametrize("name", VENUES)
@pytest.mark.parametrize("asset", ["BTC", "EUR", "USD", "USDT", "USDC"])
def test_default_pairs_are_traded_and_stand_there_once(name, asset):
    venue = VENUES[name]
    pairs = venue.default_pairs(asset)
    assert len(set(pairs)) == len(pairs)
    assert all(venue.symbol(pair) for pair in pairs)
    assert all(asset in (pair.base, pair.quote) or pair in venue.default_pairs("ETH") for pair in pairs)


@given(first=PAIRS, second=PAIRS)
@settings(deadline=None)
def test_a_symbol_names_one_pair(first, second):
    for venue in VENUES.values():
        symbols = (venue.symbol(first), venue.symbol(second))
        if first != second and None not in symbols:
            assert symbols[0] != symbols[1]


@given(pair=PAIRS)
@settings(deadline=None)
def test_the_two_assets_stand_in_a_separated_symbol(pair):
    for name in ("coinbase", "kraken", "okx"):
        symbol = VENUES[name].symbol(pair)
        assert symbol is None or tuple(symbol.replace("/", "-").split("-")) == (pair.base, pair.quote)


@pytest.mark.parametrize("name", ["binance", "binance-usdm", "bybit"])
def test_joined_symbols_collide_nowhere_in_all_short_tickers(name):
    """The first part of the ticker alphabet in all lengths that could be confused with a quote."""
    venue = VENUES[name]
    tickers = [
        "".join(letters) for size in (1, 2, 3, 4) for letters in itertools.product("UBTC", repeat=size)
    ]
    quotes = ("USDT", "USDC", "BTC", "ETH", "EUR", "BNB", "FDUSD", "TRY", "USD", "T", "C")
    seen = {}
    for base, quote in itertools.product([*tickers, "USDC", "USDT"], quotes):
        pair = Pair(base, quote, name in PERPETUALS)
        symbol = venue.symbol(pair)
        if symbol is not None:
            assert seen.setdefault(symbol, pair) == pair
    assert len(seen) > 500


@given(text=st.text(max_size=20))
@settings(deadline=None)
def test_nothing_but_tickers_comes_into_a_symbol(text):
    """It stands in URLs and messages."""
    for name, venue in VENUES.items():
        symbol = venue.symbol(Pair(text, "USDT", name in PERPETUALS))
        assert symbol is None or (text.isascii() and text.isalnum() and text == text.upper())


@pytest.mark.parametrize("name", VENUES)
def test_addresses(name):
    venue = VENUES[name]
    symbols = SYMBOLS[name][:1] if name != "binance" else ("ETHUSDT", "USDCUSDT")
    assert venue.url("ws://127.0.0.1:9/x", symbols) == URLS[name]
    assert venue.url(venue.ws_url, SYMBOLS[name][:1]) == OWN_URLS[name]
    assert venue.ws_url.startswith("wss://")
    assert venue.rest_url.startswith("https://")


def test_snapshots_are_asked_for_at_binance_alone():
    assert [name for name, venue in VENUES.items() if venue.snapshot] == ["binance", "binance-usdm"]
    spot, futures = VENUES["binance"].snapshot, VENUES["binance-usdm"].snapshot
    assert spot.url("https://api.binance.com/", "ETHUSDT") == (
        "https://api.binance.com/api/v3/depth?symbol=ETHUSDT&limit=1000"
    )
    assert futures.url("https://fapi.binance.com", "ETHUSDT") == (
        "https://fapi.binance.com/fapi/v1/depth?symbol=ETHUSDT&limit=1000"
    )


@pytest.mark.parametrize("name", VENUES)
def test_no_limit_is_above_what_is_documented(name):
    limits, documented = VENUES[name].limits, DOCUMENTED[name]
    assert min(limits.attempts, limits.messages, limits.streams, limits.heartbeat) > 0
    for allowed, per, known in (
        (limits.attempts, limits.per, documented.attempts),
        (limits.messages, limits.messages_per, documented.messages),
    ):
        if known is not None:
            count, seconds = known
            # Neither more at once, nor more in the long run.
            assert allowed <= count
            assert allowed * seconds * SECOND <= count * per
    assert limits.life == (documented.life and documented.life * SECOND)
    if documented.subscribe_within is not None:
        assert limits.subscribe_within <= documented.subscribe_within * SECOND
    if documented.silence is not None:
        assert limits.heartbeat < documented.silence * SECOND
    assert limits.rest_weight * 60 * SECOND <= documented.weight_a_minute * limits.rest_per
    if VENUES[name].snapshot is not None:
        assert VENUES[name].snapshot.weight == documented.snapshot_weight
        assert limits.rest_weight >= 10 * documented.snapshot_weight
    if documented.streams is not None:
        assert limits.streams <= documented.streams
    assert limits.heartbeat * limits.messages > limits.messages_per, "pings alone would use the budget up"


@pytest.mark.parametrize("name", VENUES)
def test_a_book_of_the_subscribed_depth_has_room(name):
    venue = VENUES[name]
    assert venue.capacity >= 2 * venue.depth
    assert venue.capacity >= 50


@pytest.mark.parametrize("name", ["binance", "binance-usdm"])
def test_streams_in_a_url_are_no_more_than_servers_read(name):
    venue = VENUES[name]
    symbols = ["ABCDEFUSDT"] * (venue.limits.streams // 2)
    assert len(venue.url(venue.ws_url, symbols)) < 8000
