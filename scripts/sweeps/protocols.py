"""Our exchange formulas against the real bytecode on random cases: V2 pairs of two venues, V3 pools of all tiers.

    scripts/sweep protocols [--count 100000] [--from 0] [--seed 1] [--protocol v2|v3]

Case n of a seed is always the same: `--from` takes a sweep up where it was left (cases come in groups of 25).
Prints the cases by kind and every difference; exit code 1 where there is one.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "protocols")]

from protocol_sweeps import GROUP, Sweep, probe_chain, sweep_v2, sweep_v3  # noqa: E402  # after the path to it

SWEEPS = {"v2": sweep_v2, "v3": sweep_v3}
CHUNK = 100 * GROUP


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/sweep protocols", description="Formulas against bytecode.")
    parser.add_argument("--count", type=int, default=100_000, help="cases of each protocol")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first case")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--protocol", choices=SWEEPS, action="append")
    return parser.parse_args()


async def sweep(chain: Any, protocol: str, arguments: argparse.Namespace) -> Any:
    total = Sweep()
    end = arguments.first + arguments.count
    for first in range(arguments.first, end, CHUNK):
        total.add(await SWEEPS[protocol](chain, arguments.seed, first, min(CHUNK, end - first)))
        print(
            f"{protocol}: {total.cases:,} of {arguments.count:,} cases, {len(total.differences)} differences "
            f"(go on with --from {min(first + CHUNK, end)})",
            file=sys.stderr,
        )
    return total


def show(protocol: str, total: Any, seconds: float) -> None:
    print(f"{protocol}: {total.cases:,} cases in {seconds:.0f} s, {len(total.differences)} differences")
    for kind, count in sorted(total.kinds.items()):
        print(f"  {count:>9,}  {kind}")
    for difference in total.differences[:100]:
        print(f"  DIFFERENT  {difference}")


async def main() -> int:
    arguments = read_arguments()
    differences = 0
    with tempfile.TemporaryDirectory() as folder:
        async with probe_chain(Path(folder)) as chain:
            for protocol in arguments.protocol or SWEEPS:
                start = time.monotonic()
                total = await sweep(chain, protocol, arguments)
                show(protocol, total, time.monotonic() - start)
                differences += len(total.differences)
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
