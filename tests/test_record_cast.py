"""The recorder's reading of a terminal stream: what rich and the set-up write, and nothing guessed beyond it."""

import importlib.util
import io
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.live import Live
from rich.text import Text

PATH = Path(__file__).resolve().parents[1] / "scripts/record_cast.py"


@pytest.fixture(scope="module")
def recorder():
    spec = importlib.util.spec_from_file_location("record_cast", PATH)
    module = sys.modules["record_cast"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["record_cast"]


def plain(screen):
    return Text.from_ansi(screen.text()).plain


def test_follows_what_rich_redraws(recorder):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=60, height=20)
    console.print("a line that stays")
    with Live(console=console, auto_refresh=False) as live:
        for count in range(1, 5):
            live.update(
                Text("\n".join(f"[{count}] row {row}" for row in range(count)), "green"), refresh=True
            )
    console.print("the end")
    screen = recorder.Screen()
    screen.feed(stream.getvalue().replace("\n", "\r\n"))
    assert plain(screen).splitlines() == [
        "a line that stays",
        *(f"[4] row {row}" for row in range(4)),
        "the end",
    ]


def test_follows_a_checklist_that_is_redrawn_in_place(recorder):
    screen = recorder.Screen()
    screen.feed("Set-up\r\n\x1b[2K  [>] one\r\n\x1b[2K  [ ] two\r\n")
    screen.feed("\x1b[2A\x1b[2K  [+] one\r\n\x1b[2K  [+] two\r\nmarket: ready\r\n")
    assert plain(screen).splitlines() == ["Set-up", "  [+] one", "  [+] two", "market: ready"]


@given(st.data())
def test_where_the_stream_is_cut_does_not_matter(recorder, data):
    stream = "one\r\n\x1b[1mtwo\x1b[0m\r\n\x1b[1A\x1b[2K\x1b[32mthree\x1b[0m\r\n"
    cut = data.draw(st.integers(0, len(stream)))
    whole, parts = recorder.Screen(), recorder.Screen()
    whole.feed(stream)
    parts.feed(stream[:cut])
    parts.feed(stream[cut:])
    assert parts.text() == whole.text()
    assert plain(whole).splitlines() == ["one", "three"]


def test_what_is_not_understood_stops_the_recording(recorder):
    with pytest.raises(ValueError, match="not understood"):
        recorder.Screen().feed("text \x1b[5;10H somewhere else")


def test_a_page_holds_each_frame_once_and_no_path_of_the_machine(recorder):
    view = "So far, in ETH\n\x1b[1;32m0.1 = 0.1\x1b[0m"
    screens = ["signer /tmp/market-abc1/signer.sock", "more", view, view + " more", "scripts/bot explain x"]
    chosen = recorder._chosen(screens)
    assert chosen[0] == "signer …/signer.sock"
    assert chosen[-1] == view + " more", "the closing report is not in the picture"
    page = recorder._page(chosen)
    frames = [one for one in ET.fromstring(page).iter() if "frame" in one.get("class", "").split()]
    assert len(frames) == len(chosen) == page.count("@keyframes")
    assert [one.get("class").split()[-1] for one in frames][-1] == "last"
