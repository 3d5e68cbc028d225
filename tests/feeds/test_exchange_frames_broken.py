"""Broken frames, a small part of `scripts/sweep frames`."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from frame_fuzz import Fuzz, run
from frame_stage import SYMBOLS, reader_of

from bot.feeds.cex.frame_layout import MOST_ELEMENTS, MOST_LEVELS
from bot.feeds.cex.frame_reader import Outcome

SEED = int(os.environ.get("FRAMES_SEED", "1"))
COUNT = int(os.environ.get("FRAMES_BROKEN", "400"))
"""Of each exchange."""
INTERPRETED = int(os.environ.get("FRAMES_INTERPRETED", "240"))
"""Of all exchanges together."""
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", sorted(SYMBOLS))
def test_broken_frames_change_nothing_or_what_the_oracle_says(name):
    kinds = run([name], SEED, COUNT)
    outcomes = Counter()
    for kind, count in kinds.items():
        outcomes[kind.rpartition(": ")[2]] += count
    assert outcomes["MALFORMED"] > COUNT / 4
    assert outcomes["BOOK"] > COUNT / 60


def test_every_beginning_of_a_frame_is_malformed():
    cuts = 0
    for name in sorted(SYMBOLS):
        fuzz = Fuzz(name, SEED)
        for _ in range(3):
            cuts += fuzz.step(0, every_cut=True)
        assert {kind for kind in fuzz.kinds if kind.startswith("truncated")} <= {"truncated: MALFORMED"}
    assert cuts > 1_000


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b" ",
        b"\x00",
        b"{",
        b"}",
        b"[]",
        b"[1,2]",
        b'"text"',
        b"pong",
        b"ping",
        b"null",
        b'{"a"',
        b'{"a":}',
        b'{"a":1,}',
        b'{"a":1}}',
        b'{"a":1}\x00',
        b'{"a":1} x',
        b'{"a" 1}',
        b"{'a':1}",
        b'{"a":"\\"}',
        b'{"a":"\n"}',
        b'{"a":[1,2}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"data":' * 1_000 + b"}" * 999,
        b'{"a":"' + b"x" * 1_000_000,
        b"\xff\xfe{\x00}\x00",
    ],
)
@pytest.mark.parametrize("name", sorted(SYMBOLS))
def test_what_is_no_frame_at_all(name, payload):
    outcome = Outcome(reader_of(name, capacity=64).read(payload, 10**15) & 255)
    assert outcome is (Outcome.CONTROL if name == "okx" and payload == b"pong" else Outcome.MALFORMED)


@pytest.mark.parametrize("payload", [b"{}", b' { "zz" : [ { } , "]" ] } \r\n', b'{"id":null}'])
@pytest.mark.parametrize("name", sorted(SYMBOLS))
def test_what_is_well_formed_and_of_nothing_is_control(name, payload):
    assert reader_of(name, capacity=64).read(payload, 10**15) == Outcome.CONTROL


def test_more_levels_and_more_books_than_there_is_room_for():
    reader = reader_of("coinbase", capacity=8)
    level = b'{"side":"bid","price_level":"7","new_quantity":"1"}'
    event = b'{"type":"snapshot","product_id":"BTC-USD","updates":[%s]}'

    def read(sequence, events):
        frame = b'{"channel":"l2_data","timestamp":"2026-04-07T14:30:00Z","sequence_num":%d,"events":[%s]}'
        return Outcome(reader.read(frame % (sequence, events), 10**15) & 255)

    assert read(0, event % b",".join([level] * MOST_LEVELS)) is Outcome.BOOK
    assert read(1, event % b",".join([level] * (MOST_LEVELS + 1))) is Outcome.MALFORMED
    assert read(1, b",".join([event % level] * MOST_ELEMENTS)) is Outcome.BOOK
    assert read(2, b",".join([event % level] * (MOST_ELEMENTS + 1))) is Outcome.MALFORMED


def test_the_kernel_stays_within_its_memory():
    """As plain Python every index is checked, of the payload and of the arena."""
    sweep = [
        sys.executable,
        str(ROOT / "scripts/sweeps/frames.py"),
        "--interpreted",
        "--count",
        str(INTERPRETED),
    ]
    ran = subprocess.run(sweep, capture_output=True, text=True, timeout=280, check=False)
    assert ran.returncode == 0, ran.stderr[-3_000:]
    assert "no difference" in ran.stdout
