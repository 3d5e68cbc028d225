"""A control frame's JSON into the shape its exchange documents, or why not. Cold path; nothing here raises."""

from typing import Final, TypeVar

import msgspec

from bot.feeds.cex.venue import Ignored, Malformed

LONGEST_FRAME: Final = 65_536
"""Bytes; the longest documented control frame (a list of subscriptions) has a few hundred."""
LONGEST_REASON: Final = 200
"""Characters of an exchange's own words that are passed on."""

Shape = TypeVar("Shape")


def decode(payload: bytes, decoder: msgspec.json.Decoder[Shape]) -> Shape | Ignored | Malformed:
    """Malformed: no JSON object at all. Ignored: one whose members are not of the documented types, since exchanges
    add kinds of messages at any time and ask their clients to pass over them.
    """
    if len(payload) > LONGEST_FRAME:
        return Malformed(f"a control frame of {len(payload)} bytes, {LONGEST_FRAME} at most are expected")
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError as error:
        if payload.lstrip()[:1] != b"{":
            return Malformed(plain(f"no JSON object: {error}"))
        return Ignored(plain(f"not of a documented shape: {error}"))
    except RecursionError:
        return Malformed("JSON nested too deeply")
    except ValueError as error:
        return Malformed(plain(f"no JSON: {error}"))


def plain(text: str) -> str:
    """One line without control characters: it ends in a terminal and in logs."""
    seen = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * LONGEST_REASON])
    return " ".join(seen.split())[:LONGEST_REASON]


def encode(message: object) -> bytes:
    """Compact JSON, members in the order written."""
    return msgspec.json.encode(message)
