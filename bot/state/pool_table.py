"""Every pool we know, V2 and V3 in one index space: exact integers for deciding, floats for screening, and whether to
use it.

Indices are stable: the table only grows. A pool is *live* when it may be traded on: in service, neither stopped nor
barred, and with two reserves above zero (V2) or a price (V3).
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from bot.core.errors import BrokenInvariant
from bot.core.identity import Address, to_checksum
from bot.core.profile import ProtocolName
from bot.core.units import UINT112_MAX
from bot.protocols.v3_pool import ConcentratedPool
from bot.state.screen_arrays import ScreenArrays

_FIRST_CAPACITY = 64
_MILLION = 1_000_000


class V2Pool(msgspec.Struct, frozen=True):
    """What never changes about a pair."""

    address: Address
    venue: str
    token0: Address
    token1: Address
    fee_numerator: int
    fee_denominator: int


class V3Pool(msgspec.Struct, frozen=True):
    """What never changes about a concentrated-liquidity pool."""

    address: Address
    venue: str
    token0: Address
    token1: Address
    fee: int
    """In millionths of the input."""
    tick_spacing: int
    protocol: ProtocolName = "uniswap_v3"


Pool = V2Pool | V3Pool


class PoolTable:
    """Pools are written by `bot.state` alone; everybody else reads the lists and views, and bars."""

    def __init__(self, beside: "PoolTable | None" = None) -> None:
        """`beside`: another table, to share what is known of the prices at ticks."""
        self.pools: list[Pool] = []
        self.reserve0: list[int] = []
        """0 for V3, as `reserve1`."""
        self.reserve1: list[int] = []
        self.concentrated: list[ConcentratedPool | None] = []
        """None for V2."""
        self.screen: ScreenArrays = ScreenArrays(beside.screen if beside is not None else None)
        self._by_address: dict[Address, int] = {}
        self._stopped: set[int] = set()
        self._out_of_service: set[int] = set()
        self._barred: dict[int, str] = {}
        self._kept_out: set[int] = set()
        """Stopped, barred or out of service."""
        self._live = np.zeros(_FIRST_CAPACITY, dtype=np.bool_)

    def __len__(self) -> int:
        return len(self.pools)

    @property
    def live(self) -> NDArray[np.bool_]:
        """A view, valid until the next `add` or `add_concentrated`."""
        return self._live[: len(self)]

    def index(self, address: Address) -> int | None:
        return self._by_address.get(address)

    def add(self, pool: V2Pool, reserve0: int, reserve1: int) -> int:
        """The new pool's index. Raises BrokenInvariant for an address that is there, or reserves over uint112."""
        _check_reserves(pool, reserve0, reserve1)
        index = self._append(pool, None, pool.fee_numerator / pool.fee_denominator)
        self.set_reserves(index, reserve0, reserve1)
        return index

    def add_concentrated(self, pool: V3Pool, concentrated: ConcentratedPool) -> int:
        """The new pool's index. The table keeps `concentrated` itself: `note_changed` after changing it.

        Raises BrokenInvariant for an address that is there, or where the two do not agree on fee and spacing.
        """
        if (pool.fee, pool.tick_spacing) != (concentrated.fee, concentrated.tick_spacing):
            raise BrokenInvariant(
                f"pool {to_checksum(pool.address)} has fee {pool.fee} and tick spacing {pool.tick_spacing}, "
                f"its liquidity is of {concentrated.fee} and {concentrated.tick_spacing}"
            )
        index = self._append(pool, concentrated, (_MILLION - pool.fee) / _MILLION)
        self.note_changed(index)
        return index

    def set_reserves(self, index: int, reserve0: int, reserve1: int) -> None:
        """Raises BrokenInvariant for reserves over uint112, the width the pair stores them in."""
        if not (0 <= reserve0 <= UINT112_MAX and 0 <= reserve1 <= UINT112_MAX):
            _check_reserves(self.pools[index], reserve0, reserve1)
        self.reserve0[index] = reserve0
        self.reserve1[index] = reserve1
        self.screen.put_reserves(index, reserve0, reserve1)
        self._decide_live(index)

    def note_changed(self, index: int) -> None:
        """Bring the screen up to date with a V3 pool that was initialised, or whose ticks changed."""
        self.screen.put_ranges(index, self.concentrated_at(index))
        self._decide_live(index)

    def note_moved(self, index: int) -> None:
        """As `note_changed`, cheaper: price and active liquidity changed, no tick did."""
        self.screen.put_price(index, self.concentrated_at(index))
        self._decide_live(index)

    def replace_concentrated(self, index: int, concentrated: ConcentratedPool) -> None:
        """Other contents for the same pool, as read afresh."""
        self.concentrated_at(index)
        self.concentrated[index] = concentrated
        self.note_changed(index)

    def concentrated_at(self, index: int) -> ConcentratedPool:
        """Raises BrokenInvariant for a V2 pool."""
        concentrated = self.concentrated[index]
        if concentrated is None:
            raise BrokenInvariant(f"pool {to_checksum(self.pools[index].address)} is no V3 pool")
        return concentrated

    def stop(self, index: int) -> None:
        """Not to be traded on until `resume`; it is still kept up to date."""
        self._stopped.add(index)
        self._decide_kept_out(index)

    def resume(self, index: int) -> None:
        self._stopped.discard(index)
        self._decide_kept_out(index)

    def is_stopped(self, index: int) -> bool:
        return index in self._stopped

    def stopped(self) -> tuple[int, ...]:
        """Indices in ascending order."""
        return tuple(sorted(self._stopped))

    def bar(self, index: int, reason: str) -> None:
        """Not to be traded on until `unbar`, whatever its state; the last reason counts."""
        self._barred[index] = reason
        self._decide_kept_out(index)

    def unbar(self, index: int) -> None:
        self._barred.pop(index, None)
        self._decide_kept_out(index)

    def why_barred(self, index: int) -> str | None:
        return self._barred.get(index)

    def take_out_of_service(self, index: int) -> None:
        """The block that created the pool has left the chain: there is nothing at its address."""
        self._out_of_service.add(index)
        self._decide_kept_out(index)
        self._empty(index)

    def put_into_service(self, index: int) -> None:
        """The pool was created again, at the same address and empty."""
        self._out_of_service.discard(index)
        self._decide_kept_out(index)
        self._empty(index)

    def in_service(self, index: int) -> bool:
        return index not in self._out_of_service

    def _append(self, pool: Pool, concentrated: ConcentratedPool | None, gamma: float) -> int:
        if pool.address in self._by_address:
            raise BrokenInvariant(f"pool {to_checksum(pool.address)} is in the table already")
        index = self.screen.append(gamma)
        if index == len(self._live):
            self._live = np.concatenate([self._live, np.zeros_like(self._live)])
        self.pools.append(pool)
        self.reserve0.append(0)
        self.reserve1.append(0)
        self.concentrated.append(concentrated)
        self._by_address[pool.address] = index
        return index

    def _empty(self, index: int) -> None:
        concentrated = self.concentrated[index]
        if concentrated is None:
            self.set_reserves(index, 0, 0)
        else:
            self.replace_concentrated(index, ConcentratedPool(concentrated.fee, concentrated.tick_spacing))

    def _decide_kept_out(self, index: int) -> None:
        if index in self._stopped or index in self._barred or index in self._out_of_service:
            self._kept_out.add(index)
        else:
            self._kept_out.discard(index)
        self._decide_live(index)

    def _decide_live(self, index: int) -> None:
        concentrated = self.concentrated[index]
        if concentrated is None:
            has_price = self.reserve0[index] > 0 and self.reserve1[index] > 0
        else:
            has_price = concentrated.sqrt_price > 0
        live = has_price and index not in self._kept_out
        self._live[index] = live
        self.screen.set_live(index, live)


def _check_reserves(pool: Pool, reserve0: int, reserve1: int) -> None:
    if not (0 <= reserve0 <= UINT112_MAX and 0 <= reserve1 <= UINT112_MAX):
        raise BrokenInvariant(
            f"reserves {reserve0}, {reserve1} of pool {to_checksum(pool.address)} do not fit into uint112"
        )
