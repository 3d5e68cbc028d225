"""The decoder of `execute` against eth_abi's encoder, and against the contract's own ABI."""

import pytest
from eth_abi import encode
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from oracle.executor_calldata import EXECUTE_SELECTOR, Cycle, ExecuteCall, Hop, decode_execute, rows_of

TYPES = ["(uint256,uint256)[]", "address", "uint256", "uint256", "uint256", "uint256"]
WORDS = st.integers(0, 2**256 - 1)
AMOUNTS = st.integers(0, 2**128 - 1)
ADDRESSES = st.binary(min_size=20, max_size=20)
CYCLES = st.lists(
    st.builds(
        Cycle,
        AMOUNTS,
        st.lists(
            st.builds(Hop, ADDRESSES, st.booleans(), AMOUNTS, st.booleans()), min_size=2, max_size=4
        ).map(tuple),
    ),
    min_size=1,
    max_size=8,
).map(tuple)


@given(st.builds(ExecuteCall, CYCLES, ADDRESSES, WORDS, WORDS, WORDS, WORDS))
def test_every_field_comes_back(call):
    rest = ["0x" + call.base_token.hex(), call.min_profit, call.payment, call.first_block, call.last_block]
    assert decode_execute(EXECUTE_SELECTOR + encode(TYPES, [rows_of(call.cycles), *rest])) == call


def test_the_bits_of_a_row_are_those_of_the_contract():
    """By hand: two hops, a pair and the V3 pool that ends the cycle."""
    first, last = Hop(b"\x11" * 20, True, 7), Hop(b"\x22" * 20, False, 9, is_v3=True)
    rows = [(0x01 << 160 | 0x1111111111111111111111111111111111111111, 5 << 128 | 7)]
    rows.append((0x06 << 160 | 0x2222222222222222222222222222222222222222, 9))
    assert rows_of((Cycle(5, (first, last)),)) == rows


def test_hops_without_an_end_are_refused():
    rows = rows_of((Cycle(5, (Hop(b"\x11" * 20, True, 7),) * 2),))
    with pytest.raises(ValueError, match="1 hops belong to no cycle"):
        decode_execute(EXECUTE_SELECTOR + encode(TYPES, [[*rows, rows[0]], "0x" + "00" * 20, 0, 0, 0, 0]))


def test_another_selector_is_refused():
    with pytest.raises(ValueError, match="selector"):
        decode_execute(keccak(text="sweep(address)")[:4] + bytes(32))


def test_what_a_call_says_of_itself():
    def cycle(*outs):
        return Cycle(100, tuple(Hop(bytes([pool]) * 20, True, out) for pool, out in enumerate(outs)))

    call = ExecuteCall((cycle(5, 107), cycle(5, 6, 103)), bytes(20), 0, 0, 1, 1)
    assert call.gain == 10
    assert call.shape == (2, 3)
    assert call.pools == {bytes([pool]) * 20 for pool in range(3)}
