"""Variables of exchanges: which are followed, where they are reached, what counts as a price, what is recorded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import BadConfiguration
from bot.core.market_data import Pair
from bot.core.quantities import BYTE_UNITS, parse_bytes
from bot.feeds.cex.config import CexConfig
from bot.settings import EXCHANGES, ExchangeSettings, Settings, load_settings

OBSERVER = {"BOT_MODE": "observe", "BOT_CHAIN": "ethereum", "BOT_RPC_URL": "ws://127.0.0.1:1"}
MARKET = OBSERVER | {"BOT_CHAIN": "market"}
OF_THE_MARKET = {
    "BOT_EXCHANGES": "kraken",
    "BOT_EXCHANGE_KRAKEN__WS_URL": "ws://127.0.0.1:9000/kraken/v2",
    "BOT_EXCHANGE_KRAKEN__REST_URL": "http://[::1]:9000/kraken",
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
    for wrong in ("USDT", "ETH/USD", "ET H", ","):
        (line,) = problems(OBSERVER | {"BOT_QUOTE_ASSETS": wrong})
        assert line.startswith(f"BOT_QUOTE_ASSETS={wrong!r}: tickers")


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
            "BOT_EXCHANGES": "kraken",
            "BOT_EXCHANGE_KRAKEN__WS_URL": f"ws://{host}/v2/",
            "BOT_EXCHANGE_KRAKEN__REST_URL": f"http://{host}",
        }
    )
    assert settings.exchanges[0].ws_url == f"ws://{host}/v2"


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
        ("WS_URL", "wss://host/?key=1"),
        ("REST_URL", "http://api.kraken.com"),
        ("REST_URL", "wss://api.kraken.com"),
        ("REST_URL", "api.kraken.com"),
        ("REST_URL", "https://user:secret@api.kraken.com"),
    ],
)
def test_an_address_off_this_machine_without_tls_or_malformed_is_refused(field: str, url: str) -> None:
    name = f"BOT_EXCHANGE_KRAKEN__{field}"
    (line,) = problems(OBSERVER | {"BOT_EXCHANGES": "kraken", name: url})
    assert line.startswith(f"{name}={url!r}: ")


def test_the_local_market_has_exchanges_of_its_own_alone() -> None:
    assert load_settings(MARKET | OF_THE_MARKET).exchanges[0].name == "kraken"
    assert len(problems(MARKET | {"BOT_EXCHANGES": "kraken"})) == 2
    real = OF_THE_MARKET | {"BOT_EXCHANGE_KRAKEN__WS_URL": "wss://ws.kraken.com/v2"}
    (line,) = problems(MARKET | real)
    assert line.startswith("BOT_EXCHANGE_KRAKEN__WS_URL is not on loopback")
    fork = OBSERVER | {"BOT_CHAIN": "fork"}
    assert load_settings(fork | real).exchanges[0].ws_url == "wss://ws.kraken.com/v2"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BOT_QUOTE_AGE", "3"),
        ("BOT_QUOTE_AGE", "0 s"),
        ("BOT_QUOTE_LAG", "0 ms"),
        ("BOT_REFERENCE_EXCHANGES", "0"),
        ("BOT_REFERENCE_STRAY", "0 bps"),
        ("BOT_REFERENCE_STRAY", "50"),
        ("BOT_RECORD", "on"),
        ("BOT_RECORDING_CAP", "2"),
        ("BOT_RECORDING_CAP", "2 Gb/s"),
        ("BOT_RECORDING_CAP", "999 kB"),
    ],
)
def test_a_value_that_cannot_serve_is_quoted_with_its_name(name: str, value: str) -> None:
    (line,) = problems(OBSERVER | {name: value})
    assert line.startswith(f"{name}={value!r}")


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
