"""Data fees of rollups against op-geth's and revm's own vectors, and real transactions of OP mainnet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.identity import keccak
from bot.costs.fastlz import fastlz_length
from bot.costs.rollup_fee import (
    ArbitrumFee,
    OpStackFee,
    arbitrum_gas_for_l1_up,
    data_footprint,
    fjord_size,
    longest_fastlz,
)
from tests.costs import op_stack_vectors as vectors

MILLION = 10**6
GETH = {
    "base_fee": 1_000 * MILLION,
    "blob_base_fee": 10 * MILLION,
    "base_fee_scalar": 2,
    "blob_base_fee_scalar": 3,
}
OPERATOR = {"operator_scalar": 1_439_103_868, "operator_constant": 1_256_417_826_609_331_460}
REVM = {"base_fee": 1_000, "blob_base_fee": 1_000, "base_fee_scalar": 1_000, "blob_base_fee_scalar": 1_000}


def test_the_transactions_are_those_of_their_hashes():
    assert keccak(vectors.CONTRACT_CALL).hex() == vectors.CONTRACT_CALL_HASH
    assert keccak(vectors.TRANSFER).hex() == vectors.TRANSFER_HASH
    assert keccak(vectors.SAFE_CALL).hex() == vectors.SAFE_CALL_HASH


@pytest.mark.parametrize(
    ("data", "length"),
    [
        (b"", 0),
        (b"\x01" * 1000, 21),
        (bytes(1000), 21),
        (vectors.EMPTY, 31),
        (vectors.CONTRACT_CALL, 202),
        (bytes.fromhex("FACADE"), 4),
    ],
    ids=["none", "ones", "zeros", "empty", "call", "facade"],
)
def test_fastlz_lengths_of_op_geth(data, length):
    """TestFlzCompressLen; the last one is revm's."""
    assert fastlz_length(data) == length


def noise(size, seed=0):
    """Bytes that hold no match, the same in any language."""
    return b"".join(keccak(bytes([seed]) + place.to_bytes(4, "big")) for place in range(size // 32 + 1))[
        :size
    ]


SOLADY = [
    *(
        (noise(40) + noise(far - 40, 1) + noise(40) + noise(20, 2), n)
        for far, n in ((8_191, 8_470), (8_192, 8_509))
    ),
    *(
        (noise(same, 7) + b"\x01\x02" + noise(same, 7) + noise(40, 4), length)
        for same, length in (
            (3, 50),
            (8, 55),
            (9, 57),
            (264, 320),
            (265, 323),
            (270, 328),
            (271, 330),
            (530, 599),
        )
    ),
    *(
        (noise(50, 5) + noise(50, 5)[10:22] + noise(end, 6), length)
        for end, length in ((0, 64), (1, 65), (2, 66), (3, 61), (4, 61), (5, 61), (6, 62))
    ),
]
"""Lengths that Vectorized/solady's js/solady.js gives (LibZip.flzCompress), which op-geth names as its source: matches
at the furthest distance and beyond it, at each change of their own size, and at the end, where none begins any more."""


@pytest.mark.parametrize(("data", "length"), SOLADY)
def test_fastlz_lengths_of_solady(data, length):
    assert fastlz_length(data) == length


@pytest.mark.parametrize("fork", ["op-fjord", "op-isthmus", "op-jovian"])
@pytest.mark.parametrize(
    ("attributes", "raw", "fee"),
    [
        (GETH, vectors.EMPTY, 3_203_000),
        (REVM, bytes.fromhex("FACADE"), 1_700),
        (REVM, vectors.CONTRACT_CALL, 2_148),
        (REVM, b"", 0),
        (
            {
                "base_fee": 1_055_991_687,
                "blob_base_fee": 1,
                "base_fee_scalar": 5_227,
                "blob_base_fee_scalar": 1_014_213,
            },
            vectors.SAFE_CALL,
            0x05BF1AB43D,
        ),
    ],
)
def test_fjord_and_after(fork, attributes, raw, fee):
    """op-geth's TestNewL1CostFunc; revm's test_calculate_tx_l1_cost_fjord and what OP mainnet charged in 124665056."""
    assert OpStackFee(fork, **attributes).data_fee(raw) == fee


@pytest.mark.parametrize(
    ("attributes", "raw", "fee"),
    [
        (GETH, vectors.EMPTY, 960_900),
        (REVM, bytes.fromhex("FACADE"), 51),
        (REVM, b"", 0),
        (
            {
                "base_fee": 47_036_678_951,
                "blob_base_fee": 57_422_457_042,
                "base_fee_scalar": 1_368,
                "blob_base_fee_scalar": 810_949,
            },
            vectors.TRANSFER,
            7_306_020_222_001,
        ),
    ],
)
def test_ecotone(attributes, raw, fee):
    """op-geth's TestEcotoneL1CostFunc; revm's, and what OP mainnet charged in block 118024092."""
    assert OpStackFee("op-ecotone", **attributes).data_fee(raw) == fee


def test_fjords_least_size_and_the_step_above_it(monkeypatch):
    """op-geth's TestFjordL1CostFuncMinimumBounds and TestFjordL1CostSolidityParity, by FastLZ lengths."""
    sizes = {}
    for length in (100, 150, 170, 171, 175, 200, 235):
        monkeypatch.setattr("bot.costs.rollup_fee.fastlz_length", lambda _, length=length: length)
        sizes[length] = fjord_size(b"any")
        if length == 235:
            solidity = OpStackFee("op-fjord", 2 * MILLION, 3 * MILLION, 20, 15)
            assert solidity.data_fee(b"any") == 105_484
            assert sizes[length] * 16 // MILLION == 2_463
    assert sizes[100] == sizes[150] == sizes[170] == 100 * MILLION
    assert 100 * MILLION < sizes[171] < sizes[175] < sizes[200]


@pytest.mark.parametrize(
    ("fork", "gas", "terms", "fee"),
    [
        ("op-fjord", 1_618, OPERATOR, 0),
        ("op-isthmus", 1_618, OPERATOR, 1_256_417_826_611_659_930),
        ("op-jovian", 1_618, OPERATOR, 1_256_650_673_615_173_860),
        ("op-isthmus", 1_000, {"operator_scalar": 1_000, "operator_constant": 10}, 11),
        ("op-jovian", 1_000, {"operator_scalar": 1_000, "operator_constant": 10}, 100_000_010),
    ],
)
def test_the_operator_fee(fork, gas, terms, fee):
    """op-geth's TestNewOperatorCostFunc, revm's test_operator_fee_charge_formulas."""
    assert OpStackFee(fork, **GETH, **terms).operator_fee(gas) == fee


RAW = st.one_of(
    st.binary(max_size=700),
    st.lists(
        st.sampled_from([b"\0" * 31, b"\0" * 12, b"\xab\xcd\xef", b"\x07", b"0123456789"]), max_size=60
    ).map(b"".join),
)


@given(RAW, st.sampled_from(["op-ecotone", "op-fjord", "op-isthmus", "op-jovian"]), st.integers(0, 10**12))
def test_a_length_alone_never_promises_too_little(raw, fork, price):
    assert fastlz_length(raw) <= longest_fastlz(len(raw))
    fee = OpStackFee(fork, price, price // 3, 5_227, 1_014_213)
    if raw:
        assert fee.data_fee(raw) <= fee.data_fee(len(raw))


def test_the_footprint_is_at_least_a_hundred_bytes():
    """specs/protocol/jovian/exec-engine.md: by whole bytes, and no fewer than 100."""
    assert data_footprint(b"\x01", 400) == 100 * 400
    assert data_footprint(vectors.CONTRACT_CALL, 400) == 126 * 400


def test_arbitrums_share_for_l1_is_gas_and_charged_once():
    fee = ArbitrumFee(10_001)
    assert (fee.data_fee(b"any"), fee.operator_fee(5), fee.gas_for_data()) == (0, 0, 10_001)
    assert fee.padded_up() == 11_002
    assert arbitrum_gas_for_l1_up(1_000_000_001, 20_000_000) == 51
    with pytest.raises(ValueError, match="base fee of 0"):
        arbitrum_gas_for_l1_up(1, 0)
