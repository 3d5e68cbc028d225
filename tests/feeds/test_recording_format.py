"""Recordings as bytes: what goes in comes out, and damage anywhere costs its own block alone."""

import itertools
import struct
import zlib
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.feeds.recording_format import (
    BLOCK_HEAD,
    MARKER,
    Block,
    BrokenBlock,
    Kind,
    Record,
    answer_payload,
    count_records,
    decode_blocks,
    decode_records,
    dropped_payload,
    encode_block,
    encode_record,
    host_of,
    public_url,
    without_secrets,
)

TIMES = st.integers(0, 2**62 - 1)
PAYLOADS = st.one_of(
    st.binary(max_size=200),
    st.sampled_from([b"", MARKER, MARKER * 3, encode_block(0, b"within"), bytes(5000)]),
)
SHAPED = {
    Kind.ANSWER: st.builds(answer_payload, st.integers(0, 999), st.text(max_size=50), PAYLOADS),
    Kind.DROPPED: st.builds(dropped_payload, st.integers(0, 2**64 - 1)),
}
RECORDS = st.lists(
    st.sampled_from(Kind).flatmap(
        lambda kind: st.builds(
            Record, st.just(kind), st.integers(0, 2**32 - 1), TIMES, TIMES, SHAPED.get(kind, PAYLOADS)
        )
    ),
    max_size=12,
)
BLOCKS = st.lists(RECORDS, min_size=1, max_size=5)


def encoded(records):
    return b"".join(encode_record(r.kind, r.connection, r.received, r.utc, r.payload) for r in records)


def file_of(blocks):
    return [encode_block(number, encoded(records)) for number, records in enumerate(blocks)]


@settings(deadline=None, max_examples=40)
@given(BLOCKS)
def test_any_records_come_back(blocks):
    found = list(decode_blocks(b"".join(file_of(blocks))))
    assert [(block.number, list(decode_records(block.raw))) for block in found] == list(enumerate(blocks))
    assert [count_records(block.raw) for block in found] == [len(records) for records in blocks]


@settings(deadline=None, max_examples=40)
@given(BLOCKS, st.data())
def test_a_file_cut_anywhere_is_read_to_its_last_whole_block(blocks, data):
    parts = file_of(blocks)
    content = b"".join(parts)
    end = data.draw(st.integers(0, len(content)))
    ends = list(itertools.accumulate(map(len, parts)))
    whole = sum(length <= end for length in ends)
    found = list(decode_blocks(content[:end]))
    assert [b.number for b in found if isinstance(b, Block)] == list(range(whole))
    is_clean = end in (0, *ends)
    assert [isinstance(b, BrokenBlock) for b in found[whole:]] == [] if is_clean else [True]


@settings(deadline=None, max_examples=40)
@given(BLOCKS, st.data())
def test_a_damaged_byte_anywhere_is_said_and_costs_its_block_alone(blocks, data):
    parts = file_of(blocks)
    content = bytearray(b"".join(parts))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    ends = list(itertools.accumulate(map(len, parts)))
    hit = sum(end <= place for end in ends)
    found = list(decode_blocks(bytes(content)))
    assert [b.number for b in found if isinstance(b, Block)] == [n for n in range(len(blocks)) if n != hit]
    [broken] = [b for b in found if isinstance(b, BrokenBlock)]
    assert (broken.start, broken.length) == (ends[hit] - len(parts[hit]), len(parts[hit]))


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_read_without_an_error(content):
    found = list(decode_blocks(content))
    assert all(isinstance(block, BrokenBlock) for block in found)
    assert sum(block.length for block in found) == len(content)


def test_a_small_block_cannot_claim_to_be_huge():
    data = zlib.compress(b"small")
    numbers = struct.pack("<III", 0, len(data), 2**31)
    forged = BLOCK_HEAD.pack(MARKER, 0, len(data), 2**31, zlib.crc32(data, zlib.crc32(numbers))) + data
    [broken] = decode_blocks(forged)
    assert "cannot hold" in broken.reason


@settings(deadline=None)
@given(RECORDS.filter(bool), st.data())
def test_a_block_that_its_records_do_not_fill_is_refused(records, data):
    raw = encoded(records)
    ends = {0, *itertools.accumulate(len(encoded([record])) for record in records)}
    end = data.draw(st.integers(1, len(raw)).filter(lambda end: end not in ends))
    with pytest.raises(ValueError, match="left"):
        list(decode_records(raw[:end]))
    with pytest.raises(ValueError, match="not a valid Kind"):
        list(decode_records(b"\x63" + raw[1:]))


@settings(deadline=None)
@given(st.integers(0, 999), st.text(max_size=50), st.binary(max_size=100))
def test_an_answer_keeps_status_url_and_body(status, url, body):
    url = url.encode("utf-8", "replace").decode()
    answer = Record(Kind.ANSWER, 0, 1, 2, answer_payload(status, url, body)).answer
    assert (answer.status, answer.url, answer.body) == (status, url, body)


PLACES = [
    "wss://eth.example/v2/canary0123456789abcdef",
    "wss://host.example/4f1a2b3ccanary4e5f6a7b8/",
    "wss://proxy.example/canaryCd1234efgh/stream",
    "wss://host.example/ws?streams=x&k=canary",
    "wss://canary:canary@host.example/ws",
    "wss://host.example/a;token=canary/ws",
    "wss://host.example/token=canary/",
    "wss://host.example/%63%61narycanary/x",
    "wss://host.example/AAAA-BBBB:canary/x",
    "wss://host.example:9443/#canary",
]


@pytest.mark.parametrize("base", PLACES)
def test_no_secret_of_a_url_is_kept_wherever_it_stands(base):
    parts = urlsplit(base)
    host = f"{parts.scheme}://{parts.hostname}" + (":9443" if parts.port else "")
    assert public_url(base) == host
    for added in ("/v2", "/stream?streams=ethusdt@depth@100ms/ethusdt@bookTicker"):
        url = base.rstrip("/") + added
        assert public_url(url) == host
        assert public_url(url, (base, "https://other.example/canary")) == host + added
        assert public_url(url, (f"{parts.scheme}://", base, host)) == host + added
        told = without_secrets(f"cannot connect to {url}: no {parts.path} here", (base,))
        assert "canary" not in told.removesuffix("here")
        assert host in told


def test_what_begins_like_a_base_and_goes_on_otherwise_is_not_kept():
    assert public_url("wss://host.example/abcanary", ("wss://host.example/ab",)) == "wss://host.example"
    assert public_url("ws://[::1]:80/ws") == "ws://[::1]:80"
    assert public_url("ws://host:canary/") == "(a URL that cannot be read)"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("wss://eth.example/v2/canary", "wss://eth.example"),
        ("ws://me:canary@127.0.0.1:8546/?key=canary", "ws://127.0.0.1:8546"),
        ("/srv/canary/geth.ipc", "ipc://"),
        ("ipc:/srv/canary/geth.ipc", "ipc://"),
        ("ws://[canary", "(a URL that cannot be read)"),
    ],
)
def test_of_a_node_the_host_alone_is_kept(url, shown):
    assert host_of(url) == shown
