"""Law 1: unknown is a value. Three results, and only `Ok` proceeds."""

from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Ok(msgspec.Struct, Generic[T], frozen=True):
    """The answer came and it is this."""

    value: T


class Reverted(msgspec.Struct, frozen=True):
    """The chain (or a counterpart) answered, and the answer is no."""

    reason: str
    data: bytes = b""


class Unknown(msgspec.Struct, frozen=True):
    """No answer that can be believed: time-out, dead socket, malformed reply. Neither yes nor no."""

    cause: str


def in_words(answer: Ok[T] | Reverted | Unknown) -> str:
    """For a person: what was answered, or why there is no answer."""
    match answer:
        case Reverted(reason=reason):
            return f"refused: {reason}"
        case Unknown(cause=cause):
            return f"unknown: {cause}"
        case Ok(value=value):
            return str(value)
