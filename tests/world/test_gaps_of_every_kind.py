"""Whatever the seed, a market offers cycles over two and three pools, over pairs and concentrated pools, block by block.

The market is played in the oracle's own arithmetic, with an arbitrageur who takes the best set of every block.
"""

import os
import random
from collections import Counter

from oracle.best_set import best_disjoint
from oracle.brute_force import BruteForce
from oracle.concentrated_liquidity import swap, tick_at
from oracle.constant_product import Side, most_out
from oracle.executor_calldata import Cycle, ExecuteCall, Hop
from oracle.facts import Fee, Pair, V3Pool, V3State
from oracle.legs import leg
from oracle.plan_run import run_on
from oracle.pool_history import with_range

from bot.world.market_plan import MarketPlan, PairPlan
from bot.world.providers import Providers
from bot.world.tokens import WETH
from bot.world.traders import Traders
from bot.world.venues import V3_TICK_SPACINGS

SEEDS = int(os.environ.get("MARKET_SEEDS", "3"))
BLOCKS = 25
GAS_PRICE = 9 * 10**9


class Gas:
    fixed = 45_000

    def of_cycle(self, cycle):
        hops = sum({"v2": 62_000, "v3": 85_000}[protocol] for protocol in cycle.protocols)
        return hops + 22_000 * sum(cycle.sized.ticks_crossed)


class PlayedMarket:
    def __init__(self, plan):
        self.traders, self.providers = Traders(plan, 31337), Providers(plan, 31337)
        self.pools, self.states = {}, {}
        for planned in plan.pools:
            self._open(planned)
        self.search = BruteForce(self.pools.values(), WETH.address)

    def _open(self, planned):
        tokens = (planned.token0.token.address, planned.token1.token.address)
        head = (planned.address, planned.venue.factory, *tokens)
        if isinstance(planned, PairPlan):
            fee = Fee(planned.venue.fee_numerator, planned.venue.fee_denominator)
            self.pools[planned.address] = Pair(*head, fee)
            self.states[planned.address] = (planned.reserve0, planned.reserve1)
            return
        self.pools[planned.address] = V3Pool(*head, planned.fee, V3_TICK_SPACINGS[planned.fee])
        state = V3State(planned.sqrt_price_x96, tick_at(planned.sqrt_price_x96), 0, {})
        for position in planned.positions:
            state = with_range(state, position.tick_lower, position.tick_upper, position.liquidity)
        self.states[planned.address] = state

    def play(self, index):
        """What the people want of this block, as far as their bounds allow; swaps done, and ranges changed."""
        swaps = sum(self._swap(intent) for intent in self.traders.intended_swaps(index))
        for intent in self.providers.intended(index):
            change = {"add": 1, "remove": -1, "collect": 0}[intent.action] * intent.liquidity
            state = self.states[intent.pool]
            self.states[intent.pool] = with_range(state, intent.tick_lower, intent.tick_upper, change)
        return swaps, len(self.providers.intended(index))

    def _swap(self, intent):
        pool, state = self.pools[intent.pool], self.states[intent.pool]
        if isinstance(pool, V3Pool):
            done = swap(state, pool.fee, pool.tick_spacing, intent.zero_for_one, intent.amount_in)
            out, after = done.amount_out, V3State(done.sqrt_price, done.tick, done.liquidity, state.ticks)
        else:
            side: Side = leg(pool, state, intent.token_in).side
            out = most_out(side, intent.amount_in)
            moved = (side.reserve_in + intent.amount_in, side.reserve_out - out)
            after = moved if intent.zero_for_one else moved[::-1]
        if out >= intent.min_out:
            self.states[intent.pool] = after
        return out >= intent.min_out

    def take_best(self):
        best = best_disjoint(self.search.candidates(self.states), Gas(), GAS_PRICE)
        cycles = tuple(
            Cycle(
                one.sized.amounts[0],
                tuple(
                    Hop(pool.address, direction, out)
                    for pool, direction, out in zip(
                        one.path.pools, one.path.directions, one.sized.amounts[1:], strict=True
                    )
                ),
            )
            for one in best.cycles
        )
        call = ExecuteCall(cycles, WETH.address, 0, 0, 1, 1)
        self.states = run_on(call, self.pools, self.states)
        assert self.states is not None, "the best set does not run"
        return best.cycles


def test_every_kind_of_cycle_in_the_best_sets():
    for seed in (random.SystemRandom().randrange(2**31) for _ in range(SEEDS)):
        market = PlayedMarket(MarketPlan(seed))
        shapes, with_something, people = Counter(), 0, Counter()
        for index in range(BLOCKS):
            swaps, changes = market.play(index)
            people.update(swaps=swaps, changes=changes)
            taken = market.take_best()
            with_something += bool(taken)
            shapes.update("-".join(one.protocols) for one in taken)
        print(f"seed {seed}: {dict(people)}, {with_something} of {BLOCKS} blocks with a gap, {dict(shapes)}")
        lengths = Counter(len(shape.split("-")) for shape in shapes.elements())
        protocols = Counter(
            "mixed" if {"v2", "v3"} <= set(shape.split("-")) else shape[:2] for shape in shapes.elements()
        )
        assert with_something > 0.8 * BLOCKS, f"seed {seed}"
        assert min(lengths[2], lengths[3]) >= 10, f"seed {seed}: {lengths}"
        assert min(protocols["mixed"], protocols["v2"]) >= 8, f"seed {seed}: {protocols}"
        assert people["changes"] > 0
