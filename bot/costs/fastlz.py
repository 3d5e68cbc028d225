"""How long FastLZ level 1 would make a transaction: what an OP-stack chain charges for its data by, since Fjord.

The length alone, of the algorithm that the specification pins (ariya/FastLZ 344eb40; specs/protocol/fjord/exec-engine.md):
a hash table of 8,192 places by three bytes, matches of three bytes and more at most 8,191 back, none in the last 13
bytes. Consensus depends on each of its choices, so none is improved on.
"""

from typing import Final

_PLACES: Final = 8_192
_FURTHEST: Final = 0x1FFF
_MULTIPLIER: Final = 2_654_435_769
_WORD: Final = 0xFFFFFFFF
_TAIL: Final = 13
"""Bytes at the end where no match begins."""
_MOST_LITERALS: Final = 32
"""Behind one byte that counts them."""
_LONGEST_MATCH: Final = 262
"""Written in three bytes."""


def fastlz_length(data: bytes) -> int:
    """Bytes of `data` compressed; exact. 0 for none."""
    size = len(data)
    limit = size - _TAIL
    table = [0] * _PLACES
    length, literals_from, at = 0, 0, 2
    while at < limit:
        found = _next_match(data, at, limit, table)
        if found is None:
            break
        at, back = found
        length += _literals(at - literals_from)
        matched = _match_length(data, back + 3, at + 3, limit + 9)
        length += _match(matched)
        at += matched
        for _ in range(2):
            table[_place(_three(data, at))] = at
            at += 1
        literals_from = at
    return length + _literals(size - literals_from)


def _next_match(data: bytes, at: int, limit: int, table: list[int]) -> tuple[int, int] | None:
    """Where the next match begins, and what it repeats; None when `limit` comes first."""
    while at < limit:
        here = _three(data, at)
        place = _place(here)
        back, table[place] = table[place], at
        at += 1
        if at - 1 - back <= _FURTHEST and here == _three(data, back):
            # The last place but one is looked at and no longer taken.
            return (at - 1, back) if at < limit else None
    return None


def _match_length(data: bytes, back: int, at: int, end: int) -> int:
    """Bytes compared after the first three: the one that differs counts as well, as in the original."""
    most = end - at
    for index in range(most):
        if data[back + index] != data[at + index]:
            return index + 1
    return max(0, most)


def _literals(count: int) -> int:
    whole, rest = divmod(count, _MOST_LITERALS)
    return whole * (_MOST_LITERALS + 1) + (rest + 1 if rest else 0)


def _match(matched: int) -> int:
    whole, rest = divmod(matched - 1, _LONGEST_MATCH)
    return 3 * whole + (3 if rest >= 6 else 2)


def _three(data: bytes, at: int) -> int:
    return data[at] | data[at + 1] << 8 | data[at + 2] << 16


def _place(three: int) -> int:
    return (_MULTIPLIER * three & _WORD) >> 19
