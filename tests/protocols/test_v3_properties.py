"""The ladder's quotes equal the contract's plain loop on random pools, whatever happened to them before."""

import os
from copy import deepcopy

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from protocol_sweeps import LIMITS
from v3_cases import draw_amount, draw_pool
from v3_contract import ContractPool, Reverted, get_sqrt_ratio_at_tick

from bot.protocols.v3_pool import ConcentratedPool, TickLiquidity
from bot.protocols.v3_tick_math import MAX_SQRT_PRICE, MIN_SQRT_PRICE

SLOW = settings(deadline=None, max_examples=int(os.environ.get("SWEEP_EXAMPLES", "25")))
AMOUNTS = st.integers(1, 255).flatmap(lambda bits: st.integers(1, 2**bits - 1))


def plain(pool):
    ticks = {tick: (info.gross, info.net) for tick, info in pool.ticks.items()}
    return ContractPool(pool.fee, pool.tick_spacing, pool.sqrt_price, pool.tick, pool.liquidity, ticks)


def compare(pool, contract, zero_for_one, exact_in, amount):
    """One quote of both; the contract is left where it was."""
    quote = (pool.quote_exact_in if exact_in else pool.quote_exact_out)(amount, zero_for_one)
    if exact_in:
        assert pool.paid_for(amount, zero_for_one) == quote.amount_out
    else:
        whole = (
            (quote.amount_in, quote.ticks_crossed, quote.words_passed) if quote.amount_out == amount else None
        )
        assert pool.asked_for(amount, zero_for_one) == whole
    after = deepcopy(contract)
    try:
        amounts = after.swap(zero_for_one, amount if exact_in else -amount)
    except Reverted as refused:
        amounts = refused.args[0]
    if amounts == "SPL":
        assert (quote.amount_in, quote.amount_out, quote.ticks_crossed) == (0, 0, 0)
        return quote
    paid, got = amounts if zero_for_one else amounts[::-1]
    assert (quote.amount_in, -quote.amount_out) == (paid, got)
    assert (quote.sqrt_price, quote.tick, quote.ticks_crossed) == (after.price, after.tick, after.crossed)
    assert quote.words_passed == after.words
    return quote


@SLOW
@given(st.randoms(use_true_random=False), st.integers(1, 40))
def test_quotes_equal_the_plain_loop_through_any_history(draw, changes):
    """One pool, its ladders kept: mints, burns and swaps between the quotes, over and over where the price is."""
    _, pool = draw_pool(draw)
    contract = plain(pool)
    positions = []
    for _ in range(changes):
        for _ in range(3):
            zero_for_one, exact_in = draw.random() < 0.5, draw.random() < 0.5
            # The amounts come from another ladder, so that drawing them does not extend the one that is tested.
            _, amount = draw_amount(draw, copy_of(pool), zero_for_one, exact_in)
            compare(pool, contract, zero_for_one, exact_in, amount)
        change(draw, pool, contract, positions)
        assert (pool.sqrt_price, pool.tick, pool.liquidity) == (
            contract.price,
            contract.tick,
            contract.liquidity,
        )
        assert {tick: [info.gross, info.net] for tick, info in pool.ticks.items()} == contract.ticks


def copy_of(pool):
    return ConcentratedPool(
        pool.fee, pool.tick_spacing, pool.sqrt_price, pool.tick, pool.liquidity, pool.ticks
    )


def change(draw, pool, contract, positions):
    spacing, kind = pool.tick_spacing, draw.choice(("mint", "burn", "swap", "swap"))
    if kind == "mint":
        middle = pool.tick // spacing
        lower, upper = sorted(draw.sample(range(middle - 30, middle + 30), 2))
        lower, upper, delta = lower * spacing, upper * spacing, draw.randint(1, 10 ** draw.randint(1, 20))
        try:
            deepcopy(contract).modify_position(lower, upper, delta)
        except Reverted:
            with pytest.raises(ValueError):
                pool.change_liquidity(lower, upper, delta)
            return
        positions.append((lower, upper, delta))
        contract.modify_position(lower, upper, delta)
        pool.change_liquidity(lower, upper, delta)
    elif kind == "burn" and positions:
        lower, upper, delta = positions.pop(draw.randrange(len(positions)))
        contract.modify_position(lower, upper, -delta)
        pool.change_liquidity(lower, upper, -delta)
    else:
        zero_for_one = draw.random() < 0.5
        _, amount = draw_amount(draw, copy_of(pool), zero_for_one, exact_in=True)
        if draw.random() < 0.8:
            # Not to the end of the world: a price that moves by little keeps the ladder.
            amount = max(1, min(amount, pool.liquidity // draw.choice((10, 1000, 100_000))))
        quote = compare(pool, contract, zero_for_one, True, amount)
        pool.set_price(quote.sqrt_price, quote.tick, pool._ranges.at(quote.tick))
        if quote.amount_in or quote.sqrt_price != contract.price:
            contract.swap(zero_for_one, amount)


@SLOW
@given(st.randoms(use_true_random=False), AMOUNTS, st.booleans())
def test_what_comes_out_never_costs_more_than_went_in(draw, amount, zero_for_one):
    """But for one corner, the contract's own: who asks for all that a step pays, rounded down, is taken to its end.

    Where a unit is worth little that can be far; a unit less does not cost it.
    """
    _, pool = draw_pool(draw)
    there = pool.quote_exact_in(amount, zero_for_one)
    assume(there.amount_out)
    back = pool.quote_exact_out(there.amount_out, zero_for_one)
    assert back.amount_out == there.amount_out
    assert there.amount_in <= amount
    if back.amount_in > there.amount_in:
        on_a_stop = get_sqrt_ratio_at_tick(back.tick + zero_for_one)
        assert back.sqrt_price in {on_a_stop, LIMITS[zero_for_one]}
        less = there.amount_out - 1
        assert not less or pool.quote_exact_out(less, zero_for_one).amount_in <= there.amount_in


@SLOW
@given(st.randoms(use_true_random=False), AMOUNTS, st.booleans())
def test_a_swap_in_two_parts_never_pays_more(draw, amount, zero_for_one):
    _, pool = draw_pool(draw)
    first = draw.randint(1, amount)
    assume(first < amount)
    whole = pool.quote_exact_in(amount, zero_for_one)
    one = pool.quote_exact_in(first, zero_for_one)
    pool.set_price(one.sqrt_price, one.tick, pool._ranges.at(one.tick))
    other = pool.quote_exact_in(amount - first, zero_for_one)
    assert one.amount_out + other.amount_out <= whole.amount_out
    there = whole.sqrt_price, other.sqrt_price
    assert there[0] <= there[1] if zero_for_one else there[0] >= there[1]


@SLOW
@given(st.randoms(use_true_random=False), AMOUNTS, st.booleans())
def test_more_in_is_never_less_out(draw, amount, zero_for_one):
    _, pool = draw_pool(draw)
    less, more = pool.quote_exact_in(amount, zero_for_one), pool.quote_exact_in(amount + 1, zero_for_one)
    assert less.amount_out <= more.amount_out
    assert less.amount_in <= more.amount_in
    assert less.ticks_crossed <= more.ticks_crossed


def simple_pool(**changes):
    parts = {
        "fee": 3000,
        "tick_spacing": 60,
        "sqrt_price": get_sqrt_ratio_at_tick(30),
        "tick": 30,
        "liquidity": 1000,
        "ticks": {-60: TickLiquidity(1000, 1000), 120: TickLiquidity(1000, -1000)},
    }
    return ConcentratedPool(**parts | changes)


BEFORE_60 = get_sqrt_ratio_at_tick(60)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fee": 1_000_000}, "fee of 1000000"),
        ({"fee": -1}, "fee of -1"),
        ({"tick_spacing": 0}, "tick spacing of 0"),
        ({"liquidity": 999}, "liquidity 999 at tick 30: the initialised ticks make it 1000"),
        ({"tick": 31}, "tick 31 with square root price"),
        ({"tick": 29}, "tick 29 with square root price .* which is at tick 30"),
        ({"sqrt_price": MAX_SQRT_PRICE}, "is not within"),
        ({"sqrt_price": 0}, "is not within"),
        ({"ticks": {-60: TickLiquidity(1000, 1000)}}, "ticks are missing"),
        ({"ticks": {-61: TickLiquidity(1, 1), 120: TickLiquidity(1, -1)}}, "no multiple of 60"),
        ({"ticks": {-887280: TickLiquidity(1, 1), 120: TickLiquidity(1, -1)}}, "within -887272"),
        ({"ticks": {-60: TickLiquidity(1, 2), 120: TickLiquidity(2, -2)}}, "gross liquidity 1 and net 2"),
        ({"ticks": {-60: TickLiquidity(2, 1), 120: TickLiquidity(1, -1)}}, "odd or even"),
        ({"ticks": {-60: TickLiquidity(0, 0)}}, "gross liquidity 0"),
        ({"ticks": {-60: TickLiquidity(2**127, 2**127), 120: TickLiquidity(2**127, -(2**127))}}, "gross"),
        ({"ticks": {-60: TickLiquidity(9, -9), 120: TickLiquidity(9, 9)}}, "would be -9"),
    ],
)
def test_parts_that_contradict_each_other(changes, message):
    assert simple_pool().liquidity == 1000
    with pytest.raises(ValueError, match=message):
        simple_pool(**changes)


def test_a_price_on_a_tick_is_above_or_just_left_below():
    price = get_sqrt_ratio_at_tick(60)
    for tick in (60, 59):
        assert simple_pool(sqrt_price=price, tick=tick).tick == tick
    with pytest.raises(ValueError, match="which is at tick 60"):
        simple_pool(sqrt_price=price, tick=58)
    with pytest.raises(ValueError, match="which is at tick 60"):
        simple_pool(sqrt_price=price + 1, tick=59)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((-60, 120, -1001), "gross 1000 and net 1000|gross liquidity -1"),
        ((0, 60, -1), "gross liquidity -1"),
        ((60, 60, 5), "no position from tick 60"),
        ((60, 0, 5), "no position from tick 60"),
        ((0, 61, 5), "tick 61 is no multiple"),
        ((-60, 120, 2**127), "gross has to be within"),
    ],
)
def test_a_change_that_cannot_be_changes_nothing(change, message):
    pool = simple_pool()
    before = pool.quote_exact_in(100, True), pool.liquidity, dict(pool.ticks), list(pool.range_liquidity)
    with pytest.raises(ValueError, match=message):
        pool.change_liquidity(*change)
    assert before == (
        pool.quote_exact_in(100, True),
        pool.liquidity,
        dict(pool.ticks),
        list(pool.range_liquidity),
    )


def test_a_price_that_contradicts_the_ticks_changes_nothing():
    pool = simple_pool()
    with pytest.raises(ValueError, match="liquidity 1001 at tick 60: the initialised ticks make it 1000"):
        pool.set_price(BEFORE_60, 60, 1001)
    assert (pool.sqrt_price, pool.tick, pool.liquidity) == (get_sqrt_ratio_at_tick(30), 30, 1000)


def test_a_pool_that_is_not_initialised():
    pool = ConcentratedPool(500, 10)
    for quote in (pool.quote_exact_in, pool.quote_exact_out):
        with pytest.raises(ValueError, match="not initialised"):
            quote(1, True)
    with pytest.raises(ValueError, match="not initialised"):
        pool.change_liquidity(-10, 10, 1)
    pool.set_price(MIN_SQRT_PRICE, -887272, 0)
    pool.set_price(0, 0, 0)
    assert pool.sqrt_price == 0


@pytest.mark.parametrize("amount", [0, -1, 2**255])
def test_amounts_no_swap_takes(amount):
    for quote in (simple_pool().quote_exact_in, simple_pool().quote_exact_out):
        with pytest.raises(ValueError, match=f"an amount of {amount}:"):
            quote(amount, False)
