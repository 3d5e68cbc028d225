"""How pure code asks the chain: it yields lists of reads and is sent their answers; whoever drives it owns the socket.

    reads = next(plan)                  # the first list
    reads = plan.send(answers)          # one answer for each read, in order; the next list
    ...                                 # StopIteration.value: the result

All reads of one plan are made at one block hash.
"""

from collections.abc import Generator, Sequence
from typing import TypeVar

import msgspec

from bot.core.identity import Address
from bot.core.result import Ok, Reverted, Unknown

T = TypeVar("T")


class Read(msgspec.Struct, frozen=True):
    """One `eth_call`."""

    to: Address
    data: bytes


ReadAnswer = Ok[bytes] | Reverted | Unknown

ReadPlan = Generator[Sequence[Read], Sequence[ReadAnswer], T]
