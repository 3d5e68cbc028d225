"""Server-sent events: the same whatever the splits and line ends, against a reader of the whole text; bounded memory."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.feeds.sse import SseComment, SseEvent, SseOversized, SseParser

LARGEST = 200
STREAM = (
    b"\xef\xbb\xbfdata: first\r\n\r\n:ping\n\ndata:second\rdata: line\r\rid: 7\nevent: x\ndata:  two\n\n"
    b": block 12\r\n\r\nretry: 5\n\ndata\n\ndata: a:b\n\n\n\ndata: unfinished\n"
)
EXPECTED = [
    SseEvent(b"first"), SseComment(b"ping"), SseEvent(b"second\nline"), SseEvent(b" two"), SseComment(b" block 12"),
    SseEvent(b""), SseEvent(b"a:b"),
]  # fmt: skip


def parsed(*chunks, largest=LARGEST):
    parser = SseParser(largest)
    return [item for chunk in chunks for item in parser.feed(chunk)]


def reference(text):
    """The whole text at once, by the specification's words."""
    found, data = [], []
    *lines, _ = re.split(b"\r\n|\n|\r", text.removeprefix(b"\xef\xbb\xbf"))
    for line in lines:
        name, colon, value = line.partition(b":")
        if not line:
            found += [SseEvent(b"\n".join(data))] if data else []
            data = []
        elif not name and colon:
            found.append(SseComment(value))
        elif name == b"data":
            data.append(value[1:] if value.startswith(b" ") else value)
    return found


def test_the_sample_at_once_and_byte_by_byte():
    assert parsed(STREAM) == EXPECTED == reference(STREAM)
    assert parsed(*(STREAM[place : place + 1] for place in range(len(STREAM)))) == EXPECTED


def test_the_sample_at_every_split_in_three():
    cuts = range(len(STREAM) + 1)
    tried = 0
    for first in cuts:
        for second in cuts[first::3]:
            assert parsed(STREAM[:first], STREAM[first:second], STREAM[second:]) == EXPECTED
            tried += 1
    assert tried > 3000


LINES = st.sampled_from(
    [
        b"",
        b"data: x",
        b"data:y:z",
        b"data",
        b":c",
        b": block 3",
        b"id: 1",
        b"junk",
        b" data: no",
        b"data: \xff",
    ]
)
ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(LINES, ENDS), max_size=25), st.lists(st.integers(0, 300), max_size=8))
def test_any_lines_any_ends_any_splits(lines, cuts):
    text = b"".join(line + end for line, end in lines)
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    chunks = [text[start:end] for start, end in pairwise(places)]
    assert parsed(*chunks) == reference(text)


@pytest.mark.parametrize(
    "long",
    [b"data: " + b"x" * 1000, b"data: " + b"x" * 195 + b"\ndata: " + b"x" * 10, b"data: xx\n" * 100],
)
@pytest.mark.parametrize("step", [1, 7, 5000])
def test_what_is_too_long_is_skipped_to_its_end_and_nothing_else(long, step):
    text = b"data: before\n\n" + long + b"\n\ndata: after\n\n"
    chunks = [text[place : place + step] for place in range(0, len(text), step)]
    assert parsed(*chunks) == [SseEvent(b"before"), SseOversized(LARGEST), SseEvent(b"after")]


def test_an_endless_line_takes_bounded_memory():
    parser = SseParser(LARGEST)
    for _ in range(1000):
        assert not list(parser.feed(b"data: " + b"x" * 1000))
    assert len(parser._line) <= LARGEST
    endless = SseParser(LARGEST)
    for _ in range(1000):
        assert not list(endless.feed(b"data: xxxxxxxxx\n"))
    assert sum(map(len, endless._data)) <= LARGEST


def test_data_of_exactly_the_limit_is_kept():
    exact = b"x" * (LARGEST - len("data: "))
    assert parsed(b"data: " + exact + b"\n\n") == [SseEvent(exact)]
