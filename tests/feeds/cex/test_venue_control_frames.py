"""What the exchanges say beside data: every documented frame means what it should, and no bytes raise."""

import itertools
import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from venue_frames import FRAMES

from bot.feeds.cex.control_frame import LONGEST_FRAME, LONGEST_REASON
from bot.feeds.cex.venue import (
    Acknowledged,
    Control,
    Halted,
    Heartbeat,
    Ignored,
    Malformed,
    Pong,
    Refused,
    Shutdown,
    TooFast,
)
from bot.feeds.cex.venues import VENUES

CASES = [(name, payload, meaning) for name in FRAMES for payload, meaning in FRAMES[name]]
NAMES = (
    "e",
    "E",
    "data",
    "event",
    "error",
    "Error",
    "code",
    "msg",
    "result",
    "id",
    "type",
    "channel",
    "message",
)
NAMES += (
    "reason",
    "events",
    "subscriptions",
    "level2",
    "method",
    "success",
    "symbol",
    "time_out",
    "system",
    "arg",
)
NAMES += ("instId", "connCount", "op", "ret_msg", "ret_code", "retCode", "req_id", "args", "stream", "topic")
WORDS = (
    "serverShutdown",
    "error",
    "subscribe",
    "unsubscribe",
    "pong",
    "ping",
    "notice",
    "64008",
    "60018",
    "status",
)
WORDS += (
    "heartbeat",
    "heartbeats",
    "subscriptions",
    "online",
    "maintenance",
    "channel-conn-count-error",
    "ETHxUSDTx1",
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(WORDS)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=6), inner, max_size=6)
    ),
    max_leaves=20,
)


@pytest.mark.parametrize(("name", "payload", "meaning"), CASES)
def test_a_documented_frame_means_what_is_documented(name, payload, meaning):
    control = VENUES[name].control(payload)
    if isinstance(meaning, type):
        assert type(control) is meaning
    else:
        assert control == meaning
        assert type(control) is type(meaning)


def test_every_meaning_has_a_frame_where_the_exchange_has_the_word_for_it():
    """No table above is empty of a kind by oversight."""
    kinds = {name: {type(VENUES[name].control(payload)) for payload, _ in FRAMES[name]} for name in FRAMES}
    assert all({Acknowledged, Refused, Ignored, TooFast} <= found for found in kinds.values())
    assert {name for name, found in kinds.items() if Pong in found} == {"kraken", "okx", "bybit"}
    assert {name for name, found in kinds.items() if Heartbeat in found} == {"coinbase", "kraken"}
    assert {name for name, found in kinds.items() if Shutdown in found} == {"binance", "binance-usdm", "okx"}
    assert {name for name, found in kinds.items() if Halted in found} == {"kraken"}


def checked(control):
    """One of the union, its words fit for a terminal."""
    assert isinstance(control, Control)
    for words in (getattr(control, "reason", ""), getattr(control, "what", "")):
        assert len(words) <= LONGEST_REASON
        assert words.isprintable()
    return control


@given(value=JSON)
@settings(deadline=None)
def test_any_json_is_taken(value):
    payload = json.dumps(value).encode()
    for venue in VENUES.values():
        control = checked(venue.control(payload))
        if not isinstance(value, dict):
            assert type(control) is Malformed


@given(payload=st.binary(max_size=300))
@settings(deadline=None)
def test_any_bytes_are_taken(payload):
    for venue in VENUES.values():
        checked(venue.control(payload))


@given(at=st.integers(0, 400), byte=st.integers(0, 255))
@settings(deadline=None, max_examples=50)
def test_a_documented_frame_with_a_byte_changed_is_taken(at, byte):
    for name, payload, _ in CASES:
        changed = bytearray(payload)
        changed[at % len(payload)] = byte
        checked(VENUES[name].control(bytes(changed)))


@pytest.mark.parametrize("name", FRAMES)
def test_a_truncated_frame_is_malformed(name):
    cut = 0
    for payload, _ in FRAMES[name]:
        for size in range(len(payload)):
            assert type(checked(VENUES[name].control(payload[:size]))) is Malformed
            cut += 1
    assert cut > 300


@pytest.mark.parametrize("name", FRAMES)
def test_a_member_of_another_type_is_taken(name):
    """Each member of each documented frame, replaced by each type of JSON."""

    def replaced(value, by):
        """All copies of `value` with one of its parts replaced."""
        yield by
        if isinstance(value, dict):
            for key, member in value.items():
                yield from ({**value, key: copy} for copy in replaced(member, by))
        if isinstance(value, list):
            for at, member in enumerate(value):
                yield from ([*value[:at], copy, *value[at + 1 :]] for copy in replaced(member, by))

    taken = 0
    for payload, _ in FRAMES[name]:
        if payload.startswith(b"{"):
            for by in (None, True, 7, -1, 2**70, 1.5, "x", "", [], {}, [[]], {"a": [{}]}):
                for value in replaced(json.loads(payload), by):
                    checked(VENUES[name].control(json.dumps(value).encode()))
                    taken += 1
    assert taken > 500


@pytest.mark.parametrize("name", VENUES)
@pytest.mark.parametrize(
    "payload",
    [
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b"[" * 20_000,
        b'{"data":' * 8_000 + b"1" + b"}" * 8_000,
        b'{"x":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        b"",
        b"null",
        b"NaN",
        b'{"code":1e999}',
        b'{"e":"\xff\xfe"}',
        b'{"msg":"\\ud800"}',
        b'\xef\xbb\xbf{"e":"serverShutdown"}',
        b"{}" * 40_000,
    ],
    ids=lambda payload: f"{payload[:9]!r} {len(payload)}",
)
def test_what_breaks_parsers_breaks_nothing(name, payload):
    assert type(checked(VENUES[name].control(payload))) in (Malformed, Ignored)


@pytest.mark.parametrize("name", VENUES)
def test_a_long_frame_is_not_even_read(name):
    long = b'{"x":"' + b"a" * LONGEST_FRAME + b'"}'
    assert type(VENUES[name].control(long)) is Malformed
    assert type(VENUES[name].control(b'{"x":"' + b"a" * (LONGEST_FRAME - 8) + b'"}')) is Ignored


@given(words=st.text())
@settings(deadline=None)
def test_an_exchange_s_words_are_fit_for_a_terminal(words):
    frames = (
        {"code": 2, "msg": words},
        {"type": "error", "message": words, "reason": words},
        {"method": "subscribe", "error": words, "success": False},
        {"event": "error", "code": "60012", "msg": words},
        {"op": "subscribe", "success": False, "ret_msg": words},
    )
    for venue, frame in itertools.product(VENUES.values(), frames):
        checked(venue.control(msgspec.json.encode(frame)))


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("bybit", b'{"op":"pong","args":["' + b"9" * 5000 + b'"]}'),
        ("bybit", '{"op":"pong","args":["\u0661\u00b2"]}'.encode()),
        ("bybit", b'{"op":"pong","args":[]}'),
        ("kraken", b'{"method":"pong","time_out":"2023-09-25T09:05:00"}'),
        ("kraken", b'{"method":"pong","time_out":"0001-01-01T00:00:00+23:59"}'),
        ("kraken", b'{"method":"pong","time_out":"soon"}'),
    ],
)
def test_a_pong_without_a_usable_time_is_one(name, payload):
    control = VENUES[name].control(payload)
    assert type(control) is Pong
    assert control.server_time is None or control.server_time < 0
