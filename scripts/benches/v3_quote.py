"""An exact Uniswap V3 quote: our ladder beside the contract's loop in Python, on the same pool and amounts.

    scripts/bench v3_quote [--seed 1] [--repeats 300] [--json]

The reference steps from stop to stop as the contract does, with what a fast Python loop may know in advance: ticks in
a sorted list, their prices in a dict, no bitmap, no checks. Every answer is compared to the unit before it is timed.

Printed by ticks crossed: medians, the ratio (trust it, not the times), and what a quote costs right after a swap that
moved the price, and right after a mint at the price. `--json`: one object, `schema` 1, times in nanoseconds.
"""

import argparse
import json
import random
import statistics
import sys
import time
from bisect import bisect_right
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bot.protocols.v3_pool import ConcentratedPool, TickLiquidity
from bot.protocols.v3_tick_math import MIN_SQRT_PRICE, sqrt_price_at_tick, tick_at_sqrt_price

FEE, SPACING = 3000, 60
WORD = 256 * SPACING
POSITIONS = 400
CROSSINGS = (0, 1, 6, 20, 60)


def draw_pool(seed: int) -> ConcentratedPool:
    """Positions of all widths around tick 0, as a busy pool has them: several hundred initialised ticks."""
    draw = random.Random(seed)  # noqa: S311  # a market, not a key
    ticks: dict[int, TickLiquidity] = {}
    inside = 0
    for _ in range(POSITIONS):
        lower, upper = -SPACING * draw.randint(1, 300), SPACING * draw.randint(1, 300)
        liquidity = draw.randint(10**15, 10**20)
        for tick, net in ((lower, liquidity), (upper, -liquidity)):
            before = ticks.get(tick, TickLiquidity(0, 0))
            ticks[tick] = TickLiquidity(before.gross + liquidity, before.net + net)
        inside += liquidity
    return ConcentratedPool(FEE, SPACING, (1 << 96) + 12345, 0, inside, ticks)


class ContractLoop:
    """`swap` zero for one of UniswapV3Pool, exact in, as short as Python makes it."""

    def __init__(self, pool: ConcentratedPool) -> None:
        self.start = pool.sqrt_price, pool.tick, pool.liquidity
        self.bounds = list(pool.bounds)
        self.nets = {tick: info.net for tick, info in pool.ticks.items()}
        stops = {*self.bounds, *(word * WORD for word in range(-60, 60))}
        self.prices = {tick: sqrt_price_at_tick(tick) for tick in stops if abs(tick) < 887_272}

    def swap(self, left: int) -> tuple[int, int, int]:
        """(amount out, price, tick) after."""
        price, tick, liquidity = self.start
        bounds, nets, prices = self.bounds, self.nets, self.prices
        out = 0
        while left and price > MIN_SQRT_PRICE + 1:
            place = bisect_right(bounds, tick)
            word_start = tick // WORD * WORD
            stop = max(bounds[place - 1], word_start) if place else word_start
            target = prices[stop]
            numerator = liquidity << 96
            need = -(-numerator * (price - target) // price // target)
            counted = left * (1_000_000 - FEE) // 1_000_000
            if counted >= need:
                left -= need - (-need * FEE // (1_000_000 - FEE))
                out += liquidity * (price - target) >> 96
                price = target
                if stop in nets:
                    liquidity -= nets[stop]
                tick = stop - 1
            else:
                after = -(-numerator * price // (numerator + counted * price))
                out += liquidity * (price - after) >> 96
                left = 0
                if after != price:
                    price = after
                    tick = tick_at_sqrt_price(price)
        return out, price, tick


def amounts_by_crossings(pool: ConcentratedPool) -> dict[int, int]:
    """{ticks crossed: an input that crosses so many}, found by bisection."""
    found = {}
    for crossings in CROSSINGS:
        low, high = 1, 1 << 90
        while low < high:
            middle = (low + high) // 2
            if pool.quote_exact_in(middle, zero_for_one=True).ticks_crossed < crossings:
                low = middle + 1
            else:
                high = middle
        found[crossings] = low * 10_001 // 10_000 if crossings else 10**15
    return found


def median_ns(*works: Callable[[], Any], repeats: int, batch: int = 20) -> list[float]:
    """Of each; they take turns, so that the machine's moods are shared."""
    spent: list[list[float]] = [[] for _ in works]
    for _ in range(repeats):
        for work, times in zip(works, spent, strict=True):
            start = time.perf_counter_ns()
            for _ in range(batch):
                work()
            times.append((time.perf_counter_ns() - start) / batch)
    return [statistics.median(times) for times in spent]


def compare(pool: ConcentratedPool, loop: ContractLoop, amount: int) -> int:
    """Raises SystemExit unless both say the same; the ticks crossed."""
    quote = pool.quote_exact_in(amount, zero_for_one=True)
    if (quote.amount_out, quote.sqrt_price, quote.tick) != loop.swap(amount):
        raise SystemExit(f"{amount} in: ours {quote}, the loop {loop.swap(amount)}")
    return quote.ticks_crossed


def measure(seed: int, repeats: int) -> dict[str, Any]:
    pool = draw_pool(seed)
    loop = ContractLoop(pool)
    rows = []
    for amount in amounts_by_crossings(pool).values():
        crossed = compare(pool, loop, amount)
        quote = partial(pool.quote_exact_in, amount, zero_for_one=True)
        ours, reference = median_ns(quote, partial(loop.swap, amount), repeats=repeats)
        rows.append(
            {"ticks_crossed": crossed, "ours_ns": ours, "reference_ns": reference, "ratio": reference / ours}
        )
    six = amounts_by_crossings(pool)[6]
    price, tick, liquidity = pool.sqrt_price, pool.tick, pool.liquidity

    def after_a_swap() -> None:
        pool.set_price(price, tick, liquidity)
        pool.quote_exact_in(six, zero_for_one=True)

    def after_a_mint() -> None:
        pool.change_liquidity(-SPACING, SPACING, 10**15)
        pool.quote_exact_in(six, zero_for_one=True)

    [swap_ns], [mint_ns] = (median_ns(work, repeats=repeats) for work in (after_a_swap, after_a_mint))
    return {
        "schema": 1,
        "seed": seed,
        "initialised_ticks": len(pool.bounds),
        "quotes": rows,
        "first_quote_after_a_swap_ns": swap_ns,
        "first_quote_after_a_mint_ns": mint_ns,
    }


def show(report: dict[str, Any]) -> None:
    print(
        f"exact V3 quote, exact in, {report['initialised_ticks']} initialised ticks, seed {report['seed']}: "
        "the contract's loop in Python, ours, ratio"
    )
    for row in report["quotes"]:
        print(
            f"  {row['ticks_crossed']:>3} ticks crossed: {row['reference_ns'] / 1000:8.2f} us "
            f"{row['ours_ns'] / 1000:8.2f} us {row['ratio']:8.1f}x"
        )
    print(
        f"  6 ticks, first quote after a swap {report['first_quote_after_a_swap_ns'] / 1000:.2f} us, "
        f"after a mint at the price {report['first_quote_after_a_mint_ns'] / 1000:.2f} us (state change included)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="An exact V3 quote beside the contract's loop in Python.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=300)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    arguments = parser.parse_args()
    report = measure(arguments.seed, arguments.repeats)
    if arguments.json:
        print(json.dumps(report))
    else:
        show(report)


if __name__ == "__main__":
    main()
