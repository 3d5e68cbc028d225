"""Tick maps read whole: in parts by a lens of little gas, one by one without it; what contradicts itself is named."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.result import Ok, Reverted, Unknown
from bot.protocols.v3_pool import TickLiquidity
from bot.protocols.v3_tick_math import MAX_TICK, sqrt_price_at_tick
from bot.state.pool_table import V3Pool
from bot.state.tick_maps import read_concentrated
from tests.state.blocks import TOKENS, word
from tests.state.fake_pools import REFUSALS, FakePools

A, B = TOKENS[:2]
Q96 = 1 << 96
FEES = {10: 500, 60: 3000, 200: 10_000}
POOLS = [
    V3Pool(bytes([place]) * 20, "v3", A, B, FEES[spacing], spacing) for place, spacing in enumerate(FEES, 1)
]


def contents(spacing, positions, tick=0):
    """What positions {(lower, upper): amount}, in spacings, make of a pool."""
    ticks, active = {}, 0
    for (lower, upper), amount in positions.items():
        for place, net in ((lower, amount), (upper, -amount)):
            gross, before = ticks.get(place * spacing, (0, 0))
            ticks[place * spacing] = (gross + amount, before + net)
        active += amount if lower * spacing <= tick < upper * spacing else 0
    return spacing, sqrt_price_at_tick(tick), tick, active, ticks


def chain(**changes):
    widest = MAX_TICK // 10
    pools = {
        POOLS[0].address: contents(
            10, {(-widest, widest): 9, (-300, 1): 5, (255, 256): 7, (-257, -256): 8}, tick=77
        ),
        POOLS[1].address: (60, 0, 0, 0, {}),
        POOLS[2].address: contents(200, {(-1, 1): 10**20, (1, 2): 3}, tick=-5),
    }
    return FakePools(pools, **changes)


def read(fake, has_lens, pools=POOLS):
    return fake.drive(read_concentrated(pools, has_lens=has_lens))


def seen(pool):
    return pool if isinstance(pool, str) else (pool.sqrt_price, pool.tick, pool.liquidity, dict(pool.ticks))


def expected(fake):
    return [
        (price, tick, liquidity, {at: TickLiquidity(*both) for at, both in ticks.items()})
        for _, price, tick, liquidity, ticks in fake.pools.values()
    ]


def test_one_by_one_reads_every_tick():
    fake = chain()
    assert list(map(seen, read(fake, has_lens=False))) == expected(fake)
    assert fake.lens_calls == 0


def test_a_lens_with_gas_enough_takes_one_call():
    fake = chain()
    assert list(map(seen, read(fake, has_lens=True))) == expected(fake)
    assert (fake.lens_calls, fake.calls) == (1, 0)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 1200))
def test_a_lens_that_stops_anywhere_is_asked_to_go_on(words):
    fake = chain(words_a_call=words)
    assert list(map(seen, read(fake, has_lens=True))) == expected(fake)
    assert fake.calls == 0
    # 694 and 2, 116, 36 words: the sum of them in calls of `words`, one more for a pool that ends with the gas.
    assert fake.lens_calls <= -(-848 // words) + len(POOLS)


@pytest.mark.parametrize("name", REFUSALS)
def test_without_a_lens_that_answers_pools_are_read_one_by_one(name):
    fake = chain(lens=REFUSALS[name])
    assert list(map(seen, read(fake, has_lens=True))) == expected(fake)
    assert fake.lens_calls == 1
    assert fake.calls > 800


def test_a_lens_that_makes_no_way_is_given_up():
    fake = chain()
    status = word((-347 + 32768) << 32)
    fake.lens = Ok(word(32) + word(4) + word(Q96) + word(0) + word(0) + status)
    assert list(map(seen, read(fake, has_lens=True))) == expected(fake)
    assert fake.lens_calls == 1


@pytest.mark.parametrize("function", ["slot0", "liquidity", "tickBitmap", "ticks"])
@pytest.mark.parametrize("has_lens", [True, False])
@pytest.mark.parametrize("answer", [Unknown("time-out"), Reverted("no"), Ok(b"")])
def test_a_pool_that_does_not_answer_is_named_and_the_others_are_read(function, has_lens, answer):
    fake = chain()
    good = expected(fake)
    fake.broken[POOLS[0].address, function] = answer
    broken, *others = map(seen, read(fake, has_lens))
    assert function in broken
    assert others == good[1:]


@pytest.mark.parametrize("has_lens", [True, False])
def test_a_map_that_contradicts_the_active_liquidity_is_refused_with_the_numbers(has_lens):
    fake = chain()
    spacing, price, tick, liquidity, ticks = fake.pools[POOLS[0].address]
    fake.pools[POOLS[0].address] = (spacing, price, tick, liquidity + 1, ticks)
    wrong, *_ = map(seen, read(fake, has_lens))
    assert f"liquidity {liquidity + 1}" in wrong
    assert f"make it {liquidity}" in wrong
    missing = dict(ticks)
    del missing[2550]
    fake.pools[POOLS[0].address] = (spacing, price, tick, liquidity, missing)
    assert "ticks are missing" in next(map(seen, read(fake, has_lens)))
