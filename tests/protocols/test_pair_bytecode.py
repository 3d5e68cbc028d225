"""Our formulas against the bytecode of Uniswap's and PancakeSwap's pairs: exactly what we say is what goes through."""

import asyncio
import random

import pytest
from pair_chain import PAIRS, PairChain

from bot.core.units import UINT112_MAX
from bot.opportunities.sizing import OrientedPool, best_two_pool_trade
from bot.protocols.uniswap_v2 import amount_in_up, amount_out_down, least_amount_in
from bot.world.anvil import Anvil, AnvilConfig

CASES = 150
CYCLES = 60


@pytest.fixture
async def chain(tmp_path):
    async with Anvil(AnvilConfig(log_path=tmp_path / "anvil.log")) as anvil:
        pairs = PairChain(anvil)
        await pairs.found()
        yield pairs


def draw_amount(draw, most=UINT112_MAX):
    return draw.randint(1, min(most, 1 << draw.randint(1, 112)))


def draw_swap(draw):
    """Reserves and an input of any size, of which at least one unit comes out."""
    while True:
        venue = draw.choice(list(PAIRS))
        reserve_in, reserve_out = draw_amount(draw), draw_amount(draw)
        amount_in = draw_amount(draw)
        out = amount_out_down(amount_in, reserve_in, reserve_out, *PAIRS[venue][2])
        if out > 0 and reserve_in + amount_in < UINT112_MAX:
            return venue, reserve_in, reserve_out, amount_in, out


async def test_the_pair_pays_exactly_the_formula(chain):
    seed = random.randrange(2**32)
    print(f"\nseed {seed}")
    draw = random.Random(seed)
    refusals = set()

    async def case(venue, reserve_in, reserve_out, amount_in, out):
        fee = PAIRS[venue][2]
        zero_for_one = draw.random() < 0.5
        least = least_amount_in(out, reserve_in, reserve_out, *fee)
        charged = amount_in_up(out, reserve_in, reserve_out, *fee)

        async def swap(amount_in, amount_out):
            return await chain.swap(venue, reserve_in, reserve_out, zero_for_one, amount_in, amount_out)

        assert await swap(amount_in, out) is None
        assert await swap(least, out) is None
        assert await swap(charged, out) is None
        more, less = await swap(amount_in, out + 1), await swap(least - 1, out)
        assert more is not None
        assert less is not None
        refusals.update((more, less))

    await asyncio.gather(*(case(*draw_swap(draw)) for _ in range(CASES)))
    reasons = {reason.rsplit(": ", 1)[-1] for reason in refusals}
    # Nothing in, or all that there is out, is refused before K is asked.
    assert "K" in reasons
    assert reasons <= {"K", "INSUFFICIENT_INPUT_AMOUNT", "INSUFFICIENT_LIQUIDITY"}


async def test_both_hops_of_a_sized_cycle_go_through_and_not_one_unit_more(chain):
    seed = random.randrange(2**32)
    print(f"\nseed {seed}")
    draw = random.Random(seed)

    async def case(venues, first, second, trade):
        async def hop(venue, pool, amount_in, amount_out):
            return await chain.swap(venue, pool.reserve_in, pool.reserve_out, True, amount_in, amount_out)

        buy, sell = venues
        assert await hop(buy, first, trade.amount_in, trade.amount_between) is None
        assert await hop(buy, first, trade.amount_in - 1, trade.amount_between) is not None
        assert await hop(sell, second, trade.amount_between, trade.amount_out) is None
        assert await hop(sell, second, trade.amount_between, trade.amount_out + 1) is not None

    cases = []
    while len(cases) < CYCLES:
        venues = draw.choices(list(PAIRS), k=2)
        base, other = 10 ** draw.uniform(3, 25), 10 ** draw.uniform(3, 25)
        first = OrientedPool(int(base), int(other), *PAIRS[venues[0]][2])
        second = OrientedPool(int(other), int(base * draw.uniform(1, 3)), *PAIRS[venues[1]][2])
        trade = best_two_pool_trade(first, second)
        if trade is not None:
            cases.append(case(venues, first, second, trade))
    await asyncio.gather(*cases)


async def test_a_reserve_over_uint112_reverts(chain):
    """Why sizing keeps within reach: the same swap, one unit under the limit and one over."""
    for venue, (_, _, fee) in PAIRS.items():
        reserve_in = UINT112_MAX - 1_000
        for amount_in, expected in ((1_000, None), (1_001, "OVERFLOW")):
            out = amount_out_down(amount_in, reserve_in, 10**33, *fee)
            refused = await chain.swap(venue, reserve_in, 10**33, False, amount_in, out)
            assert refused is None if expected is None else refused.endswith(expected)
