"""Every V2 pool we know: exact integer reserves for deciding, the same as float64 for screening, and whether to use it.

Indices are stable: the table only grows. A pool is *live* when it may be traded on: in service, not stopped, and
both reserves above zero.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from bot.core.errors import BrokenInvariant
from bot.core.identity import Address, to_checksum
from bot.core.units import UINT112_MAX

_FIRST_CAPACITY = 64


class V2Pool(msgspec.Struct, frozen=True):
    """What never changes about a pair."""

    address: Address
    venue: str
    token0: Address
    token1: Address
    fee_numerator: int
    fee_denominator: int


class PoolTable:
    """Reserves are written by `bot.state` alone; everybody else reads the lists and views."""

    def __init__(self) -> None:
        self.pools: list[V2Pool] = []
        self.reserve0: list[int] = []
        self.reserve1: list[int] = []
        self._by_address: dict[Address, int] = {}
        self._stopped: set[int] = set()
        self._out_of_service: set[int] = set()
        self._screen0 = np.zeros(_FIRST_CAPACITY)
        self._screen1 = np.zeros(_FIRST_CAPACITY)
        self._live = np.zeros(_FIRST_CAPACITY, dtype=np.bool_)

    def __len__(self) -> int:
        return len(self.pools)

    @property
    def screen_reserve0(self) -> NDArray[np.float64]:
        """A view, valid until the next `add`; rounded to 53 bits: it screens and never decides."""
        return self._screen0[: len(self)]

    @property
    def screen_reserve1(self) -> NDArray[np.float64]:
        """As `screen_reserve0`."""
        return self._screen1[: len(self)]

    @property
    def live(self) -> NDArray[np.bool_]:
        """A view, valid until the next `add`."""
        return self._live[: len(self)]

    def index(self, address: Address) -> int | None:
        return self._by_address.get(address)

    def add(self, pool: V2Pool, reserve0: int, reserve1: int) -> int:
        """The new pool's index. Raises BrokenInvariant for an address that is there, or reserves over uint112."""
        if pool.address in self._by_address:
            raise BrokenInvariant(f"pool {to_checksum(pool.address)} is in the table already")
        _check_reserves(pool, reserve0, reserve1)
        index = len(self.pools)
        if index == len(self._live):
            self._grow()
        self.pools.append(pool)
        self.reserve0.append(0)
        self.reserve1.append(0)
        self._by_address[pool.address] = index
        self.set_reserves(index, reserve0, reserve1)
        return index

    def set_reserves(self, index: int, reserve0: int, reserve1: int) -> None:
        """Raises BrokenInvariant for reserves over uint112, the width the pair stores them in."""
        _check_reserves(self.pools[index], reserve0, reserve1)
        self.reserve0[index] = reserve0
        self.reserve1[index] = reserve1
        self._screen0[index] = reserve0
        self._screen1[index] = reserve1
        self._decide_live(index)

    def stop(self, index: int) -> None:
        """Not to be traded on until `resume`; reserves are still kept up to date."""
        self._stopped.add(index)
        self._decide_live(index)

    def resume(self, index: int) -> None:
        self._stopped.discard(index)
        self._decide_live(index)

    def is_stopped(self, index: int) -> bool:
        return index in self._stopped

    def stopped(self) -> tuple[int, ...]:
        """Indices in ascending order."""
        return tuple(sorted(self._stopped))

    def take_out_of_service(self, index: int) -> None:
        """The block that created the pool has left the chain: there is nothing at its address."""
        self._out_of_service.add(index)
        self.set_reserves(index, 0, 0)

    def put_into_service(self, index: int) -> None:
        """The pool was created again, at the same address and empty."""
        self._out_of_service.discard(index)
        self.set_reserves(index, 0, 0)

    def in_service(self, index: int) -> bool:
        return index not in self._out_of_service

    def _decide_live(self, index: int) -> None:
        self._live[index] = (
            self.reserve0[index] > 0
            and self.reserve1[index] > 0
            and index not in self._stopped
            and index not in self._out_of_service
        )

    def _grow(self) -> None:
        self._screen0 = np.concatenate([self._screen0, np.zeros_like(self._screen0)])
        self._screen1 = np.concatenate([self._screen1, np.zeros_like(self._screen1)])
        self._live = np.concatenate([self._live, np.zeros_like(self._live)])


def _check_reserves(pool: V2Pool, reserve0: int, reserve1: int) -> None:
    if not (0 <= reserve0 <= UINT112_MAX and 0 <= reserve1 <= UINT112_MAX):
        raise BrokenInvariant(
            f"reserves {reserve0}, {reserve1} of pool {to_checksum(pool.address)} do not fit into uint112"
        )
