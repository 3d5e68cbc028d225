"""The next base fee: the EIP's own wording, its bound, and 323,911 consecutive pairs of mainnet headers."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.identity import ZERO_ADDRESS, ZERO_HASH
from bot.core.messages import Head
from bot.core.profile import BaseFeeRule
from bot.costs.base_fee import (
    base_fee_after,
    base_fee_bound_down,
    base_fee_bound_up,
    next_base_fee,
    rule_in_header,
)

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
    assert base_fee_bound_up(10**9, 0) == base_fee_bound_down(10**9, 0) == 10**9


RULES = st.builds(BaseFeeRule, st.integers(2, 20), st.integers(1, 500), st.integers(0, 10**10))


@given(FEES, RULES, st.lists(st.tuples(LIMITS, st.floats(0, 1)), min_size=1, max_size=6))
def test_any_chains_rule_keeps_within_both_bounds(base_fee, rule, blocks):
    fee = base_fee
    for count, (limit, fill) in enumerate(blocks, 1):
        fee = base_fee_after(fee, int(limit * fill), limit, rule)
        assert base_fee_bound_down(base_fee, count, rule) <= fee <= base_fee_bound_up(base_fee, count, rule)
        assert fee >= rule.minimum


@given(st.integers(0, 10**13), RULES, st.integers(0, 12))
def test_empty_blocks_reach_the_lower_bound(base_fee, rule, blocks):
    fee = base_fee
    for _ in range(blocks):
        fee = base_fee_after(fee, 0, 30_000_000, rule)
    assert fee == base_fee_bound_down(base_fee, blocks, rule)


# op-geth, consensus/misc/eip1559/eip1559_optimism_test.go: TestCalcBaseFeeOptimism (after Canyon), ...Holocene, ...Jovian.
CANYON = BaseFeeRule(elasticity=6, denominator=250)
GWEI = 10**9
OP_VECTORS = [
    (CANYON, GWEI, 30_000_000, 5_000_000, GWEI),
    (CANYON, GWEI, 30_000_000, 4_000_000, 999_200_000),
    (CANYON, GWEI, 30_000_000, 10_000_000, 1_004_000_000),
    *(
        (BaseFeeRule(elasticity, denominator), 10_000_000, 30_000_000, used, expected)
        for used, expected, denominator, elasticity in (
            (15_000_000, 10_000_000, 10, 2),
            (10_000_000, 9_666_667, 10, 2),
            (20_000_000, 10_333_333, 10, 2),
            (3_000_000, 10_000_000, 2, 10),
            (1_000_000, 6_666_667, 2, 10),
            (30_000_000, 55_000_000, 2, 10),
        )
    ),
    *(
        (BaseFeeRule(3, 50, minimum), fee, 30_000_000, used, expected)
        for minimum, fee, used, expected in (
            (0, 1, 9_000_000, 1),
            (GWEI, 1, 10_000_000, GWEI),
            (GWEI, 1, 11_000_000, GWEI),
            (GWEI, 2 * GWEI, 20_000_000, 2_040_000_000),
            (GWEI, GWEI, 9_000_000, GWEI),
            (GWEI, 2 * GWEI, 9_000_000, 1_996_000_000),
            (0, GWEI, 9_000_000, 998_000_000),
        )
    ),
]


@pytest.mark.parametrize(("rule", "fee", "limit", "used", "expected"), OP_VECTORS)
def test_op_geths_own_vectors(rule, fee, limit, used, expected):
    assert base_fee_after(fee, used, limit, rule) == expected


def test_the_rule_in_an_op_stack_header():
    """TestMinBaseFeeExtraData and TestOptimismExtraData of the same file."""
    jovian = bytes.fromhex("01000000fa00000006000000003b9aca00")
    assert rule_in_header(jovian, CANYON) == BaseFeeRule(6, 250, GWEI)
    assert rule_in_header(b"\x00" + jovian[1:9], BaseFeeRule()) == BaseFeeRule(6, 250, 0)
    assert rule_in_header(b"", CANYON) is CANYON


@pytest.mark.parametrize(
    "extra",
    [
        "01000000fa00000006000000003b9aca",
        "01000000fa00000006",
        "00000000fa00000006000000003b9aca00",
        "01000000fa00000006000000003b9aca0000",
        "000000000000000006",
        "00000000fa00000000",
        "02000000fa00000006",
    ],
)
def test_extra_data_of_another_form_is_refused(extra):
    with pytest.raises(ValueError, match=extra):
        rule_in_header(bytes.fromhex(extra), CANYON)


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
