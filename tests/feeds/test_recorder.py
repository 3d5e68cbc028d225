"""The recorder on a real disk: what is recorded is read back, bounded in size and memory, and never in the way."""

import asyncio
import os
import stat

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.clock import SystemClock
from bot.core.errors import BadConfiguration
from bot.core.market_data import Pair
from bot.core.units import Nanoseconds
from bot.feeds.recorder import Recorder
from bot.feeds.recording_format import Kind
from bot.feeds.recording_reader import read_recording
from tests.chain.waiting import until
from tests.feeds.recorder_stage import SMALL, URL, record, without_heading

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
    assert {record.received for record in found.records()} == {4}, (
        "what is repeated is not later than what follows"
    )


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
