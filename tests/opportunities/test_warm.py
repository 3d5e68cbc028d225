"""What was warmed is what the hot path calls: no block waits for a compiler."""

import random

from synthetic_market import STATE, WETH, add_pool, draw_table

from bot.core.units import WeiPerGas
from bot.opportunities import choose_kernel, cycles_kernel, four_kernel, screen_kernel, select_kernel
from bot.opportunities.search import ArbitrageSearch, SearchConfig
from bot.opportunities.warm import warm_kernels

KERNELS = (
    cycles_kernel.edges_by_token,
    cycles_kernel.edges_to_base,
    cycles_kernel.count_cycles,
    cycles_kernel.fill_cycles,
    cycles_kernel.cycles_by_pool,
    screen_kernel.screen_pools,
    screen_kernel.value_rows,
    four_kernel.near_tokens,
    four_kernel.note_best,
    four_kernel.tokens_between,
    four_kernel.survivors,
    select_kernel.gather,
    select_kernel.take,
    choose_kernel.choose,
)


def test_the_search_uses_only_what_was_warmed():
    said = []
    warm_kernels(said.append)
    assert said == [f"search kernels: {name}" for name in ("cycles", "screen", "four pools", "selection")]
    compiled = [list(kernel.signatures) for kernel in KERNELS]
    table = draw_table(1, concentrated=0.4)
    search = ArbitrageSearch(table, [WETH], SearchConfig(weth=WETH))
    three = ArbitrageSearch(table, [WETH], SearchConfig(weth=WETH, most_hops=3))
    for touched in ([], [3], range(10), (1, 1, 2)):
        assert search.search(touched, STATE, WeiPerGas(10**9)).opportunities
        assert three.search(touched, STATE, WeiPerGas(10**9)).opportunities
    some = ArbitrageSearch(table, [WETH], SearchConfig(weth=WETH, most_sized_per_pool=3))
    assert some.search([], STATE, WeiPerGas(10**9)).opportunities
    add_pool(table, random.Random(1), 1_000)
    search.extend()
    ArbitrageSearch(draw_table(0, pools=0), [WETH], SearchConfig(weth=WETH)).search([], STATE, WeiPerGas(0))
    assert [kernel.signatures for kernel in KERNELS] == compiled
    assert {len(signatures) for signatures in compiled} == {1}
