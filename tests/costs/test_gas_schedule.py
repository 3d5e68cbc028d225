"""Intrinsic and floor gas against the EIPs' wording."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import BadConfiguration
from bot.core.profile import ForkFrom
from bot.costs.gas_schedule import GLAMSTERDAM, OSAKA, gas_schedule, schedule_at

ENTRIES = st.lists(
    st.tuples(st.binary(min_size=20, max_size=20), st.lists(st.binary(min_size=32, max_size=32)).map(tuple)),
    max_size=4,
).map(tuple)


@given(st.binary(max_size=600), ENTRIES)
def test_osaka(data, access_list):
    calldata = sum(16 if byte else 4 for byte in data)
    listed = sum(2400 + 1900 * len(slots) for _, slots in access_list)
    assert OSAKA.intrinsic(data, access_list) == 21_000 + calldata + listed
    assert OSAKA.floor(data) == 21_000 + sum(40 if byte else 10 for byte in data)


def test_known_values():
    assert OSAKA.intrinsic(b"") == OSAKA.floor(b"") == 21_000
    assert OSAKA.intrinsic(b"\x00\x01") == 21_020
    assert OSAKA.floor(b"\x00\x01") == 21_050
    assert OSAKA.transaction_cap == 16_777_216


@given(st.binary(max_size=600), ENTRIES, st.integers(0, 10**20))
def test_glamsterdam(data, access_list, value):
    """EIP-7981's reference implementation, with EIP-2780's base and EIP-8038's entries."""
    surcharge = sum(20 + 32 * len(slots) for _, slots in access_list) * 64
    base = 12_000 + 3_000 + (6_000 if value else 0)
    listed = sum(2_900 + len(slots) * 2_000 for _, slots in access_list)
    calldata = sum(16 if byte else 4 for byte in data)
    assert GLAMSTERDAM.intrinsic(data, access_list, value) == base + calldata + listed + surcharge
    assert GLAMSTERDAM.floor(data, access_list, value) == base + 16 * 4 * len(data) + surcharge


def test_by_name():
    assert gas_schedule("osaka") is OSAKA
    assert gas_schedule("glamsterdam") is GLAMSTERDAM
    with pytest.raises(BadConfiguration, match="'amsterdam' is not known: use one of glamsterdam, osaka"):
        gas_schedule("amsterdam")


@pytest.mark.parametrize("order", [1, -1])
def test_a_fork_begins_at_its_timestamp(order):
    forks = (ForkFrom("osaka", 1_764_798_551), ForkFrom("glamsterdam", 1_800_000_000))[::order]
    assert schedule_at(forks, 1_764_798_551) is OSAKA
    assert schedule_at(forks, 1_799_999_999) is OSAKA
    assert schedule_at(forks, 1_800_000_000) is GLAMSTERDAM
    with pytest.raises(
        BadConfiguration, match="timestamp 1764798550: the profile's first begins at 1764798551"
    ):
        schedule_at(forks, 1_764_798_550)
