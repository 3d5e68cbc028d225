"""What was warmed is what the hot path calls: no block waits for a compiler."""

from synthetic_market import STATE, WETH, draw_table

from bot.core.units import WeiPerGas
from bot.opportunities.screen_kernel import screen_pools
from bot.opportunities.search import ArbitrageSearch, SearchConfig
from bot.opportunities.warm import warm_kernels


def test_the_search_uses_only_what_was_warmed():
    said = []
    warm_kernels(said.append)
    assert said == ["search kernels"]
    compiled = list(screen_pools.signatures)
    assert len(compiled) == 1
    table = draw_table(1)
    search = ArbitrageSearch(table, [WETH], SearchConfig(weth=WETH))
    for touched in ([], [3], range(10), (1, 1, 2)):
        assert search.search(touched, STATE, WeiPerGas(10**9)).opportunities
    assert screen_pools.signatures == compiled
