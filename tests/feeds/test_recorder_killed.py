"""A process that records is killed: what it wrote is read to the last whole block, in order, without a hole."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.feeds.recording_format import Kind
from bot.feeds.recording_reader import read_recording

ROOT = Path(__file__).resolve().parents[2]
WRITES = """
import asyncio, sys
from pathlib import Path
from bot.clock import SystemClock
from bot.feeds.recorder import Recorder
from bot.feeds.recording_files import RecorderConfig

async def main(folder):
    config = RecorderConfig(block_bytes=2000, file_bytes=100_000, backlog_bytes=200_000, kept_free=0)
    recorder = Recorder(folder, config, SystemClock())
    taps = [recorder.source(name) for name in ("kraken", "chain")]
    n = 0
    while True:
        while recorder.has_room(100_000):
            for tap in taps:
                tap.frame(1, n.to_bytes(8, "big") * 40, n)
            n += 1
        await asyncio.sleep(0)

asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.mark.parametrize("size", [1, 300_000])
def test_killed_while_it_writes(tmp_path, size):
    process = subprocess.Popen([sys.executable, "-c", WRITES, str(tmp_path)], cwd=ROOT)
    limit = time.monotonic() + 60
    while any(written(tmp_path, source) < size for source in ("chain", "kraken")):
        assert process.poll() is None
        assert time.monotonic() < limit
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    runs = read_recording(tmp_path)
    assert [run.source for run in runs] == ["chain", "kraken"]
    for run in runs:
        assert len(run.files) > size // 110_000
        frames = [record for record in run.records() if record.kind is Kind.FRAME]
        assert [record.received for record in frames] == list(range(len(frames)))
        assert all(r.payload == r.received.to_bytes(8, "big") * 40 for r in frames)
        assert len(frames) > size // 320
        # Nothing but an unfinished last block may be missing.
        assert [damage.file for damage in run.damage] in ([], [run.files[-1].name])


def written(folder, source):
    return sum(path.stat().st_size for path in folder.glob(f"{source}-*.rec"))
