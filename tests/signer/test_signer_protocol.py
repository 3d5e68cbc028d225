import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.signer_protocol import (
    MAX_FRAME_BYTES,
    Hello,
    HelloReply,
    NonceNoted,
    Refused,
    ReportNonce,
    SignCancellation,
    Signed,
    SignExecution,
    WalletStatus,
    decode_frames,
    decode_reply,
    decode_request,
    encode_frame,
)

counts = st.integers(0, 2**64 - 1)
requests = st.one_of(
    st.builds(Hello, st.integers(0, 9)),
    st.builds(SignExecution, st.text(), st.text(), st.binary()),
    st.builds(SignCancellation, st.text(), st.binary()),
    st.builds(ReportNonce, st.text(), counts, counts),
)
statuses = st.builds(
    WalletStatus, st.text(), st.binary(), st.none() | counts, st.none() | counts, counts, counts
)
replies = st.one_of(
    st.builds(HelloReply, counts, counts, st.lists(statuses, max_size=3).map(tuple), st.none() | st.text()),
    st.builds(Signed, st.binary(), counts),
    st.builds(NonceNoted, counts),
    st.builds(Refused, st.text(), st.text(), st.text()),
)


@given(st.lists(requests, min_size=1), st.data())
def test_requests_survive_any_cutting_of_the_stream(sent, data):
    stream = b"".join(map(encode_frame, sent))
    buffer, received = bytearray(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        buffer += stream[:size]
        stream = stream[size:]
        received += map(decode_request, decode_frames(buffer))
    assert received == sent
    assert not buffer


@given(replies)
def test_replies_survive(reply):
    assert decode_reply(encode_frame(reply)[4:]) == reply


@pytest.mark.parametrize("length", [0, MAX_FRAME_BYTES + 1, 2**32 - 1])
def test_a_length_that_cannot_be_ours(length):
    with pytest.raises(ValueError, match=f"a frame of {length} bytes"):
        decode_frames(bytearray(length.to_bytes(4, "big")))


def test_the_largest_frame_and_one_byte_more():
    overhead = len(encode_frame(SignCancellation("main", b"x" * 60_000))) - 60_000 - 4
    largest = SignCancellation("main", b"x" * (MAX_FRAME_BYTES - overhead))
    (body,) = decode_frames(bytearray(encode_frame(largest)))
    assert decode_request(body) == largest
    with pytest.raises(ValueError, match="at most"):
        encode_frame(SignCancellation("main", largest.payload + b"x"))


def test_there_is_no_request_to_sign_a_hash():
    """The only requests that lead to a signature carry whole transactions, and none is missing here."""
    tags = {kind.__struct_config__.tag for kind in (Hello, SignExecution, SignCancellation, ReportNonce)}
    assert tags == {"hello", "sign_execution", "sign_cancellation", "report_nonce"}
    for name in ("sign", "sign_hash", "sign_digest", "sign_message"):
        with pytest.raises(ValueError, match="Invalid value"):
            decode_request(
                b"\x82\xa4type" + bytes([0xA0 + len(name)]) + name.encode() + b"\xa4hash\xc4\x20" + bytes(32)
            )
