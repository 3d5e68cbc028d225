"""One block of arbitrage over V2 and V3 pools: logs to ranked exact opportunities, beside references in the same run.

    scripts/bench arbitrage [--seed 1] [--blocks 200] [--sizes 500,5000,20000] [--json]

The market is synthetic (synthetic_pools.py): a third V3 with 10-30 ranges, prices in line but for as many pools as a
block touches. The garbage collector rests within a block, as in the program. References, asked for the same blocks: a
textbook search in Python over the cycles of the touched pools (exact quotes, ternary search over the input), which must
find nothing that a search of ours without caps missed; and the screen alone in C. As the program sizes no more than it
means to carry out: how many of the textbook's finds were left unsized, and what the chosen set adds beside the set
chosen when everything is sized.

Printed: medians, ratios (trust them, not the times), the share of each step, cycles a second by kind, enumeration,
memory, growth. `--json`: one object, `schema` 3, times in nanoseconds. Nothing is asserted about time.
"""

import argparse
import gc
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
from screen_rates import rates, resident_bytes
from synthetic_pools import BASE, SyntheticPools

from bot.core.units import Gas, WeiPerGas, gas_cost
from bot.costs.gas_table import HopShape, estimate_gas
from bot.opportunities.choose_kernel import choose
from bot.opportunities.cycles import Cycles
from bot.opportunities.exact_legs import exact_leg
from bot.opportunities.ranking import added_by, choose_disjoint
from bot.opportunities.screened import market_of
from bot.opportunities.search import ArbitrageSearch, SearchConfig
from bot.opportunities.warm import warm_kernels

GAS_PRICE = WeiPerGas(10**9)
REFERENCE_BLOCKS = 3


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


class _Reference:
    """What the textbook took and found, beside ours with and without caps."""

    def __init__(self) -> None:
        self.spent: list[int] = []
        self.found = self.unsized = self.chosen = self.chosen_of_all = 0

    def note(self, paying: dict[Any, int], sized: dict[Any, int], chosen: Any, uncapped: Any) -> None:
        self.found += len(paying)
        self.unsized += len(paying.keys() - sized.keys())
        self.chosen += sum(added_by(one, GAS_PRICE) for one in chosen)
        self.chosen_of_all += sum(added_by(one, GAS_PRICE) for one in choose_disjoint(uncapped, GAS_PRICE))

    def report(self) -> dict[str, Any]:
        return {
            "p50_ns": int(statistics.median(self.spent)),
            "found": self.found,
            "left_unsized": self.unsized,
            "chosen_share": self.chosen / self.chosen_of_all if self.chosen_of_all else None,
        }


class Run:
    """One size of market and of block."""

    def __init__(self, pools: int, seed: int, touched: int, most_hops: int = 4) -> None:
        self.pools = SyntheticPools(pools, max(10, pools * 3 // 10), seed)
        self.touched = touched
        self.search = ArbitrageSearch(self.pools.table, [BASE], SearchConfig(weth=BASE, most_hops=most_hops))
        self.every = SearchConfig(weth=BASE, most_sized=1_000_000, most_sized_per_pool=1_000_000)

    def play(self, blocks: int, with_reference: bool = False) -> dict[str, Any]:
        gc.collect()
        gc.freeze()
        gc.disable()
        try:
            return self._play(blocks, with_reference)
        finally:
            gc.enable()
            gc.unfreeze()

    def _play(self, blocks: int, with_reference: bool) -> dict[str, Any]:
        steps: dict[str, list[int]] = {
            name: [] for name in ("decode", "screen", "four", "choose", "size", "rank", "c")
        }
        total, screened, found, sized, reference = [], 0, 0, 0, _Reference()
        function, cycles = screen_reference.compiled(), self.search._cycles  # noqa: SLF001  # the bench times the parts
        scratch, values = np.zeros(cycles.pool_count, np.uint8), np.zeros(len(cycles))
        every = ArbitrageSearch(self.pools.table, [BASE], self.every) if with_reference else None
        for _ in range(blocks):
            arrived = self.pools.next_block(self.touched)
            decode, changed = timed(partial(self.pools.state.apply, arrived))
            spent, result = timed(partial(self.search.search, changed, arrived.head.ref, GAS_PRICE))
            ranking, chosen = timed(partial(choose_disjoint, result.opportunities, GAS_PRICE))
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
            if every is not None:
                uncapped = every.search(changed, arrived.head.ref, GAS_PRICE).opportunities
                spent, paying = timed(partial(textbook, self.pools, cycles, list(changed)))
                reference.spent.append(spent)
                self._check(uncapped, paying)
                reference.note(paying, self._by_edges(result.opportunities), chosen, uncapped)
            gc.collect(1)
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
            "reference": reference.report() if with_reference else None,
            "cycles_per_second": rates(
                self.search, market_of(self.pools.table.screen), np.array(changed, np.int32)
            ),
            "bytes": sum(array.nbytes for array in (cycles.legs, cycles.incident, cycles.offsets))
            + len(cycles) * 24,
            "resident_bytes": resident_bytes(),
        }

    def _steps(
        self, steps: dict[str, list[int]], changed: Any, decode: int, ranking: int, spent: int
    ) -> None:
        """The compiled parts once more, by themselves, on the same state; sizing is what they leave of the whole."""
        search = self.search
        touched = np.array(changed, np.int32)
        market = market_of(self.pools.table.screen)
        four = search._four  # noqa: SLF001  # the bench times the parts
        four_ns = timed(partial(four.screen, touched, market, 1e16))[0] if four is not None else 0
        screen_ns = timed(partial(search._screen, touched))[0] - four_ns  # noqa: SLF001  # as above
        choose_ns = timed(partial(self._choose, search))[0]
        for name, value in zip(
            ("decode", "screen", "four", "choose", "size", "rank"),
            (decode, screen_ns, four_ns, choose_ns, spent - screen_ns - four_ns - choose_ns, ranking),
            strict=True,
        ):
            steps[name].append(value)

    def _choose(self, search: ArbitrageSearch) -> None:
        """The first choice of a block."""
        choose(search._gather(GAS_PRICE), 64, search._holder, search._newest)  # noqa: SLF001  # as above

    def _by_edges(self, opportunities: tuple[Any, ...]) -> dict[tuple[int, ...], int]:
        index = self.pools.table.index
        return {
            tuple(2 * (index(leg.pool) or 0) + (not leg.zero_for_one) for leg in one.legs): one.gross_profit
            for one in opportunities
        }

    def _check(self, opportunities: tuple[Any, ...], paying: dict[tuple[int, ...], int]) -> None:
        found = self._by_edges(opportunities)
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
        "schema": 3,
        "seed": arguments.seed,
        "market": [Run(size, arguments.seed, 50).play(arguments.blocks) for size in sizes],
        "reference": Run(middle, arguments.seed, 50).play(REFERENCE_BLOCKS, with_reference=True),
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
        f"{row['bytes'] / 1e6:.0f} MB of cycles, "
        f"{row['resident_bytes'] / 1e6:.0f} MB in all\n           us: {shares}{c}; cycles/s: "
        + ", ".join(f"{kind} {rate / 1e6:.0f} M" for kind, rate in row["cycles_per_second"].items())
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
    text = reference["reference"]
    print(f"textbook Python {text['p50_ns'] / 1e6:.1f} ms, ours {reference['p50_ns'] / 1e6:.3f} ms: "
          f"{text['p50_ns'] / reference['p50_ns']:.0f}x; of its {text['found']} finds ours without caps missed none, "
          f"{text['left_unsized']} were left unsized; the chosen set adds {text['chosen_share']:.4f} of the set chosen "
          "when everything is sized")  # fmt: skip
    rows = report["market"]
    print(*(f"{row['pools'] / rows[0]['pools']:.0f}x the pools: {row['p50_ns'] / rows[0]['p50_ns']:.2f}x the time"
            for row in rows[1:]), sep="; ")  # fmt: skip
    print("without four pools:", line(report["three_hops"]), "growth with touched:", sep="\n")
    print(*map(line, report["touched"]), sep="\n")
    for row in report["enumeration"]:
        print(f"enumerated {row['cycles']} cycles of {row['pools']} pools in {row['p50_ns'] / 1e6:.2f} ms")


if __name__ == "__main__":
    main()
