"""The next base fee: the EIP's own wording, its bound, and 323,911 consecutive pairs of mainnet headers."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.identity import ZERO_ADDRESS, ZERO_HASH
from bot.core.messages import Head
from bot.costs.base_fee import base_fee_bound_up, next_base_fee

FEES = st.one_of(st.integers(0, 20), st.integers(0, 10**13))
LIMITS = st.integers(5_000, 10**9)


def head(base_fee, gas_used, gas_limit, number=1):
    return Head(number, ZERO_HASH, ZERO_HASH, 0, base_fee, gas_used, gas_limit, ZERO_ADDRESS)


def by_the_eip(base_fee, gas_used, gas_limit):
    """EIP-1559's pseudocode, name by name."""
    parent_gas_target = gas_limit // 2
    if gas_used == parent_gas_target:
        return base_fee
    if gas_used > parent_gas_target:
        gas_used_delta = gas_used - parent_gas_target
        return base_fee + max(base_fee * gas_used_delta // parent_gas_target // 8, 1)
    gas_used_delta = parent_gas_target - gas_used
    return base_fee - base_fee * gas_used_delta // parent_gas_target // 8


@given(FEES, LIMITS, st.data())
def test_equals_the_eip_and_keeps_the_bound(base_fee, limit, data):
    used = data.draw(st.integers(0, limit))
    following = next_base_fee(head(base_fee, used, limit))
    assert following == by_the_eip(base_fee, used, limit)
    assert 0 <= following <= base_fee_bound_up(base_fee, 1)


@pytest.mark.parametrize("limit", [5_000, 5_001, 30_029_267, 60_000_000])
@pytest.mark.parametrize("base_fee", [0, 1, 7, 8, 10**9, 123_456_789_012])
def test_full_blocks_never_pass_the_bound(limit, base_fee):
    fee = base_fee
    for blocks in range(12):
        assert fee <= base_fee_bound_up(base_fee, blocks)
        fee = next_base_fee(head(fee, limit, limit))
    assert base_fee_bound_up(base_fee, 12) <= fee * 1.01 + 60


def test_bound_of_no_block_is_the_fee_itself():
    assert base_fee_bound_up(10**9, 0) == 10**9


def test_a_header_without_gas_is_refused():
    with pytest.raises(ValueError, match="gas limit of 1"):
        next_base_fee(head(10, 0, 1))


def read_columns(path, *names):
    """Columns of a parquet file as lists."""
    try:
        from pyarrow import parquet  # noqa: PLC0415  # read by this one test
    except ImportError:
        pytest.fail("recorded headers are parquet: add pyarrow to locks/venv.in and run scripts/lock")
    table = parquet.read_table(path, columns=list(names))
    return [table[name].to_pylist() for name in names]


def test_recorded_headers(ground_truth):
    folder = ground_truth("headers")
    rows = []
    for path in sorted(folder.glob("*.parquet")):
        names = ("block_number", "base_fee", "gas_used", "gas_limit", "gas_limit_source")
        rows += zip(*read_columns(path, *names), strict=True)
    compared, wrong = 0, []
    for row, following in pairwise(rows):
        number, base_fee, used, limit, source = row
        if source != "relay" or following[0] != number + 1:
            continue
        compared += 1
        if next_base_fee(head(base_fee, used, limit, number)) != following[1]:
            wrong.append(number)
    assert not wrong[:10]
    assert compared == 323_911
    ground_truth.count(compared)
