"""Bids at full size: calibration and regret on hidden laws drawn now, and winning values of recorded blocks.

    scripts/sweep bids [--laws 20] [--bundles 2000] [--learned 2000] [--held-out 4000] [--seed N]
    scripts/sweep bids --market [--markets 3] [--bundles 2000] [--relays one] [--seed N]

Prints the calibration tables, what learning earned beside fixed shares, and the seed that draws the same laws again;
exit code 1 where a bound is broken. With --market every bundle is sent to running markets whose rival bids by the
hidden law: half of them is learned from, the other half scored.
"""

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ("test_inclusion_model.py", "test_bid_policy.py", "test_winning_value.py")
IN_MARKETS = "tests/acceptance/test_inclusion_in_the_market.py"


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/sweep bids", description="Bids against hidden laws.")
    parser.add_argument(
        "--laws", type=int, default=20, help="hidden laws; from 20 on their mean is judged too"
    )
    parser.add_argument(
        "--bundles", type=int, default=2_000, help="of each law, for the regret; of each market"
    )
    parser.add_argument("--learned", type=int, default=2_000, help="bundles of each law learned from")
    parser.add_argument("--held-out", type=int, default=4_000, help="others of each law, scored")
    parser.add_argument("--seed", type=int, help="draws the laws; without it they are new")
    parser.add_argument("--market", action="store_true", help="in running markets instead of on drawn laws")
    parser.add_argument("--markets", type=int, default=3, help="at once, each with a law of its own")
    parser.add_argument(
        "--relays", default="one", help="one: one builder; all: two who outbid each other; one,all: both"
    )
    arguments = parser.parse_args()
    sizes, tests = in_markets(arguments) if arguments.market else on_laws(arguments)
    os.chdir(ROOT)
    command = [sys.executable, "-m", "pytest", "-q", "-s", "--timeout=0", *tests]
    os.execve(sys.executable, command, {**os.environ, **sizes})  # noqa: S606  # our own tests


def on_laws(arguments: argparse.Namespace) -> tuple[dict[str, str], list[str]]:
    """Variables, and what pytest is to run."""
    sizes = {
        "BID_LAWS": str(arguments.laws),
        "BID_BUNDLES": str(arguments.bundles),
        "BID_LEARNED": str(arguments.learned),
        "BID_HELD_OUT": str(arguments.held_out),
    }
    if arguments.seed is not None:
        sizes["BID_SEED"] = str(arguments.seed)
    return sizes, ["-k", "drawn_now or recorded", *(f"tests/execution/{name}" for name in TESTS)]


def in_markets(arguments: argparse.Namespace) -> tuple[dict[str, str], list[str]]:
    """The same."""
    sizes = {
        "INCLUSION_BUNDLES": str(arguments.bundles),
        "INCLUSION_MARKETS": str(arguments.markets),
        "INCLUSION_RELAYS": arguments.relays,
    }
    if arguments.seed is not None:
        sizes["INCLUSION_SEED"] = str(arguments.seed)
    return sizes, [IN_MARKETS]


if __name__ == "__main__":
    main()
