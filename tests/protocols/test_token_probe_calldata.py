"""The probe's calldata and answers, beside an independent encoder."""

import pytest
from eth_abi import encode
from hypothesis import given
from hypothesis import strategies as st

from bot.core.identity import keccak, to_checksum
from bot.protocols.token_probe import (
    MOST_HOLDERS,
    Measured,
    ProbeHop,
    decode_look,
    decode_measured,
    decode_short,
    look_calldata,
    send_calldata,
    swap_calldata,
    wrap_calldata,
)

addresses = st.binary(min_size=20, max_size=20)
words = st.integers(0, 2**256 - 1)
HOP = "(address,address,address,uint256,uint256)"


def encoded(name, types, *arguments):
    return keccak(f"{name}({','.join(types)})".encode())[:4] + encode(types, arguments)


@given(addresses, addresses, addresses, words, words, words, addresses)
def test_a_swap_is_the_abi_encoding(pool, token_in, token_out, numerator, denominator, share, to):
    hop = ProbeHop(pool, token_in, token_out, numerator, denominator)
    fields = (to_checksum(pool), to_checksum(token_in), to_checksum(token_out), numerator, denominator)
    assert swap_calldata(hop, share, to) == encoded("swap", [HOP, "uint256", "address"], fields, share, to)


@given(addresses, addresses, words)
def test_a_transfer_and_wrapping_are_the_abi_encoding(token, to, number):
    assert send_calldata(token, to, number) == encoded(
        "send", ["address", "address", "uint256"], token, to, number
    )
    assert wrap_calldata(token, number) == encoded("wrap", ["address", "uint256"], token, number)


@given(addresses, st.lists(addresses, max_size=MOST_HOLDERS))
def test_a_look_is_the_abi_encoding(token, holders):
    assert look_calldata(token, holders) == encoded("look", ["address", "address[]"], token, holders)


def test_a_look_at_too_many_is_refused():
    with pytest.raises(ValueError, match=r"17 holders, a look takes 16"):
        look_calldata(bytes(20), [bytes(20)] * (MOST_HOLDERS + 1))


@given(st.lists(words, min_size=5, max_size=5))
def test_what_was_measured_is_read_back(numbers):
    assert decode_measured(encode(["uint256"] * 5, numbers)) == Measured(*numbers)


@given(st.lists(words, max_size=MOST_HOLDERS))
def test_balances_are_read_back(balances):
    assert decode_look(encode(["uint256[]"], [balances]), len(balances)) == tuple(balances)


@pytest.mark.parametrize("length", [0, 31, 32, 159, 161, 192])
def test_an_answer_of_another_length_is_refused(length):
    with pytest.raises(ValueError, match=rf"answered {length} bytes, expected 160"):
        decode_measured(bytes(length))


@pytest.mark.parametrize(("offset", "count"), [(64, 2), (32, 1), (32, 3)])
def test_balances_of_another_shape_are_refused(offset, count):
    with pytest.raises(ValueError, match="expected 2 at 32"):
        decode_look(encode(["uint256"] * 4, [offset, count, 5, 6]), 2)


@given(words, words)
def test_a_short_payment_tells_its_numbers_and_nothing_else_does(owed, credited):
    data = encoded("Short", ["uint256", "uint256"], owed, credited)
    assert decode_short(data) == (owed, credited)
    assert decode_short(data[:-1]) is None
    assert decode_short(b"\0" + data[1:]) is None
    assert decode_short(b"") is None
