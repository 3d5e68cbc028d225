"""Exact numbers and times out of a frame's bytes, compiled. The grammar is JSON's, narrower: digits, then perhaps a point
and digits. No sign for prices and sizes, no exponent, no "1." and no ".5", no zero before other digits, no empty text.
"""

from bot.feeds.cex.frame_layout import HASH_MASK
from bot.feeds.cex.json_scan_kernel import COLON, MINUS, POINT, QUOTE
from bot.feeds.cex.pointer_kernel import part

_ZERO = 48
_SAFE_DIGITS = 18
INEXACT = -1
"""Instead of the digits of a number that is well-formed and cannot be held."""
MOST_DECIMALS = 18
"""Behind the point, zeros at the end not counted: no scale is finer."""
_LARGEST = HASH_MASK
_TENTH_OF_LARGEST = _LARGEST // 10
_LAST_OF_LARGEST = _LARGEST % 10
_MILLISECOND = 1_000_000
_MOST_MILLISECONDS = _LARGEST // _MILLISECOND
_FRACTION_DIGITS = 9
_FIRST_YEAR, _LAST_YEAR = 1970, 2261
_DAY_SECONDS = 86_400
_SECOND = 1_000_000_000
_UPPER_Z, _UPPER_T, _BLANK, _PLUS = 90, 84, 32, 43


@part
def _scan_long(payload: bytes, at: int) -> tuple[int, int, int]:
    """As scan_decimal with more digits than are surely held: zeros that no longer fit, at the end, are left out."""
    digits, decimals, has_point, is_full, is_exact = 0, 0, False, False, True
    while True:
        byte = payload[at]
        if byte == POINT:
            if has_point:
                return 0, 0, -1
            has_point = True
            at += 1
            continue
        digit = byte - _ZERO
        if digit < 0 or digit > 9:
            return (digits, decimals, at) if is_exact else (INEXACT, 0, at)
        fits = digits < _TENTH_OF_LARGEST or (digits == _TENTH_OF_LARGEST and digit <= _LAST_OF_LARGEST)
        is_full = is_full or not fits or decimals == MOST_DECIMALS
        if is_full:
            is_exact = is_exact and digit == 0 and has_point
        else:
            digits = digits * 10 + digit
            decimals += has_point
        at += 1


@part
def scan_decimal(payload: bytes, at: int) -> tuple[int, int, int]:
    """(digits as an integer, how many of them stand behind the point, place behind) of the number at `at`, without quotes.

    (INEXACT, 0, place behind) where it cannot be held in 63 bits, (0, 0, -1) for anything else.
    """
    start = at
    value = payload[at] - _ZERO
    if value < 0 or value > 9:
        return 0, 0, -1
    at += 1
    digit = payload[at] - _ZERO
    if value == 0 and 0 <= digit <= 9:
        return 0, 0, -1
    while 0 <= digit <= 9:
        value = value * 10 + digit
        at += 1
        digit = payload[at] - _ZERO
    decimals = 0
    if digit == POINT - _ZERO:
        at += 1
        begins = at
        digit = payload[at] - _ZERO
        while 0 <= digit <= 9:
            value = value * 10 + digit
            at += 1
            digit = payload[at] - _ZERO
        decimals = at - begins
        if decimals == 0:
            return 0, 0, -1
    if at - start > _SAFE_DIGITS:
        return _scan_long(payload, start)
    return value, decimals, at


@part
def scan_integer(payload: bytes, at: int) -> tuple[int, int]:
    """(value, place behind) of an integer without quotes, of at most 18 digits; a minus may stand before it."""
    is_negative = payload[at] == MINUS
    if is_negative:
        at += 1
    value, decimals, end = scan_decimal(payload, at)
    if end < 0 or decimals > 0 or end - at > _SAFE_DIGITS:
        return 0, -1
    return -value if is_negative else value, end


@part
def scan_milliseconds(payload: bytes, at: int) -> tuple[int, int]:
    """(UTC nanoseconds, place behind) of milliseconds since 1970, as a number or as text."""
    is_text = payload[at] == QUOTE
    if is_text:
        at += 1
    if payload[at] == MINUS:
        return 0, -1
    value, end = scan_integer(payload, at)
    if end < 0 or value > _MOST_MILLISECONDS:
        return 0, -1
    if is_text:
        if payload[end] != QUOTE:
            return 0, -1
        end += 1
    return value * _MILLISECOND, end


@part
def _digits(payload: bytes, at: int, end: int) -> int:
    """The digits from `at` to `end`; -1 where there is anything else."""
    value = 0
    while at < end:
        digit = payload[at] - _ZERO
        if digit < 0 or digit > 9:
            return -1
        value = value * 10 + digit
        at += 1
    return value


@part
def _days(year: int, month: int, day: int) -> int:
    """Since 1970-01-01, by the Gregorian calendar; -1: no such day."""
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    longest = 31
    if month == 2:
        longest = 29 if is_leap else 28
    elif month == 4 or month == 6 or month == 9 or month == 11:  # noqa: PLR1714  # a tuple costs more
        longest = 30
    if year < _FIRST_YEAR or year > _LAST_YEAR or month < 1 or month > 12 or day < 1 or day > longest:
        return -1
    # years that begin in March have their odd day at the end
    shifted = year - 1 if month <= 2 else year
    from_march = month + 9 if month <= 2 else month - 3
    before = 365 * shifted + shifted // 4 - shifted // 100 + shifted // 400
    return before + (153 * from_march + 2) // 5 + day - 1 - 719_468


@part
def _offset(payload: bytes, at: int) -> tuple[int, int]:
    """(seconds ahead of UTC, place behind) of `Z`, `+hh:mm` or `-hh:mm`."""
    byte = payload[at]
    if byte == _UPPER_Z:
        return 0, at + 1
    if byte != _PLUS and byte != MINUS:  # noqa: PLR1714  # a tuple costs more
        return 0, -1
    hours = _digits(payload, at + 1, at + 3)
    if hours < 0 or hours > 23 or payload[at + 3] != COLON:
        return 0, -1
    minutes = _digits(payload, at + 4, at + 6)
    if minutes < 0 or minutes > 59:
        return 0, -1
    seconds = hours * 3600 + minutes * 60
    return (seconds if byte == _PLUS else -seconds), at + 6


@part
def scan_rfc3339(  # noqa: C901, PLR0911, PLR0912  # one part after the other
    payload: bytes, at: int
) -> tuple[int, int]:
    """(UTC nanoseconds, place behind) of a text as "2023-10-06T17:35:55.440295Z", with up to nine decimals.

    The year is 1970 to 2261; a second 60 is the first of the next minute.
    """
    if payload[at] != QUOTE:
        return 0, -1
    at += 1
    # one part after the other: a text that ends early is seen at its end
    year = _digits(payload, at, at + 4)
    if year < 0 or payload[at + 4] != MINUS:
        return 0, -1
    month = _digits(payload, at + 5, at + 7)
    if month < 0 or payload[at + 7] != MINUS:
        return 0, -1
    day = _digits(payload, at + 8, at + 10)
    if day < 0 or payload[at + 10] != _UPPER_T:
        return 0, -1
    hour = _digits(payload, at + 11, at + 13)
    if hour < 0 or hour > 23 or payload[at + 13] != COLON:
        return 0, -1
    minute = _digits(payload, at + 14, at + 16)
    if minute < 0 or minute > 59 or payload[at + 16] != COLON:
        return 0, -1
    second = _digits(payload, at + 17, at + 19)
    days = _days(year, month, day)
    if second < 0 or second > 60 or days < 0:
        return 0, -1
    at += 19
    nanoseconds = 0
    if payload[at] == POINT:
        at += 1
        count = 0
        digit = payload[at] - _ZERO
        while 0 <= digit <= 9:
            nanoseconds = nanoseconds * 10 + digit
            count += 1
            if count > _FRACTION_DIGITS:
                return 0, -1
            at += 1
            digit = payload[at] - _ZERO
        if count == 0:
            return 0, -1
        for _ in range(_FRACTION_DIGITS - count):
            nanoseconds *= 10
    ahead, at = _offset(payload, at)
    if at < 0 or payload[at] != QUOTE:
        return 0, -1
    seconds = days * _DAY_SECONDS + hour * 3600 + minute * 60 + second - ahead
    if seconds < 0:
        return 0, -1
    return seconds * _SECOND + nanoseconds, at + 1
