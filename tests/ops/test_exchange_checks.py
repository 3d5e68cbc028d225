"""What `config`, `doctor` and a start say of exchanges before a message came."""

import asyncio
import json
import socket
from itertools import combinations

import pytest

from bot.cli import main
from bot.clock import SystemClock
from bot.exchange_settings import EXCHANGES
from bot.ops.exchange_checks import check_exchanges, pairs_followed, price_warnings, reference_config
from bot.settings import load_settings

OBSERVER = {"BOT_MODE": "observe", "BOT_CHAIN": "ethereum", "BOT_RPC_URL": "ws://127.0.0.1:1"}
SPOT = [name for name in EXCHANGES if name != "binance-usdm"]


def settings(**changes):
    return load_settings(OBSERVER | {f"BOT_{name}": value for name, value in changes.items()})


def test_what_is_followed_and_can_make_a_price_is_no_warning():
    assert price_warnings(settings()) == []
    seen = 0
    for count in range(2, len(SPOT) + 1):
        for some in combinations(SPOT, count):
            warned = price_warnings(settings(EXCHANGES=",".join(some)))
            assert bool(warned) == (not {"coinbase", "kraken"} <= set(some)), some
            seen += not warned
    assert seen == 8


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"EXCHANGES": "binance,okx,bybit,kraken"},
            (
                "no rate of USDT or USDC: USDT/USD has 1 of 2 exchanges needed, USDC/USD 1 of 2 exchanges needed; "
                "binance, bybit, okx wait for it; 1 of 2 exchanges needed"
            ),
        ),
        (
            {"EXCHANGES": "kraken,coinbase", "REFERENCE_EXCHANGES": "7", "REFERENCE_STRAY": "1 bps"},
            "2 of 7 exchanges needed",
        ),
        ({"EXCHANGES": "binance-usdm", "REFERENCE_EXCHANGES": "1"}, "none of 1 exchange needed"),
        ({"EXCHANGES": "coinbase,kraken", "EXCHANGE_KRAKEN__PAIRS": "USDT/USD"}, "1 of 2 exchanges needed"),
    ],
    ids=str,
)
def test_what_can_never_make_a_price_is_said_with_the_reason(changes, reason):
    given = settings(**changes)
    (line,) = price_warnings(given)
    assert line == (
        f"BOT_EXCHANGES can never make a price of ETH, not even with all of them live: {reason} "
        "(BOT_REFERENCE_EXCHANGES); pairs in USD are at coinbase, kraken"
    )
    assert reference_config(given).exchanges == given.variables.reference_exchanges


def test_one_may_be_enough_where_the_operator_says_so():
    assert price_warnings(settings(EXCHANGES="kraken", REFERENCE_EXCHANGES="1")) == []
    both = settings(EXCHANGES="okx", REFERENCE_EXCHANGES="1", QUOTE_ASSETS="ETH,BTC")
    assert len(price_warnings(both)) == 2


def test_a_pair_that_is_not_traded_there_is_not_followed():
    given = settings(EXCHANGES="coinbase", EXCHANGE_COINBASE__PAIRS="ETH/USD,ETH/USDC")
    assert [str(pair) for pair in pairs_followed(given, given.exchanges[0])] == ["ETH/USD"]


def test_config_says_it_in_lines(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    changes = {"BOT_EXCHANGES": "binance,kraken", "BOT_EXCHANGE_KRAKEN__PAIRS": "ETH/USD,USDT/USD"}
    for name, value in (OBSERVER | changes).items():
        monkeypatch.setenv(name, value)
    assert main(["config"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert (
        "exchange binance       pairs: its own; ws_url: its own address; rest_url: its own address" in lines
    )
    assert (
        "exchange kraken        pairs: ETH/USD, USDT/USD; ws_url: its own address; rest_url: not used"
        in lines
    )
    assert sum(line.startswith("WARNING                BOT_EXCHANGES can never") for line in lines) == 1
    assert not any("{" in line or "[" in line for line in lines)
    assert main(["config", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["warnings"] == price_warnings(load_settings(OBSERVER | changes))
    assert told["exchanges"]["kraken"]["pairs"] == ["ETH/USD", "USDT/USD"]


async def test_the_doctor_tries_each_host_and_fails_for_none():
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        closed = unheard.getsockname()[1]
        given = settings(
            EXCHANGES="kraken,okx,bybit",
            EXCHANGE_KRAKEN__WS_URL=f"ws://127.0.0.1:{port}",
            EXCHANGE_OKX__WS_URL=f"ws://127.0.0.1:{closed}",
            EXCHANGE_BYBIT__WS_URL=f"wss://{'a' * 80}.invalid",
            EXCHANGE_KRAKEN__PAIRS="ETH/USD",
            RECORD="all",
        )
        said = [(one.subject, one.found) async for one in check_exchanges(given, SystemClock())]
    server.close()
    assert [subject for subject, _ in said] == [
        "exchange kraken", "exchange okx", "exchange bybit", "reference price", "recording",
    ]  # fmt: skip
    kraken, okx, bybit, price, recording = (line for _, line in said)
    assert kraken == "takes a connection; ETH/USD"
    assert okx.startswith(f"DOWN: 127.0.0.1:{closed} takes no connection (")
    assert bybit.startswith("DOWN: ")
    assert bybit.endswith("; ETH/USDT, ETH/USDC, USDC/USDT")
    assert price.startswith("NONE: BOT_EXCHANGES can never make a price of ETH")
    assert recording == f"all, at most 2 GB, in {given.data_dir / 'recordings'}"


async def test_where_none_is_followed_the_doctor_says_that():
    said = [(one.subject, one.found) async for one in check_exchanges(settings(), SystemClock())]
    assert said == [("exchanges", "none followed"), ("recording", "off")]
