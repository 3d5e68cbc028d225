"""One block of two-pool arbitrage: our search beside a textbook loop, in the same run on the same reserves.

    .venv/bin/python scripts/bench/arbitrage.py [--pools 5000] [--tokens 1500] [--seed 1] [--blocks 200] [--json]

The market is synthetic: every token against one base token on three venues, prices in line but for the pools a block
touches. The reference is what a textbook gives for the touched pools: for each cycle, exact integer quotes, a ternary
search over the input, what covers the gas sorted by profit. Both are asked for the same blocks; the reference must
not find an opportunity that ours missed, nor earn over a unit more on one.

Printed: medians, the ratio (trust it, not the times), p99 of ours, and how ours grows with the cycles touched and
with the market. `--json`: one object, `schema` 1, times in nanoseconds. Nothing is asserted about time.
"""

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bot.core.identity import Address, BlockHash, BlockRef
from bot.core.units import Gas, TokenUnits, WeiPerGas, gas_cost
from bot.costs.gas_table import HopShape, estimate_gas
from bot.opportunities.search import ArbitrageSearch, SearchConfig
from bot.opportunities.sizing import OrientedPool, oriented
from bot.opportunities.warm import warm_kernels
from bot.protocols.uniswap_v2 import amount_out_down
from bot.state.pool_table import PoolTable, V2Pool

ETHER = 10**18
BASE = Address(b"\x80" * 20)
VENUES = (("uniswap-v2", 997), ("sushiswap-v2", 997), ("pancakeswap-v1", 998))
STATE = BlockRef(1, BlockHash(bytes(32)))
GAS_PRICE = WeiPerGas(10**9)
SHOCK = 0.004
"""A touched pool's reserves move by up to this, its price by twice that: some cycles pay, most do not."""
REFERENCE_BLOCKS = 5
"""The reference is slow; its median settles soon."""


class Market:
    """Pools spread over tokens and venues, and the fair reserves they were founded with."""

    def __init__(self, pools: int, tokens: int, seed: int) -> None:
        self.draw = random.Random(seed)  # noqa: S311  # a market, not a key
        self.table = PoolTable()
        prices = [self.draw.randint(1, 10**9) for _ in range(tokens)]
        for number in range(pools):
            token = number % tokens
            other = Address(bytes([64 + 128 * (token % 2)]) + token.to_bytes(19, "big"))
            token0, token1 = sorted((BASE, other))
            venue, numerator = VENUES[(number // tokens) % len(VENUES)]
            pool = V2Pool(Address(number.to_bytes(20, "big")), venue, token0, token1, numerator, 1000)
            depth = self.draw.randint(5 * ETHER, 500 * ETHER)
            reserves = (depth, depth * prices[token] // 10**6)
            self.table.add(pool, *(reserves if token0 == BASE else reserves[::-1]))
        self._fair = list(zip(self.table.reserve0, self.table.reserve1, strict=True))

    def next_block(self, touched_before: list[int], count: int) -> list[int]:
        """Put the last block's pools back in line, move `count` others; every pool that changed."""
        for index in touched_before:
            self.table.set_reserves(index, *self._fair[index])
        moved = self.draw.sample(range(len(self.table)), count)
        for index in moved:
            reserve0, reserve1 = self._fair[index]
            tilt = 1 + self.draw.uniform(-SHOCK, SHOCK)
            self.table.set_reserves(index, int(reserve0 * tilt), int(reserve1 / tilt))
        return moved


def quote(pool: OrientedPool, amount_in: int) -> int:
    return amount_out_down(
        amount_in, pool.reserve_in, pool.reserve_out, pool.fee_numerator, pool.fee_denominator
    )


def ternary_optimum(first: OrientedPool, second: OrientedPool) -> int:
    """The best profit a ternary search over the input finds."""

    def profit(amount_in: int) -> int:
        return quote(second, quote(first, amount_in)) - amount_in

    low, high = 1, first.reserve_in
    while high - low > 2:
        third = (high - low) // 3
        if profit(low + third) < profit(high - third):
            low += third
        else:
            high -= third
    return max(profit(amount_in) for amount_in in range(low, high + 1))


def textbook(table: PoolTable, touched: list[int], partners: dict[Address, list[int]]) -> dict[Any, int]:
    """{(first pool, second pool): profit} of what covers its gas among the cycles of the touched pools."""
    cycles = set()
    for index in touched:
        for other in partners[other_token(table.pools[index])]:
            if other != index:
                cycles |= {(index, other), (other, index)}
    paying = {}
    for one, two in cycles:
        base_is_token0 = table.pools[one].token0 == BASE
        profit = ternary_optimum(
            oriented(table, one, base_is_token0), oriented(table, two, not base_is_token0)
        )
        gas: Gas = estimate_gas([(HopShape(table.pools[one].venue), HopShape(table.pools[two].venue))])
        if profit > gas_cost(gas, GAS_PRICE):
            paying[table.pools[one].address, table.pools[two].address] = profit
    return dict(sorted(paying.items(), key=lambda item: -item[1]))


def other_token(pool: V2Pool) -> Address:
    return pool.token1 if pool.token0 == BASE else pool.token0


def timed(work: Callable[[], Any]) -> tuple[int, Any]:
    start = time.perf_counter_ns()
    result = work()
    return time.perf_counter_ns() - start, result


class Run:
    """One size of market and of block: times of both, and that they agree."""

    def __init__(self, pools: int, tokens: int, seed: int, touched: int) -> None:
        self.market = Market(pools, tokens, seed)
        config = SearchConfig(weth=BASE, least_depth=TokenUnits(0))
        self.search = ArbitrageSearch(self.market.table, [BASE], config)
        self.touched = touched
        self.partners: dict[Address, list[int]] = {}
        for index, pool in enumerate(self.market.table.pools):
            self.partners.setdefault(other_token(pool), []).append(index)

    def play(self, blocks: int, reference_blocks: int) -> dict[str, Any]:
        ours, reference, screened, opportunities = [], [], 0, 0
        moved: list[int] = []
        for block in range(blocks):
            before, moved = moved, self.market.next_block(moved, self.touched)
            changed = sorted({*before, *moved})
            spent, result = timed(partial(self.search.search, changed, STATE, GAS_PRICE))
            ours.append(spent)
            screened += result.screened
            opportunities += len(result.opportunities)
            if block < reference_blocks:
                spent, paying = timed(partial(textbook, self.market.table, changed, self.partners))
                reference.append(spent)
                check_agreement(result.opportunities, paying)
        return {
            "pools": len(self.market.table),
            "cycles": self.search.cycle_count,
            "touched_pools": self.touched,
            "cycles_screened_per_block": screened / blocks,
            "opportunities_per_block": opportunities / blocks,
            "ours_p50_ns": int(statistics.median(ours)),
            "ours_p99_ns": sorted(ours)[int(len(ours) * 0.99)],
            "reference_p50_ns": int(statistics.median(reference)) if reference else None,
        }


def check_agreement(opportunities: tuple[Any, ...], paying: dict[Any, int]) -> None:
    found = {tuple(leg.pool for leg in one.legs): one.gross_profit for one in opportunities}
    for pools, profit in paying.items():
        if found.get(pools, -1) < profit - 1:
            raise SystemExit(f"the textbook earns {profit} on a cycle where ours has {found.get(pools)}")


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Two-pool arbitrage of one block, beside a textbook loop.")
    parser.add_argument("--pools", type=int, default=5_000)
    parser.add_argument("--tokens", type=int, default=1_500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--blocks", type=int, default=200)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    return parser.parse_args()


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    pools, tokens, seed, blocks = arguments.pools, arguments.tokens, arguments.seed, arguments.blocks
    main = Run(pools, tokens, seed, 50).play(blocks, REFERENCE_BLOCKS)
    ratio = main["reference_p50_ns"] / main["ours_p50_ns"]
    by_touched = [Run(pools, tokens, seed, count).play(blocks, 0) for count in (5, 50, 500) if count <= pools]
    by_market = [Run(pools * factor, tokens * factor, seed, 50).play(blocks, 0) for factor in (1, 2, 4)]
    return {
        "schema": 1,
        "seed": seed,
        "block": main,
        "ratio": ratio,
        "growth_with_touched": by_touched,
        "growth_with_market": by_market,
    }


def line(row: dict[str, Any]) -> str:
    return (
        f"  {row['pools']:>6} pools {row['cycles']:>6} cycles, {row['touched_pools']:>4} touched: "
        f"{row['cycles_screened_per_block']:>7.0f} screened, {row['opportunities_per_block']:>5.1f} found, "
        f"p50 {row['ours_p50_ns'] / 1e6:7.3f} ms, p99 {row['ours_p99_ns'] / 1e6:7.3f} ms"
    )


def main() -> None:
    arguments = read_arguments()
    warm_kernels(lambda _: None)
    report = measure(arguments)
    if arguments.json:
        print(json.dumps(report))
        return
    block = report["block"]
    print(f"one block, seed {report['seed']}: touched pools to ranked, exact opportunities")
    print(f"  textbook loop  p50 {block['reference_p50_ns'] / 1e6:9.2f} ms ({REFERENCE_BLOCKS} blocks)")
    print(
        f"  ours           p50 {block['ours_p50_ns'] / 1e6:9.3f} ms, p99 {block['ours_p99_ns'] / 1e6:.3f} ms"
    )
    print(f"  ratio          {report['ratio']:.0f}x, same opportunities")
    print("growth with what a block touches:", *map(line, report["growth_with_touched"]), sep="\n")
    print("growth with the market, 50 pools touched:", *map(line, report["growth_with_market"]), sep="\n")


if __name__ == "__main__":
    main()
