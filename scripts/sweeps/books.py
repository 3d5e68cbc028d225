"""Our order book against the oracle's dicts on random valid operations, under the rules of each venue.

    scripts/sweep books [--count 1000000] [--from 0] [--seed 1] [--rule "kraken 10"]

Operation n of a seed and rule is always the same; groups of 10,000 are one book's life, so that `--from` takes a sweep up
where it was left. Prints the operations by kind and every difference; exit code 1 where there is one.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "state")]

from book_sweeps import GROUP, RULES, Tally, sweep_books  # noqa: E402  # after the path to it

CHUNK = 10 * GROUP


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/sweep books", description="Books against dicts.")
    parser.add_argument("--count", type=int, default=1_000_000, help="operations under each rule")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first operation")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rule", choices=RULES, action="append")
    return parser.parse_args()


def sweep(rule: str, arguments: argparse.Namespace) -> Any:
    total = Tally()
    end = arguments.first + arguments.count
    for first in range(arguments.first, end, CHUNK):
        total.add(sweep_books(rule, arguments.seed, first, min(CHUNK, end - first)))
        print(
            f"{rule}: {total.operations:,} of {arguments.count:,}, {len(total.differences)} differences "
            f"(go on with --from {min(first + CHUNK, end)})",
            file=sys.stderr,
        )
    return total


def show(rule: str, total: Any, seconds: float) -> None:
    print(f"{rule}: {total.operations:,} operations in {seconds:.0f} s, {len(total.differences)} differences")
    for kind, count in sorted(total.kinds.items()):
        print(f"  {count:>9,}  {kind}")
    for difference in total.differences[:100]:
        print(f"  DIFFERENT  {difference}")


def main() -> int:
    arguments = read_arguments()
    differences = 0
    for rule in arguments.rule or RULES:
        start = time.monotonic()
        total = sweep(rule, arguments)
        show(rule, total, time.monotonic() - start)
        differences += len(total.differences)
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
