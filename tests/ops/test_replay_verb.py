"""`bot replay`: what it prints of a folder of recordings, and its refusals."""

import argparse
import asyncio
import json

import pytest

from bot.clock import SystemClock
from bot.core.errors import BadConfiguration
from bot.core.units import Nanoseconds
from bot.feeds.recorder import Recorder
from bot.feeds.recording_files import RecorderConfig
from bot.ops.replay import print_replay
from tests.chain.fake_chain import TOPIC, FakeChain

SECOND = 10**9
NOW_MS = (SystemClock().utc() - SystemClock().monotonic()) // 10**6 + 2_000
"""What the exchange's clock reads two seconds after this machine was started, when the frames below seem to come."""
BOOK = (
    '{"topic":"orderbook.50.ETHUSDT","type":"%s","ts":%d,"cts":%d,"data":{"s":"ETHUSDT",'
    '"b":[["2683.80","%s"]],"a":[["2683.81","0.5"]],"u":%d,"seq":%d}}'
)


def book(kind, size, number):
    time = NOW_MS + number
    return (BOOK % (kind, time, time, size, number, number)).encode()


def record(folder, *works):
    async def run():
        clock = SystemClock()
        recorder = Recorder(folder, RecorderConfig(kept_free=0, block_bytes=1, file_bytes=300), clock)
        for work in works:
            work(recorder)
        await recorder.close()

    asyncio.run(run())


def bybit(recorder):
    tap = recorder.source("bybit", ["ETH/USDT"])
    tap.opened(1, "wss://bybit.example/v5/public/spot", Nanoseconds(SECOND))
    tap.frame(1, book("snapshot", "1.25", 10), Nanoseconds(2 * SECOND))
    for number in range(11, 31):
        tap.frame(1, book("delta", f"{number}.125", number), Nanoseconds(2 * SECOND + number * 10**6))
    tap.closed(1, "stopped", Nanoseconds(3 * SECOND))


def chain(recorder):
    blocks = FakeChain()
    tap = recorder.source("chain", {"heartbeat": 10**10})
    start = blocks.mine(2)[-1]

    def exchange(number, method, params, result, at):
        tap.sent(1, json.dumps({"id": number, "method": method, "params": params}).encode(), Nanoseconds(at))
        tap.frame(1, json.dumps({"id": number, "result": result}).encode(), Nanoseconds(at + 1000))

    def logs(number, block, at):
        query = {"blockHash": "0x" + block.hash.hex(), "topics": [["0x" + TOPIC.hex()]]}
        exchange(number, "eth_getLogs", [query], block.logs_json(["0x" + TOPIC.hex()]), at)

    tap.opened(1, "ws://node.example", Nanoseconds(SECOND))
    exchange(1, "eth_subscribe", ["newHeads"], "0x1", SECOND + 10**6)
    exchange(2, "eth_getBlockByNumber", ["latest", False], start.header(), SECOND + 2 * 10**6)
    logs(3, start, SECOND + 3 * 10**6)
    [block] = blocks.mine()
    tap.frame(1, json.dumps({"subscription": 1, "result": block.header()}).encode(), Nanoseconds(2 * SECOND))
    logs(4, block, 2 * SECOND + 10**6)


def stranger(recorder):
    recorder.source("mtgox", ["BTC/USD"]).frame(1, b"x", Nanoseconds(SECOND))


def silent(recorder):
    recorder.source("okx").frame(1, b"x", Nanoseconds(SECOND))


def run(folder, capsys, *, fast=True, as_json=True, report=None):
    options = argparse.Namespace(folder=folder, fast=fast, json=as_json, report=report)
    assert print_replay(options) == 0
    printed = capsys.readouterr().out
    return json.loads(printed) if as_json else printed


def test_every_source_is_followed_and_told(tmp_path, capsys):
    record(tmp_path, bybit, chain, stranger, silent)
    content = run(tmp_path, capsys, report=tmp_path / "report.json")
    assert content == json.loads((tmp_path / "report.json").read_text())
    assert content["schema"] == 1
    rows = {row["source"]: row for row in content["sources"]}
    assert list(rows) == ["bybit", "chain", "mtgox", "okx"]
    assert rows["bybit"]["frames"] == 21
    assert rows["bybit"]["span_seconds"] == 2.0
    assert rows["bybit"]["frames_per_second"] == 10.5
    assert rows["bybit"]["gaps"] == rows["bybit"]["resyncs"] == rows["bybit"]["malformed"] == 0
    assert rows["bybit"]["files"] > 1
    [pair] = rows["bybit"]["pairs"]
    assert pair == {
        "pair": "ETH/USDT",
        "bid": "2683.80",
        "bid_size": "30.125",
        "ask": "2683.81",
        "ask_size": "0.50",
        "stale": None,
    }
    assert (rows["chain"]["blocks"], rows["chain"]["tip"], rows["chain"]["reorgs"]) == (2, 3, 0)
    assert rows["chain"]["unrecorded_requests"] == 0
    assert "no exchange of this name; there are binance" in rows["mtgox"]["not_followed"]
    assert "does not say which pairs" in rows["okx"]["not_followed"]


def test_the_text_says_the_same_to_a_person(tmp_path, capsys):
    record(tmp_path, bybit, chain, stranger)
    text = run(tmp_path, capsys, as_json=False)
    assert "bybit                21 frames in 2.0 s, 10.5 a second" in text
    assert "gaps 0, checksums 0, crossed 0, malformed 0, resyncs 0, reconnects 0, hand overs 0" in text
    assert "ETH/USDT             2683.80 x 30.125  /  2683.81 x 0.50\n" in text
    assert "blocks 2, reorgs 0" in text
    assert "last block 3" in text
    assert "not followed: no exchange of this name" in text


def test_missing_files_damage_and_missing_frames_are_told(tmp_path, capsys):
    record(tmp_path, bybit)
    files = sorted(tmp_path.glob("bybit-*.rec"))
    damaged = bytearray(files[4].read_bytes())
    damaged[-1] ^= 1
    files[4].write_bytes(damaged)
    files[0].unlink()
    content = run(tmp_path, capsys)
    [row] = content["sources"]
    assert row["first_file"] == 2
    [told] = row["damage"]
    assert told.startswith(f"{files[4].name}: the checksum does not fit (byte ")
    text = run(tmp_path, capsys, as_json=False)
    assert "1 earlier files are gone" in text
    assert f"damaged: {files[4].name}" in text


def test_the_recorded_pace_takes_as_long_and_ends_the_same(tmp_path, capsys):
    def quick(recorder):
        tap = recorder.source("bybit", ["ETH/USDT"])
        tap.opened(1, "wss://bybit.example/v5/public/spot", Nanoseconds(SECOND))
        tap.frame(1, book("snapshot", "1.25", 10), Nanoseconds(SECOND + 10**8))
        tap.frame(1, book("delta", "2.5", 11), Nanoseconds(SECOND + 3 * 10**8))

    record(tmp_path, quick)
    fast = run(tmp_path, capsys)
    began = SystemClock().monotonic()
    paced = run(tmp_path, capsys, fast=False)
    assert SystemClock().monotonic() - began >= 3 * 10**8
    assert paced == fast
    assert paced["sources"][0]["pairs"][0]["bid_size"] == "2.50"


def test_two_runs_are_told_apart(tmp_path, capsys):
    record(tmp_path, bybit)
    record(tmp_path, bybit)
    content = run(tmp_path, capsys)
    assert [row["frames"] for row in content["sources"]] == [21, 21]
    assert content["sources"][0]["run"] < content["sources"][1]["run"]
    assert run(tmp_path, capsys, as_json=False).count("run of 20") == 2


def test_a_folder_without_recordings_is_bad_configuration(tmp_path):
    with pytest.raises(BadConfiguration, match="no recording") as raised:
        print_replay(argparse.Namespace(folder=tmp_path, fast=True, json=False, report=None))
    assert raised.value.exit_code == 2
    assert len(raised.value.problems) == 1
