"""Bundles over relays of every kind with all faults, two builders, leaking uncles, back-runs and a hidden bidding law.

    scripts/sweep bundles [--count 2000] [--seed N] [--pace "0.5 s"]

`--count` is signed transactions; the seed is drawn and printed where none is given. Every verdict is held against the
chain and the relays' logs by the oracle; exit code 1 where one is untrue, or anything of ours was where it must not be.
"""

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEST = "tests/acceptance/test_bundles_with_all_faults.py"


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/sweep bundles", description="Bundles with all faults.")
    parser.add_argument("--count", type=int, default=2_000, help="signed transactions")
    parser.add_argument("--seed", type=int, help="of the market; drawn and printed when absent")
    parser.add_argument("--pace", default="0.5 s", help="wall time of a block")
    arguments = parser.parse_args()
    sizes = {"BUNDLES": str(arguments.count), "BUNDLE_PACE": arguments.pace}
    if arguments.seed is not None:
        sizes["BUNDLE_SEED"] = str(arguments.seed)
    os.chdir(ROOT)
    command = [sys.executable, "-m", "pytest", "-q", TEST]
    os.execve(sys.executable, command, {**os.environ, **sizes})  # noqa: S606  # our own tests


if __name__ == "__main__":
    main()
