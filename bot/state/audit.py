"""Law 10: a sample of pools is compared with the chain at the very block of the state; what disagrees stops. Pure.

Of a V2 pair the reserves are compared, of a V3 pool price, tick and active liquidity, and of one V3 pool an audit
every tick too. A stopped pool stays stopped for the whole of the audit that found it; the next audit reads it afresh
and resumes it.
"""

from collections.abc import Sequence
from functools import partial

import msgspec

from bot.core.identity import Address, BlockRef, to_checksum
from bot.protocols.uniswap_v2 import decode_reserves, reserves_calldata
from bot.protocols.uniswap_v3 import decode_liquidity, decode_slot0, liquidity_calldata, slot0_calldata
from bot.protocols.v3_pool import ConcentratedPool, TickLiquidity
from bot.state.market_state import Divergence, MarketState
from bot.state.pool_table import V3Pool
from bot.state.reads import Read, ReadAnswer, ReadPlan, value_of
from bot.state.tick_maps import read_concentrated

_NOTHING = TickLiquidity(0, 0)


class Mismatch(msgspec.Struct, frozen=True):
    """State and chain disagree about one pool at one block."""

    pool: Address
    venue: str
    at: BlockRef
    believed: tuple[int, ...]
    """V2: reserves. V3: price, tick, liquidity; or the first tick that differs, its gross and net liquidity."""
    actual: tuple[int, ...]

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
    divergences: tuple[Divergence, ...] = ()
    """Found in the logs of the blocks applied since the last audit; the pools are stopped."""
    tick_maps: tuple[Address, ...] = ()
    """V3 pools whose every tick was compared."""


class _Believed(msgspec.Struct, frozen=True):
    index: int
    numbers: tuple[int, ...]
    ticks: dict[int, TickLiquidity] | None
    """Of the V3 pool whose ticks are compared."""
    v3_pool: V3Pool | None
    was_stopped: bool


class _Audit:
    """What is learnt while the answers come in."""

    def __init__(self, state: MarketState) -> None:
        self._state = state
        self._at = state.ref
        self._divergences = state.take_divergences()
        self._checked: list[Address] = []
        self._mismatches: list[Mismatch] = []
        self._resumed: list[Address] = []
        self._unread: list[Unread] = []
        self._tick_maps: list[Address] = []

    def result(self) -> AuditResult:
        return AuditResult(
            self._at,
            tuple(self._checked),
            tuple(self._mismatches),
            tuple(self._resumed),
            tuple(self._unread),
            self._divergences,
            tuple(self._tick_maps),
        )

    def compare(self, one: _Believed, actual: tuple[int, ...] | str) -> None:
        """The numbers of a pool."""
        pool = self._state.table.pools[one.index].address
        if isinstance(actual, str):
            self._unread.append(Unread(pool, actual))
        elif one.was_stopped:
            if self._state.ref == self._at:
                self._state.refetched(one.index, actual[0], actual[1], self._at)
                self._resumed.append(pool)
        else:
            self._checked.append(pool)
            if actual != one.numbers:
                self._disagrees(one.index, one.numbers, actual)

    def compare_whole(self, one: _Believed, actual: ConcentratedPool | str) -> None:
        """A V3 pool with all its ticks: to be put in where it was stopped, else to be compared."""
        pool = self._state.table.pools[one.index].address
        if isinstance(actual, str):
            self._unread.append(Unread(pool, actual))
        elif one.was_stopped:
            if self._state.ref == self._at:
                self._state.refetched_concentrated(one.index, actual, self._at)
                self._resumed.append(pool)
        elif not self._state.table.is_stopped(one.index) and one.ticks is not None:
            self._tick_maps.append(pool)
            for tick in sorted({*one.ticks, *actual.ticks}):
                believed, found = one.ticks.get(tick, _NOTHING), actual.ticks.get(tick, _NOTHING)
                if believed != found:
                    self._disagrees(
                        one.index, (tick, believed.gross, believed.net), (tick, found.gross, found.net)
                    )
                    return

    def _disagrees(self, index: int, believed: tuple[int, ...], actual: tuple[int, ...]) -> None:
        pool = self._state.table.pools[index]
        self._state.stop(index)
        self._mismatches.append(Mismatch(pool.address, pool.venue, self._at, believed, actual))


def plan_audit(state: MarketState, count: int, *, has_lens: bool = False) -> ReadPlan[AuditResult]:
    """Reads at `state.ref` as it is now: every stopped pool, and `count` others by the rotation.

    The state may move while the answers are on their way: the comparison is with what was believed at the block
    of the reads; a stopped pool then stays stopped until the next audit.
    """
    audit = _Audit(state)
    sample = _sample(state, count)
    pools = state.table.pools
    by_numbers = [one for one in sample if one.v3_pool is None or not one.was_stopped]
    reads = [[Read(pools[one.index].address, data) for data in _calldata(one)] for one in by_numbers]
    answers = yield [read for of_one in reads for read in of_one]
    taken = 0
    for one, of_one in zip(by_numbers, reads, strict=True):
        audit.compare(one, _numbers(one, answers[taken : taken + len(of_one)]))
        taken += len(of_one)
    whole = [
        (one, one.v3_pool)
        for one in sample
        if one.v3_pool is not None and (one.was_stopped or one.ticks is not None)
    ]
    if whole:
        read = yield from read_concentrated([pool for _, pool in whole], has_lens=has_lens)
        for (one, _), actual in zip(whole, read, strict=True):
            audit.compare_whole(one, actual)
    return audit.result()


def _sample(state: MarketState, count: int) -> Sequence[_Believed]:
    table = state.table
    in_service = [index for index in range(len(table)) if table.in_service(index)]
    stopped = [index for index in in_service if table.is_stopped(index)]
    others = [index for index in in_service if not table.is_stopped(index)]
    turn = state.audit_rotation.next_turn(table, others, count)
    whole = next((index for index in turn if table.concentrated[index] is not None), None)
    return [_believed(state, index, with_ticks=index == whole) for index in (*stopped, *turn)]


def _believed(state: MarketState, index: int, *, with_ticks: bool) -> _Believed:
    table = state.table
    was_stopped, pool, contents = table.is_stopped(index), table.pools[index], table.concentrated[index]
    if not isinstance(pool, V3Pool) or contents is None:
        return _Believed(index, (table.reserve0[index], table.reserve1[index]), None, None, was_stopped)
    numbers = (contents.sqrt_price, contents.tick, contents.liquidity)
    return _Believed(index, numbers, dict(contents.ticks) if with_ticks else None, pool, was_stopped)


def _calldata(one: _Believed) -> tuple[bytes, ...]:
    return (reserves_calldata(),) if one.v3_pool is None else (slot0_calldata(), liquidity_calldata())


def _numbers(one: _Believed, answers: Sequence[ReadAnswer]) -> tuple[int, ...] | str:
    """What the chain says, or why it says nothing."""
    if one.v3_pool is None:
        return value_of(answers[0], decode_reserves)
    slot0 = value_of(answers[0], partial(decode_slot0, protocol=one.v3_pool.protocol))
    liquidity = value_of(answers[1], decode_liquidity)
    if isinstance(slot0, str):
        return slot0
    return liquidity if isinstance(liquidity, str) else (slot0.sqrt_price, slot0.tick, liquidity)
