"""One frame from bytes to a changed book or quote, in one call: read all of it, judge it, then apply it.

The one entry is called through the entry point of its one specialisation (bot.feeds.cex.compiled_frames), which saves
numba's look at the arguments' types.
"""

from typing import Any

import numba
from numba import types

from bot.feeds.cex.continuity_kernel import judge
from bot.feeds.cex.dialect import Context, Role, TimeFormat
from bot.feeds.cex.frame_layout import (
    ACTION_SNAPSHOT,
    ACTION_UNKNOWN,
    ACTION_UPDATE,
    CONTEXT_SEEDS,
    DECIMALS,
    END_LEVEL,
    FIRST_LEVEL,
    FRAME_RECORD,
    HASH_MASK,
    HASH_PRIME,
    LEVEL_COUNT,
    MOST_ELEMENTS,
    PLAIN_HASH,
    RECORD_WORDS,
    SEEN,
    SNAPSHOT_HASH,
    START,
    TEXT_SEED,
    TIME_FORMAT,
    UPDATE_HASH,
)
from bot.feeds.cex.json_scan_kernel import (
    CLOSE_LIST,
    CLOSE_OBJECT,
    COLON,
    COMMA,
    OPEN_LIST,
    OPEN_OBJECT,
    QUOTE,
    hash_text,
    skip_space,
    skip_value,
)
from bot.feeds.cex.level_kernel import MIXED, find_role, read_levels, scan_number
from bot.feeds.cex.number_kernel import scan_integer, scan_milliseconds, scan_rfc3339
from bot.feeds.cex.outcome import Outcome
from bot.feeds.cex.pointer_kernel import OBJECT, integer, length, part, pointer, words_at
from bot.state.book_layout import ASKS, BIDS, Words

_CONTROL, _MALFORMED = int(Outcome.CONTROL), int(Outcome.MALFORMED)
_RFC3339 = int(TimeFormat.RFC3339)
_MARKS_CONTROL = int(Role.CONTROL)
_TOP = int(Context.TOP)
_SYMBOL, _TIME, _SEQUENCE, _ACTION, _CHECKSUM = (
    int(Role.SYMBOL),
    int(Role.TIME),
    int(Role.SEQUENCE),
    int(Role.ACTION),
    int(Role.CHECKSUM),
)
_BID_PRICE, _ASK_PRICE, _ASK_SIZE = int(Role.BID_PRICE), int(Role.ASK_PRICE), int(Role.ASK_SIZE)
_BIDS, _ASKS, _LEVELS = int(Role.BIDS), int(Role.ASKS), int(Role.LEVELS)
_ENTERS = 32
"""Roles from here on are contexts to go into."""
_PLAIN = -2
_NUMBA: Any = numba  # its own types do not know all it has
_SIGNATURE: Any = types.int64(OBJECT, OBJECT, OBJECT)


@part
def _read_texts(payload: bytes, at: int, words: Words, record: int, role: int) -> int:
    """CHANNEL, SYMBOL and ACTION, as hashes; the last as one of ours."""
    if payload[at] != QUOTE:
        return -1
    value, at = hash_text(payload, at + 1, words[TEXT_SEED])
    if role == _ACTION:
        if value == words[UPDATE_HASH]:
            value = ACTION_UPDATE
        elif value == words[SNAPSHOT_HASH]:
            value = ACTION_SNAPSHOT
        else:
            value = ACTION_UNKNOWN
    words[record + role] = value
    return at


@part
def _read_list(payload: bytes, at: int, words: Words, record: int, role: int) -> int:
    """Levels of one or both sides; a record's levels lie together, since its lists follow each other."""
    side = MIXED
    if role == _BIDS:
        side = BIDS
    elif role == _ASKS:
        side = ASKS
    at = read_levels(payload, at, words, side)
    words[record + END_LEVEL] = words[LEVEL_COUNT]
    return at


@part
def _read_member(  # noqa: PLR0911  # one return a kind of value
    payload: bytes, at: int, words: Words, record: int, role: int
) -> int:
    """The value of a member that has a role; one twice in a record is refused, but for what only marks control frames."""
    if (role == _BIDS or role == _ASKS) and payload[at] != OPEN_LIST:  # noqa: PLR1714, SIM109  # a tuple costs more
        role = _BID_PRICE if role == _BIDS else _ASK_PRICE
    bit = 1 << role
    seen = words[record + SEEN]
    if seen & bit and role != _MARKS_CONTROL:
        return -1
    words[record + SEEN] = seen | bit
    if role <= _SYMBOL or role == _ACTION:
        return _read_texts(payload, at, words, record, role)
    if role == _TIME:
        if words[TIME_FORMAT] == _RFC3339:
            value, at = scan_rfc3339(payload, at)
        else:
            value, at = scan_milliseconds(payload, at)
        words[record + role] = value
        return at
    if role <= _SEQUENCE or role == _CHECKSUM:
        value, at = scan_integer(payload, at)
        words[record + role] = value
        return at
    if role <= _ASK_SIZE:
        value, decimals, _, _, at = scan_number(payload, at)
        words[record + role] = value
        words[record + role + DECIMALS] = decimals
        return at
    if role <= _LEVELS:
        return _read_list(payload, at, words, record, role)
    return skip_value(payload, at)


@part
def _read_name(payload: bytes, at: int, words: Words, context: int) -> tuple[int, int]:
    """(role or 0, where the value begins) of the member whose name is at `at`; (0, -1): none."""
    if payload[at] != QUOTE:
        return 0, -1
    name, at = hash_text(payload, at + 1, words[CONTEXT_SEEDS + context])
    if at < 0:
        return 0, -1
    at = skip_space(payload, at)
    if payload[at] != COLON:
        return 0, -1
    return find_role(words, name), skip_space(payload, at + 1)


@part
def _begin_record(words: Words, record: int) -> None:
    words[record + SEEN] = 0
    words[record + FIRST_LEVEL] = words[LEVEL_COUNT]
    words[record + END_LEVEL] = words[LEVEL_COUNT]


@part
def _read_plain(payload: bytes, length: int, words: Words) -> int:
    """_PLAIN for the dialect's plain reply, else -1."""
    value = words[TEXT_SEED]
    for at in range(length):
        value = ((value ^ payload[at]) * HASH_PRIME) & HASH_MASK
    return _PLAIN if length > 0 and value == words[PLAIN_HASH] else -1


@part
def read_elements(payload: bytes, length: int, words: Words) -> int:  # noqa: C901, PLR0911, PLR0912, PLR0915  # one pass over all nestings
    """Read all members into records. How many objects the frame's list has, 0: it has none; -1: malformed; _PLAIN.

    The frame's own record is the one at RECORDS_AT; those of the list follow. Nesting is TOP and one context below it, so
    that no stack is needed.
    """
    words[LEVEL_COUNT] = 0
    record = words[FRAME_RECORD]
    _begin_record(words, record)
    at = skip_space(payload, words[START])
    if payload[at] != OPEN_OBJECT:
        return _read_plain(payload, length, words)
    context, is_in_list, elements, entered = _TOP, False, 0, 0
    at = skip_space(payload, at + 1)
    is_empty = payload[at] == CLOSE_OBJECT
    while True:
        if not is_empty:
            role, at = _read_name(payload, at, words, context)
            if at < 0:
                return -1
            if role == 0:
                at = skip_value(payload, at)
            elif role < _ENTERS:
                at = _read_member(payload, at, words, record, role)
            else:
                bit = 1 << (role - _ENTERS)
                if entered & bit:
                    return -1
                entered |= bit
                inner = at
                if payload[at] == OPEN_LIST:
                    inner = skip_space(payload, at + 1)
                    if (
                        payload[inner] == CLOSE_LIST
                    ):  # data of nothing: the frame's own members are about no object
                        words[record + SEEN] |= 1 << _MARKS_CONTROL
                if payload[inner] == OPEN_OBJECT:
                    context = role - _ENTERS
                    if inner != at:
                        is_in_list = True
                        elements = 1
                        record = words[FRAME_RECORD] + RECORD_WORDS
                        _begin_record(words, record)
                    at = skip_space(payload, inner + 1)
                    is_empty = payload[at] == CLOSE_OBJECT
                    continue
                at = skip_value(payload, at)
            if at < 0:
                return -1
            at = skip_space(payload, at)
        is_empty = False
        while payload[at] == CLOSE_OBJECT:
            if context == _TOP:
                at = skip_space(payload, at + 1)
                return elements if at == length else -1
            at = skip_space(payload, at + 1)
            if not is_in_list:
                context = _TOP
            elif payload[at] == CLOSE_LIST:
                context, is_in_list, record = _TOP, False, words[FRAME_RECORD]
                at = skip_space(payload, at + 1)
            elif payload[at] == COMMA and elements < MOST_ELEMENTS:
                at = skip_space(payload, at + 1)
                if payload[at] != OPEN_OBJECT:
                    return -1
                elements += 1
                record += RECORD_WORDS
                _begin_record(words, record)
                at = skip_space(payload, at + 1)
                is_empty = payload[at] == CLOSE_OBJECT
                if not is_empty:
                    break
                is_empty = False
            else:
                return -1
        else:
            if payload[at] != COMMA:
                return -1
            at = skip_space(payload, at + 1)


def make_read_frame(fingerprint: int) -> Any:
    """The kernel: (address of the arena, payload, received) -> an Outcome, and 256 times the symbol's index.

    numba's cache looks at this file alone, and at the values a function closes over: with `fingerprint`, a number made of
    all sources that are compiled into it, a change in another file is seen.
    """

    def read_frame(memory: Any, payload: bytes, received: int) -> int:
        words, size, at = words_at(integer(memory)), length(payload), integer(received)
        if size < 0 or at < 0:
            raise TypeError("a frame is a bytes object, and it is received at nanoseconds of 63 bits")
        elements = read_elements(pointer(payload), size, words)
        if elements == _PLAIN:
            return _CONTROL
        if elements < 0 or fingerprint < 0:
            return _MALFORMED
        outcome: int = judge(words, elements, at)
        return outcome

    return _NUMBA.njit(_SIGNATURE, cache=True)(read_frame)
