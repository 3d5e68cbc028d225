"""A small sweep of each protocol against its bytecode (`scripts/sweep protocols` is the full one), and two that must fail."""

import os
import random

import pytest
from pair_chain import PAIRS
from protocol_sweeps import GROUP, LIMITS, probe_chain, sweep_v2, sweep_v3
from v3_cases import ALL_TIERS, AMOUNT_KINDS, POOL_KINDS

from bot.protocols.uniswap_v2 import amount_out_down
from bot.protocols.v3_ladder import Ladder
from bot.protocols.v3_pool import ConcentratedPool
from bot.protocols.v3_tick_math import MAX_SQRT_PRICE, MIN_SQRT_PRICE, tick_at_sqrt_price

CASES = int(os.environ.get("SWEEP_CASES", "3000"))


@pytest.fixture
async def chain(tmp_path):
    async with probe_chain(tmp_path) as chain:
        yield chain


@pytest.fixture
def seed():
    seed = random.randrange(2**32)
    print(f"\nseed {seed}")
    return seed


async def test_v2_pairs(chain, seed):
    sweep = await sweep_v2(chain, seed, 0, CASES)
    assert sweep.differences == []
    assert sweep.cases == CASES
    for venue in PAIRS:
        assert sweep.kinds[f"pool: {venue}"] > 0
    assert sweep.kinds["out: nothing"] > CASES // 50
    assert sweep.kinds["out: something"] > CASES // 2


async def test_v3_pools(chain, seed):
    sweep = await sweep_v3(chain, seed, 0, CASES)
    assert sweep.differences == []
    assert sweep.cases == CASES
    expected = [f"pool: {kind}" for kind in POOL_KINDS if kind != "nothing"]
    expected += [f"amount: {kind}" for kind in AMOUNT_KINDS] + [f"fee {fee}" for fee in ALL_TIERS]
    expected += ["crossed: none", "crossed: one", "crossed: more", "a step over uint256"]
    expected += ["end: filled", "end: filled in part, at the limit"]
    missed = [kind for kind in expected if not sweep.kinds[kind]]
    assert not missed, f"{missed} in none of {CASES} cases: too few of them"


@pytest.mark.parametrize(
    ("price", "zero_for_one"),
    [(MIN_SQRT_PRICE, True), (MIN_SQRT_PRICE + 1, True), (MAX_SQRT_PRICE - 1, False)],
)
async def test_from_the_price_limit_on_nothing_is_swapped(chain, price, zero_for_one):
    """The pool refuses; our quote is of nothing. One unit of price before the limit it is a swap."""
    for start, refused in ((price, True), (MIN_SQRT_PRICE + 2 if zero_for_one else price - 1, False)):
        pool = ConcentratedPool(500, 10, start, tick_at_sqrt_price(start))
        [answer] = await chain.swap_many(pool, [(zero_for_one, 5, LIMITS[zero_for_one])])
        quote = pool.quote_exact_in(5, zero_for_one)
        assert (quote.amount_in, quote.amount_out) == (0, 0)
        assert answer == "SPL" if refused else answer[:3] == (0, 0, quote.sqrt_price)
        assert (quote.sqrt_price == start) == refused


async def test_a_pool_that_stops_at_no_word_end_is_found_out(chain, monkeypatch):
    """Rounding once less a word: units, in few cases."""
    with_words = Ladder._next_stop

    def without_words(self, tick, liquidity):
        return with_words(self, tick, 0)

    monkeypatch.setattr(Ladder, "_next_stop", without_words)
    sweep = await sweep_v3(chain, 1, 0, 30 * GROUP)
    assert 0 < len(sweep.differences) < sweep.cases // 2


async def test_a_pair_that_would_pay_one_more_is_found_out(chain):
    sweep = await sweep_v2(chain, 1, 0, 4 * GROUP, paid=lambda *sides: amount_out_down(*sides) + 1)
    assert len(sweep.differences) > sweep.cases // 2
