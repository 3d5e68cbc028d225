"""What reverts in simulation makes place for what it kept out, and comes back after a while."""

from synthetic_market import STATE, WETH, draw_table

from bot.core.identity import BlockHash, BlockRef
from bot.core.units import WeiPerGas
from bot.opportunities.search import ArbitrageSearch, SearchConfig
from bot.opportunities.set_aside import MOST_BLOCKS, SetAside

CYCLE, OTHER = (0, 3), (2, 1)


def left_out(aside, cycle, blocks):
    return [block for block in blocks if aside.holds(cycle, block)]


def test_each_revert_lasts_twice_as_long():
    aside, block = SetAside(), 100
    for stretch in (1, 2, 4, 8, 16, 32, 64, 128, 256, 256):
        aside.note_reverted(CYCLE, block)
        aside.note_reverted(CYCLE, block)  # the same head says nothing new
        assert left_out(aside, CYCLE, range(block, block + 600)) == list(range(block, block + stretch + 1))
        assert not aside.holds(OTHER, block)
        block += stretch + 1
    assert stretch == MOST_BLOCKS


def test_it_is_forgotten_in_the_end():
    aside = SetAside()
    for block in (10, 20, 30):
        aside.note_reverted(CYCLE, block)
    aside.forget_old(30 + 1_024)
    assert len(aside) == 1
    aside.forget_old(30 + 1_025)
    assert len(aside) == 0
    aside.note_reverted(CYCLE, 3_000)
    assert left_out(aside, CYCLE, range(3_000, 3_100)) == [3_000, 3_001]


def at(height):
    return BlockRef(height, BlockHash(bytes([height]) * 32))


def test_the_search_finds_the_next_best_with_the_same_pools_at_once():
    table = draw_table(11, pools=20, tokens=5, concentrated=0.4)
    search = ArbitrageSearch(table, [WETH], SearchConfig(weth=WETH, least_depth=0))
    gas_price, taken, shared = WeiPerGas(0), [], 0
    first = search.search((), at(1), gas_price).opportunities
    for _ in range(12):
        found = search.search((), at(1), gas_price).opportunities
        if not found:
            break
        best = found[0]
        legs = [(leg.pool, leg.zero_for_one) for leg in best.legs]
        assert legs not in taken
        taken.append(legs)
        shared += bool(best.pools & first[0].pools)
        search.set_aside(best)
    assert len(taken) > 3
    assert shared > 1, "one that shared a pool with the best came after it"
    again = search.search((), at(3), gas_price).opportunities
    assert [one.legs for one in again] == [one.legs for one in first], "two blocks on, all are back"


def test_pools_the_table_does_not_know_are_no_cycle_of_ours():
    table = draw_table(11, pools=20, tokens=5, concentrated=0.4)
    other = draw_table(12, pools=30, tokens=5, concentrated=0.4)
    search = ArbitrageSearch(table, [WETH], SearchConfig(weth=WETH, least_depth=0))
    strange = ArbitrageSearch(other, [WETH], SearchConfig(weth=WETH, least_depth=0))
    before = search.search((), STATE, WeiPerGas(0)).opportunities
    for one in strange.search((), STATE, WeiPerGas(0)).opportunities:
        if any(table.index(pool) is None for pool in one.pools):
            search.set_aside(one)
    assert search.search((), STATE, WeiPerGas(0)).opportunities == before
