"""Shared by both runners (pytest and ape): recorded truth, and the counts that `scripts/test` sums up.

Imports nothing of the bot and nothing beyond pytest, so that it loads in either environment.
"""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OUTCOMES = {
    "passed": "passed",
    "xpassed": "passed",
    "failed": "failed",
    "error": "failed",
    "skipped": "skipped",
}
CASES_RUN = pytest.StashKey[Counter]()
TESTS_SKIPPED = pytest.StashKey[Counter]()
OPENED = pytest.StashKey[set]()
CALL_PASSED = pytest.StashKey[bool]()


def truth_folder() -> Path:
    """Where recorded on-chain answers lie: GROUND_TRUTH_DIR, default beside the clone."""
    return Path(os.environ.get("GROUND_TRUTH_DIR") or ROOT.parent / "shared" / "data")


class GroundTruth:
    """`ground_truth("set")` gives that set's folder or file; `ground_truth.count(n)` says how many cases were compared.

    Without the recorded data the test is skipped and the skip is reported; where the data lie, a missing set, a
    skip, or a test that compared no case is a failure.
    """

    def __init__(self, config, opened):
        self._config = config
        self._opened = opened
        self._current = None
        self._counted = Counter()

    def __call__(self, name):
        folder = truth_folder()
        if not folder.is_dir():
            self._config.stash[TESTS_SKIPPED][name] += 1
            pytest.skip(f"no recorded truth at {folder} (GROUND_TRUTH_DIR)")
        found = folder / name
        if not found.exists():
            pytest.fail(
                f"{folder} holds no set {name!r}: it has {sorted(entry.name for entry in folder.iterdir())}"
            )
        self._current = name
        self._opened.add(name)
        return found

    def count(self, cases, of=None):
        """Add `cases` compared cases to the set `of`, by default the one opened last."""
        name = of or self._current
        assert name in self._opened, f"count({cases}) before any set was opened"
        self._counted[name] += cases
        self._config.stash[CASES_RUN][name] += cases

    def empty(self):
        """Sets opened of which no case was compared."""
        return sorted(name for name in self._opened if not self._counted[name])


@pytest.fixture
def ground_truth(request):
    opened = request.node.stash.setdefault(OPENED, set())
    truth = GroundTruth(request.config, opened)
    yield truth
    called = request.node.stash.get(CALL_PASSED, False)
    if called and truth.empty():
        pytest.fail(f"compared no case of {', '.join(truth.empty())}: call ground_truth.count(n)")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call":
        item.stash[CALL_PASSED] = report.passed
    if report.skipped and "ground_truth" in getattr(item, "fixturenames", ()) and truth_folder().is_dir():
        reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"recorded truth lies at {truth_folder()}: a skip is a failure ({reason})"
    return report


def pytest_configure(config):
    config.stash[CASES_RUN] = Counter()
    config.stash[TESTS_SKIPPED] = Counter()


def pytest_terminal_summary(terminalreporter, config):
    run, skipped = config.stash[CASES_RUN], config.stash[TESTS_SKIPPED]
    if run or skipped:
        terminalreporter.section("recorded truth")
    for name in sorted({*run, *skipped}):
        terminalreporter.write_line(f"{name}: {run[name]} cases run, {skipped[name]} tests skipped")
    target = os.environ.get("TEST_COUNTS")
    if target:
        outcomes = Counter()
        for outcome, group in OUTCOMES.items():
            outcomes[group] += len(terminalreporter.stats.get(outcome, ()))
        outcomes["skipped"] += len(terminalreporter.stats.get("xfailed", ()))
        counts = {"outcomes": outcomes, "cases_run": run, "cases_skipped": skipped}
        Path(target).write_text(json.dumps(counts))
