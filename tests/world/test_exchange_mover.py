"""The exchanges beside a chain: moved by its blocks, named in the market's files, gone with it; the chain does not care."""

import asyncio
import json
import socket

import aiohttp
import pytest
from exchange_stage import HandClock
from market_stage import opened

from bot.core.identity import hex_bytes
from bot.world.exchanges.faults import every_fault
from bot.world.exchanges.mover import Mover, steps_of
from bot.world.exchanges.server import EXCHANGES, ExchangeServer
from bot.world.shocks import Shocks


def test_a_block_has_about_four_steps_a_second():
    assert steps_of(None) == 1
    assert [steps_of(seconds * 10**9) for seconds in (1, 12)] == [4, 48]
    assert steps_of(50_000_000) == 1
    assert steps_of(3_600 * 10**9) == 60


async def test_in_lockstep_a_blocks_steps_wait_until_the_next_is_sealed_and_a_reorg_turns_nothing_back():
    server = ExchangeServer(7, now=HandClock())
    mover = Mover(server, 100, None)
    before = 0
    for number, step in ((100, 1), (101, 2), (105, 6), (103, 6), (106, 7)):
        mover.sealed(number)
        await asyncio.sleep(0)
        assert server.step_number == before, "no block waits for its exchanges"
        mover.sealing()
        assert server.step_number == step
        before = step
    assert len(asyncio.all_tasks()) == 1


async def test_at_a_wall_pace_the_first_step_is_half_a_pause_after_the_block_and_none_is_left_out(
    monkeypatch,
):
    server = ExchangeServer(7, now=HandClock(), steps=4)
    mover = Mover(server, 100, 40_000_000)
    slept, sleep = [], asyncio.sleep

    async def noted(seconds):
        slept.append((seconds, server.step_number))
        await sleep(0)

    monkeypatch.setattr("bot.world.exchanges.mover.asyncio.sleep", noted)
    mover.sealed(100)
    mover.sealing()
    assert server.step_number == 0, "nothing moves while the block is told"
    for _ in range(10):
        await sleep(0)
    assert slept == [(0.005, 0), (0.01, 1), (0.01, 2), (0.01, 3), (0.01, 4)]
    slept.clear()
    mover.sealed(102)
    for _ in range(20):
        await sleep(0)
    assert slept[0] == (0.005, 4)
    assert slept[1:] == [(0, 5), (0, 6), (0, 7), (0.01, 8), (0.01, 9), (0.01, 10), (0.01, 11), (0.01, 12)]
    await mover.stop()
    assert len(asyncio.all_tasks()) == 1


async def test_the_truth_of_a_seed_is_the_same_at_any_pace():
    truths = []
    for pace in (None, 4_000_000):
        server = ExchangeServer(7, now=HandClock())
        mover = Mover(server, 100, pace)
        for number in range(100, 106):
            mover.sealing()
            mover.sealed(number)
        mover.sealing()
        while server.step_number < 6:  # noqa: ASYNC110 - the mover tells nobody
            await asyncio.sleep(0.001)
        await mover.stop()
        truths.append([exchange.book(symbol).best() for exchange, symbol in books_of(server)])
    assert truths[0] == truths[1]
    assert len(truths[0]) >= 6


def books_of(server):
    return [
        (exchange, listing.symbol)
        for exchange in server.exchanges.values()
        for listing in exchange.protocol.listings
    ]


async def hashes(tmp_path, cache, **options):
    async with opened(tmp_path, cache, lockstep=True, competitor_probability=3_000, **options) as market:
        await market.engine.open()
        sealed = [await market.engine.seal_next() for _ in range(6)]
        return [hex_bytes(one.head.hash) for one in sealed], market.exchanges


async def test_a_seeds_chain_is_the_same_with_and_without_exchanges(tmp_path, chain_cache):
    without, absent = await hashes(tmp_path / "without", chain_cache, exchanges=False)
    shocks = Shocks(exchanges=every_fault(2))
    with_them, server = await hashes(tmp_path / "with", chain_cache, shocks=shocks)
    assert without == with_them
    assert absent is None
    assert server.step_number == 5, "those of the last block are taken before the next one"
    assert any(server.story.values()), "the schedule should have struck"


async def test_the_markets_files_name_its_exchanges_and_they_answer(tmp_path, chain_cache):
    async with opened(tmp_path, chain_cache, lockstep=True) as market:
        named = json.loads((market.config.run_dir / "market.json").read_text())["endpoints"]["exchanges"]
        assert tuple(named) == EXCHANGES
        env = dict(
            line.split("=", 1) for line in (market.config.run_dir / "bot.env").read_text().splitlines()
        )
        assert env["BOT_EXCHANGES"] == '"binance,binance-usdm,coinbase,kraken,okx,bybit"'
        for name in EXCHANGES:
            prefix = f"BOT_EXCHANGE_{name.upper().replace('-', '_')}__"
            assert env[f"{prefix}WS_URL"] == f'"{named[name]["ws"]}"'
            by_rest = f'"{named[name]["rest"]}"' if name.startswith("binance") else None
            assert env.get(f"{prefix}REST_URL") == by_rest
        async with aiohttp.ClientSession() as session:
            url = named["binance"]["ws"] + "/stream?streams=ethusdt@bookTicker"
            async with session.ws_connect(url) as wire:
                await market.engine.seal_next()
                await market.engine.seal_next()
                quote = (await wire.receive_json(timeout=10))["data"]
                assert float(quote["b"]) == pytest.approx(3_000, rel=0.02)
            async with session.get(named["binance"]["rest"] + "/api/v3/depth?symbol=ETHUSDT") as answer:
                assert (await answer.json())["lastUpdateId"] >= quote["u"]
        port = market.exchanges.port
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0, "gone with the market"


async def test_without_exchanges_nothing_names_them(tmp_path, chain_cache):
    async with opened(tmp_path, chain_cache, exchanges=False) as market:
        assert "EXCHANGE" not in (market.config.run_dir / "bot.env").read_text()
        assert json.loads((market.config.run_dir / "market.json").read_text())["endpoints"]["exchanges"] == {}
