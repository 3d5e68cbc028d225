"""What Binance sent on a day of 2024, recorded by someone else, replayed by the code of `bot replay`."""

import asyncio
import json
import os

import pytest

from bot.feeds.recording_reader import read_recording
from bot.ops.replay import replay_runs
from tests.feeds.binance_streams import SETS, convert, lines

LINES = int(os.environ.get("REPLAYED_LINES", "15000"))
"""Of each set; 0: all of it, 149,519 frames."""
DEPTH = b'"e":"depthUpdate"'


@pytest.mark.parametrize("name", SETS)
async def test_no_gap_is_found_where_there_is_none(tmp_path, ground_truth, name):
    folder = ground_truth("binance_streams")
    frames = await convert(folder, name, tmp_path, count=LINES or None)
    row = await replayed(tmp_path)
    assert row["frames"] == frames > min(LINES or 30_000, 30_000) - 10
    assert {row[key] for key in ("gaps", "crossed", "malformed", "resyncs", "reconnects")} == {0}
    [top] = row["pairs"]
    assert top["stale"] is None
    assert row["damage"] == []
    last = [
        json.loads(frame)["data"] for _, frame in lines(folder, name, LINES or None) if b"bookTicker" in frame
    ][-1]
    # The book moves at most 100 ms after the best bid and offer, which say where it went.
    assert abs(float(top["bid"]) / float(last["b"]) - 1) < 0.001
    assert row["run"].startswith(("20240808T", "20240809T"))
    ground_truth.count(frames)


async def test_a_missing_update_is_a_gap_and_nothing_is_believed_after_it(tmp_path, ground_truth):
    """Without a recorded snapshot after it there is no way back."""
    folder, name = ground_truth("binance_streams"), "spot_ethusdt_20240808"

    def without_one(number, frame):
        return None if DEPTH in frame and 2000 <= number < 2040 else frame

    frames = await convert(folder, name, tmp_path, without_one, 5000)
    taken = [n for n, (_, frame) in enumerate(lines(folder, name, 5000)) if without_one(n, frame) is None]
    assert 1 <= len(taken) <= 9
    row = await replayed(tmp_path)
    assert row["gaps"] == 1
    [top] = row["pairs"]
    assert (top["bid"], "gap" in top["stale"]) == (None, True)
    ground_truth.count(frames)


async def replayed(folder):
    [row] = await asyncio.to_thread(replay_runs, read_recording(folder), is_paced=False)
    return row
