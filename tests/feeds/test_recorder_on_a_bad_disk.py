"""The recorder on a disk that is slow, full, or not there: frames are lost and counted, nothing waits, nothing grows."""

import asyncio
import os
import threading

import msgspec
import pytest
from structlog.testing import capture_logs

from bot.clock import SystemClock
from bot.core.units import Nanoseconds
from bot.feeds import recording_files
from bot.feeds.recorder import Recorder
from bot.feeds.recording_format import Kind
from bot.feeds.recording_reader import read_recording
from tests.chain.waiting import until
from tests.feeds.recorder_stage import SMALL, URL, without_heading


class SlowDisk:
    """os.write waits until it is told to go on."""

    def __init__(self, monkeypatch):
        self.go_on = threading.Event()
        self.is_waiting = threading.Event()
        self._write = os.write
        monkeypatch.setattr(recording_files.os, "write", self)

    def __call__(self, descriptor, content):
        self.is_waiting.set()
        assert self.go_on.wait(30)
        return self._write(descriptor, content)


async def test_a_slow_disk_costs_frames_and_neither_memory_nor_time(tmp_path, monkeypatch):
    disk = SlowDisk(monkeypatch)
    recorder = Recorder(tmp_path, SMALL, SystemClock())
    tap = recorder.source("coinbase")
    tap.opened(1, URL, Nanoseconds(0))
    frames = 2000
    for n in range(1, frames):
        tap.frame(1, n.to_bytes(1000, "big"), Nanoseconds(n))
    assert disk.is_waiting.wait(5)
    held = recorder._handed - recorder._done + len(tap._buffer)
    assert held <= SMALL.backlog_bytes + SMALL.block_bytes + 2000
    assert tap.dropped == recorder.counters.dropped > 1900
    tap.opened(2, URL, Nanoseconds(frames))  # is taken all the same
    disk.go_on.set()
    await until(lambda: recorder._handed == recorder._done)
    tap.frame(2, b"after", Nanoseconds(frames + 1))
    await recorder.close()
    [found] = read_recording(tmp_path)
    records = without_heading(found.records())
    assert found.damage == []
    kinds = [record.kind for record in records]
    kept = kinds.count(Kind.FRAME) - 1
    assert [r.received for r in records[1 : kept + 1]] == list(range(1, kept + 1)), "an unbroken beginning"
    assert kinds[kept + 1 :] == [Kind.OPENED, Kind.DROPPED, Kind.FRAME]
    assert records[-2].dropped == frames - 1 - kept == tap.dropped


async def test_what_is_no_frame_is_bounded_too(tmp_path, monkeypatch):
    disk = SlowDisk(monkeypatch)
    recorder = Recorder(tmp_path, SMALL, SystemClock())
    tap = recorder.source("coinbase")
    for n in range(1000):
        tap.closed(n, "refused" * 30, Nanoseconds(n))
    assert len(tap._buffer) <= 5 * SMALL.block_bytes
    assert tap.dropped > 500
    disk.go_on.set()
    await recorder.close()
    [found] = read_recording(tmp_path)
    kinds = [record.kind for record in without_heading(found.records())]
    assert kinds.count(Kind.CLOSED) == 1000 - tap.dropped


async def test_a_disk_that_hangs_does_not_hold_the_end_up(tmp_path, monkeypatch):
    disk = SlowDisk(monkeypatch)
    config = msgspec.structs.replace(SMALL, close_limit=Nanoseconds(20_000_000))
    recorder = Recorder(tmp_path, config, SystemClock())
    recorder.source("okx").frame(1, b"x", Nanoseconds(1))
    with capture_logs() as logs:
        async with asyncio.timeout(5):
            await recorder.close()
    assert [line["event"] for line in logs] == ["recording.not_closed"]
    disk.go_on.set()


async def test_what_cannot_be_written_down_is_no_error_of_the_feed(tmp_path, monkeypatch):
    """A surrogate in a reason; a defect in the writer: said, and the next block is written."""
    recorder = Recorder(tmp_path, SMALL, SystemClock())
    tap = recorder.source("okx")
    append, broken = recorder._files.append, iter([True])

    def defect(block):
        if next(broken, False):
            raise KeyError("a defect")
        append(block)

    monkeypatch.setattr(recorder._files, "append", defect)
    with capture_logs() as logs:
        tap.frame(1, b"lost", Nanoseconds(1))
        recorder.flush()
        tap.closed(1, "\udc80", Nanoseconds(2))
        tap.opened(1, "wss://\udc80/\udc80?a=\udc80", Nanoseconds(3))
        tap.answer("https://\udc80/\udc80", 200, b"", Nanoseconds(3))
        await recorder.close()
    assert [line["event"] for line in logs] == ["recording.defect"]
    [found] = read_recording(tmp_path)
    kinds = [record.kind for record in without_heading(found.records())]
    assert kinds == [Kind.CLOSED, Kind.OPENED, Kind.ANSWER]


async def test_a_full_disk_is_said_once_and_what_it_cost_stands_in_the_file(tmp_path, monkeypatch):
    config = msgspec.structs.replace(
        SMALL, first_retry=Nanoseconds(1_000_000), longest_retry=Nanoseconds(2_000_000)
    )
    write, is_full = os.write, True

    def half_then_full(descriptor, content):
        if is_full:
            write(descriptor, bytes(content[: len(content) // 2]))
            raise OSError(28, "No space left on device")
        return write(descriptor, content)

    recorder = Recorder(tmp_path, config, SystemClock())
    tap = recorder.source("kraken")

    async def one(n):
        tap.frame(1, b"%d" % n, Nanoseconds(n))
        recorder.flush()
        await until(lambda: recorder._handed == recorder._done)

    with capture_logs() as logs:
        is_full = False
        monkeypatch.setattr(recording_files.os, "write", half_then_full)
        await one(0)
        is_full = True
        for n in range(1, 8):
            await one(n)
            await asyncio.sleep(0.003)
        is_full = False
        await one(8)
        await recorder.close()
    assert [line["event"] for line in logs] == [
        "recording.failed",
        "recording.resumed",
        "recording.incomplete",
    ]
    assert (logs[2]["lost"], logs[2]["dropped"]) == (7, 0)
    assert "No space left" in logs[0]["reason"]
    assert (recorder.counters.failures, recorder.counters.lost) == (1, 7)
    [found] = read_recording(tmp_path)
    records = without_heading(found.records())
    assert [(r.kind, r.received) for r in records if r.kind is Kind.FRAME] == [
        (Kind.FRAME, 0),
        (Kind.FRAME, 8),
    ]
    assert [r.dropped for r in records if r.kind is Kind.DROPPED] == [7]
    assert found.damage == [], "half a block is taken back"


@pytest.mark.parametrize("kept_free", [0, 2**62])
async def test_a_folder_that_cannot_be_made_or_a_disk_to_be_left_alone_stops_nothing(tmp_path, kept_free):
    folder = tmp_path / "recordings"
    if not kept_free:
        folder.write_text("a file stands here")
    recorder = Recorder(folder, msgspec.structs.replace(SMALL, kept_free=kept_free), SystemClock())
    tap = recorder.source("kraken")
    with capture_logs() as logs:
        for n in range(50):
            tap.frame(1, bytes(1000), Nanoseconds(n))
        await recorder.close()
    assert [line["event"] for line in logs] == ["recording.failed", "recording.incomplete"]
    assert logs[1]["lost_in_all"] == recorder.counters.lost > 0
    assert ("kept for the journal" if kept_free else "exists") in logs[0]["reason"]
    told = 1 if recorder.counters.dropped else 0  # the record that says what was dropped is lost too
    assert recorder.counters.lost + recorder.counters.dropped == 50 + told
    assert not folder.is_dir() or list(folder.iterdir()) == []
