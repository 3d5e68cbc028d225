import datetime as dt

import pytest

from bot.chain.relay_rows import FLASHBOTS, MARKET, MARKET_UNPROTECTED, ROWS, relay_url, row_named
from bot.core.errors import BadConfiguration

NAMES = (
    "market, market-unprotected, market-titan, market-buildernet, market-share, flashbots, titan, buildernet, quasar, "
    "rsync, bloxroute, mevblocker, merkle, flashbots-protect, mevblocker-rpc, public"
)


def test_the_rows_there_are():
    assert list(ROWS) == NAMES.split(", ")
    assert all(name == row.name for name, row in ROWS.items())


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_each_row_can_be_used_as_it_says(row):
    assert row.sends_by in row.methods
    assert set(row.per_minute) <= row.methods
    assert row.honours
    assert (row.hints == "mev_share") == ("mev_sendBundle" in row.methods)
    assert (row.cancel_by in row.methods) == row.cancel_by.startswith("eth_")
    if row.cancel_by in ("eth_cancelBundle", "empty_bundle"):
        assert row.uuid_rule != "none"
    if row.codec in ("private_transaction", "raw"):
        assert row.max_transactions == 1
    assert all(row.limit_per_minute(method) > 0 for method in row.methods)
    assert dt.date.fromisoformat(row.last_verified) >= dt.date(2026, 1, 1)
    assert row.source
    if row.url is not None:
        assert row.url.startswith("https://")
        assert relay_url(row, None, loopback_only=False) == row.url


def test_an_unknown_row_is_refused_with_those_there_are():
    with pytest.raises(BadConfiguration, match=f"known: {NAMES}$"):
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


def test_only_an_address_of_ones_own_makes_anything_public():
    assert [row.name for row in ROWS.values() if not row.drops_reverts] == ["market-unprotected", "public"]
    with pytest.raises(BadConfiguration, match="BOT_RELAY_PUBLIC__URL is not set"):
        relay_url(ROWS["public"], None, loopback_only=False)
