"""The recorder on a real disk: what is recorded is read back, bounded in size and memory, and never in the way."""

import asyncio
import os
import stat
import threading

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.clock import SystemClock
from bot.core.errors import BadConfiguration
from bot.core.market_data import Pair
from bot.core.units import Nanoseconds
from bot.feeds import recording_files
from bot.feeds.recorder import Recorder
from bot.feeds.recording_files import RecorderConfig
from bot.feeds.recording_format import Kind
from bot.feeds.recording_reader import read_recording
from tests.chain.waiting import until

SMALL = RecorderConfig(block_bytes=4096, backlog_bytes=4 * 4096, kept_free=0)
URL = "wss://exchange.example/ws"
CALLS = st.lists(
    st.one_of(
        st.tuples(st.just("opened"), st.integers(1, 3)),
        st.tuples(st.just("sent"), st.integers(1, 3), st.binary(max_size=99)),
        st.tuples(st.just("frame"), st.integers(1, 3), st.binary(max_size=3000)),
        st.tuples(st.just("answer"), st.integers(0, 599), st.binary(max_size=3000)),
        st.tuples(st.just("closed"), st.integers(1, 3), st.text(max_size=20)),
        st.tuples(st.just("flush")),
    ),
    max_size=40,
)


class StandingClock(SystemClock):
    """UTC is a fixed time later than the monotonic clock."""

    def utc(self):
        return Nanoseconds(10**18)

    def monotonic(self):
        return Nanoseconds(0)


def told(tap, recorder, call, received):
    match call:
        case ("opened", connection):
            tap.opened(connection, URL, received)
            return (Kind.OPENED, connection, URL.encode())
        case ("sent", connection, payload):
            tap.sent(connection, payload, received)
            return (Kind.SENT, connection, payload)
        case ("frame", connection, payload):
            tap.frame(connection, payload, received)
            return (Kind.FRAME, connection, payload)
        case ("answer", status, body):
            tap.answer(URL, status, body, received)
            return (Kind.ANSWER, status, body)
        case ("closed", connection, reason):
            tap.closed(connection, reason, received)
            return (Kind.CLOSED, connection, reason.encode())
        case _:
            recorder.flush()
            return None


def summary(record):
    if record.kind is Kind.ANSWER:
        return (Kind.ANSWER, record.answer.status, record.answer.body)
    return (record.kind, record.connection, record.payload)


def without_heading(records):
    return [record for record in records if record.kind not in (Kind.DESCRIBED, Kind.CONTINUED)]


async def record(folder, config, work):
    recorder = Recorder(folder, config, SystemClock())
    await work(recorder)
    await recorder.close()
    return recorder.counters


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CALLS, st.sampled_from([64, 4096]), st.sampled_from([1, 5000, 10**9]))
def test_whatever_is_told_is_read_back_over_any_rotation(tmp_path_factory, calls, block_bytes, file_bytes):
    folder = tmp_path_factory.mktemp("recordings")
    config = msgspec.structs.replace(
        SMALL, block_bytes=block_bytes, file_bytes=file_bytes, backlog_bytes=2**24
    )

    async def run():
        recorder = Recorder(folder, config, StandingClock())
        tap = recorder.source("kraken", [Pair("ETH", "USD")])
        expected = [told(tap, recorder, call, Nanoseconds(n)) for n, call in enumerate(calls)]
        await recorder.close()
        return [(*one, n) for n, one in enumerate(expected) if one is not None]

    expected = asyncio.run(run())
    if not expected:
        assert list(folder.iterdir()) == []
        return
    [found] = read_recording(folder)
    records = without_heading(found.records())
    assert [(*summary(record), record.received) for record in records] == expected
    assert all(record.utc == record.received + 10**18 for record in records)
    assert found.damage == []
    assert found.about() == [{"base": "ETH", "quote": "USD", "is_perpetual": False}]


async def test_files_are_the_owners_alone(tmp_path):
    async def work(recorder):
        recorder.source("okx").frame(1, b"x", Nanoseconds(1))

    folder = tmp_path / "data" / "recordings"
    await record(folder, SMALL, work)
    [file] = folder.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_a_later_file_names_the_connections_that_are_open(tmp_path):
    config = msgspec.structs.replace(SMALL, file_bytes=1)

    async def work(recorder):
        tap = recorder.source("bybit", ["about"])
        tap.opened(1, URL, Nanoseconds(1))
        tap.opened(2, URL + "2", Nanoseconds(2))
        tap.closed(1, "cut", Nanoseconds(3))
        recorder.flush()
        tap.frame(2, b"later", Nanoseconds(4))

    await record(tmp_path, config, work)
    first, second = sorted(tmp_path.iterdir())
    first.unlink()
    [found] = read_recording(tmp_path)
    assert found.files == (second,)
    assert [(r.kind, r.connection, r.text) for r in found.records()] == [
        (Kind.DESCRIBED, 0, '["about"]'),
        (Kind.CONTINUED, 2, URL + "2"),
        (Kind.FRAME, 2, "later"),
    ]


async def test_a_file_is_closed_by_its_age(tmp_path):
    config = msgspec.structs.replace(SMALL, file_age=Nanoseconds(0))

    async def work(recorder):
        tap = recorder.source("okx")
        for n in range(3):
            tap.frame(1, b"%d" % n, Nanoseconds(n))
            recorder.flush()

    await record(tmp_path, config, work)
    assert len(list(tmp_path.iterdir())) == 3


async def test_the_cap_holds_over_all_sources_and_runs_and_the_oldest_goes_first(tmp_path):
    cap = 400_000
    config = msgspec.structs.replace(SMALL, cap=cap, backlog_bytes=2**20)
    largest = 0

    async def work(recorder):
        nonlocal largest
        taps = [recorder.source(name) for name in ("binance", "kraken", "chain")]
        for n in range(300):
            for tap in taps:
                tap.frame(1, os.urandom(2000), Nanoseconds(n))
            await until(lambda: recorder._handed == recorder._done)
            largest = max(largest, sum(file.stat().st_size for file in tmp_path.glob("*.rec")))

    stranger = tmp_path / "notes.txt"
    stranger.write_bytes(bytes(cap))
    with capture_logs() as logs:
        first = await record(tmp_path, config, work)
        before = {path.name for path in tmp_path.glob("*.rec")}
        second = await record(tmp_path, config, work)
    assert first.deleted_files > 20
    assert first.deleted_bytes > cap
    assert second.deleted_files > len(before)
    assert 0.8 * cap < largest <= cap
    assert stranger.stat().st_size == cap
    said = [line for line in logs if line["event"] == "recording.deleted"]
    assert len(said) == first.deleted_files + second.deleted_files
    assert first.lost == second.lost == 0
    assert not before & {path.name for path in tmp_path.glob("*.rec")}
    for found in read_recording(tmp_path):
        payloads = [r.received for r in found.records() if r.kind is Kind.FRAME]
        assert payloads == list(range(300 - len(payloads), 300)), "the newest are kept"


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


async def test_after_the_end_nothing_is_kept(tmp_path):
    recorder = Recorder(tmp_path, SMALL, SystemClock())
    tap = recorder.source("okx")
    tap.frame(1, b"before", Nanoseconds(1))
    await recorder.close()
    for n in range(100):
        tap.frame(1, bytes(1000), Nanoseconds(n))
    assert len(tap._buffer) < SMALL.block_bytes + 2000
    await recorder.close()
    [found] = read_recording(tmp_path)
    assert [r.payload for r in found.records() if r.kind is Kind.FRAME] == [b"before"]


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
        tap.opened(1, "wss://host/\udc80?a=\udc80", Nanoseconds(3))
        tap.answer("https://host/\udc80", 200, b"", Nanoseconds(3))
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
    assert [line["event"] for line in logs] == ["recording.failed", "recording.resumed"]
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
    assert [line["event"] for line in logs] == ["recording.failed"]
    assert ("kept for the journal" if kept_free else "exists") in logs[0]["reason"]
    told = 1 if recorder.counters.dropped else 0  # the record that says what was dropped is lost too
    assert recorder.counters.lost + recorder.counters.dropped == 50 + told
    assert not folder.is_dir() or list(folder.iterdir()) == []


async def test_what_has_come_is_handed_over_while_nothing_more_comes(tmp_path):
    recorder = Recorder(
        tmp_path, msgspec.structs.replace(SMALL, flush_every=Nanoseconds(1_000_000)), SystemClock()
    )
    recorder.source("okx").frame(1, b"alone", Nanoseconds(1))
    task = asyncio.create_task(recorder.run())
    await until(lambda: recorder._done)
    [found] = read_recording(tmp_path)
    assert [r.payload for r in found.records() if r.kind is Kind.FRAME] == [b"alone"]
    task.cancel()
    await recorder.close()


async def test_damage_and_missing_files_are_said_and_the_rest_is_read(tmp_path):
    config = msgspec.structs.replace(SMALL, block_bytes=1, backlog_bytes=2**24, file_bytes=1000)

    async def work(recorder):
        tap = recorder.source("okx")
        for n in range(40):
            tap.frame(1, os.urandom(300), Nanoseconds(n))

    await record(tmp_path, config, work)
    [whole] = read_recording(tmp_path)
    files = whole.files
    assert len(files) > 8
    damaged = bytearray(files[1].read_bytes())
    damaged[len(damaged) // 2] ^= 1
    files[1].write_bytes(damaged)
    files[3].unlink()
    files[5].write_bytes(b"")
    [found] = read_recording(tmp_path)
    frames = [r.received for r in found.records() if r.kind is Kind.FRAME]
    assert frames == sorted(frames)
    assert len(frames) > 25
    reasons = {damage.file: damage.reason for damage in found.damage}
    assert reasons == {
        files[1].name: "the checksum does not fit",
        files[4].name: "1 files before it are missing",
        files[5].name: "is empty",
    }


def test_a_folder_without_recordings_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(BadConfiguration, match="no such folder; name one"):
        read_recording(tmp_path / "absent")
    (tmp_path / "journal.sqlite3").touch()
    with pytest.raises(BadConfiguration, match=r"no recording .* set BOT_RECORD"):
        read_recording(tmp_path)
