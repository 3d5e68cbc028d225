"""The lens's calldata is the ABI's, bit by bit, and its packed answers are read back; bent answers are refused."""

import pytest
from eth_abi import encode
from hypothesis import given
from hypothesis import strategies as st

from bot.core.identity import keccak
from bot.protocols import pool_lens
from bot.protocols.pool_lens import TickMapPart, TickMapRequest

addresses = st.binary(min_size=20, max_size=20)
spacings = st.integers(1, 887_272)


def answer(words):
    return encode(["uint256[]"], [words])


@given(st.lists(addresses, max_size=20))
def test_reserves_calldata_is_the_abis(pairs):
    expected = keccak(b"reserves(address[])")[:4] + encode(["address[]"], [pairs])
    assert pool_lens.reserves_calldata(pairs) == expected


@given(st.lists(st.tuples(addresses, spacings, st.floats(0, 1)), max_size=20))
def test_tick_maps_calldata_is_the_abis(pools):
    requests = []
    for pool, spacing, share in pools:
        first, last = pool_lens.first_word(spacing), pool_lens.last_word(spacing)
        requests.append(TickMapRequest(pool, spacing, first + round(share * (last - first))))
    packed = [
        int.from_bytes(one.pool, "big") + one.tick_spacing * 2**160 + (one.first_word + 32768) * 2**184
        for one in requests
    ]
    expected = keccak(b"tick_maps(uint256[])")[:4] + encode(["uint256[]"], [packed])
    assert pool_lens.tick_maps_calldata(requests) == expected


@given(spacings)
def test_first_and_last_words_hold_the_outermost_usable_ticks(spacing):
    most = 887_272 // spacing
    assert pool_lens.first_word(spacing) == (-most) // 256
    assert pool_lens.last_word(spacing) == most // 256


def test_what_no_pool_has_is_refused():
    for spacing in (0, -1, 887_273):
        with pytest.raises(ValueError, match="spacing"):
            pool_lens.first_word(spacing)
    for word in (-348, 347):
        with pytest.raises(ValueError, match="outside"):
            pool_lens.tick_maps_calldata([TickMapRequest(bytes(20), 10, word)])
    with pytest.raises(ValueError, match="at most"):
        pool_lens.reserves_calldata([bytes(20)] * (pool_lens.MOST_POOLS + 1))


def test_reserves_are_read_back_and_no_answer_is_none():
    words = [3 | 4 << 112, 2**256 - 1, (2**112 - 1) | (2**112 - 1) << 112, 0]
    expected = [(3, 4), None, (2**112 - 1, 2**112 - 1), (0, 0)]
    assert pool_lens.decode_reserves(answer(words)) == expected


ticks_of_a_pool = st.lists(
    st.tuples(st.integers(-887_272, 887_272), st.integers(1, 2**128 - 1), st.integers(-(2**127), 2**127 - 1)),
    max_size=6,
)


@given(
    st.lists(
        st.one_of(
            st.none(),
            st.builds(
                TickMapPart,
                st.integers(0, 2**160 - 1),
                st.integers(-887_272, 887_272),
                st.integers(0, 2**128 - 1),
                ticks_of_a_pool.map(tuple),
                st.integers(-3466, 32767),
            ),
        ),
        max_size=5,
    )
)
def test_tick_maps_are_read_back(parts):
    words = []
    for part in parts:
        if part is None:
            words += [2**256 - 1, 0, 0, 32768 << 32]
            continue
        words += [part.sqrt_price, part.tick % 2**256, part.liquidity]
        words.append(len(part.ticks) | (part.next_word + 32768) << 32)
        for tick, gross, net in part.ticks:
            words += [gross | (tick % 2**24) << 128, net % 2**256]
    assert pool_lens.decode_tick_maps(answer(words)) == parts


GOOD = answer([1, 0, 5, 1 | 65535 << 32, 9, 9])


@pytest.mark.parametrize(
    "bent",
    [
        b"",
        GOOD[:-1],
        GOOD[:-32],
        GOOD + bytes(32),
        bytes(32) + GOOD[32:],
        answer([1, 0, 5]),
        answer([1, 0, 5, 2 | 65535 << 32, 9, 9]),
    ],
)
def test_bent_answers_are_refused(bent):
    assert len(pool_lens.decode_tick_maps(GOOD)) == 1
    with pytest.raises(ValueError, match="word"):
        pool_lens.decode_tick_maps(bent)
