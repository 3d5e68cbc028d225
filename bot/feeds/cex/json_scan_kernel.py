"""Walking over JSON in bytes, compiled. A place is an index into the payload; -1: no JSON of the kind expected.

A bytes object ends with a NUL in memory, one place behind its last byte, and no loop here goes over a NUL: so nothing is
read beyond it. Values that mean nothing to us are stepped over by their quotes and brackets and not judged further.
"""

from bot.feeds.cex.frame_layout import HASH_MASK, HASH_PRIME
from bot.feeds.cex.pointer_kernel import part

QUOTE, COMMA, MINUS, POINT, COLON, BACKSLASH = 34, 44, 45, 46, 58, 92
OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT = 91, 93, 123, 125
SPACE = 32
_TAB, _LINE, _RETURN = 9, 10, 13
_ZERO, _NINE, _PLUS = 48, 57, 43
_FIRST_UPPER, _LAST_UPPER, _FIRST_LOWER, _LAST_LOWER = 65, 90, 97, 122


@part
def skip_space(payload: bytes, at: int) -> int:
    """The first place from `at` on that is not white space."""
    while payload[at] <= SPACE and (
        payload[at] == SPACE or payload[at] == _LINE or payload[at] == _RETURN or payload[at] == _TAB
    ):
        at += 1
    return at


@part
def hash_text(payload: bytes, at: int, seed: int) -> tuple[int, int]:
    """(hash, place behind the closing quote) of the text whose first byte is at `at`. Escapes are refused: (0, -1)."""
    value = seed
    byte = payload[at]
    while byte != QUOTE:
        if byte < SPACE or byte == BACKSLASH:
            return 0, -1
        value = ((value ^ byte) * HASH_PRIME) & HASH_MASK
        at += 1
        byte = payload[at]
    return value, at + 1


@part
def skip_text(payload: bytes, at: int) -> int:
    """Behind the closing quote of the text whose first byte is at `at`; escapes are stepped over."""
    byte = payload[at]
    while byte != QUOTE:
        if byte == BACKSLASH:
            at += 1
            byte = payload[at]
        if byte < SPACE:
            return -1
        at += 1
        byte = payload[at]
    return at + 1


@part
def _skip_nested(payload: bytes, at: int) -> int:
    """Behind the bracket that closes the one at `at`."""
    depth = 0
    while True:
        byte = payload[at]
        if byte == QUOTE:
            at = skip_text(payload, at + 1)
            if at < 0:
                return -1
            continue
        if byte == OPEN_LIST or byte == OPEN_OBJECT:  # noqa: PLR1714, SIM109  # a tuple would be made at each byte
            depth += 1
        elif byte == CLOSE_LIST or byte == CLOSE_OBJECT:  # noqa: PLR1714, SIM109  # as above
            depth -= 1
            if depth == 0:
                return at + 1
        elif byte == 0:
            return -1
        at += 1


@part
def skip_value(payload: bytes, at: int) -> int:
    """Behind the value that begins at `at`."""
    byte = payload[at]
    if byte == QUOTE:
        return skip_text(payload, at + 1)
    if byte == OPEN_LIST or byte == OPEN_OBJECT:  # noqa: PLR1714, SIM109  # a tuple would be made at each value
        return _skip_nested(payload, at)
    start = at
    while (
        (_ZERO <= byte <= _NINE)
        or (_FIRST_LOWER <= byte <= _LAST_LOWER)
        or (_FIRST_UPPER <= byte <= _LAST_UPPER)
        or (byte == MINUS or byte == POINT or byte == _PLUS)  # noqa: PLR1714, SIM109  # a tuple costs more
    ):
        at += 1
        byte = payload[at]
    return at if at > start else -1
