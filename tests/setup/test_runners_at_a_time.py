"""`scripts/test` without arguments: runners side by side, told one after another, none of them lost."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import run_tests
from run_tests import Runner, run_all, runners
from waiting import wait_for

REPOSITORY = Path(__file__).resolve().parents[2]
COUNTS = {"cases_run": {}, "cases_skipped": {}}


def runner(name, code, counted=True, ends=0):
    """Counts one test that passed, or none and ends before."""
    outcomes = {"passed": 1, "failed": 0, "skipped": 0}
    count = f"open(os.environ['TEST_COUNTS'], 'w').write({json.dumps({'outcomes': outcomes, **COUNTS})!r})"
    text = f"import os, sys, time\n{code}\n{count if counted else ''}\nsys.exit({ends})\n"
    return Runner(name, (sys.executable, "-c", text), {"RUNNER": name})


def meets(folder, own, other):
    """Ends well only when the other one runs at the same time."""
    return (
        f"open({str(folder / own)!r}, 'w').close()\n"
        f"end = time.monotonic() + 30\n"
        f"while not os.path.exists({str(folder / other)!r}):\n"
        f"    assert time.monotonic() < end\n"
        f"    time.sleep(0.01)\n"
    )


def test_two_at_a_time_and_told_in_order(tmp_path, capfdbinary):
    say = "print('said by', os.environ['RUNNER'])"
    first = runner("first", meets(tmp_path, "a", "b") + say)
    second = runner("second", meets(tmp_path, "b", "a") + say)
    assert run_all([first, second, runner("third", say)], tmp_path) == 0
    lines = [line for line in capfdbinary.readouterr().out.decode().splitlines() if line]
    assert [line.partition(" after")[0] for line in lines] == [
        *("=== first", "said by first", "=== first: exit code 0"),
        *("=== second", "said by second", "=== second: exit code 0"),
        *("=== third", "said by third", "=== third: exit code 0"),
        *("recorded truth: no test asked for any", "3 passed, 0 failed, 0 skipped"),
    ]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_that_fails_fails_all_and_the_others_run_on(tmp_path, place, capfd):
    chosen = [runner(str(at), "", ends=5 if at == place else 0) for at in range(3)]
    assert run_all(chosen, tmp_path) == 5
    assert "3 passed" in capfd.readouterr().out


def test_one_that_counted_nothing_fails_all(tmp_path, capfd):
    assert run_all([runner("good", ""), runner("silent", "", counted=False)], tmp_path) == 1
    assert "silent ended before it had counted its tests" in capfd.readouterr().out


def test_no_folder_of_tests_is_in_two_or_in_none():
    chosen = {one.name: [str(part) for part in one.command] for one in runners()}
    named = [part for one in chosen.values() for part in one if part.startswith("tests/")]
    ignored = [part.removeprefix("--ignore=") for part in chosen["units"] if part.startswith("--ignore=")]
    for_ape = list(run_tests.FOR_APE)
    assert sorted(named) == sorted(ignored + for_ape)
    assert len(set(named)) == len(named)
    assert all((REPOSITORY / folder).is_dir() for folder in named)
    assert "tests" in chosen["units"]


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_stopped_it_leaves_no_runner_and_starts_no_other(tmp_path, sent):
    """A terminal sends its Ctrl-C to all of them; whoever ends the script sends to it alone."""
    waits = runner("waits", f"open({str(tmp_path / 'up')!r}, 'w').close()\ntime.sleep(60)")
    late = runner("late", f"open({str(tmp_path / 'late')!r}, 'w').close()")
    code = (
        f"import signal, sys, pathlib; sys.path.insert(0, {str(REPOSITORY / 'scripts')!r}); import run_tests\n"
        f"from run_tests import Runner\nsignal.signal(signal.SIGTERM, run_tests.terminated)\n"
        f"run_tests.AT_A_TIME = 1\n"
        f"run_tests.run_all([{waits!r}, {late!r}], pathlib.Path({str(tmp_path)!r}))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.DEVNULL, start_new_session=True
    )
    wait_for((tmp_path / "up").exists)
    if sent == signal.SIGINT:
        os.killpg(process.pid, sent)
    else:
        process.send_signal(sent)
    assert process.wait(30) != 0
    assert not (tmp_path / "late").exists()
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
