"""Swap maths against the inequality itself, and the best cycle against trying every input."""

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from oracle.constant_product import Side, best_cycle, best_middle, is_paid, least_in, most_out, size
from oracle.facts import Fee

FEES = st.sampled_from([Fee(997, 1000), Fee(998, 1000), Fee(9975, 10_000)])
SMALL = st.builds(Side, st.integers(2, 600), st.integers(2, 600), FEES)
LARGE = st.builds(Side, st.integers(10**5, 10**27), st.integers(10**5, 10**27), FEES)


@given(LARGE, st.integers(1, 10**27))
def test_most_out_is_paid_and_one_more_is_not(side, amount_in):
    out = most_out(side, amount_in)
    assume(out > 0)
    assert is_paid(side, amount_in, out)
    assert not is_paid(side, amount_in, out + 1)


@given(LARGE, st.data())
def test_least_in_pays_and_one_less_does_not(side, data):
    out = data.draw(st.integers(1, side.reserve_out - 1))
    amount_in = least_in(side, out)
    assert is_paid(side, amount_in, out)
    assert not is_paid(side, amount_in - 1, out)


@given(SMALL, SMALL)
@settings(max_examples=150, deadline=None)
def test_within_two_units_of_every_input_there_is(first, second):
    """Full enumeration: each input up to what would drain the first pair, its exact result through both."""
    gains = [0]
    for amount_in in range(1, 3 * (first.reserve_in + second.reserve_out)):
        middle = most_out(first, amount_in)
        if middle > 0:
            gains.append(most_out(second, middle) - amount_in)
    found = best_cycle(first, second)
    gain = found.gain if found else 0
    event("gains" if max(gains) > 0 else "nothing to gain")
    assert max(gains) - 2 <= gain <= max(gains)


def test_the_enumeration_met_cycles_that_gain():
    """A price gap of one half: the sweep above is not about nothing."""
    first, second = Side(1000, 2000, Fee(997, 1000)), Side(1500, 1500, Fee(998, 1000))
    assert best_cycle(first, second).gain > 50


@given(LARGE, LARGE)
@settings(max_examples=200, deadline=None)
def test_the_closed_form_agrees_with_a_ternary_search(first, second):
    low, high = 1, first.reserve_out - 1
    while high - low > 3:
        a, b = low + (high - low) // 3, high - (high - low) // 3
        if size(first, second, a).gain < size(first, second, b).gain:
            low = a
        else:
            high = b
    searched = max(size(first, second, middle).gain for middle in range(low, high + 1))
    found = best_cycle(first, second)
    gain = found.gain if found else 0
    # Rounding makes steps of two units in what the ternary search compares: it may stray by as much.
    assert gain >= searched - 2


@given(LARGE, LARGE, st.integers(-(10**24), 10**24))
def test_the_best_middle_is_better_than_any_other(first, second, away):
    middle = best_middle(first, second)
    other = middle + away
    assume(0 < middle < first.reserve_out)
    assume(0 < other < first.reserve_out)
    assert max(size(first, second, m).gain for m in (middle, middle + 1) if m < first.reserve_out) >= (
        size(first, second, other).gain - 2
    )


@given(SMALL, SMALL)
def test_a_cycle_that_is_found_can_be_run(first, second):
    found = best_cycle(first, second)
    assume(found is not None)
    assert is_paid(first, found.amount_in, found.middle)
    assert is_paid(second, found.middle, found.amount_out)
