"""Transfers, balances and the symbols real tokens answer with."""

import pytest
from eth_abi import encode
from hypothesis import given
from hypothesis import strategies as st

from bot.core.identity import Address, keccak
from bot.core.messages import Log
from bot.protocols.erc20 import (
    TRANSFER_TOPIC,
    Transfer,
    balance_of_calldata,
    decimals_calldata,
    decode_balance,
    decode_decimals,
    decode_symbol,
    decode_transfer,
    symbol_calldata,
)

ADDRESSES = st.binary(min_size=20, max_size=20).map(Address)


def log(topics, data):
    return Log(Address(bytes(20)), tuple(topics), data, 0, bytes(32))


@given(ADDRESSES, ADDRESSES, st.integers(0, 2**256 - 1))
def test_transfer(sender, recipient, amount):
    topics = [TRANSFER_TOPIC, *(encode(["address"], [who]) for who in (sender, recipient))]
    assert decode_transfer(log(topics, encode(["uint256"], [amount]))) == Transfer(sender, recipient, amount)
    with pytest.raises(ValueError, match="4 topics"):  # ERC-721
        decode_transfer(log([*topics, encode(["uint256"], [amount])], b""))
    with pytest.raises(ValueError, match="31 bytes"):
        decode_transfer(log(topics, bytes(31)))


@given(ADDRESSES)
def test_calldata(holder):
    expected = keccak(b"balanceOf(address)")[:4] + encode(["address"], [holder])
    assert balance_of_calldata(holder) == expected
    assert symbol_calldata().hex() == "95d89b41"
    assert decimals_calldata().hex() == "313ce567"


@given(st.integers(0, 2**256 - 1))
def test_numbers(value):
    word = encode(["uint256"], [value])
    assert decode_balance(word) == value
    if value < 256:
        assert decode_decimals(word) == value
    else:
        with pytest.raises(ValueError, match="decimals"):
            decode_decimals(word)


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8))
def test_symbols_as_string_and_as_bytes32(symbol):
    assert decode_symbol(encode(["string"], [symbol])) == symbol
    if len(symbol.encode()) <= 31:
        assert decode_symbol(symbol.encode().ljust(32, b"\x00")) == symbol


def test_symbol_of_maker():
    assert decode_symbol(b"MKR".ljust(32, b"\x00")) == "MKR"


def test_a_hostile_symbol_does_no_harm():
    assert decode_symbol(encode(["string"], ["\x1b[2JETH"])) == "\ufffd[2JETH"
    assert decode_symbol(encode(["bytes"], [b"\xff" * 4])) == "\ufffd" * 4
    assert len(decode_symbol(encode(["string"], ["A" * 10_000]))) == 32


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        bytes(31),
        bytes(32),
        bytes(64),
        encode(["string"], [""]),
        encode(["string"], ["ETH" * 20])[:96],
        (32).to_bytes(32, "big") + (2**255).to_bytes(32, "big"),
    ],
)
def test_what_is_no_symbol_is_refused(answer):
    with pytest.raises(ValueError, match="symbol"):
        decode_symbol(answer)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_numbers_of_another_length_are_refused(size):
    for decode in (decode_balance, decode_decimals):
        with pytest.raises(ValueError, match=f"has {size} bytes"):
            decode(bytes(size))
