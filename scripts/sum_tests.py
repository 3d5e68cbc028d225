"""Sum up what the test runners counted (tests/conftest.py writes it): the end of `scripts/test`."""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any


def read(folder: Path, runner: str) -> dict[str, Any] | None:
    """What a runner counted; nothing when it ended before it could."""
    try:
        counted: dict[str, Any] = json.loads((folder / f"{runner}.json").read_text())
    except FileNotFoundError:
        return None
    return counted


def report(folder: Path, runners: list[str]) -> tuple[list[str], bool]:
    """The lines to print, and whether all is well. A runner that counted nothing has failed."""
    outcomes: Counter[str] = Counter()
    run: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    lines = []
    for runner in runners:
        counted = read(folder, runner)
        if counted is None:
            lines.append(f"{runner} ended before it had counted its tests: taken as one failure")
            outcomes["failed"] += 1
            continue
        outcomes.update(counted["outcomes"])
        run.update(counted["cases_run"])
        skipped.update(counted["cases_skipped"])
    lines.extend(
        f"recorded truth {name}: {run[name]} cases run, {skipped[name]} tests skipped"
        for name in sorted({*run, *skipped})
    )
    if not run and not skipped:
        lines.append("recorded truth: no test asked for any")
    lines.append(f"{outcomes['passed']} passed, {outcomes['failed']} failed, {outcomes['skipped']} skipped")
    return lines, outcomes["failed"] == 0 and outcomes["passed"] > 0


if __name__ == "__main__":
    lines, good = report(Path(sys.argv[1]), sys.argv[2:])
    print("\n".join(lines))
    sys.exit(not good)
