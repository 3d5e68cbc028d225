import asyncio
import io
import json
import os
import time

import pytest
from rich.console import Console, Group

from bot.core.route_standing import RouteStanding
from bot.ops import relay_watch
from bot.ops.relay_file import (
    RELAYS_FILE,
    read_relays,
    relay_lines,
    relay_status,
    remove_relays,
    write_relays,
)
from bot.ops.relay_view import NO_ROUTE, RelayBoard, board_lines, changes, relay_section, summary
from bot.ops.relay_watch import RelayWatch

UTC = 1_700_000_000 * 10**9
WELL = RouteStanding("flashbots", "relay.flashbots.net", True, True, "", 9, 7, 1, 1, 12_345_678, 98_765_432)
OUT = RouteStanding(
    "titan", "rpc.titan.example", True, False, "rpc.titan.example does not resolve: correct BOT_X"
)
SLOW = RouteStanding(
    "quasar", "rpc.quasar.win", True, True, "rpc.quasar.win: no answer within 2 s: it is slow", 3
)
MINES = RouteStanding("public", "node.example", False, True)
BOARD = RelayBoard((WELL, OUT, SLOW, MINES))
NOTHING_LEFT = RelayBoard((OUT, MINES))


def drawn(board, width, room):
    parts, lines = relay_section(board, width, room)
    told = io.StringIO()
    Console(width=width, height=50, file=told).print(Group(*parts))
    text = told.getvalue()
    assert len(text.splitlines()) == lines <= max(1, room)
    assert all(len(line) <= width for line in text.splitlines())
    return text


@pytest.mark.parametrize("width", [80, 110, 200])
@pytest.mark.parametrize("room", [1, 2, 6, 7, 8, 40])
@pytest.mark.parametrize("board", [BOARD, NOTHING_LEFT, RelayBoard((WELL,))])
def test_the_picture_fits_its_room(board, width, room):
    text = drawn(board, width, room)
    usable = sum(one.is_usable for one in board.standings)
    assert str(usable) in text


def test_the_table_says_what_is_wrong():
    text = drawn(BOARD, 200, 20)
    assert "Relays (3 of 4 usable)" in text
    assert "does not resolve: correct BOT_X" in text
    assert "12.3" in text
    assert "98.8" in text
    assert NO_ROUTE not in text
    assert NO_ROUTE in drawn(NOTHING_LEFT, 200, 20)
    assert NO_ROUTE in drawn(NOTHING_LEFT, 200, 1)


def test_lines_of_status():
    lines = board_lines(BOARD)
    assert lines[0] == (
        "  flashbots           usable    relay.flashbots.net  sent 9: accepted 7, refused 1, unknown 1  "
        "answers p50 12.3 ms, p99 98.8 ms"
    )
    assert lines[2].strip() == OUT.problem
    assert "mines reverts: gets no plan" in lines[-1]
    assert board_lines(NOTHING_LEFT)[-1].strip() == NO_ROUTE
    assert summary(NOTHING_LEFT).startswith(f"relays 1/2 usable · {NO_ROUTE} · titan: ")


def test_changes_are_said_once():
    first = changes(None, BOARD)
    assert [line.split(" (")[0] for line in first] == [
        "relay flashbots: usable",
        "relay titan: out",
        "relay quasar: usable",
        "relay public: usable",
    ]
    assert changes(BOARD, BOARD) == []
    assert changes(RelayBoard((WELL, MINES)), RelayBoard((OUT, MINES)))[-1] == NO_ROUTE
    assert changes(RelayBoard((OUT,)), RelayBoard((OUT,))) == []
    assert changes(RelayBoard((OUT,)), RelayBoard((WELL,)))[-1] == "a private route is usable again"


def test_what_is_written_is_read(tmp_path):
    assert read_relays(tmp_path) is None
    assert relay_status(tmp_path) is None
    assert relay_lines(tmp_path) == []
    for board in (BOARD, NOTHING_LEFT, RelayBoard(())):
        write_relays(tmp_path, board, UTC)
        found, age = read_relays(tmp_path)
        assert found == board
        assert 0 <= age < 60
    assert [path.name for path in tmp_path.iterdir()] == [RELAYS_FILE]
    remove_relays(tmp_path)
    remove_relays(tmp_path)
    assert read_relays(tmp_path) is None


def test_status_as_json_and_as_text(tmp_path):
    write_relays(tmp_path, BOARD, UTC)
    status = json.loads(json.dumps(relay_status(tmp_path)))
    assert (status["problem"], status["is_old"], status["may_send"]) == (None, False, True)
    assert status["relays"][0]["answer_p50_ms"] == 12.346
    assert status["relays"][1]["problem"] == OUT.problem
    assert relay_lines(tmp_path)[1:] == board_lines(BOARD)
    old = time.time() - 100
    os.utime(tmp_path / RELAYS_FILE, (old, old))
    assert relay_status(tmp_path)["is_old"]
    assert "the bot is not running, or hangs" in relay_lines(tmp_path)[0]


def test_a_broken_file_is_a_line(tmp_path):
    (tmp_path / RELAYS_FILE).write_bytes(b'{"schema":')
    assert "cannot be read" in relay_lines(tmp_path)[0]
    assert "cannot be read" in relay_status(tmp_path)["problem"]


class Route:
    def __init__(self):
        self.standing = WELL
        self.warmed = 0

    async def warm(self):
        self.warmed += 1
        raise RuntimeError("a defect of one route")


async def turns(watch, until):
    running = asyncio.create_task(watch.run())
    while not until():  # noqa: ASYNC110  # it is the watch that is waited for, not an event
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_the_watch_warms_shows_and_writes(tmp_path, monkeypatch):
    monkeypatch.setattr(relay_watch, "EVERY_S", 0)
    route, shown = Route(), []
    await turns(RelayWatch([route], tmp_path, shown.append), lambda: route.warmed > 3 and len(shown) > 7)
    assert read_relays(tmp_path)[0] == shown[-1] == RelayBoard((WELL,))
    quiet = Route()
    shown.clear()
    await turns(RelayWatch([quiet], tmp_path, shown.append, warms=False), lambda: len(shown) > 7)
    assert quiet.warmed == 0
    quiet.standing = OUT
    await turns(RelayWatch([quiet, Route()], tmp_path, warms=False), lambda: quiet.warmed > 3)
    await RelayWatch([], tmp_path).run()
    assert read_relays(tmp_path) is None


def test_a_change_is_written_at_once_and_a_full_disk_ends_nothing(tmp_path):
    route = Route()
    watch = RelayWatch([route], tmp_path)
    watch.look()
    route.standing = OUT
    watch.look()
    assert read_relays(tmp_path)[0] == RelayBoard((OUT,))
    gone = RelayWatch([route], tmp_path / "none")
    for _ in range(20):
        gone.look()
    assert len(gone._said) == 1
