"""Which entries of an access list pay: against trying every choice, and EIP by EIP."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.costs.access_list import entries_that_pay, warm_from_the_start
from bot.costs.gas_schedule import GLAMSTERDAM, OSAKA

SENDER, TO, BUILDER = b"\x01" * 20, b"\x02" * 20, b"\x03" * 20
WARM = warm_from_the_start(SENDER, TO, BUILDER)
ADDRESSES = [SENDER, TO, BUILDER, (1).to_bytes(20, "big"), b"\xaa" * 20, b"\xbb" * 20]


def slots(count):
    return tuple(number.to_bytes(32, "big") for number in range(count))


TOUCHED = st.lists(
    st.tuples(st.sampled_from(ADDRESSES), st.integers(0, 40).map(slots)),
    max_size=3,
    unique_by=lambda entry: entry[0],
).map(tuple)


def gas(touched, listed, schedule):
    """Of access alone: intrinsic gas of the list, and the first touch of everything, read."""
    known = {address for address, _ in listed} | WARM
    known_slots = {(address, slot) for address, keys in listed for slot in keys}
    paid = schedule.intrinsic(b"", listed)
    for address, keys in touched:
        paid += schedule.warm if address in known else schedule.cold_account
        paid += sum(schedule.warm if (address, key) in known_slots else schedule.cold_slot for key in keys)
    return paid


@given(TOUCHED, st.sampled_from([OSAKA, GLAMSTERDAM]))
def test_no_other_choice_saves_more_and_the_saving_is_exact(touched, schedule):
    found = entries_that_pay(touched, WARM, schedule)
    without = gas(touched, (), schedule)
    assert without - gas(touched, found.entries, schedule) == found.saving
    choices = [
        [None, (address, ()), (address, keys), (address, keys[: len(keys) // 2])] for address, keys in touched
    ]
    for choice in product(*choices):
        listed = tuple(entry for entry in choice if entry is not None)
        assert without - gas(touched, listed, schedule) <= found.saving


@pytest.mark.parametrize(("count", "pays"), [(0, False), (1, False), (24, False), (25, True)])
def test_a_warm_account_must_earn_its_own_entry_by_its_slots(count, pays):
    """2,400 for the account that is warm anyway, 100 saved by each slot."""
    found = entries_that_pay(((TO, slots(count)),), WARM, OSAKA)
    assert bool(found.entries) == pays
    assert found.saving == (100 * count - 2_400 if pays else 0)


def test_a_cold_pool_pays_a_hundred_for_itself_and_for_each_slot():
    found = entries_that_pay(((b"\xaa" * 20, slots(3)),), WARM, OSAKA)
    assert found.entries == ((b"\xaa" * 20, slots(3)),)
    assert found.saving == 400


def test_glamsterdam_makes_every_list_a_loss():
    assert entries_that_pay(((b"\xaa" * 20, slots(500)),), WARM, GLAMSTERDAM).entries == ()


def test_what_is_named_twice_is_listed_once():
    pool = b"\xaa" * 20
    found = entries_that_pay(((pool, slots(2)), (pool, slots(3)), (pool, slots(1) * 2)), WARM, OSAKA)
    assert found.entries == ((pool, slots(3)),)
    assert found.saving == 400
