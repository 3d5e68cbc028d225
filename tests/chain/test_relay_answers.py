"""Whatever a relay sends: no exception, and no yes that was not one."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bot.chain.relay_answers import decode_answer, decode_bundle_hash, decode_called_bundle, decode_sent_hash
from bot.core.result import Ok, Reverted, Unknown


@given(st.integers(100, 599), st.binary(max_size=200), st.integers(1, 5))
def test_no_body_raises_or_is_taken_for_a_yes(status, body, request_id):
    answer = decode_answer(status, body, request_id)
    assert isinstance(answer, Reverted | Unknown) or (status == 200 and b'"result"' in body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "result", "error", "message"]), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(JSON)
def test_ok_needs_our_id_a_result_and_no_error(answer):
    decoded = decode_answer(200, msgspec.json.encode(answer), 1)
    if isinstance(decoded, Ok):
        assert answer["id"] == 1
        assert answer["id"] is not True
        assert answer.get("error") is None
        assert decoded.value == answer["result"]


@given(JSON)
def test_no_result_raises_in_a_decoder(result):
    for decoded in (
        decode_bundle_hash(result),
        decode_called_bundle(result),
        decode_sent_hash(result, bytes(32)),
    ):
        assert isinstance(decoded, Ok | Unknown)
    assert not isinstance(decode_sent_hash(result, bytes(32)), Ok)


@given(st.text(max_size=2_000))
def test_a_relays_words_are_one_short_printable_line(words):
    answer = decode_answer(200, msgspec.json.encode({"id": 1, "error": {"code": -1, "message": words}}), 1)
    assert isinstance(answer, Reverted)
    assert len(answer.reason) <= 200
    assert answer.reason.isprintable()
