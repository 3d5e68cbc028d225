"""UTC nanoseconds as exchanges write them; integers only."""

from __future__ import annotations

import datetime as dt

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_SECOND = 10**9


def milliseconds(time: int) -> int:
    return time // 10**6


def rfc3339_micros(time: int) -> str:
    """Six digits, always: 2026-11-21T09:30:00.000120Z."""
    seconds, part = divmod(time, _SECOND)
    return f"{_to_the_second(seconds)}.{part // 1000:06d}Z"


def rfc3339_go(time: int) -> str:
    """Up to nine digits without zeros at the end, as Go's RFC3339Nano: 2026-11-21T09:30:00.5Z."""
    seconds, part = divmod(time, _SECOND)
    fraction = f".{part:09d}".rstrip("0").rstrip(".")
    return f"{_to_the_second(seconds)}{fraction}Z"


def _to_the_second(seconds: int) -> str:
    moment = _EPOCH + dt.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S")
