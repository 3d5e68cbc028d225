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
