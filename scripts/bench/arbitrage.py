"""One block of arbitrage over V2 and V3 pools: logs to ranked exact opportunities, beside references in the same run.

    .venv/bin/python scripts/bench/arbitrage.py [--seed 1] [--blocks 200] [--sizes 500,5000,20000] [--json]

The market is synthetic (synthetic_pools.py): a third V3 with 10-30 ranges, prices in line but for the pools a block
touches. References, asked for the same blocks: a textbook search in Python over the cycles of the touched pools (exact
quotes, ternary search over the input), which must find nothing that ours missed; and the screen alone in C.

Printed: medians, ratios (trust them, not the times), the share of each step, cycles a second by kind, enumeration,
memory, growth. `--json`: one object, `schema` 2, times in nanoseconds. Nothing is asserted about time.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import screen_reference
from synthetic_pools import BASE, SyntheticPools

from bot.core.units import Gas, WeiPerGas, gas_cost
from bot.costs.gas_table import HopShape, estimate_gas
from bot.opportunities.cycles import Cycles
from bot.opportunities.exact_legs import exact_leg
from bot.opportunities.ranking import choose_disjoint
from bot.opportunities.search import ArbitrageSearch, SearchConfig, _market
from bot.opportunities.warm import warm_kernels

GAS_PRICE = WeiPerGas(10**9)
REFERENCE_BLOCKS = 2


def timed(work: Callable[[], Any]) -> tuple[int, Any]:
    start = time.perf_counter_ns()
    result = work()
    return time.perf_counter_ns() - start, result


def ternary_profit(legs: list[Any], most: int) -> int:
    """The best profit a ternary search over the input finds."""

    def profit(amount_in: int) -> int:
        amount = amount_in
        for leg in legs:
            amount = leg.sell(amount)
        return amount - amount_in

    low, high = 1, most
    while high - low > max(2, low // 10**6):
        third = (high - low) // 3
        if profit(low + third) < profit(high - third):
            low += third
        else:
            high -= third
    return max(profit(low), profit(high))


def textbook(pools: SyntheticPools, cycles: Cycles, touched: list[int]) -> dict[tuple[int, ...], int]:
    """{edges: profit} of what covers its own gas by a tenth over, among the cycles of the touched pools."""
    table, rates = pools.table, pools.table.screen.log_rate.tolist()
    ids = {
        int(one)
        for pool in touched
        for one in cycles.incident[cycles.offsets[pool] : cycles.offsets[pool + 1]]
    }
    paying = {}
    for one in ids:
        edges = tuple(edge for edge in cycles.legs[one].tolist() if edge >= 0)
        if sum(rates[edge] for edge in edges) <= 0.0:
            continue
        profit = ternary_profit([exact_leg(table, edge) for edge in edges], 10**21)
        shape = tuple(HopShape(table.pools[edge >> 1].venue, 3) for edge in edges)
        if profit > 1.1 * gas_cost(Gas(estimate_gas([shape])), GAS_PRICE):
            paying[edges] = profit
    return paying


class Run:
    """One size of market and of block."""

    def __init__(self, pools: int, seed: int, touched: int, most_hops: int = 4) -> None:
        self.pools = SyntheticPools(pools, max(10, pools * 3 // 10), seed)
        self.touched = touched
        self.search = ArbitrageSearch(self.pools.table, [BASE], SearchConfig(weth=BASE, most_hops=most_hops))
        every = SearchConfig(weth=BASE, most_hops=3, most_sized=10_000, most_sized_per_pool=10_000)
        self.every = ArbitrageSearch(self.pools.table, [BASE], every)

    def play(self, blocks: int, reference_blocks: int = 0) -> dict[str, Any]:
        steps: dict[str, list[int]] = {
            name: [] for name in ("decode", "screen", "four", "select", "size", "rank", "c")
        }
        total, screened, found, sized, reference = [], 0, 0, 0, []
        function, cycles = screen_reference.compiled(), self.search._cycles  # noqa: SLF001  # the bench times the parts
        scratch, values = np.zeros(cycles.pool_count, np.uint8), np.zeros(len(cycles))
        for block in range(blocks):
            arrived = self.pools.next_block(self.touched)
            decode, changed = timed(partial(self.pools.state.apply, arrived))
            spent, result = timed(partial(self.search.search, changed, arrived.head.ref, GAS_PRICE))
            ranking, _ = timed(partial(choose_disjoint, result.opportunities, GAS_PRICE))
            total.append(decode + spent + ranking)
            self._steps(steps, changed, decode, ranking, spent)
            if function is not None:
                touched = np.array(changed, np.int32)
                screen = self.pools.table.screen
                steps["c"].append(
                    timed(partial(screen_reference.run, function, touched, scratch, cycles, screen, values))[
                        0
                    ]
                )
            screened, found, sized = (
                screened + result.screened,
                found + len(result.opportunities),
                sized + result.sized,
            )
            every = self.every.search(changed, arrived.head.ref, GAS_PRICE) if reference_blocks else None
            if block < reference_blocks and every is not None:
                spent, paying = timed(partial(textbook, self.pools, cycles, list(changed)))
                reference.append(spent)
                self._check(every.opportunities, paying)
        return {
            "pools": len(self.pools.table),
            "cycles": len(cycles),
            "touched_pools": self.touched,
            "screened_per_block": screened / blocks,
            "sized_per_block": sized / blocks,
            "found_per_block": found / blocks,
            "p50_ns": int(statistics.median(total)),
            "p99_ns": sorted(total)[int(len(total) * 0.99)],
            "steps_p50_ns": {name: int(statistics.median(times)) for name, times in steps.items() if times},
            "reference_p50_ns": int(statistics.median(reference)) if reference else None,
            "bytes": sum(array.nbytes for array in (cycles.legs, cycles.incident, cycles.offsets))
            + len(cycles) * 24,
        }

    def _steps(
        self, steps: dict[str, list[int]], changed: Any, decode: int, ranking: int, spent: int
    ) -> None:
        """The compiled parts once more, by themselves, on the same state; sizing is what they leave of the whole."""
        search = self.search
        touched = np.array(changed, np.int32)
        market = _market(self.pools.table)
        four = search._four  # noqa: SLF001  # the bench times the parts
        four_ns = timed(partial(four.screen, touched, market, 1e16))[0] if four is not None else 0
        screen_ns = timed(partial(search._screen, touched))[0] - four_ns  # noqa: SLF001  # as above
        select_ns = timed(partial(search._select, GAS_PRICE))[0]  # noqa: SLF001  # as above
        for name, value in zip(
            ("decode", "screen", "four", "select", "size", "rank"),
            (decode, screen_ns, four_ns, select_ns, spent - screen_ns - four_ns - select_ns, ranking),
            strict=True,
        ):
            steps[name].append(value)

    def _check(self, opportunities: tuple[Any, ...], paying: dict[tuple[int, ...], int]) -> None:
        index = self.pools.table.index
        found = {
            tuple(2 * (index(leg.pool) or 0) + (not leg.zero_for_one) for leg in one.legs): one.gross_profit
            for one in opportunities
        }
        for edges, profit in paying.items():
            if found.get(edges, -1) < profit * (1 - 1e-9):
                raise SystemExit(f"the textbook earns {profit} on {edges} where ours has {found.get(edges)}")


def _enumerate(cycles: Cycles) -> None:
    cycles.legs = cycles._brought(0, 0)  # noqa: SLF001  # the bench times the parts
    cycles._publish_incidence()  # noqa: SLF001  # as above


def enumeration(pools: int, seed: int) -> dict[str, Any]:
    table = SyntheticPools(pools, max(10, pools * 3 // 10), seed).table
    cycles = Cycles(table, [BASE])
    warm = Cycles.__new__(Cycles)
    spent = []
    for _ in range(5):
        warm.__dict__.update(cycles.__dict__, legs=np.empty((0, 3), np.int32))
        spent.append(timed(partial(_enumerate, warm))[0])
    return {"pools": pools, "cycles": len(cycles), "p50_ns": int(statistics.median(spent))}


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    sizes = [int(size) for size in arguments.sizes.split(",")]
    middle = sizes[len(sizes) // 2]
    return {
        "schema": 2,
        "seed": arguments.seed,
        "market": [Run(size, arguments.seed, 50).play(arguments.blocks) for size in sizes],
        "reference": Run(middle, arguments.seed, 50).play(REFERENCE_BLOCKS, REFERENCE_BLOCKS),
        "three_hops": Run(middle, arguments.seed, 50, 3).play(arguments.blocks),
        "touched": [
            Run(middle, arguments.seed, count).play(max(20, arguments.blocks // 4)) for count in (5, 500)
        ],
        "enumeration": [enumeration(size, arguments.seed) for size in sizes],
    }


def line(row: dict[str, Any]) -> str:
    steps = row["steps_p50_ns"]
    shares = ", ".join(f"{name} {steps[name] / 1e3:.0f}" for name in steps if name != "c")
    c = f"; screen / C {steps['screen'] / steps['c']:.1f}x" if "c" in steps else "; no cc: no C reference"
    return (
        f"  {row['pools']:>6} pools {row['cycles']:>7} cycles, {row['touched_pools']:>3} touched: "
        f"{row['screened_per_block']:>7.0f} screened, {row['sized_per_block']:>5.1f} sized, "
        f"{row['found_per_block']:>5.1f} found, p50 {row['p50_ns'] / 1e6:6.3f} ms, p99 {row['p99_ns'] / 1e6:6.3f} ms, "
        f"{row['bytes'] / 1e6:.0f} MB\n           us: {shares}{c}; "
        f"{row['screened_per_block'] / max(1, steps['screen']) * 1e3:.0f} M cycles/s of two and three"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="One block of arbitrage, beside references.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--blocks", type=int, default=200)
    parser.add_argument("--sizes", default="500,5000,20000")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    arguments = parser.parse_args()
    warm_kernels(lambda _: None)
    report = measure(arguments)
    if arguments.json:
        print(json.dumps(report))
        return
    reference = report["reference"]
    print(f"one block, seed {report['seed']}: logs to ranked, exact opportunities")
    print(*map(line, report["market"]), sep="\n")
    print(f"textbook Python {reference['reference_p50_ns'] / 1e6:.1f} ms, ours {reference['p50_ns'] / 1e6:.3f} ms: "
          f"{reference['reference_p50_ns'] / reference['p50_ns']:.0f}x; it found nothing that ours missed")  # fmt: skip
    print("without four pools:", line(report["three_hops"]), "growth with touched:", sep="\n")
    print(*map(line, report["touched"]), sep="\n")
    for row in report["enumeration"]:
        print(f"enumerated {row['cycles']} cycles of {row['pools']} pools in {row['p50_ns'] / 1e6:.2f} ms")


if __name__ == "__main__":
    main()
