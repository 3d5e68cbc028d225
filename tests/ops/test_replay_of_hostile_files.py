"""`bot replay` over files that nobody recorded: it ends, within work bounded by their size, and says what is damaged."""

import argparse
import json
import random
import struct
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.feeds import recording_format
from bot.feeds.recording_format import (
    BLOCK_HEAD,
    MARKER,
    Block,
    Kind,
    answer_payload,
    decode_blocks,
    dropped_payload,
    encode_block,
    encode_record,
)
from bot.feeds.replay_loop import ReplayLoop
from bot.ops.replay import print_replay

SOURCES = ("kraken", "binance", "coinbase", "chain", "nosuch")
UTC = 10**18
PAIRS = b'["ETH/USD","ETH/USDT"]'
DEEP = b'{"a":' * 5_000
REQUEST = b'{"id":1,"method":"eth_getLogs","params":[{"blockHash":"0x11","topics":[["0x22"]]}]}'
PAYLOADS = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            b"",
            b"null",
            b"17",
            b"[]",
            b"{}",
            PAIRS,
            b'["ETH/USD","ETH/USD","/"," / ",""]',
            b'{"heartbeat":-1}',
            b'{"not json',
            DEEP,
            REQUEST,
            b'{"id":1,"method":"eth_getLogs","params":[]}',
            b'{"id":1,"method":"eth_getLogs","params":[{"blockHash":5,"topics":[[7]]}]}',
            b'{"id":1,"method":"eth_subscribe","params":["newHeads"]}',
            b'{"id":1,"result":{"parentHash":"0x0","number":"x"}}',
            b'{"id":1,"reverted":"no","data":"0xz"}',
            b'{"subscription":1,"result":{"parentHash":1}}',
            b'{"channel":"book","type":"snapshot","data":[{"symbol":"ETH/USD","bids":[],"asks":[]}]}',
            b'{"channel":"heartbeat"}',
            answer_payload(200, "https://x/api/v3/depth?symbol=ETHUSDT&limit=5000", b"{}"),
            struct.pack("<HI", 200, 2**31),
            dropped_payload(2**64 - 1),
        ]
    ),
)
TIMES = st.one_of(
    st.integers(0, 10**10),
    st.sampled_from([-(2**63), -1, 0, 3_600 * 10**9, 10**15, 2**62 - 1, 2**62, 2**63 - 1]),
)
RECORDS = st.lists(
    st.builds(encode_record, st.sampled_from(Kind), st.integers(0, 3), TIMES, TIMES, PAYLOADS), max_size=12
).map(lambda records: encode_record(Kind.DESCRIBED, 0, 0, UTC, PAIRS) + b"".join(records))
PIECES = st.one_of(
    st.binary(max_size=200),
    RECORDS.map(lambda raw: encode_block(0, raw)),
    RECORDS.map(lambda raw: encode_block(1, raw)[:-3]),
    st.just(MARKER),
)
FILES = st.dictionaries(st.sampled_from(SOURCES), st.lists(PIECES, max_size=4).map(b"".join), min_size=1)


def name_of(source, number=1):
    return f"{source}-20261121T160000.000000Z-{number:06d}.rec"


def replayed(folder, capsys):
    assert print_replay(argparse.Namespace(folder=folder, fast=True, json=True, report=None)) == 0
    return {row["source"]: row for row in json.loads(capsys.readouterr().out)["sources"]}


def written(folder, source, *records):
    described = encode_record(Kind.DESCRIBED, 0, 1000, UTC, PAIRS)
    opened = encode_record(Kind.OPENED, 1, 1000, UTC, b"wss://host")
    (folder / name_of(source)).write_bytes(encode_block(0, b"".join((described, opened, *records))))


class Turns:
    """How often the replay's loop went round, and how far its time went."""

    def __init__(self, monkeypatch):
        self.count = 0
        self.longest = 0
        turn = ReplayLoop._run_once

        def counted(loop):
            self.count += 1
            self.longest = max(self.longest, loop.now - loop._begun)
            turn(loop)

        monkeypatch.setattr(ReplayLoop, "_run_once", counted)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FILES)
def test_any_bytes_end_and_raise_nothing(tmp_path_factory, capsys, files):
    folder = tmp_path_factory.mktemp("hostile")
    for source, content in files.items():
        (folder / name_of(source)).write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        turns = Turns(patch)
        rows = replayed(folder, capsys)
    records = 60 * len(files)
    assert set(rows) == set(files)
    assert turns.longest <= (7_300 + 10 * records) * 10**9
    assert turns.count <= 200 * (7_300 + 10 * records) * len(files)


@pytest.mark.parametrize(
    ("source", "record", "said"),
    [
        ("binance", encode_record(Kind.ANSWER, 0, 2000, UTC, b"ab"), "an answer of 2 bytes"),
        (
            "binance",
            encode_record(Kind.ANSWER, 0, 2000, UTC, struct.pack("<HI", 200, 9)),
            "URL of 9 bytes where 0",
        ),
        ("kraken", encode_record(Kind.DROPPED, 0, 2000, UTC, b"ab"), "a count of 2 bytes"),
        ("kraken", encode_record(Kind.FRAME, 1, -9 * 10**18, UTC, b"{}"), "a record of the time"),
        ("kraken", encode_record(Kind.FRAME, 1, 9 * 10**18, UTC, b"{}"), "a record of the time"),
        ("kraken", encode_record(Kind.FRAME, 1, 4 * 10**18, UTC, b"{}"), "of silence were cut out"),
    ],
)
def test_what_cannot_be_is_said(tmp_path, capsys, source, record, said):
    written(tmp_path, source, record)
    [row] = replayed(tmp_path, capsys).values()
    assert said in row["damage"][0]


def test_records_of_a_chain_that_are_not_json_are_counted_and_the_rest_is_followed(tmp_path, capsys):
    written(
        tmp_path,
        "chain",
        encode_record(Kind.SENT, 1, 2000, UTC, b"not json"),
        encode_record(Kind.FRAME, 1, 2001, UTC, DEEP),
    )
    [row] = replayed(tmp_path, capsys).values()
    assert "no block" in row["not_followed"]


def test_a_description_that_is_not_json_is_damage(tmp_path, capsys):
    raw = encode_record(Kind.DESCRIBED, 0, 1000, UTC, b'{"not json')
    (tmp_path / name_of("kraken")).write_bytes(encode_block(0, raw))
    [row] = replayed(tmp_path, capsys).values()
    assert "what was followed is not JSON" in row["damage"][0]
    assert "does not say which pairs" in row["not_followed"]


class Checked:
    """Bytes that went into a checksum."""

    def __init__(self, monkeypatch):
        self.bytes = 0
        crc32 = zlib.crc32

        def counted(data, *rest):
            self.bytes += len(data)
            return crc32(data, *rest)

        monkeypatch.setattr(recording_format.zlib, "crc32", counted)


def test_a_file_of_false_beginnings_is_searched_in_linear_work(monkeypatch):
    head = MARKER + struct.pack("<IIII", 0, 300_000, 300_001, 0)
    content = head * (1_000_000 // len(head))
    checked = Checked(monkeypatch)
    [broken] = decode_blocks(content)
    assert (broken.start, broken.length) == (0, len(content))
    assert "too many false beginnings" in broken.reason
    assert checked.bytes <= 5 * len(content) + 300_000


def test_after_much_damage_the_next_blocks_are_found(monkeypatch):
    good = [encode_block(number, random.Random(number).randbytes(2_000)) for number in range(40)]
    broken = [bytearray(block) for block in good]
    for block in broken[:39]:
        block[-1] ^= 1
    checked = Checked(monkeypatch)
    content = b"".join(broken)
    found = list(decode_blocks(content))
    assert [block.number for block in found if isinstance(block, Block)] == [39]
    assert checked.bytes <= 2 * len(content)


@pytest.mark.parametrize("promised", [5, 1_000_000, 2**30, 2**32 - 1])
def test_a_bomb_is_never_inflated_beyond_what_it_promised(promised):
    data = zlib.compress(bytes(2**24), 9)
    numbers = struct.pack("<III", 0, len(data), promised)
    bomb = BLOCK_HEAD.pack(MARKER, 0, len(data), promised, zlib.crc32(data, zlib.crc32(numbers))) + data
    [broken] = decode_blocks(bomb)
    assert ("cannot hold" if promised > 2**27 else f"more than the {promised} bytes") in broken.reason


def test_compressed_data_that_ends_early_is_damage():
    data = zlib.compress(bytes(1_000))[:-2]
    numbers = struct.pack("<III", 0, len(data), 1_000)
    cut = BLOCK_HEAD.pack(MARKER, 0, len(data), 1_000, zlib.crc32(data, zlib.crc32(numbers))) + data
    [broken] = decode_blocks(cut)
    assert "ends early" in broken.reason
