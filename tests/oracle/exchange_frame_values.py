"""JSON texts of exchanges' frames as exact values, slowly; for bot-free second opinions on frames."""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

NUMBER = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?\Z")
INTEGER = re.compile(r"-?(0|[1-9][0-9]*)\Z")
INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)\Z", re.ASCII
)
SCALE = 8


class WrongFrameError(Exception):
    """Not a frame of the exchange."""


class InexactError(Exception):
    """A number as it should be, that does not fit eight decimals in 63 bits."""


class Bare(str):
    """A JSON number's own text."""

    __slots__ = ()


def decode(payload):
    def no_constant(text):
        raise WrongFrameError(text)

    try:
        return json.loads(
            payload.decode(errors="replace"), parse_int=Bare, parse_float=Bare, parse_constant=no_constant
        )
    except (ValueError, RecursionError) as error:
        raise WrongFrameError(str(error)) from error


def exact(text):
    if not isinstance(text, str) or not NUMBER.match(text):
        raise WrongFrameError(f"no number: {text!r}")
    scaled = Decimal(text).scaleb(SCALE)
    if scaled != scaled.to_integral_value() or scaled >= 2**63:
        raise InexactError(text)
    return int(scaled)


def integer(value, least):
    if not isinstance(value, Bare) or not INTEGER.match(value) or len(value.lstrip("-")) > 18:
        raise WrongFrameError(f"no integer: {value!r}")
    if int(value) < least:
        raise WrongFrameError(f"{value} is below {least}")
    return int(value)


def milliseconds(value):
    if not isinstance(value, str):
        raise WrongFrameError(f"no time: {value!r}")
    time = integer(Bare(value), 0) * 10**6
    if time >= 2**63:
        raise WrongFrameError(value)
    return time


def instant(value):
    found = INSTANT.match(value) if isinstance(value, str) and not isinstance(value, Bare) else None
    if not found:
        raise WrongFrameError(f"no time: {value!r}")
    day, hour, minute, second, fraction, zone = found.groups()
    if int(hour) > 23 or int(minute) > 59 or int(second) > 60:
        raise WrongFrameError(value)
    try:
        start = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise WrongFrameError(value) from error
    moment = start + timedelta(hours=int(hour), minutes=int(minute), seconds=int(second))
    if zone != "Z":
        ahead = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
        moment -= ahead if zone[0] == "+" else -ahead
    seconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    if seconds < 0 or moment.year > 2261:
        raise WrongFrameError(value)
    return seconds * 10**9 + int((fraction or "0").ljust(9, "0"))


def pairs(levels):
    """[[price, size, ...]] as [(price text, size text)]."""
    if not isinstance(levels, list):
        raise WrongFrameError("no list of levels")
    for level in levels:
        if not isinstance(level, list) or len(level) < 2:
            raise WrongFrameError(f"no level: {level!r}")
    return [(level[0], level[1]) for level in levels]


def objects(levels, price, size):
    if not isinstance(levels, list) or not all(isinstance(level, dict) for level in levels):
        raise WrongFrameError("no list of levels")
    return [(level.get(price), level.get(size)) for level in levels]


def is_inexact(text):
    """Raises WrongFrameError where it is no number at all."""
    try:
        exact(text)
    except InexactError:
        return True
    return False


def change(kind, symbol, *, snapshot=False, time=0, bids=(), asks=(), best=None, **ids):
    """`best`: {"bid": (price text, size text), "ask": ...}."""
    levels = (*bids, *asks)
    inexact = [is_inexact(text) for level in (*levels, *(best or {}).values()) for text in level]
    for price, _ in levels:
        if not is_inexact(price) and exact(price) == 0:
            raise WrongFrameError("a price of 0")
    if best is not None and not any(inexact):
        ids["best"] = {side: tuple(exact(text) for text in level) for side, level in best.items()}
    return {
        "inexact": any(inexact),
        "kind": kind,
        "symbol": symbol,
        "snapshot": snapshot,
        "time": time,
        "bids": list(bids),
        "asks": list(asks),
        **ids,
    }


def action_of(value, update):
    if value not in ("snapshot", update) or isinstance(value, Bare):
        raise WrongFrameError(f"action {value!r}")
    return value == "snapshot"


def member(frame, name):
    if name not in frame:
        raise WrongFrameError(f"no member {name}")
    return frame[name]


def text_of(frame, name):
    """None where there is no such member."""
    if name in frame and (not isinstance(frame[name], str) or isinstance(frame[name], Bare)):
        raise WrongFrameError(f"{name} is no text")
    return frame.get(name)
