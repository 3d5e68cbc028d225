"""aggregate3 by hand equals eth_abi, and an answer that is not exactly Solidity's is refused."""

import pytest
from eth_abi import encode
from hypothesis import given
from hypothesis import strategies as st

from bot.core.identity import Address, keccak
from bot.protocols.multicall3 import Call, CallResult, decode_aggregate3_result, encode_aggregate3

SELECTOR = keccak(b"aggregate3((address,bool,bytes)[])")[:4]
CALLS = st.lists(
    st.builds(Call, st.binary(min_size=20, max_size=20).map(Address), st.binary(max_size=100), st.booleans()),
    max_size=8,
)
RESULTS = st.lists(st.builds(CallResult, st.booleans(), st.binary(max_size=100)), max_size=8)


def encoded(results):
    return encode(["(bool,bytes)[]"], [[(result.success, result.data) for result in results]])


def test_selector_is_the_published_one():
    assert encode_aggregate3([])[:4].hex() == "82ad56cb"


@given(CALLS)
def test_calls_equal_eth_abi(calls):
    expected = encode(
        ["(address,bool,bytes)[]"], [[(call.to, call.allow_failure, call.data) for call in calls]]
    )
    assert encode_aggregate3(calls) == SELECTOR + expected


@given(RESULTS)
def test_results_of_eth_abi_come_back(results):
    assert decode_aggregate3_result(encoded(results)) == results


@given(RESULTS, st.data())
def test_a_cut_or_longer_answer_is_refused(results, data):
    whole = encoded(results)
    kept = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ValueError, match=r"."):
        decode_aggregate3_result(whole[:kept])
    with pytest.raises(ValueError, match="bytes follow"):
        decode_aggregate3_result(whole + bytes(data.draw(st.integers(1, 64))))


@given(RESULTS, st.data())
def test_no_changed_byte_goes_unseen(results, data):
    """The encoding is canonical: another string of bytes is another list, or none."""
    whole = bytearray(encoded(results))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    try:
        decoded = decode_aggregate3_result(bytes(whole))
    except ValueError:
        return
    assert decoded != results
    assert encoded(decoded) == whole


def test_an_absurd_count_costs_nothing():
    with pytest.raises(ValueError, match="does not fit"):
        decode_aggregate3_result((32).to_bytes(32, "big") + (2**255).to_bytes(32, "big"))


def test_what_is_no_address_is_refused():
    with pytest.raises(ValueError, match="20 bytes, this one 21"):
        encode_aggregate3([Call(Address(bytes(21)), b"")])
