"""Variables of exchanges: which are followed, where they are reached, what counts as a price, what is recorded."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import BadConfiguration
from bot.core.market_data import Pair
from bot.core.quantities import BYTE_UNITS, parse_bytes
from bot.exchange_settings import EXCHANGES, ExchangeSettings
from bot.feeds.cex.config import CexConfig
from bot.feeds.cex.venues import VENUES
from bot.settings import Settings, load_settings
from bot.world.market_files import BOOKS_BY_REST

OBSERVER = {"BOT_MODE": "observe", "BOT_CHAIN": "ethereum", "BOT_RPC_URL": "ws://127.0.0.1:1"}
MARKET = OBSERVER | {"BOT_CHAIN": "market"}
OF_THE_MARKET = {
    "BOT_EXCHANGES": "kraken",
    "BOT_EXCHANGE_KRAKEN__WS_URL": "ws://127.0.0.1:9000/kraken",
}


def loaded(environment: dict[str, str]) -> Settings:
    return load_settings(OBSERVER | environment)


def problems(environment: dict[str, str]) -> list[str]:
    with pytest.raises(BadConfiguration) as caught:
        load_settings(environment)
    assert all("\n" not in line for line in caught.value.problems)
    return list(caught.value.problems)


def test_no_exchange_is_followed_unless_named() -> None:
    settings = loaded({})
    assert settings.exchanges == ()
    assert (settings.records_exchanges, settings.records_chain) == (False, False)


def test_a_named_exchange_has_its_own_pairs_and_addresses() -> None:
    settings = loaded({"BOT_EXCHANGES": " Kraken, okx "})
    assert settings.exchanges == (ExchangeSettings("kraken"), ExchangeSettings("okx"))
    assert loaded({"BOT_EXCHANGES": ",".join(EXCHANGES)}).exchanges[-1].name == EXCHANGES[-1]


def test_values_are_read_with_their_units() -> None:
    variables = loaded({"BOT_QUOTE_LAG": "250 ms", "BOT_RECORDING_CAP": "1.5 GiB"}).variables
    assert (variables.quote_age, variables.quote_lag) == (5 * 10**9, 250 * 10**6)
    assert variables.quote_age == CexConfig().quote_age
    assert (variables.reference_exchanges, variables.reference_stray) == (2, 50)
    assert variables.recording_cap == 1_610_612_736
    assert variables.quote_assets == ("ETH",)


def test_assets_are_tickers_and_the_dollars_come_by_themselves() -> None:
    assert loaded({"BOT_QUOTE_ASSETS": "eth, BTC,ETH"}).variables.quote_assets == ("ETH", "BTC")
    for wrong, why in (
        ("USDT", "USDT is a dollar: USD, USDT, USDC are followed with each asset anyway"),
        ("eth/usd", "ETH/USD is a pair, and here are assets alone, as ETH"),
        ("ET H", "'ET H' is no ticker"),
        (",", "assets are expected, as ETH"),
    ):
        (line,) = problems(OBSERVER | {"BOT_QUOTE_ASSETS": wrong})
        assert line.startswith(f"BOT_QUOTE_ASSETS={wrong!r}: {why}")


def test_pairs_and_which_of_them_are_perpetuals() -> None:
    settings = loaded(
        {
            "BOT_EXCHANGES": "kraken,binance-usdm",
            "BOT_EXCHANGE_KRAKEN__PAIRS": "eth/usd, USDT/USD",
            "BOT_EXCHANGE_BINANCE_USDM__PAIRS": "ETH/USDT",
        }
    )
    spot, perpetual = settings.exchanges
    assert spot.pairs == (Pair("ETH", "USD"), Pair("USDT", "USD"))
    assert perpetual.pairs == (Pair("ETH", "USDT", is_perpetual=True),)


@pytest.mark.parametrize(
    "wrong", ["ETHUSDT", "ETH/", "/USD", "ETH/ETH", "ETH/USD,ETH/USD", "ETH/USD/USDT", ",", "ETH-USD"]
)
def test_what_is_no_pair_is_quoted(wrong: str) -> None:
    name = "BOT_EXCHANGE_KRAKEN__PAIRS"
    (line,) = problems(OBSERVER | {"BOT_EXCHANGES": "kraken", name: wrong})
    assert line.startswith(f"{name}={wrong!r}")


def test_an_unknown_exchange_is_refused_with_those_there_are() -> None:
    assert problems(OBSERVER | {"BOT_EXCHANGES": "binance,mtgox"}) == [
        f"BOT_EXCHANGES: 'mtgox' is not known; there are {', '.join(EXCHANGES)}"
    ]
    assert problems(OBSERVER | {"BOT_EXCHANGES": "okx,okx"}) == ["BOT_EXCHANGES: 'okx' stands there twice"]


def test_an_unknown_field_of_an_exchange_is_found_out() -> None:
    given = {"BOT_EXCHANGES": "binance-usdm", "BOT_EXCHANGE_BINANCE_USDM__WSS_URL": "wss://x"}
    (line,) = problems(OBSERVER | given)
    assert "did you mean BOT_EXCHANGE_BINANCE_USDM__WS_URL?" in line


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.9.8.7:80", "[::1]:9", "localhost:8080", "LOCALHOST"], ids=str
)
def test_without_tls_on_this_machine(host: str) -> None:
    settings = loaded(
        {
            "BOT_EXCHANGES": "binance",
            "BOT_EXCHANGE_BINANCE__WS_URL": f"ws://{host}/behind/",
            "BOT_EXCHANGE_BINANCE__REST_URL": f"http://{host}",
        }
    )
    assert settings.exchanges[0].ws_url == f"ws://{host}/behind"


@pytest.mark.parametrize(
    ("field", "url"),
    [
        ("WS_URL", "ws://ws.kraken.com/v2"),
        ("WS_URL", "ws://localhost.example.com"),
        ("WS_URL", "ws://127.0.0.1.example.com"),
        ("WS_URL", "ws://127.0.0.1@example.com"),
        ("WS_URL", "ws://0.0.0.0:1"),
        ("WS_URL", "ws://192.168.0.1"),
        ("WS_URL", "https://ws.kraken.com"),
        ("WS_URL", "wss://"),
        ("WS_URL", "wss://host:port"),
        ("WS_URL", "wss://[::1"),
        ("REST_URL", "http://api.kraken.com"),
        ("REST_URL", "wss://api.kraken.com"),
        ("REST_URL", "api.kraken.com"),
    ],
)
def test_an_address_off_this_machine_without_tls_or_malformed_is_refused(field: str, url: str) -> None:
    name = f"BOT_EXCHANGE_BINANCE__{field}"
    (line,) = problems(OBSERVER | {"BOT_EXCHANGES": "binance", name: url})
    assert line.startswith(f"{name}={url.replace('127.0.0.1@example.com', '…')!r}: ")


@pytest.mark.parametrize(
    "url",
    [
        "https://canary:canary@api.binance.com",
        "https://canary@api.binance.com/",
        "https://can/canary?canary@api.binance.com",
        "https://canary\ncanary@api.binance.com",
        "https://api.binance.com?token=canary",
        "https://api.binance.com/#canary",
        "https://canary:canary@api.binance.com:port",
        "https://canary@h\u2100st",
        "canary:canary@api.binance.com",
        "http://api.binance.com/?canary@canary",
    ],
)
def test_what_may_be_a_key_in_a_refused_address_is_not_repeated(url: str) -> None:
    name = "BOT_EXCHANGE_BINANCE__REST_URL"
    (line,) = problems(OBSERVER | {"BOT_EXCHANGES": "binance", name: url})
    assert line.startswith(f"{name}='")
    assert "canary" not in line
    assert "…" in line


@pytest.mark.parametrize("name", EXCHANGES)
def test_an_address_with_the_exchanges_own_path_would_have_it_twice(name: str) -> None:
    venue, key = VENUES[name], f"BOT_EXCHANGE_{name.upper().replace('-', '_')}__WS_URL"
    base = venue.ws_url + "/behind"
    assert loaded({"BOT_EXCHANGES": name, key: base}).exchanges[0].ws_url == base
    whole = urlsplit(venue.url(base, ["ethusdt"]))._replace(query="").geturl()
    if whole == base:
        return
    (line,) = problems(OBSERVER | {"BOT_EXCHANGES": name, key: whole})
    assert line == f"{key} ends with {whole.removeprefix(base)}, which is added to it: leave that out"


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_rest_address_is_refused_where_nothing_is_asked_there(name: str) -> None:
    key = f"BOT_EXCHANGE_{name.upper().replace('-', '_')}__REST_URL"
    given = {"BOT_EXCHANGES": name, key: "https://example.com"}
    if VENUES[name].snapshot is not None:
        assert loaded(given).exchanges[0].rest_url == "https://example.com"
        return
    assert problems(OBSERVER | given) == [f"{key} has no effect: {name} is followed without REST; remove it"]


def test_all_with_a_path_and_both_with_rest_were_met() -> None:
    assert [name for name in EXCHANGES if VENUES[name].snapshot] == list(BOOKS_BY_REST)
    assert tuple(VENUES) == EXCHANGES
    assert [name for name in EXCHANGES if not VENUES[name].url("", ())] == ["coinbase"]


def test_the_local_market_has_exchanges_of_its_own_alone() -> None:
    assert load_settings(MARKET | OF_THE_MARKET).exchanges[0].name == "kraken"
    assert len(problems(MARKET | {"BOT_EXCHANGES": "kraken"})) == 1
    assert len(problems(MARKET | {"BOT_EXCHANGES": "binance"})) == 2
    real = OF_THE_MARKET | {"BOT_EXCHANGE_KRAKEN__WS_URL": "wss://ws.kraken.com"}
    (line,) = problems(MARKET | real)
    assert line.startswith("BOT_EXCHANGE_KRAKEN__WS_URL is not on loopback")
    fork = OBSERVER | {"BOT_CHAIN": "fork"}
    assert load_settings(fork | real).exchanges[0].ws_url == "wss://ws.kraken.com"


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("BOT_QUOTE_AGE", "3", ""),
        ("BOT_QUOTE_AGE", "0 s", "at least 1 ms is expected"),
        ("BOT_QUOTE_AGE", "-1 s", ""),
        ("BOT_QUOTE_LAG", "0 ms", "at least 1 ms is expected"),
        ("BOT_REFERENCE_EXCHANGES", "0", "at least 1 is expected"),
        ("BOT_REFERENCE_STRAY", "0 bps", "at least 1 bps is expected"),
        ("BOT_REFERENCE_STRAY", "50", ""),
        ("BOT_RECORD", "on", ""),
        ("BOT_RECORDING_CAP", "2", ""),
        ("BOT_RECORDING_CAP", "2 Gb/s", ""),
        ("BOT_RECORDING_CAP", "999 kB", "at least 1 MB is expected"),
    ],
)
def test_a_value_that_cannot_serve_is_quoted_with_its_name(name: str, value: str, why: str) -> None:
    (line,) = problems(OBSERVER | {name: value})
    assert line.startswith(f"{name}={value!r}: {why}")


@pytest.mark.parametrize(
    ("record", "exchanges", "chain"),
    [("exchanges", True, False), ("chain", False, True), ("all", True, True)],
)
def test_what_is_recorded(record: str, exchanges: bool, chain: bool) -> None:
    settings = loaded({"BOT_RECORD": record, "BOT_EXCHANGES": "kraken"})
    assert (settings.records_exchanges, settings.records_chain) == (exchanges, chain)


def test_recording_exchanges_needs_one() -> None:
    assert problems(OBSERVER | {"BOT_RECORD": "exchanges"}) == [
        "BOT_RECORD=exchanges: BOT_EXCHANGES names none to record"
    ]


@given(st.integers(0, 10**15), st.sampled_from(sorted(BYTE_UNITS)))
def test_bytes_are_read_exactly(number: int, unit: str) -> None:
    power = {"k": 1, "m": 2, "g": 3, "t": 4}.get(unit[0], 0)
    assert parse_bytes(f"{number} {unit.upper()}") == number * (1024 if "i" in unit else 1000) ** power


@pytest.mark.parametrize("text", ["2", "2 GBit", "-1 GB", "0.5 B", "1e400 GB GB", "nan B", "0.0001 kB"])
def test_what_is_no_number_of_bytes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"bytes|needs|must be"):
        parse_bytes(text)
