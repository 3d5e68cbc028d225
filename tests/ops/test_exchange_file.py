"""The last look at the exchanges, beside the journal: read while it is being replaced, old, broken or not there."""

import json
import os
import threading
import time

import pytest
from exchange_boards import board

from bot.cli import main
from bot.ops.exchange_file import EXCHANGES_FILE, read_board, remove_board, write_board

UTC = 1_700_000_000 * 10**9


@pytest.fixture
def told(run_folder, capsys):
    def ask(*arguments):
        assert main(["status", *arguments, "--run", str(run_folder)]) == 0
        return capsys.readouterr().out

    return ask


def test_what_is_written_is_read(tmp_path):
    for look in (board(), board(()), board((), ()), board(assets=("ETH", "BTC"))):
        write_board(tmp_path, look, UTC)
        found, age = read_board(tmp_path)
        assert found == look
        assert 0 <= age < 60
    assert [path.name for path in tmp_path.iterdir()] == [EXCHANGES_FILE]


def test_status_tells_it(told, run_folder):
    assert json.loads(told("--json"))["exchanges"] is None
    assert "exchanges" not in told()
    write_board(run_folder, board(), UTC)
    rows = json.loads(told("--json"))["exchanges"]
    assert (rows["problem"], rows["is_old"]) == (None, False)
    okx = next(one for one in rows["followed"] if one["exchange"] == "okx")
    assert (okx["state"], okx["age_s"], okx["clock_offset_ms"], okx["gaps"]) == ("live", 0.12, 1270.0, 0)
    assert okx["quotes"][0]["ask"] == "3300.16500000"
    assert okx["quotes"][0]["bid_size"] == "1.00000000"
    (reference,) = rows["reference"]
    assert (reference["asset"], reference["price"], reference["reason"]) == ("ETH", "3000.50000000", None)
    assert {one["exchange"] for one in reference["left_out"]} == {"kraken", "okx"}
    text = told()
    assert "  okx           live        last frame 0.1 s ago" in text
    assert "which is old" not in text


def test_the_report_knows_nothing_of_it(run_folder, capsys):
    def report():
        assert main(["report", "--json", "--run", str(run_folder)]) == 0
        return capsys.readouterr().out

    before = report()
    write_board(run_folder, board(), UTC)
    assert report() == before


def test_an_old_one_says_so(told, run_folder):
    write_board(run_folder, board(), UTC)
    past = time.time() - 3_600
    os.utime(run_folder / EXCHANGES_FILE, (past, past))
    assert json.loads(told("--json"))["exchanges"]["is_old"] is True
    assert "s ago, which is old: the bot is not running, or hangs; as of then" in told()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"schema":1}', b"\xff\x00", b'{"schema":1,"utc":0,"board":3}']
)
def test_a_broken_one_is_said_in_a_line(told, run_folder, content):
    (run_folder / EXCHANGES_FILE).write_bytes(content)
    rows = json.loads(told("--json"))["exchanges"]
    assert "cannot be read" in rows["problem"]
    assert rows["followed"] == rows["reference"] == []
    assert sum("cannot be read" in line for line in told().splitlines()) == 1


def test_of_an_earlier_run_it_is_removed(tmp_path):
    write_board(tmp_path, board(), UTC)
    remove_board(tmp_path)
    assert read_board(tmp_path) is None
    remove_board(tmp_path)


def test_a_reader_never_sees_a_part(tmp_path):
    looks = [board(), board((), ())]
    write_board(tmp_path, looks[0], UTC)
    stop = threading.Event()

    def keep_writing():
        while not stop.is_set():
            for look in looks:
                write_board(tmp_path, look, UTC)

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        seen = [read_board(tmp_path) for _ in range(300)]
    finally:
        stop.set()
        writer.join()
    assert all(isinstance(one, tuple) and one[0] in looks for one in seen)
