"""A pool in one direction of trade, in exact integers: what an input buys, what an output costs. V2 and V3 alike.

Every hop is carried out as an exact output: the plan names what each pool pays, and the pool demands its input.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

import msgspec

from bot.core.units import UINT112_MAX, UINT128_MAX
from bot.protocols.uniswap_v2 import amount_out_down, least_amount_in
from bot.protocols.v3_pool import ConcentratedPool
from bot.state.pool_table import Pool, V2Pool

T_co = TypeVar("T_co", covariant=True)


class ByIndex(Protocol[T_co]):
    def __getitem__(self, index: int, /) -> T_co: ...


class ExactPools(Protocol):
    """What sizing reads of a PoolTable, or of an Overlay over one."""

    @property
    def pools(self) -> Sequence[Pool]: ...

    @property
    def reserve0(self) -> ByIndex[int]: ...

    @property
    def reserve1(self) -> ByIndex[int]: ...

    @property
    def concentrated(self) -> ByIndex[ConcentratedPool | None]: ...


class ExactLeg(Protocol):
    def sell(self, amount_in: int) -> int:
        """What the pool pays for as much of `amount_in` as it can take; rounded down."""

    def buy(self, amount_out: int) -> tuple[int, int, int] | None:
        """(what the pool demands for it, rounded up, initialised ticks crossed, words of the tick bitmap passed).

        None where it cannot pay so much, or a hop of the Executor cannot hold the amounts.
        """


class OrientedPool(msgspec.Struct, frozen=True, gc=False):
    """A pair seen in the direction of a trade; reserves in smallest units, above zero."""

    reserve_in: int
    reserve_out: int
    fee_numerator: int
    fee_denominator: int

    def sell(self, amount_in: int) -> int:
        taken = min(amount_in, UINT112_MAX - self.reserve_in)
        return amount_out_down(
            taken, self.reserve_in, self.reserve_out, self.fee_numerator, self.fee_denominator
        )

    def buy(self, amount_out: int) -> tuple[int, int, int] | None:
        if amount_out >= self.reserve_out:
            return None
        needed = least_amount_in(
            amount_out, self.reserve_in, self.reserve_out, self.fee_numerator, self.fee_denominator
        )
        return (needed, 0, 0) if self.reserve_in + needed <= UINT112_MAX else None


class OrientedRange(msgspec.Struct, frozen=True, gc=False):
    """A V3 pool seen in the direction of a trade. No more than uint128 goes in or comes out: so much a hop holds."""

    pool: ConcentratedPool
    zero_for_one: bool

    def sell(self, amount_in: int) -> int:
        return min(self.pool.paid_for(min(amount_in, UINT128_MAX), self.zero_for_one), UINT128_MAX)

    def buy(self, amount_out: int) -> tuple[int, int, int] | None:
        if amount_out > UINT128_MAX:
            return None
        bought = self.pool.asked_for(amount_out, self.zero_for_one)
        return bought if bought is None or bought[0] <= UINT128_MAX else None


def oriented(table: ExactPools, index: int, zero_for_one: bool) -> OrientedPool:
    """Pair `index` as it is now; `zero_for_one`: token0 goes in."""
    pool, reserve0, reserve1 = table.pools[index], table.reserve0[index], table.reserve1[index]
    assert isinstance(pool, V2Pool)
    reserve_in, reserve_out = (reserve0, reserve1) if zero_for_one else (reserve1, reserve0)
    return OrientedPool(reserve_in, reserve_out, pool.fee_numerator, pool.fee_denominator)


def exact_leg(table: ExactPools, edge: int) -> OrientedPool | OrientedRange:
    """The pool of an edge as it is now."""
    concentrated = table.concentrated[edge >> 1]
    if concentrated is None:
        return oriented(table, edge >> 1, edge & 1 == 0)
    return OrientedRange(concentrated, edge & 1 == 0)
