"""The swap loop against the on-chain quoter's recorded answers, and its parts against their definitions."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle.concentrated_liquidity import (
    MAX_SQRT_PRICE,
    MAX_TICK,
    MIN_SQRT_PRICE,
    MIN_TICK,
    SwapRefusedError,
    Way,
    sqrt_price_at,
    swap,
    tick_at,
)
from oracle.facts import V3State

SPACINGS = {100: 1, 500: 10, 3000: 60, 10000: 200}
ONE = 1 << 96


def recorded_state(document):
    ticks = {
        int(tick["index"]): (int(tick["liquidityGross"]), int(tick["liquidityNet"]))
        for tick in document["ticks"]
    }
    return V3State(
        int(document["sqrtRatioX96"]), int(document["tickCurrent"]), int(document["liquidity"]), ticks
    )


def test_every_recorded_answer_of_the_quoter(ground_truth):
    cases = 0
    for path in sorted(ground_truth("univ3_quoter_vectors").glob("*.json")):
        document = json.loads(path.read_text())
        state, fee = recorded_state(document), int(document["fee"])
        into, out_of = (int(document[token]["address"], 16) for token in ("tokenA", "tokenB"))
        for case in document["tests"]:
            amount = int(case["amountSpecified"])
            specified = amount if case["exactInput"] else -amount
            swapped = swap(state, fee, SPACINGS[fee], into < out_of, specified)
            answer = swapped.amount_out if case["exactInput"] else swapped.amount_in
            assert answer == int(case["expectedAmountCalculated"]), (path.name, case)
            cases += 1
    assert cases == 2_800
    ground_truth.count(cases)


def test_prices_of_ticks_are_the_published_ones():
    """TickMath.sol's own ends, and values next to zero."""
    assert sqrt_price_at(MIN_TICK) == MIN_SQRT_PRICE
    assert sqrt_price_at(MAX_TICK) == MAX_SQRT_PRICE
    assert sqrt_price_at(0) == ONE
    assert sqrt_price_at(1) == 79232123823359799118286999568
    assert sqrt_price_at(-1) == 79224201403219477170569942574


@given(st.integers(MIN_TICK, MAX_TICK - 1))
def test_a_tick_is_the_greatest_at_its_price(tick):
    price = sqrt_price_at(tick)
    assert tick_at(price) == tick
    assert tick_at(sqrt_price_at(tick + 1) - 1) == tick


def with_ranges(price, *ranges):
    tick, active, ticks = tick_at(price), 0, {}
    for lower, upper, amount in ranges:
        for end, net in ((lower, amount), (upper, -amount)):
            gross, before = ticks.get(end, (0, 0))
            ticks[end] = (gross + amount, before + net)
        active += amount if lower <= tick < upper else 0
    return V3State(price, tick, active, ticks)


def test_a_swap_goes_through_ticks_and_over_gaps():
    """Two ranges with nothing between them: the price jumps over the gap and stops in the far one."""
    state = with_ranges(ONE, (-600, 600, 10**18), (-6_000, -3_000, 10**18))
    first = swap(state, 3000, 60, True, 10**16)
    assert (first.ticks_crossed, first.liquidity) == (0, 10**18)
    far = swap(state, 3000, 60, True, 10**17)
    assert far.ticks_crossed == 2
    assert -6_000 <= far.tick < -3_000
    assert far.liquidity == 10**18


def test_a_falling_price_that_ends_on_a_tick_stands_below_it():
    state = with_ranges(ONE, (-600, 600, 10**18))
    most = swap(state, 3000, 60, True, 10**20)
    assert most.sqrt_price == MIN_SQRT_PRICE + 1
    exactly = swap(state, 3000, 60, True, -most.amount_out)
    assert exactly.sqrt_price == sqrt_price_at(-600)
    assert (exactly.tick, exactly.liquidity, exactly.ticks_crossed) == (-601, 0, 1)
    risen = swap(state, 3000, 60, False, -swap(state, 3000, 60, False, 10**20).amount_out)
    assert (risen.tick, risen.liquidity) == (600, 0)


@given(st.integers(1, 10**19), st.booleans(), st.sampled_from(sorted(SPACINGS)))
def test_what_goes_in_pays_for_what_comes_out(amount, zero_for_one, fee):
    """An exact output of what an exact input brought costs no more than it, and one unit more is not free."""
    spacing = SPACINGS[fee]
    state = with_ranges(ONE, (-200 * spacing, 200 * spacing, 10**20), (-2 * spacing, 3 * spacing, 10**19))
    brought = swap(state, fee, spacing, zero_for_one, amount)
    if brought.amount_out:
        asked = swap(state, fee, spacing, zero_for_one, -brought.amount_out)
        assert asked.amount_out == brought.amount_out
        assert asked.amount_in <= brought.amount_in <= amount


@pytest.mark.parametrize("specified", [0, 1])
def test_a_pool_without_a_price_refuses(specified):
    with pytest.raises(SwapRefusedError):
        swap(V3State(0, 0, 0, {}), 500, 10, True, specified)


@given(
    st.lists(
        st.tuples(st.integers(-3_000, 2_990), st.integers(1, 900), st.integers(1, 10**18)),
        min_size=1,
        max_size=4,
    ),
    st.lists(st.integers(-(10**19), 10**19).filter(bool), min_size=1, max_size=8),
    st.booleans(),
)
def test_memory_of_a_way_changes_nothing(ranges, amounts, zero_for_one):
    """Gaps, ends of liquidity and several amounts one after the other: each as a swap from the start."""
    state = with_ranges(ONE, *((10 * low, 10 * (low + width), amount) for low, width, amount in ranges))
    way = Way(state, 500, 10, zero_for_one)
    for amount in amounts:
        assert way.swap(amount) == swap(state, 500, 10, zero_for_one, amount)


def test_a_way_stops_where_the_pool_would_revert():
    """More liquidity leaves at a tick than there is: up to it a swap is as ever, beyond it none is possible."""
    state = V3State(ONE, 0, 10**18, {-600: (10**19, 10**19)})
    way = Way(state, 500, 10, True)
    assert way.swap(10**15) == swap(state, 500, 10, True, 10**15)
    for amount in (10**18, -(10**18), 10**17):
        with pytest.raises(SwapRefusedError):
            way.swap(amount)
