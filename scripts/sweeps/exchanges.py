"""Six exchanges with all faults, followed by the bot's feeds: whatever is offered as fresh is true, and lately so.

    scripts/sweep exchanges [--count 7200] [--seed 12]

`--count` is blocks of twelve seconds of the exchanges' time, 7,200 a day; a seed's day is always the same. Prints what
went wrong and what was noticed of it, and the memory's slope; exit code 1 where something untrue was offered.
"""

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEST = "tests/acceptance/test_exchanges_with_all_faults.py"


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/sweep exchanges", description="A day with all faults.")
    parser.add_argument("--count", type=int, default=7_200, help="blocks of twelve seconds")
    parser.add_argument("--seed", type=int, default=12)
    arguments = parser.parse_args()
    sizes = {"EXCHANGE_BLOCKS": str(arguments.count), "EXCHANGE_SEED": str(arguments.seed)}
    os.chdir(ROOT)
    command = [sys.executable, "-m", "pytest", "-q", TEST]
    os.execve(sys.executable, command, {**os.environ, **sizes})  # noqa: S606  # our own tests


if __name__ == "__main__":
    main()
