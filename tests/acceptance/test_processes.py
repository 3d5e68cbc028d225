"""The watchers themselves: an orphan is seen, and a terminal is a terminal."""

import signal

import pytest

from acceptance.processes import Family, wait_for
from acceptance.terminal import CTRL_C, Terminal


def test_an_orphan_is_seen_and_fails_the_family(tmp_path):
    def leave_an_orphan():
        with Family(tmp_path, patience=0.3) as family:
            family.start(["sh", "-c", "setsid sleep 300 & exit 0"], "parent").wait(10)
            assert wait_for(lambda: any("sleep" in command for command in family.living().values()), 10)
            assert family.left_behind()
            seen.append(family)

    seen = []
    with pytest.raises(AssertionError, match="sleep 300"):
        leave_an_orphan()
    [family] = seen
    assert family.left_behind() == {}


def test_nobody_elses_processes_are_seen(tmp_path):
    with Family(tmp_path) as mine, Family(tmp_path) as theirs:
        theirs.start(["sleep", "300"], "theirs")
        assert mine.living() == {}
        assert len(theirs.living()) == 1


def test_what_is_typed_is_a_signal(tmp_path):
    with Family(tmp_path) as family:
        terminal = Terminal(
            family, ["sh", "-c", "trap 'echo caught; exit 7' INT; echo up; while :; do sleep 0.1; done"]
        )
        assert wait_for(lambda: "up" in terminal.text(), 10)
        terminal.type(CTRL_C)
        assert terminal.process.wait(10) == 7
        assert wait_for(lambda: "caught" in terminal.text(), 10)
        terminal.close()


def test_a_closed_window_hangs_up(tmp_path):
    with Family(tmp_path) as family:
        terminal = Terminal(family, ["sleep", "300"])
        assert wait_for(family.living, 10)
        terminal.close()
        assert terminal.process.wait(10) == -signal.SIGHUP
