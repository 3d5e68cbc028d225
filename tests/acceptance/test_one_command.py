"""`scripts/run` as a newcomer starts it: to its end, and stopped in every way a person stops things.

It runs in a folder of its own, so that its runs do not mix with anybody's; the scripts are the clone's.
"""

import re
import sqlite3
import subprocess
import time
from contextlib import closing

import pytest

from acceptance.processes import ROOT, Family, wait_for
from acceptance.sizes import draw_seed
from acceptance.terminal import CTRL_C, Terminal

pytestmark = [pytest.mark.market, pytest.mark.slow]
EXPLAIN = re.compile(r"^scripts/bot (explain [a-z0-9]{8})$")
STARTS_WITHIN_S = 120
ENDS_WITHIN_S = 30
SEEN_BLOCKS = 4


@pytest.fixture
def household(tmp_path):
    with Family(tmp_path) as family:
        yield family


def run(*options):
    return [ROOT / "scripts/run", "--pace", "0.4 s", *options]


def latest(family):
    return family.folder / "var/local/latest"


def is_trading(family):
    """The bot has been through a few blocks, and what it sent came to an end at least once."""
    journal = latest(family) / "journal.sqlite3"
    try:
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
            [blocks] = db.execute("select count(*) from blocks").fetchone()
            [ended] = db.execute("select count(*) from outcomes").fetchone()
    except sqlite3.OperationalError:  # not there yet
        return False
    return blocks >= SEEN_BLOCKS and ended > 0


@pytest.fixture
def trading(household):
    """In a terminal, with the live view, after a few blocks."""
    terminal = Terminal(household, run("--seed", str(draw_seed())))
    started = wait_for(lambda: is_trading(household) or terminal.process.poll() is not None, STARTS_WITHIN_S)
    assert started, terminal.text()
    assert terminal.process.poll() is None, terminal.text()
    assert len(household.living()) >= 5, "supervisor, market, anvil, signer and bot have the mark"
    yield terminal
    terminal.close()


def test_to_its_end_with_a_line_to_copy(household, say):
    seed, blocks = draw_seed(), 25
    command = run("--blocks", str(blocks), "--seed", str(seed), "--plain")
    code = household.start(command, "run").wait(STARTS_WITHIN_S + 2 * blocks)
    assert code == 0, household.said("run")
    assert household.left_behind() == {}
    lines = household.out("run").read_text().splitlines()
    assert "not real money" in lines[0] + lines[1] + lines[2], lines[:3]
    copied = EXPLAIN.match(lines[-1])
    assert copied, f"seed {seed}: the last line is {lines[-1]!r}"
    told = subprocess.run(
        [ROOT / "scripts/bot", *copied.group(1).split()],
        cwd=household.folder,
        env=household.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert copied.group(1).split()[1] in told.stdout
    say(f"seed {seed}: {lines[-1]} -> {told.stdout.splitlines()[0]}")


def test_ctrl_c_stops_in_order_and_reports(household, trading):
    trading.type(CTRL_C)
    code = trading.process.wait(ENDS_WITHIN_S)
    assert household.left_behind() == {}
    assert code == 130, trading.text()[-2000:]  # interrupted, though in order
    assert EXPLAIN.match(trading.text().rstrip().splitlines()[-1].strip()), trading.text()[-2000:]
    assert "Traceback" not in trading.text()


def test_a_second_ctrl_c_stops_at_once(household, trading):
    trading.type(CTRL_C)
    time.sleep(0.2)
    trading.type(CTRL_C)
    code = trading.process.wait(ENDS_WITHIN_S)
    assert household.left_behind() == {}
    assert code == 130
    assert "Traceback" not in trading.text()


def test_a_sigterm_to_the_supervisor_leaves_nothing(household, trading):
    trading.process.terminate()
    trading.process.wait(ENDS_WITHIN_S)
    assert household.left_behind() == {}


def test_a_supervisor_that_is_killed_leaves_nothing(household, trading):
    """Not even a bot with something in flight: its market is gone, and it may be killed at any instant anyway."""
    trading.process.kill()
    trading.process.wait(ENDS_WITHIN_S)
    assert household.left_behind() == {}


def test_a_closed_terminal_leaves_nothing(household, trading):
    trading.close()
    trading.process.wait(ENDS_WITHIN_S)
    assert household.left_behind() == {}


def test_a_signal_while_it_starts_leaves_nothing(household):
    child = household.start(run("--plain"), "run")
    assert wait_for(lambda: any("bot market" in command for command in household.living().values()), 60)
    child.terminate()
    child.wait(ENDS_WITHIN_S)
    assert household.left_behind() == {}
