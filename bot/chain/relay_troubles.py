"""What is wrong with a relay, read from an answer or an error, in a line that says what to do. Pure."""

import os
import re
import ssl
from email.utils import parsedate_to_datetime
from typing import Final, Literal

import aiohttp
import msgspec

from bot.chain.relay_answers import error_of
from bot.chain.relay_row import RelayRow
from bot.core.units import Nanoseconds

TroubleKind = Literal[
    "address", "auth", "method", "rate", "clock", "malformed", "server", "silence", "other_method"
]
HARD: Final[frozenset[TroubleKind]] = frozenset({"address", "auth", "method"})
"""These do not pass by themselves: the route is given nothing until a later try succeeds."""
PROVES_A_RELAY: Final[frozenset[TroubleKind]] = frozenset({"other_method"})
"""Said in JSON-RPC, and not about what bundles need: nothing that speaks against the route."""
CLOCK_TOLERANCE: Final = Nanoseconds(2 * 10**9)
LONGEST_PAUSE: Final = Nanoseconds(600 * 10**9)
"""A relay that asks for a longer one is tried again after this."""

_METHOD_NOT_FOUND: Final = -32601
_UNKNOWN_METHOD = re.compile(
    r"method (?:not found|does not exist|not supported)|the method .*does not exist|unknown method",
    re.IGNORECASE,
)
_NOT_LET_IN = re.compile(
    r"x-flashbots-signature|signature header|unauthori[sz]ed|authori[sz]ation header|api key", re.IGNORECASE
)
_ELSEWHERE: Final = frozenset({404, 405, 410, 421})
_SECOND: Final = 10**9


class Trouble(msgspec.Struct, frozen=True):
    kind: TroubleKind
    words: str
    """One line: what was seen, and what to do."""
    pause: Nanoseconds | None = None
    """The relay's own wish (Retry-After)."""


def trouble_of_answer(
    row: RelayRow, host: str, method: str, status: int, body: bytes, retry_after: str | None, utc: Nanoseconds
) -> Trouble | None:
    """Of an answer that is not a yes. None: nothing is wrong with the relay, it refused what it was asked."""
    code, said = error_of(body)
    words = f"HTTP {status}: {said}"
    check = f"run `bot relay-check` on its address with `--row {row.name}`"
    if status == 429:
        return Trouble("rate", f"{host} asks us to slow down ({words})", pause_of(retry_after, utc))
    if code == _METHOD_NOT_FOUND or (code is not None and _UNKNOWN_METHOD.search(said)):
        kind: TroubleKind = "method" if method == row.sends_by else "other_method"
        return Trouble(
            kind, f"{host} does not know {method} ({words}): correct {row.variable}URL, or {check}"
        )
    if status in (401, 403) or (status < 500 and _NOT_LET_IN.search(said)):
        return Trouble("auth", f"{host} does not let us in ({words}): {_door(row)}, or {check}")
    if 300 <= status < 400 or status in _ELSEWHERE:
        return Trouble("address", f"{host} answers {words}, as no relay does: correct {row.variable}URL")
    if status >= 500:
        return Trouble("server", f"{host} is in trouble ({words}): nothing to do here")
    is_page = code is None and body.lstrip()[:1] == b"<"
    return malformed(host, words) if is_page else None


def malformed(host: str, cause: str) -> Trouble:
    return Trouble("malformed", f"{host} answers what nobody can read ({cause}): is it a relay?")


def silent(host: str, cause: str) -> Trouble:
    return Trouble("silence", f"{host}: {cause}: it is slow, or gone")


def trouble_of_error(row: RelayRow, host: str, error: Exception) -> Trouble:
    """Of a request that found no answer. Only what happens before a connection stands speaks against the address."""
    correct = f"correct {row.variable}URL"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Trouble("address", f"{host} does not resolve: {correct}, or this machine's name service")
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        reason = getattr(error, "reason", None) or getattr(error, "certificate_error", None) or error
        said = " ".join(str(reason).split())[:120]
        return Trouble(
            "address", f"no TLS with {host} ({said}): {correct}, or this machine's time and certificates"
        )
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        said = "no connection" if number is None else os.strerror(number).lower()
        return Trouble("address", f"{host}: {said}: is it running? else {correct}")
    return Trouble(
        "silence", f"{host} broke the connection off ({type(error).__name__}): nothing to do if it is rare"
    )


def trouble_of_clock(
    host: str, date: str | None, asked: Nanoseconds, answered: Nanoseconds
) -> Trouble | None:
    """The `Date` header (RFC 9110, whole seconds, cut) against this machine's UTC before and after the request."""
    theirs = _seconds_of(date)
    if theirs is None:
        return None
    ahead = asked - (theirs + 1) * _SECOND
    behind = theirs * _SECOND - answered
    if max(ahead, behind) <= CLOCK_TOLERANCE:
        return None
    word, off = ("ahead of", ahead) if ahead > behind else ("behind", behind)
    return Trouble(
        "clock",
        f"this machine's clock is {off / _SECOND:.1f} s {word} that of {host}: set it by NTP; where other relays"
        " agree with us, theirs is wrong",
    )


def pause_of(retry_after: str | None, utc: Nanoseconds) -> Nanoseconds | None:
    """Retry-After in seconds or as a date, at most LONGEST_PAUSE; None where it says nothing that can be read."""
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdecimal():
        return Nanoseconds(min(int(text[:9]) * _SECOND, LONGEST_PAUSE))
    until = _seconds_of(text)
    return None if until is None else Nanoseconds(min(max(0, until * _SECOND - utc), LONGEST_PAUSE))


def _seconds_of(date: str | None) -> int | None:
    if date is None:
        return None
    try:
        return int(parsedate_to_datetime(date).timestamp())
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _door(row: RelayRow) -> str:
    if row.needs_authorization:
        return f"put its account's header into the file of {row.variable}AUTHORIZATION_FILE"
    if row.signature == "none":
        return f"its row sends no signature; correct {row.variable}URL"
    return "its gateway may refuse this machine's address, or the method is gone"
