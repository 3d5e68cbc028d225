"""How pure code asks the chain: it yields lists of reads and is sent their answers; whoever drives it owns the socket.

    reads = next(plan)                  # the first list
    reads = plan.send(answers)          # one answer for each read, in order; the next list
    ...                                 # StopIteration.value: the result

All reads of one plan are made at one block hash; logs, which go by number, up to that block.
"""

from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

import msgspec

from bot.core.identity import Address
from bot.core.messages import Log
from bot.core.result import Ok, Reverted, Unknown

T = TypeVar("T")


class Read(msgspec.Struct, frozen=True):
    """One `eth_call`. Answered with bytes."""

    to: Address
    data: bytes


class LensRead(msgspec.Struct, frozen=True):
    """One `eth_call` of contracts/PoolLens.vy, laid over an unused address. Answered with bytes."""

    data: bytes


class LogsRead(msgspec.Struct, frozen=True):
    """Every log of one emitter with this first topic, from a block on. Answered with a tuple of logs."""

    emitter: Address
    topic: bytes
    first_block: int


AnyRead = Read | LensRead | LogsRead
ReadAnswer = Ok[bytes] | Ok[tuple[Log, ...]] | Reverted | Unknown

ReadPlan = Generator[Sequence[AnyRead], Sequence[ReadAnswer], T]


def value_of(answer: ReadAnswer, decode: Callable[[bytes], T]) -> T | str:
    """The decoded value, or why there is none. `decode` raises ValueError for what it does not understand."""
    if not isinstance(answer, Ok):
        return str(answer)
    if not isinstance(answer.value, bytes):
        return "logs came where bytes were asked for"
    try:
        return decode(answer.value)
    except ValueError as error:
        return str(error)
