"""What the floats choose to be sized: as good a set as sizing everything and choosing then, whatever disappoints."""

import random

import msgspec
import numpy as np
import pytest
from synthetic_market import STATE, WETH, draw_table, move

from bot.core.identity import BlockHash, BlockRef
from bot.core.units import Bps, WeiPerGas
from bot.opportunities import search as module
from bot.opportunities.choose_kernel import EXACT_GROUP, choose
from bot.opportunities.ranking import added_by, choose_disjoint
from bot.opportunities.search import ArbitrageSearch, SearchConfig
from bot.opportunities.select_kernel import Earning

GAS_PRICE = WeiPerGas(10**9)
CHOSEN = SearchConfig(weth=WETH, bid_share=Bps(3_000))
EVERY = SearchConfig(weth=WETH, bid_share=Bps(3_000), most_sized=10_000, most_sized_per_pool=10_000)


def drawn(draw, count, pools, most=4):
    """Cycles over few pools, best net first; nets repeat."""
    nets = np.sort(np.array([float(draw.randint(1, 12)) for _ in range(count)]))[::-1].copy()
    using = np.full((count, 4), -1, np.int32)
    for row in using:
        pair = draw.sample(range(pools), draw.randint(2, min(most, pools)))
        row[: len(pair)] = pair
    return Earning(np.arange(count), nets, using)


def chosen_of(earning, pools):
    holder, newest = np.full(pools, -1, np.int32), np.full(pools, -1, np.int32)
    places = choose(earning, 10_000, holder, newest).tolist()
    assert (holder == -1).all()
    assert (newest == -1).all()
    used = [pool for place in places for pool in earning.pools[place].tolist() if pool >= 0]
    assert len(used) == len(set(used))
    assert all(earning.nets[place] > 0 for place in places)
    return places


def best_sum(earning):
    sets = [{pool for pool in row.tolist() if pool >= 0} for row in earning.pools]

    def best(rest):
        if not rest:
            return 0.0
        first, others = rest[0], rest[1:]
        apart = [other for other in others if not sets[other] & sets[first]]
        taken = earning.nets[first] + best(apart)
        return taken if len(apart) == len(others) else max(taken, best(others))

    return best([place for place in range(len(sets)) if earning.nets[place] > 0])


def test_a_small_group_s_choice_is_the_best_there_is():
    draw, sizes = random.Random(5), set()
    for _ in range(300):
        count, pools = draw.randint(0, EXACT_GROUP), draw.randint(2, 16)
        earning = drawn(draw, count, pools)
        if count and draw.random() < 0.3:
            earning.nets[draw.randrange(count)] = draw.choice([-1.0, 0.0, 20.0])
        places = chosen_of(earning, pools)
        assert earning.nets[places].sum() == best_sum(earning)
        sizes.add(len(places))
    assert len(sizes) > 5


def test_large_groups_come_close_to_the_best():
    draw, ratios = random.Random(4), []
    for _ in range(100):
        earning = drawn(draw, 26, 18, most=3)
        ratios.append(earning.nets[chosen_of(earning, 18)].sum() / best_sum(earning))
    print(f"worst {min(ratios):.3f}, mean {sum(ratios) / len(ratios):.4f}")
    assert sum(ratios) / len(ratios) > 0.95
    assert min(ratios) > 0.75


@pytest.mark.parametrize("seed", range(4))
def test_few_are_sized_and_their_set_earns_what_sizing_everything_would(seed):
    draw = random.Random(seed)
    table = draw_table(seed, pools=120, tokens=20, concentrated=0.4)
    few, every = (ArbitrageSearch(table, [WETH], config) for config in (CHOSEN, EVERY))
    sums, sized = [0, 0], [0, 0]
    for _ in range(6):
        touched = draw.sample(range(len(table)), 15)
        for index in touched:
            move(table, draw, index)
        for at, search in enumerate((few, every)):
            result = search.search(touched, STATE, GAS_PRICE)
            sums[at] += sum(
                added_by(one, GAS_PRICE) for one in choose_disjoint(result.opportunities, GAS_PRICE)
            )
            sized[at] += result.sized
    print(f"sized {sized}, earned {sums[0] / sums[1]:.4f} of what sizing everything does")
    assert sized[0] * 4 < sized[1]
    assert sums[0] > 0.97 * sums[1]


def test_what_disappoints_makes_room_for_its_rivals(monkeypatch):
    """The best of the chosen cannot be sized: something else through its pools is."""
    table = draw_table(3, pools=120, tokens=20, concentrated=0.4)
    search = ArbitrageSearch(table, [WETH], CHOSEN)
    usual = choose_disjoint(search.search([], STATE, GAS_PRICE).opportunities, GAS_PRICE)
    best, size_cycle = usual[0], module.size_cycle

    def size(table, edges, amount, state):
        one = size_cycle(table, edges, amount, state)
        return None if one == best else one

    monkeypatch.setattr(module, "size_cycle", size)
    result = ArbitrageSearch(table, [WETH], CHOSEN).search([], STATE, GAS_PRICE)
    assert best not in result.opportunities
    assert any(one.pools & best.pools for one in result.opportunities)


def test_only_what_a_touched_pool_is_in_is_sized_again(monkeypatch):
    """Kept sizes are those of sizing afresh, block for block, and bear the new block's name."""
    draw, again = random.Random(9), []
    table = draw_table(9, pools=120, tokens=20, concentrated=0.4)
    search, size_cycle = ArbitrageSearch(table, [WETH], CHOSEN), module.size_cycle
    search.search([], STATE, GAS_PRICE)

    def size(table, edges, amount, state):
        again.append({edge >> 1 for edge in edges})
        return size_cycle(table, edges, amount, state)

    kept = 0
    for height in range(1, 12):
        state = BlockRef(height, BlockHash(bytes([height]) * 32))
        touched = draw.sample(range(len(table)), 6)
        for index in touched:
            move(table, draw, index)
        before = set(search._sized)
        monkeypatch.setattr(module, "size_cycle", size)
        again.clear()
        result = search.search(touched, state, GAS_PRICE)
        monkeypatch.setattr(module, "size_cycle", size_cycle)
        assert all(pools & set(touched) or not any(pools == {e >> 1 for e in key} for key in before)
                   for pools in again)  # fmt: skip
        kept += result.sized - len(again)
        assert result == msgspec.structs.replace(
            ArbitrageSearch(table, [WETH], CHOSEN).search([], state, GAS_PRICE), screened=result.screened
        )
        assert {one.state for one in result.opportunities} == {state}
    print(f"{kept} kept")
    assert kept > 50
