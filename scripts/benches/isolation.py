"""Whether one relay that misbehaves slows the others: bundles to three good relays and a fourth, in turn good or not.

    scripts/bench isolation [--rounds 300] [--json]

Ten rounds of each kind in turn, all in one run: the fourth relay good, never answering, answering half a JSON text, four
megabytes, 503, or closing the connection. Measured is the time from handing a bundle over until its last byte has
come to each of the three good relays, which are a process of their own, as are the bad ones. A route that was given up
is tried again in each round, so that it does its worst. "ratio" is to the rounds with four good relays. Nothing is
asserted about time.
"""

import argparse
import asyncio
import json
import logging
import secrets
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import structlog
import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bot.chain.relay_bodies import BundleBodies
from bot.chain.relay_identity import RelayIdentity
from bot.chain.relay_rows import MARKET
from bot.chain.relays import RelayRoute, open_route, prepare_all
from bot.clock import SystemClock
from bot.core.decisions import Bundle
from bot.core.units import Nanoseconds
from scripts.benches.submit_processes import Child

GOOD = 3
TURN = 10
PAUSE_S = 0.03
"""Between two bundles: answers of the good ones are in by then."""
LIMIT = Nanoseconds(500_000_000)
BYTES = 700
"""Of a transaction: two cycles of three pools."""


class Bench:
    """Routes are opened once: connections are warm, as in a run."""

    def __init__(self, good: list[int], bad: dict[str, int]) -> None:
        identity, clock = RelayIdentity(secrets.token_bytes(32)), SystemClock()
        bodies = BundleBodies(identity)
        row = msgspec.structs.replace(MARKET, per_minute={}, other_per_minute=1_000_000)

        def route(port: int) -> RelayRoute:
            return open_route(row, f"http://127.0.0.1:{port}", identity, clock, LIMIT, bodies=bodies)

        self._three = [route(port) for port in good[:GOOD]]
        self.fourth = {"all good": route(good[GOOD])} | {kind: route(port) for kind, port in bad.items()}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._block = 0

    async def round(self, kind: str) -> int:
        """Monotonic nanoseconds at which the bundle was handed over, its body ready."""
        self._block += 1
        uuid = f"00000000-0000-4000-8000-{self._block:012d}"
        bundle = Bundle((secrets.token_bytes(BYTES),), self._block, uuid, may_revert=True)
        routes = [self.fourth[kind], *self._three]
        prepare_all(bundle, routes)
        began = time.monotonic_ns()
        tasks = [asyncio.create_task(route.send(bundle)) for route in routes]
        self._tasks.update(tasks)
        await asyncio.sleep(PAUSE_S)
        self._tasks = {task for task in self._tasks if not task.done()}
        return began

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for route in (*self._three, *self.fourth.values()):
            await route.close()


async def play(rounds: int) -> dict[str, Any]:
    relays, faults = Child("submit_relays", str(GOOD + 1)), Child("isolation_faults")
    try:
        good, bad = relays.read(), faults.read()
        bench = Bench(good, bad)
        took: dict[str, list[int]] = {kind: [] for kind in bench.fourth}
        for done in range(-TURN, rounds, TURN):
            for kind, samples in took.items():
                began = [await bench.round(kind) for _ in range(TURN)]
                seen = relays.ask("")
                for port in good[:GOOD]:
                    came = [at for at, _ in seen[str(port)]]
                    if len(came) != TURN:
                        raise SystemExit(f"a good relay got {len(came)} of {TURN} bundles beside {kind!r}")
                    if done >= 0:
                        samples += [at - start for at, start in zip(came, began, strict=True)]
        await bench.close()
    finally:
        relays.end()
        faults.end()
    return {"schema": 1, "rounds": rounds, "kinds": {kind: _figures(one) for kind, one in took.items()}}


def _figures(samples: list[int]) -> dict[str, int]:
    ordered = sorted(samples)
    return {"p50_ns": int(statistics.median(ordered)), "p99_ns": ordered[len(ordered) * 99 // 100]}


def show(found: dict[str, Any]) -> None:
    base = found["kinds"]["all good"]
    print(
        f"handing over to bytes at {GOOD} good relays, beside a fourth; {found['rounds']} rounds of each kind"
    )
    for kind, figure in found["kinds"].items():
        ratios = (figure[name] / base[name] for name in ("p50_ns", "p99_ns"))
        print(
            f"  {kind:<10} p50 {figure['p50_ns'] / 1e3:8.0f} us   p99 {figure['p99_ns'] / 1e3:8.0f} us   ratio"
            + " {:.2f}x / {:.2f}x".format(*ratios)
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Whether one bad relay slows the others.")
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    arguments = parser.parse_args()
    # Routes tell the log of every trouble, which is what this is about.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    found = uvloop.run(play(arguments.rounds))
    print(json.dumps(found)) if arguments.json else show(found)


if __name__ == "__main__":
    main()
