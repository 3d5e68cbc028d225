"""Law 10: a sample of pools is compared with the chain at the very block of the state; what disagrees stops. Pure.

A stopped pool stays stopped for the whole of the audit that found it; the next audit reads it afresh and resumes it.
"""

from collections.abc import Sequence

import msgspec

from bot.core.identity import Address, BlockRef, to_checksum
from bot.core.result import Ok
from bot.protocols.uniswap_v2 import decode_reserves, reserves_calldata
from bot.state.market_state import MarketState
from bot.state.reads import Read, ReadAnswer, ReadPlan


class Mismatch(msgspec.Struct, frozen=True):
    """State and chain disagree about one pool at one block."""

    pool: Address
    venue: str
    at: BlockRef
    believed: tuple[int, int]
    actual: tuple[int, int]

    def __str__(self) -> str:
        return (
            f"{self.venue} pool {to_checksum(self.pool)} at block {self.at.number}: "
            f"believed {self.believed}, the chain says {self.actual}; stopped until read afresh"
        )


class Unread(msgspec.Struct, frozen=True):
    """A pool whose turn it was and that could not be read: nothing was learnt about it."""

    pool: Address
    cause: str


class AuditResult(msgspec.Struct, frozen=True):
    at: BlockRef
    checked: tuple[Address, ...]
    mismatches: tuple[Mismatch, ...]
    resumed: tuple[Address, ...]
    """Stopped pools that were read afresh and may be traded on again."""
    unread: tuple[Unread, ...]


class _Believed(msgspec.Struct, frozen=True):
    index: int
    reserves: tuple[int, int]
    was_stopped: bool


def plan_audit(state: MarketState, count: int) -> ReadPlan[AuditResult]:
    """Reads at `state.ref` as it is now: every stopped pool, and `count` others by the rotation.

    The state may move while the answers are on their way: the comparison is with what was believed at the block
    of the reads; a stopped pool then stays stopped until the next audit.
    """
    at = state.ref
    sample = _sample(state, count)
    answers = yield [Read(state.table.pools[one.index].address, reserves_calldata()) for one in sample]
    checked: list[Address] = []
    mismatches: list[Mismatch] = []
    resumed: list[Address] = []
    unread: list[Unread] = []
    for one, answer in zip(sample, answers, strict=True):
        pool = state.table.pools[one.index]
        actual = _reserves(answer)
        if isinstance(actual, str):
            unread.append(Unread(pool.address, actual))
        elif one.was_stopped:
            if state.ref == at:
                state.refetched(one.index, *actual, at)
                resumed.append(pool.address)
        else:
            checked.append(pool.address)
            if actual != one.reserves:
                state.stop(one.index)
                mismatches.append(Mismatch(pool.address, pool.venue, at, one.reserves, actual))
    return AuditResult(at, tuple(checked), tuple(mismatches), tuple(resumed), tuple(unread))


def _sample(state: MarketState, count: int) -> Sequence[_Believed]:
    table = state.table
    in_service = [index for index in range(len(table)) if table.in_service(index)]
    stopped = [index for index in in_service if table.is_stopped(index)]
    others = [index for index in in_service if not table.is_stopped(index)]
    turn = state.audit_rotation.next_turn(table, others, count)
    return [
        _Believed(index, (table.reserve0[index], table.reserve1[index]), table.is_stopped(index))
        for index in (*stopped, *turn)
    ]


def _reserves(answer: ReadAnswer) -> tuple[int, int] | str:
    """What the chain says, or why it says nothing."""
    if not isinstance(answer, Ok):
        return str(answer)
    try:
        return decode_reserves(answer.value)
    except ValueError as error:
        return str(error)
