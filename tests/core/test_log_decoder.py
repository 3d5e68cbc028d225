"""The fast decoder of logs and the plain one say the same of any answer: the same logs, or that it is malformed."""

import msgspec
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from bot.core import log_decoder
from bot.core.ethereum_json import MalformedAnswer, decode_logs_of
from bot.core.log_decoder import LogDecoder

BLOCK = bytes.fromhex("ab" * 32)
HASHES = st.sampled_from(["0x" + f"{n:02x}" * 32 for n in range(3)])
LOGS = st.fixed_dictionaries(
    {
        "address": st.sampled_from(["0x" + "22" * 20, "0x" + "Fe" * 20]),
        "topics": st.lists(HASHES, max_size=4),
        "data": st.binary(max_size=70).map(lambda raw: "0x" + raw.hex()),
        "blockHash": st.sampled_from(["0x" + "ab" * 32, "0x" + "AB" * 32]),
        "blockNumber": st.just("0x10"),
        "transactionHash": HASHES,
        "logIndex": st.integers(0, 2**20).map(hex),
    },
    optional={"removed": st.sampled_from([False, None])},
)
BENT_TEXTS = [
    *("", "0x", "0x1", "0x_1", "0x 1", "0x11 22", "1122", "0X1122", "0xzz", "0x١", "+0x1", "0x0", " 0x11"),
    *("0x" + "11" * 33, "0x" + "11" * 32, "0x" + "11" * 20, "0x" + "11" * 31 + " 1", "0x" + "11" * 32 + " "),
]
BENT = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 2**70),
    st.text(max_size=5),
    st.lists(st.sampled_from(["0x" + "00" * 32, "0x00", None, 5]), max_size=6),
    st.dictionaries(st.text(max_size=2), st.none(), max_size=1),
    st.sampled_from(BENT_TEXTS),
)


def plainly(answer):
    try:
        return decode_logs_of(BLOCK)(msgspec.json.decode(answer))
    except (MalformedAnswer, msgspec.DecodeError):
        return None


def quickly(decoder, answer):
    try:
        return decoder.decode(answer, BLOCK)
    except MalformedAnswer:
        return None


def in_order(logs):
    """Most answers are good ones: ascending, without repeats."""
    by_index = {int(log["logIndex"], 16): log for log in logs}
    return [by_index[index] for index in sorted(by_index)]


@st.composite
def mutated(draw):
    """A good answer with one thing bent, removed, put out of order or cut."""
    logs = [dict(log) for log in draw(st.lists(LOGS, min_size=1, max_size=5).map(in_order))]
    log = logs[draw(st.integers(0, len(logs) - 1))]
    name = draw(st.sampled_from([*sorted(log), "removed", "unheard of"]))
    how = draw(st.sampled_from(["bent", "topic", "gone", "reversed", "not a log", "not a list", "cut"]))
    if how == "bent":
        log[name] = draw(BENT)
    elif how == "topic":
        log["topics"] = [*log["topics"][:3], draw(BENT)]
    elif how == "gone":
        log.pop(name, None)
    elif how == "reversed":
        logs.reverse()
    elif how == "not a log":
        logs.append(draw(BENT))
    whole = msgspec.json.encode({"logs": logs} if how == "not a list" else logs)
    return whole[: draw(st.integers(0, len(whole)))] if how == "cut" else whole


@given(st.lists(st.lists(LOGS, max_size=6).map(in_order), max_size=3))
@settings(deadline=None)
def test_good_answers_block_after_block(blocks):
    decoder = LogDecoder()
    for logs in blocks:
        answer = msgspec.json.encode(logs)
        decoded = quickly(decoder, answer)
        assert decoded is not None
        assert decoded == plainly(answer)
        assert len(decoded) == len(logs)


KEPT = LogDecoder()
"""Over all examples: what it remembers must never make a bad answer good."""


@given(mutated())
@settings(deadline=None, max_examples=500)
def test_bent_answers_are_judged_alike(answer):
    expected = plainly(answer)
    event("refused" if expected is None else "taken all the same")
    assert quickly(KEPT, answer) == expected
    assert quickly(LogDecoder(), answer) == expected


def test_every_field_with_every_bent_text():
    good = {
        "address": "0x" + "22" * 20,
        "topics": ["0x" + "33" * 32],
        "data": "0x0102",
        "blockHash": "0x" + "ab" * 32,
        "transactionHash": "0x" + "44" * 32,
        "logIndex": "0x3",
    }
    verdicts = []
    for field in good:
        for text in BENT_TEXTS:
            answer = msgspec.json.encode([good | {field: [text] if field == "topics" else text}])
            expected = plainly(answer)
            assert quickly(LogDecoder(), answer) == expected, (field, text)
            verdicts.append(expected is None)
    assert 60 < sum(verdicts) < len(verdicts)


def test_not_every_bent_answer_is_refused_and_not_every_one_taken():
    seen = set()

    @given(mutated())
    @settings(deadline=None, max_examples=100, database=None, derandomize=True)
    def look(answer):
        seen.add(plainly(answer) is None)

    look()
    assert seen == {True, False}


@pytest.mark.parametrize("answer", [b"", b"[", b"null", b"{}", b'"[]"', b"[[]]", b"[" * 100_000, b'["\xff"]'])
def test_what_is_no_list_of_logs(answer):
    assert quickly(LogDecoder(), answer) is None


def test_what_it_remembers_is_bounded(monkeypatch):
    monkeypatch.setattr(log_decoder, "MOST_KEPT", 3)
    decoder = LogDecoder()
    logs = [
        {
            "address": "0x" + f"{n:040x}",
            "topics": ["0x" + f"{n:064x}"],
            "data": "0x",
            "blockHash": "0x" + "ab" * 32,
            "transactionHash": "0x" + "00" * 32,
            "logIndex": hex(n),
        }
        for n in range(10)
    ]
    answer = msgspec.json.encode(logs)
    assert quickly(decoder, answer) == plainly(answer)
    assert all(len(kept) <= 3 for kept in (decoder._addresses, decoder._topics, decoder._indices))
