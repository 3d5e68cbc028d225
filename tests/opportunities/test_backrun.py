"""What a pending transaction opens: against trying everything, and against the block's own search once it was mined."""

import random
from bisect import bisect_right
from collections import Counter

import pytest
from slow_optimum import bound_of, hops, slow_best, slow_finds
from synthetic_market import ETHER, STATE, WETH, draw_reserves, draw_table

from bot.core.errors import BrokenInvariant
from bot.core.identity import BlockHash
from bot.core.messages import BlockArrived, Head, Log
from bot.core.units import WeiPerGas, gas_cost
from bot.costs.gas_table import HopShape, estimate_gas
from bot.execution.plan import BACKRUN
from bot.opportunities.backrun import STRATEGY, BackrunSearch
from bot.opportunities.exact_legs import exact_leg
from bot.opportunities.ranking import added_by, choose_disjoint
from bot.opportunities.search import ArbitrageSearch, SearchConfig
from bot.protocols.uniswap_v2 import SYNC_TOPIC
from bot.protocols.uniswap_v3 import FORKS
from bot.state.market_state import MarketState
from bot.state.overlay import overlay_of
from bot.state.pool_table import V2Pool

PRICE = WeiPerGas(10**9)
EVERY = SearchConfig(weth=WETH, most_sized=10_000, most_sized_per_pool=10_000)
THREE = SearchConfig(weth=WETH, least_depth=0, most_hops=3, most_sized=10_000, most_sized_per_pool=10_000)


def word(value):
    return (value % 2**256).to_bytes(32, "big")


def swap_log(table, index, draw):
    """What somebody's trade in this pool leaves."""
    pool = table.pools[index]
    if isinstance(pool, V2Pool):
        data = b"".join(word(amount) for amount in draw_reserves(draw, pool, spread=0.2))
        return Log(pool.address, (SYNC_TOPIC,), data, 0, bytes(32))
    held = table.concentrated[index]
    after = held.quote_exact_in(int(10 ** draw.uniform(15, 25)), draw.random() < 0.5)
    liquidity = held.range_liquidity[bisect_right(held.bounds, after.tick)]
    data = b"".join(word(value) for value in (1, -1, after.sqrt_price, liquidity, after.tick))
    return Log(pool.address, (FORKS["uniswap_v3"].swap_topic, word(1), word(2)), data, 0, bytes(32))


def next_block(parent, logs):
    head = Head(parent.number + 1, BlockHash(b"\x65" * 32), parent.hash, 0, 7, 0, 0, bytes(20))
    numbered = tuple(Log(one.address, one.topics, one.data, at, one.tx_hash) for at, one in enumerate(logs))
    return BlockArrived(head, numbered, 0, is_catch_up=False)


class Market:
    """A drawn market with its block's search done, and the same once more for what was before."""

    def __init__(self, seed, config, pools=20, tokens=5):
        self.draw = random.Random(f"trades {seed}")
        self.table = draw_table(seed, pools, tokens, concentrated=0.4)
        self.before = draw_table(seed, pools, tokens, concentrated=0.4)
        self.state = MarketState(self.table, (), STATE)
        self.search = ArbitrageSearch(self.table, [WETH], config)
        self.found = self.search.search([], STATE, PRICE)

    def trades(self, count=2):
        picked = self.draw.sample(range(len(self.table)), count)
        return [swap_log(self.table, index, self.draw) for index in picked]

    def net_before(self, one):
        """Of the same cycle without the pending transaction, after all its gas; tried out, not screened."""
        legs = [
            exact_leg(self.before, 2 * self.before.index(leg.pool) + (not leg.zero_for_one))
            for leg in one.legs
        ]
        amounts = slow_best(legs)
        if amounts is None:
            return -1
        shape = [
            HopShape(leg.venue, *way.buy(amounts[at + 1])[1:])
            for at, (leg, way) in enumerate(zip(one.legs, legs, strict=True))
        ]
        return amounts[-1] - amounts[0] - gas_cost(estimate_gas([shape]), PRICE)


def test_what_is_found_is_what_the_blocks_search_finds_once_it_was_mined():
    kinds = Counter()
    for seed in range(12):
        market = Market(seed, EVERY, pools=40, tokens=8)
        logs = market.trades()
        overlay = overlay_of(market.state, logs)
        found = BackrunSearch(market.search).search(overlay, PRICE)
        assert market.search.search([], STATE, PRICE) == market.found
        changed = {market.table.pools[at].address for at in overlay.changed}
        market.state.apply(next_block(STATE, logs))
        mined = market.search.search(overlay.changed, market.state.ref, PRICE)
        behind, not_opened = {hops(one): one for one in found.opportunities}, 0
        for one in mined.opportunities:
            if one.pools & changed:
                opened = market.net_before(one) <= 0
                assert (hops(one) in behind) == opened
                kinds["opened" if opened else "not opened"] += 1
                not_opened += not opened
                if opened:
                    same = behind.pop(hops(one))
                    assert (same.legs, same.gas_estimate) == (one.legs, one.gas_estimate)
                    assert (same.strategy, same.state) == ("backrun", STATE)
                    kinds[len(one.legs)] += 1
        assert behind == {}
        assert found.not_opened == not_opened
    print(kinds)
    assert min(kinds[kind] for kind in ("opened", "not opened", 2, 3, 4)) > 5


def test_what_is_found_is_what_trying_everything_finds():
    kinds = Counter()
    for seed in range(8):
        market = Market(seed, THREE, pools=12, tokens=4)
        logs = market.trades()
        overlay = overlay_of(market.state, logs)
        found = {hops(one): one for one in BackrunSearch(market.search).search(overlay, PRICE).opportunities}
        changed = {market.table.pools[at].address for at in overlay.changed}
        market.state.apply(next_block(STATE, logs))
        expected = slow_finds(market.table, WETH)
        for key, one in found.items():
            assert one.pools & changed
            assert abs(one.gross_profit - expected[key][0]) <= bound_of(market.table, one)
            assert market.net_before(one) <= 0
            kinds["found"] += 1
        for key, (gain, shape, unsure) in expected.items():
            own = estimate_gas([shape]) - estimate_gas(())
            if not changed & {pool for pool, _ in key} or gain <= gas_cost(own, PRICE) + unsure:
                continue
            if key not in found:
                pools = [market.table.index(pool) for pool, _ in key]
                edges = [2 * at + (not down) for at, (_, down) in zip(pools, key, strict=True)]
                amounts = slow_best([exact_leg(market.before, edge) for edge in edges])
                assert amounts[-1] - amounts[0] > gas_cost(estimate_gas([shape]), PRICE) * 0.9, (seed, key)
                kinds["not opened"] += 1
    print(kinds)
    assert min(kinds["found"], kinds["not opened"]) > 3


def test_the_chosen_are_as_good_as_any_that_are_disjoint():
    """With the choice by floats nothing that earns is lost beside sizing everything and choosing then."""
    compared = 0
    for seed in range(10):
        every, chosen = (Market(seed, config, 40, 8) for config in (EVERY, SearchConfig(weth=WETH)))
        logs = every.trades()
        sums = []
        for market in (every, chosen):
            found = BackrunSearch(market.search).search(overlay_of(market.state, logs), PRICE)
            taken = choose_disjoint(found.opportunities, PRICE)
            sums.append(sum(added_by(one, PRICE) for one in taken))
        assert sums[1] >= sums[0] * 0.999
        compared += sums[0] > 0
    assert compared > 4


def test_before_the_blocks_own_search_nothing_is_searched():
    market = Market(1, EVERY)
    logs = market.trades()
    market.state.apply(next_block(STATE, logs))
    overlay = overlay_of(market.state, logs)
    with pytest.raises(BrokenInvariant, match="the last search"):
        BackrunSearch(market.search).search(overlay, PRICE)
    market.search.search(overlay.changed, market.state.ref, PRICE)
    assert BackrunSearch(market.search).search(overlay, PRICE).opportunities == ()  # nothing moved by it


def test_what_was_set_aside_is_not_found_behind_anybody_either():
    for seed in range(12):
        market = Market(seed, EVERY, 40, 8)
        overlay = overlay_of(market.state, market.trades())
        found = BackrunSearch(market.search).search(overlay, PRICE).opportunities
        if found:
            break
    market.search.set_aside(found[0])
    after = BackrunSearch(market.search).search(overlay, PRICE).opportunities
    assert [hops(one) for one in after] == [hops(one) for one in found[1:]]


def test_a_pool_that_is_new_since_the_last_search_is_passed_over():
    market = Market(3, EVERY)
    pool = market.table.pools[0]
    added = V2Pool(b"\xee" * 20, "uniswap-v2", pool.token0, pool.token1, 997, 1000)
    market.table.add(added, ETHER, ETHER)
    log = Log(added.address, (SYNC_TOPIC,), word(5 * ETHER) + word(ETHER), 0, bytes(32))
    result = BackrunSearch(market.search).search(overlay_of(market.state, [log]), PRICE)
    assert (result.screened, result.opportunities) == (0, ())


def test_one_word_for_the_strategy():
    assert STRATEGY == BACKRUN
