"""The look at the exchanges beside the run: what fails in one look, or on a slow disk, ends neither the next nor the run."""

import asyncio
import contextlib
import io
import re
import threading

import pytest
from exchange_boards import CONFIG, QUOTES, STATUSES
from rich.console import Console

from bot.clock import SystemClock
from bot.ops import exchange_watch
from bot.ops.exchange_file import read_board
from bot.ops.exchange_view import exchange_board
from bot.ops.exchange_watch import EVERY, LAST_WRITE_LIMIT, ExchangeWatch
from bot.ops.run_progress import RunProgress
from bot.ops.show import Show
from bot.state.reference_price import NoPrice


class Feeds:
    """Of which one look fails."""

    def __init__(self, failing=()):
        self.feeds = ("kraken",)
        self.looks = 0
        self._failing = failing

    def statuses(self, now):
        self.looks += 1
        if self.looks in self._failing:
            raise RuntimeError("odd")
        return STATUSES

    def quotes(self, now):
        return QUOTES


class QuickClock(SystemClock):
    """A hundredth of the pause between looks."""

    async def sleep(self, duration):
        assert duration == EVERY
        await asyncio.sleep(0.01)

    async def within(self, limit, work):
        assert limit == LAST_WRITE_LIMIT
        return await super().within(limit // 100, work)


@pytest.fixture
def logged(monkeypatch):
    lines = []
    monkeypatch.setattr(
        exchange_watch.log, "warning", lambda event, **said: lines.append((event, said["reason"]))
    )
    return lines


@contextlib.asynccontextmanager
async def watching(feeds, folder):
    progress = RunProgress()
    watch = ExchangeWatch(feeds, ["ETH"], CONFIG, folder, QuickClock())
    task = asyncio.create_task(watch.run(progress))
    try:
        yield progress
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(holds):
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110  # of the product's own doings, which set no event of the test
            await asyncio.sleep(0.002)


async def test_a_look_that_fails_says_so_and_the_next_one_is_made(tmp_path, logged):
    feeds = Feeds(failing=range(2, 5))
    async with watching(feeds, tmp_path) as progress:
        await until(lambda: feeds.looks == 1)
        assert [one.state for one in progress.exchanges.statuses] == [one.state for one in STATUSES]
        await until(lambda: feeds.looks == 3)
        assert {one.state for one in progress.exchanges.statuses} == {"unknown"}
        assert progress.exchanges.quotes == ()
        (price,) = progress.exchanges.references
        assert isinstance(price, NoPrice)
        assert "RuntimeError: odd" in price.reason
        await until(lambda: feeds.looks == 6)
        assert progress.exchanges.statuses == STATUSES
    assert logged == [("exchanges.not_seen", "RuntimeError: odd")]
    board, _ = read_board(tmp_path)
    assert board == progress.exchanges


async def test_a_disk_that_hangs_holds_up_neither_the_view_nor_the_end(tmp_path, logged, monkeypatch):
    goes_on, under_way, most = threading.Event(), [], []

    def hang(*_):
        under_way.append(1)
        most.append(len(under_way))
        goes_on.wait(20)
        under_way.pop()

    monkeypatch.setattr(exchange_watch, "write_board", hang)
    feeds = Feeds()
    try:
        async with watching(feeds, tmp_path) as progress:
            await until(lambda: feeds.looks == 8)
            assert most == [1]
            shown = progress.exchanges
        assert not goes_on.is_set()
        assert progress.exchanges.now > shown.now
        assert most == [1]
        assert logged == [("exchanges.not_written", "no answer of the disk within 2 s")]
        assert all(one.daemon for one in threading.enumerate() if one.name == "exchanges.json")
    finally:
        goes_on.set()


async def test_what_cannot_be_written_is_said_once(tmp_path, logged, monkeypatch):
    feeds = Feeds()
    async with watching(feeds, tmp_path / "missing"):
        await until(lambda: feeds.looks == 6)
    assert len(logged) == 1
    assert "missing" in logged[0][1]

    def odd(*_):
        raise OverflowError("too large")

    monkeypatch.setattr(exchange_watch, "write_board", odd)
    async with watching(feeds, tmp_path):
        await until(lambda: feeds.looks == 12)
    assert logged[1:] == [("exchanges.not_written", "too large")]


async def test_where_none_is_followed_an_earlier_look_is_removed(tmp_path):
    async with watching(Feeds(), tmp_path):
        await until((tmp_path / "exchanges.json").exists)
    feeds = Feeds()
    feeds.feeds = ()
    progress = RunProgress()
    await ExchangeWatch(feeds, ["ETH"], CONFIG, tmp_path, QuickClock()).run(progress)
    assert (read_board(tmp_path), progress.exchanges, feeds.looks) == (None, None, 0)


async def test_a_picture_whose_look_stays_away_is_drawn_anew_with_its_age():
    show, written = Show(plain=True), io.StringIO()
    show._plain, show._console = False, Console(width=110, height=40, file=written, force_terminal=True)
    progress = RunProgress()
    ten_seconds_ago = SystemClock().monotonic() - 10 * 10**9
    progress.exchanges = exchange_board(STATUSES, QUOTES, ["ETH"], CONFIG, ten_seconds_ago)
    async with show.running(progress, "Local market.", asyncio.Event()):
        await until(lambda: len(set(re.findall(r"as of (\d+) s ago", written.getvalue()))) > 1)
