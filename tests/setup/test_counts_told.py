"""What `scripts/test` ends with: cases per recorded-truth set, and one line over both runners; `check_names` too."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
COMPARES = """
def test_compares(ground_truth):
    assert (ground_truth("prices") / "one").read_text() == "1"
    ground_truth.count(2)
    ground_truth.count(3)
"""
COMPARES_NOTHING = """
def test_compares_nothing(ground_truth):
    ground_truth("prices")
"""
SKIPS = """
import pytest
def test_skips(ground_truth):
    ground_truth("prices")
    pytest.skip("not today")
"""


@pytest.fixture
def run(tmp_path):
    """Run a test file under the real conftest; gives (exit code, counts, what was printed)."""
    shutil.copy(REPOSITORY / "tests/conftest.py", tmp_path)
    truth = tmp_path / "truth"

    def run(text, recorded=("prices",)):
        for name in recorded:
            (truth / name).mkdir(parents=True)
            (truth / name / "one").write_text("1")
        (tmp_path / "test_some.py").write_text(text)
        environ = {**os.environ, "GROUND_TRUTH_DIR": str(truth), "TEST_COUNTS": str(tmp_path / "pytest.json")}
        environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        command = [sys.executable, "-m", "pytest", "-c", "/dev/null", "--rootdir", tmp_path, tmp_path]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        return done.returncode, json.loads((tmp_path / "pytest.json").read_text()), done.stdout

    return run


def test_cases_are_counted_and_told(run):
    code, counts, out = run(COMPARES)
    assert code == 0
    assert counts == {
        "outcomes": {"passed": 1, "failed": 0, "skipped": 0},
        "cases_run": {"prices": 5},
        "cases_skipped": {},
    }
    assert "prices: 5 cases run, 0 tests skipped" in out


def test_without_recorded_data_a_skip_is_a_skip_and_is_told(run):
    code, counts, out = run(COMPARES, recorded=())
    assert code == 0
    assert counts["outcomes"] == {"passed": 0, "failed": 0, "skipped": 1}
    assert counts["cases_skipped"] == {"prices": 1}
    assert "prices: 0 cases run, 1 tests skipped" in out


def test_where_the_data_lie_a_skip_is_a_failure(run):
    code, counts, out = run(SKIPS)
    assert code == 1
    assert counts["outcomes"]["failed"] >= 1
    assert "a skip is a failure" in out
    assert "not today" in out


def test_where_the_data_lie_a_missing_set_is_a_failure(run):
    code, _, out = run(COMPARES, recorded=("others",))
    assert code == 1
    assert "holds no set 'prices'" in out


def test_comparing_nothing_is_a_failure(run):
    code, counts, out = run(COMPARES_NOTHING)
    assert code == 1
    assert counts["outcomes"]["failed"] == 1
    assert "compared no case of prices" in out


def sum_up(folder, *runners):
    script = REPOSITORY / "scripts/sum_tests.py"
    done = subprocess.run(
        [sys.executable, script, folder, *runners], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.splitlines()


def counted(folder, runner, passed=0, failed=0, skipped=0, run=None):
    outcomes = {"passed": passed, "failed": failed, "skipped": skipped}
    (folder / f"{runner}.json").write_text(
        json.dumps({"outcomes": outcomes, "cases_run": run or {}, "cases_skipped": {}})
    )


def test_both_runners_are_summed(tmp_path):
    counted(tmp_path, "pytest", passed=5, skipped=1, run={"prices": 7})
    counted(tmp_path, "ape", passed=2, run={"prices": 1})
    assert sum_up(tmp_path, "pytest", "ape") == (
        0,
        ["recorded truth prices: 8 cases run, 0 tests skipped", "7 passed, 0 failed, 1 skipped"],
    )


def test_a_runner_that_counted_nothing_has_failed(tmp_path):
    counted(tmp_path, "pytest", passed=5)
    code, lines = sum_up(tmp_path, "pytest", "ape")
    assert code == 1
    assert lines[-1] == "5 passed, 1 failed, 0 skipped"


@pytest.mark.parametrize("outcomes", [{"failed": 1, "passed": 9}, {}, {"skipped": 3}])
def test_a_failure_and_no_test_at_all_are_not_good(tmp_path, outcomes):
    counted(tmp_path, "pytest", **outcomes)
    assert sum_up(tmp_path, "pytest")[0] == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("see https://" + "pypi" + ".org/simple", 1),
        ("resolved https://" + "registry.npm" + "js.org/viem", 1),
        ("open('/" + "root" + "/x/y')", 1),
        ("cd /" + "home" + "/someone/bot", 1),
        ("a framework/of/roots and https://example.org/home/page", 0),
    ],
)
def test_names_that_do_not_belong(tmp_path, text, code):
    (tmp_path / "file.md").write_text(f"{text}\n")
    git = ["git", "-C", tmp_path]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "file.md"], check=True)
    done = subprocess.run(
        [REPOSITORY / "scripts/check_names", tmp_path], capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
