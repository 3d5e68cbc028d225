"""Intrinsic and floor gas against the EIPs' wording."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import BadConfiguration
from bot.costs.gas_schedule import OSAKA, gas_schedule

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


def test_by_name():
    assert gas_schedule("osaka") is OSAKA
    with pytest.raises(BadConfiguration, match="'amsterdam' is not known: use one of osaka"):
        gas_schedule("amsterdam")
