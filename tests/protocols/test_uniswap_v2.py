"""The formula against its definition, calldata and answers against eth_abi, malformed answers refused."""

import pytest
from eth_abi import encode
from hypothesis import given
from hypothesis import strategies as st

from bot.core.identity import Address, address_from_hex, keccak
from bot.core.messages import Log
from bot.core.units import UINT112_MAX
from bot.protocols.uniswap_v2 import (
    PAIR_CREATED_TOPIC,
    SWAP_TOPIC,
    SYNC_TOPIC,
    all_pairs_calldata,
    all_pairs_length_calldata,
    amount_in_up,
    amount_out_down,
    decode_address,
    decode_length,
    decode_pair_created,
    decode_reserves,
    decode_sync,
    factory_calldata,
    get_pair_calldata,
    least_amount_in,
    pair_address,
    reserves_calldata,
    swap_calldata,
    token0_calldata,
    token1_calldata,
    unpack_reserves_slot,
)

RESERVES = st.integers(1, UINT112_MAX)
FEES = st.sampled_from([(997, 1000), (998, 1000), (9975, 10000), (1, 1), (1, 1000)])
ADDRESSES = st.binary(min_size=20, max_size=20).map(Address)
TX = bytes(32)


def selector(signature):
    return keccak(signature.encode())[:4]


def k_allows(amount_in, amount_out, reserve_in, reserve_out, fee):
    """UniswapV2Pair.swap's check, as the pair computes it with its balances equal to its reserves."""
    numerator, denominator = fee
    adjusted_in = (reserve_in + amount_in) * denominator - amount_in * (denominator - numerator)
    adjusted_out = (reserve_out - amount_out) * denominator
    return adjusted_in * adjusted_out >= reserve_in * reserve_out * denominator**2


def test_published_vector():
    assert amount_out_down(10**18, 1000 * 10**18, 2 * 10**12, 997, 1000) == 1_992_013_962


@given(st.integers(0, UINT112_MAX), RESERVES, RESERVES, FEES)
def test_output_is_the_most_k_allows(amount_in, reserve_in, reserve_out, fee):
    out = amount_out_down(amount_in, reserve_in, reserve_out, *fee)
    assert 0 <= out < reserve_out
    assert k_allows(amount_in, out, reserve_in, reserve_out, fee)
    assert not k_allows(amount_in, out + 1, reserve_in, reserve_out, fee)


@given(st.integers(1, UINT112_MAX), RESERVES, st.integers(2, UINT112_MAX), FEES)
def test_least_input_is_the_inverse(seed, reserve_in, reserve_out, fee):
    out = seed % (reserve_out - 1) + 1
    least = least_amount_in(out, reserve_in, reserve_out, *fee)
    assert amount_out_down(least, reserve_in, reserve_out, *fee) >= out
    assert amount_out_down(least - 1, reserve_in, reserve_out, *fee) < out
    charged = amount_in_up(out, reserve_in, reserve_out, *fee)
    rest = reserve_in * out * fee[1] % ((reserve_out - out) * fee[0])
    assert charged == least + (rest == 0)


@pytest.mark.parametrize("formula", [amount_in_up, least_amount_in])
@pytest.mark.parametrize("amount_out", [10, 11])
def test_a_pair_never_pays_all_it_holds(formula, amount_out):
    with pytest.raises(ValueError, match=f"{amount_out} out of a reserve of 10"):
        formula(amount_out, 10, 10, 997, 1000)


def test_addresses_of_mainnet_pairs():
    factory = address_from_hex("0x5C69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6f")
    code = bytes.fromhex("96e8ac4277198ff8b6f785478aa9a39f403cb768dd02cbee326c3e7da348845f")
    weth = address_from_hex("0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2")
    usdc = address_from_hex("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48")
    pair = address_from_hex("0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc")
    assert pair_address(factory, weth, usdc, code) == pair_address(factory, usdc, weth, code) == pair


def test_topics_are_the_published_ones():
    assert SYNC_TOPIC.hex() == "1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1"
    assert PAIR_CREATED_TOPIC.hex() == "0d3648bd0f6ba80134a33ba9275ac585d9d315f0ad8355cddefde31afa28d0e9"
    assert SWAP_TOPIC.hex() == "d78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822"


def test_views_are_called_by_their_selectors():
    assert reserves_calldata().hex() == "0902f1ac"
    assert token0_calldata() == selector("token0()")
    assert token1_calldata() == selector("token1()")
    assert factory_calldata() == selector("factory()")
    assert all_pairs_length_calldata() == selector("allPairsLength()")


@given(st.integers(0, 2**256 - 1), st.integers(0, 2**256 - 1), ADDRESSES, ADDRESSES, st.binary(max_size=70))
def test_calldata_equals_eth_abi(one, two, a, b, data):
    assert all_pairs_calldata(one) == selector("allPairs(uint256)") + encode(["uint256"], [one])
    pair = encode(["address", "address"], [a, b])
    assert get_pair_calldata(a, b) == selector("getPair(address,address)") + pair
    swap = encode(["uint256", "uint256", "address", "bytes"], [one, two, a, data])
    assert swap_calldata(one, two, a, data) == selector("swap(uint256,uint256,address,bytes)") + swap


@pytest.mark.parametrize("value", [-1, 2**256])
def test_what_fits_no_word_is_refused(value):
    with pytest.raises(ValueError, match="uint256"):
        all_pairs_calldata(value)
    with pytest.raises(ValueError, match="uint256"):
        swap_calldata(0, value, Address(bytes(20)))


def test_what_is_no_address_is_refused():
    with pytest.raises(ValueError, match="20 bytes, this one 19"):
        get_pair_calldata(Address(bytes(20)), Address(bytes(19)))


@given(RESERVES, RESERVES, st.integers(0, 2**32 - 1))
def test_reserves_by_answer_log_and_slot(r0, r1, time):
    answer = encode(["uint112", "uint112", "uint32"], [r0, r1, time])
    assert decode_reserves(answer) == (r0, r1)
    assert decode_sync(Log(Address(bytes(20)), (SYNC_TOPIC,), answer[:64], 0, TX)) == (r0, r1)
    word = (r0 | r1 << 112 | time << 224).to_bytes(32, "big")
    assert unpack_reserves_slot(word) == (r0, r1, time)


@given(ADDRESSES, st.integers(0, 2**256 - 1))
def test_one_word_answers(address, number):
    assert decode_address(encode(["address"], [address])) == address
    assert decode_length(encode(["uint256"], [number])) == number


@given(ADDRESSES, ADDRESSES, ADDRESSES, st.integers(1, 10**6))
def test_pair_created(a, b, pair, count):
    topics = (PAIR_CREATED_TOPIC, encode(["address"], [a]), encode(["address"], [b]))
    log = Log(Address(bytes(20)), topics, encode(["address", "uint256"], [pair, count]), 0, TX)
    if a < b:
        assert decode_pair_created(log) == (a, b, pair)
    else:
        with pytest.raises(ValueError, match="is not below"):
            decode_pair_created(log)


@pytest.mark.parametrize("decode", [decode_reserves, decode_address, decode_length, unpack_reserves_slot])
@pytest.mark.parametrize("size", [0, 1, 31, 33, 63, 64, 65, 95, 97, 128])
def test_answers_of_another_length_are_refused(decode, size):
    with pytest.raises(ValueError, match=f"has {size} bytes"):
        decode(bytes(size))


@pytest.mark.parametrize("place", [0, 1])
def test_reserves_over_uint112_are_refused(place):
    words = [1, 1, 1]
    words[place] = UINT112_MAX + 1
    data = encode(["uint256"] * 3, words)
    with pytest.raises(ValueError, match=f"reserve{place} {UINT112_MAX + 1}"):
        decode_reserves(data)
    with pytest.raises(ValueError, match=f"reserve{place} {UINT112_MAX + 1}"):
        decode_sync(Log(Address(bytes(20)), (SYNC_TOPIC,), data[:64], 0, TX))


@pytest.mark.parametrize(
    ("topics", "data"),
    [
        ((), bytes(64)),
        ((SWAP_TOPIC,), bytes(64)),
        ((SYNC_TOPIC, bytes(32)), bytes(64)),
        ((SYNC_TOPIC,), bytes(63)),
        ((SYNC_TOPIC,), bytes(96)),
    ],
)
def test_what_is_no_sync_is_refused(topics, data):
    with pytest.raises(ValueError, match="expected"):
        decode_sync(Log(Address(bytes(20)), topics, data, 0, TX))


@pytest.mark.parametrize("place", [1, 2])
def test_dirty_address_words_are_refused(place):
    topics = [PAIR_CREATED_TOPIC, bytes(31) + b"\x01", bytes(31) + b"\x02"]
    topics[place] = b"\x01" + topics[place][1:]
    with pytest.raises(ValueError, match="no address"):
        decode_pair_created(Log(Address(bytes(20)), tuple(topics), bytes(64), 0, TX))
    with pytest.raises(ValueError, match="no address"):
        decode_address(b"\x01" * 32)
