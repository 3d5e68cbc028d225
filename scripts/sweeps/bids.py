"""Bids at full size: calibration and regret on hidden laws drawn now, and winning values of recorded blocks.

    scripts/sweep bids [--laws 20] [--bundles 2000] [--learned 2000] [--held-out 4000] [--seed N]

Prints the calibration tables, what learning earned beside fixed shares, and the seed that draws the same laws again;
exit code 1 where a bound is broken.
"""

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ("test_inclusion_model.py", "test_bid_policy.py", "test_winning_value.py")


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/sweep bids", description="Bids against hidden laws.")
    parser.add_argument(
        "--laws", type=int, default=20, help="hidden laws; from 20 on their mean is judged too"
    )
    parser.add_argument("--bundles", type=int, default=2_000, help="of each law, for the regret")
    parser.add_argument("--learned", type=int, default=2_000, help="bundles of each law learned from")
    parser.add_argument("--held-out", type=int, default=4_000, help="others of each law, scored")
    parser.add_argument("--seed", type=int, help="draws the laws; without it they are new")
    arguments = parser.parse_args()
    sizes = {
        "BID_LAWS": str(arguments.laws),
        "BID_BUNDLES": str(arguments.bundles),
        "BID_LEARNED": str(arguments.learned),
        "BID_HELD_OUT": str(arguments.held_out),
    }
    if arguments.seed is not None:
        sizes["BID_SEED"] = str(arguments.seed)
    os.chdir(ROOT)
    tests = [f"tests/execution/{name}" for name in TESTS]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-s",
        "--timeout=0",
        "-k",
        "drawn_now or recorded",
        *tests,
    ]
    os.execve(sys.executable, command, {**os.environ, **sizes})  # noqa: S606  # our own tests


if __name__ == "__main__":
    main()
