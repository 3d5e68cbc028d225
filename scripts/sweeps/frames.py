"""Broken frames of exchanges: none crashes the reader or half changes a book, and what is taken is what the oracle makes of it.

    scripts/sweep frames [--count 200000] [--seed 1] [--exchange kraken] [--interpreted]

`--interpreted` runs the kernel as plain Python over memory whose every index is checked: some hundred times slower, so give
it a small --count. Prints frames by exchange, kind of break and outcome; a difference ends it with the frame.
"""

import argparse
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "feeds")]

NAMES = ("binance", "binance-usdm", "bybit", "coinbase", "kraken", "okx")


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/sweep frames", description="Broken frames against the oracle."
    )
    parser.add_argument("--count", type=int, default=200_000, help="broken frames of all exchanges together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--exchange", choices=NAMES, action="append")
    parser.add_argument("--interpreted", action="store_true")
    return parser.parse_args()


def main() -> int:
    arguments = read_arguments()
    if arguments.interpreted:
        os.environ["NUMBA_DISABLE_JIT"] = "1"  # before numba is imported
    from frame_fuzz import run  # noqa: PLC0415  # after the paths and the variable
    from frame_guard import GuardedTwins  # noqa: PLC0415  # as above
    from frame_stage import Twins  # noqa: PLC0415  # as above

    names = arguments.exchange or NAMES
    total = 0
    for name in names:
        start = time.monotonic()
        kinds = run(
            [name],
            arguments.seed,
            arguments.count // len(names),
            twins=GuardedTwins if arguments.interpreted else Twins,
        )
        for kind, count in sorted(kinds.items()):
            print(f"{count:>9,}  {kind}")
        total += sum(count for kind, count in kinds.items() if "whole:" not in kind and "taken," not in kind)
        print(f"{name}: {time.monotonic() - start:.0f} s", flush=True)
    print(f"{total:,} broken frames, no difference")
    return 0


if __name__ == "__main__":
    sys.exit(main())
