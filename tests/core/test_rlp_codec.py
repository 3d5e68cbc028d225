"""Our RLP against the `rlp` library, and against every way of writing an item that is not canonical."""

import pytest
import rlp
from hypothesis import given
from hypothesis import strategies as st

from bot.core.rlp_codec import MAX_DEPTH, decode, encode_bytes, encode_integer, encode_list

ITEMS = st.recursive(
    st.binary(max_size=70) | st.binary(min_size=250, max_size=260),
    lambda inner: st.lists(inner, max_size=6),
    max_leaves=20,
)


def encode(item):
    return encode_bytes(item) if isinstance(item, bytes) else encode_list([encode(one) for one in item])


@given(ITEMS)
def test_encodes_as_the_library_and_decodes_its_own(item):
    encoded = encode(item)
    assert encoded == rlp.encode(item)
    assert decode(encoded) == item


@given(st.integers(min_value=0, max_value=1 << 260))
def test_integers_as_the_library(value):
    assert encode_integer(value) == rlp.encode(value)


@given(st.binary(max_size=80))
def test_random_bytes_decode_as_strictly_as_the_library(data):
    try:
        expected = rlp.decode(data, strict=True)
    except (rlp.exceptions.RLPException, IndexError):
        with pytest.raises(ValueError):
            decode(data)
        return
    assert decode(data) == expected
    assert encode(decode(data)) == data


@pytest.mark.parametrize(
    "hex_text",
    [
        "", "8100", "817f", "b800", "b837" + "00" * 55, "b90038" + "00" * 56, "82ff", "c180" + "00", "c2c0",
        "f800", "b8", "c1", "bf" + "ff" * 8,
    ],
)  # fmt: skip
def test_what_is_not_canonical_is_refused(hex_text):
    with pytest.raises(ValueError):
        decode(bytes.fromhex(hex_text))


def test_endless_nesting_is_refused_without_recursing_to_the_end():
    nested = b"\xc0"
    for _ in range(MAX_DEPTH):
        nested = encode_list([nested])
    with pytest.raises(ValueError, match="nested deeper"):
        decode(nested)
