import datetime as dt

import pytest

from bot.chain.relay_rows import FLASHBOTS, MARKET, MARKET_UNPROTECTED, ROWS, relay_url, row_named
from bot.core.errors import BadConfiguration


def test_the_rows_there_are():
    assert set(ROWS) == {"market", "market-unprotected", "flashbots", "titan", "buildernet"}
    assert all(name == row.name for name, row in ROWS.items())


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_each_row_can_be_used_as_it_says(row):
    assert row.methods
    if row.kind == "bundles":
        assert {"eth_sendBundle", "eth_cancelBundle"} <= row.methods
        assert row.drops_reverts
    else:
        assert row.methods & {"eth_sendPrivateTransaction", "eth_sendRawTransaction"}
        assert not row.drops_reverts
    assert all(row.limit_per_minute(method) > 0 for method in row.methods)
    assert set(row.per_minute) <= row.methods
    assert dt.date.fromisoformat(row.last_verified) >= dt.date(2026, 1, 1)
    if row.url is not None:
        assert row.url.startswith("https://")
        assert relay_url(row, None, loopback_only=False) == row.url


def test_an_unknown_row_is_refused_with_those_there_are():
    with pytest.raises(BadConfiguration, match="market, market-unprotected, flashbots, titan, buildernet"):
        row_named("flashbot")
    assert row_named("flashbots") is FLASHBOTS


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/", "http://localhost:9/", "http://[::1]:9/", "https://127.0.0.1/"]
)
def test_loopback_is_good_everywhere(url):
    assert relay_url(MARKET, url, loopback_only=True) == url
    assert relay_url(FLASHBOTS, url, loopback_only=False) == url


@pytest.mark.parametrize(
    "url",
    [
        "https://relay.example",
        "http://127.0.0.1.example/",
        "http://0.0.0.0:9/",
        "http://192.168.0.1/",
        "http://2130706433/",
    ],
)
def test_a_throwaway_chain_reaches_no_relay_off_this_machine(url):
    with pytest.raises(BadConfiguration, match="only loopback"):
        relay_url(MARKET, url, loopback_only=True)
    with pytest.raises(BadConfiguration, match="only loopback"):
        relay_url(FLASHBOTS, None, loopback_only=True)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "127.0.0.1:9", "http://", "ws://127.0.0.1/"])
def test_what_is_no_http_address_is_refused(url):
    with pytest.raises(BadConfiguration, match="http or https"):
        relay_url(MARKET, url, loopback_only=True)


def test_off_this_machine_a_relay_needs_tls():
    with pytest.raises(BadConfiguration, match="without TLS"):
        relay_url(FLASHBOTS, "http://relay.example/", loopback_only=False)


def test_a_row_without_address_names_the_variable():
    with pytest.raises(BadConfiguration, match="BOT_RELAY_MARKET_UNPROTECTED__URL is not set"):
        relay_url(MARKET_UNPROTECTED, None, loopback_only=True)
