"""What the search screens, in flat float64 arrays: rates, virtual reserves and liquidity ranges of every pool.

Rounded to 53 bits: they screen and never decide. Every property is a view of the arrays' present place, valid until
the next `append` or `put_ranges`. An edge is `2 * pool + (0 if token0 goes in else 1)`.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from bot.protocols.v3_pool import ConcentratedPool
from bot.protocols.v3_tick_math import MAX_TICK, MIN_TICK, sqrt_price_at_tick

_FIRST_POOLS: Final = 64
_FIRST_RANGES: Final = 256
_Q96: Final = float(1 << 96)

Floats = NDArray[np.float64]


class ScreenArrays:
    """Written by PoolTable alone.

    Range k of pool i lies between `range_bound[first_range[i] + k]` and the bound after it (square roots of the
    price in smallest units, ascending) and holds `range_liquidity[first_range[i] + k]`. A V3 pool's ranges cover
    every price there is: the outermost are empty unless a position reaches MIN_TICK or MAX_TICK. V2 pools, and V3
    pools not yet initialised, have none.
    """

    def __init__(self, beside: "ScreenArrays | None" = None) -> None:
        self._length = 0
        self._gamma = np.zeros(_FIRST_POOLS)
        self._virtual = np.zeros((2, _FIRST_POOLS))
        self._log_rate = np.full(2 * _FIRST_POOLS, -np.inf)
        self._sqrt_price = np.zeros(_FIRST_POOLS)
        self._first_range = np.zeros(_FIRST_POOLS, np.int64)
        self._range_count = np.zeros(_FIRST_POOLS, np.int32)
        self._current_range = np.zeros(_FIRST_POOLS, np.int32)
        self._bound = np.zeros(_FIRST_RANGES)
        self._liquidity = np.zeros(_FIRST_RANGES)
        self._room: list[int] = []
        """Bounds that fit into a pool's slice."""
        self._used = 0
        """Of the flat arrays; slices that were left behind are counted until the next move of all."""
        self._log_gamma: list[float] = []
        self._log_spot: list[tuple[float, float]] = []
        """Log rate of each edge less the fee, -inf where nothing can be sold that way."""
        self.bound_of: dict[int, float] = {} if beside is None else beside.bound_of
        """Root of the price at ticks met before; the same whoever asks."""
        self._open_views()

    def __len__(self) -> int:
        return self._length

    @property
    def gamma(self) -> Floats:
        """The part of the input that counts after the fee."""
        return self._gamma[: self._length]

    @property
    def virtual0(self) -> Floats:
        """V2: the reserve. V3: L/s of the range the price is in; 0 where nothing is there."""
        return self._virtual[0, : self._length]

    @property
    def virtual1(self) -> Floats:
        """As `virtual0`: the reserve, or L*s."""
        return self._virtual[1, : self._length]

    @property
    def log_rate(self) -> Floats:
        """One an edge: log(gamma * virtual_out / virtual_in); -inf where not live, or where nothing would come out.

        Of a V3 pool between two ranges with liquidity: the rate at which the next one in that direction begins.
        """
        return self._log_rate[: 2 * self._length]

    @property
    def sqrt_price(self) -> Floats:
        """V3: root of token1 per token0 in smallest units; 0 for V2 and before Initialize."""
        return self._sqrt_price[: self._length]

    @property
    def first_range(self) -> NDArray[np.int64]:
        return self._first_range[: self._length]

    @property
    def range_count(self) -> NDArray[np.int32]:
        """0 for V2."""
        return self._range_count[: self._length]

    @property
    def current_range(self) -> NDArray[np.int32]:
        """Place of the price among the pool's ranges; a price exactly on a bound is where the pool's tick says."""
        return self._current_range[: self._length]

    @property
    def range_bound(self) -> Floats:
        return self._bound

    @property
    def range_liquidity(self) -> Floats:
        return self._liquidity

    def append(self, gamma: float) -> int:
        """The next pool's index; it is empty and not live."""
        index = self._length
        if index == len(self._gamma):
            self._grow()
        self._length += 1
        self._gamma[index] = gamma
        self._log_gamma.append(math.log(gamma))
        self._log_spot.append((-math.inf, -math.inf))
        self._room.append(0)
        return index

    def put_reserves(self, index: int, reserve0: int, reserve1: int) -> None:
        self._into_virtual0[index] = reserve0
        self._into_virtual1[index] = reserve1
        if reserve0 > 0 and reserve1 > 0:
            spot = math.log(reserve1 / reserve0)
            self._log_spot[index] = (spot, -spot)
        else:
            self._log_spot[index] = (-math.inf, -math.inf)

    def put_ranges(self, index: int, pool: ConcentratedPool) -> None:
        """Everything of a V3 pool, after its ticks changed or it was initialised or emptied."""
        if pool.sqrt_price == 0:
            self._range_count[index] = 0
        else:
            self._put_slice(index, pool.bounds, pool.range_liquidity)
        self.put_price(index, pool)

    def put_price(self, index: int, pool: ConcentratedPool) -> None:
        """Price and active liquidity of a V3 pool whose ticks did not change since `put_ranges`."""
        root = pool.sqrt_price / _Q96
        self._into_sqrt_price[index] = root
        if root == 0.0:
            self._virtual[:, index] = 0.0
            self._current_range[index] = 0
            self._log_spot[index] = (-math.inf, -math.inf)
            return
        self._into_virtual0[index] = pool.liquidity / root
        self._into_virtual1[index] = pool.liquidity * root
        # The first range begins at MIN_TICK, whether there is a tick or not; the lowest price may have a tick below it.
        bounds = pool.bounds
        begins_with_tick = bool(bounds) and bounds[0] == MIN_TICK
        current = max(0, bisect_right(bounds, pool.tick) - int(begins_with_tick))
        self._into_current_range[index] = current
        if pool.liquidity:
            spot = 2.0 * math.log(root)
            self._log_spot[index] = (spot, -spot)
        else:
            self._log_spot[index] = self._spots_beyond(index, current)

    def set_live(self, index: int, live: bool) -> None:  # the one thing it sets
        spot0, spot1 = self._log_spot[index] if live else (-math.inf, -math.inf)
        gamma = self._log_gamma[index]
        self._into_log_rate[2 * index] = gamma + spot0
        self._into_log_rate[2 * index + 1] = gamma + spot1

    def _spots_beyond(self, index: int, current: int) -> tuple[float, float]:
        """Log of the rate, fee apart, at which the next liquidity below and above begins."""
        first, count = int(self._first_range[index]), int(self._range_count[index])
        liquid = np.flatnonzero(self._liquidity[first : first + count])
        below, above = liquid[liquid < current], liquid[liquid > current]
        down = 2.0 * math.log(self._bound[first + below[-1] + 1]) if len(below) else -math.inf
        up = -2.0 * math.log(self._bound[first + above[0]]) if len(above) else -math.inf
        return down, up

    def _put_slice(self, index: int, ticks: Sequence[int], liquidity: Sequence[int]) -> None:
        """`liquidity[k]` lies below `ticks[k]`, the last above them all."""
        bounds = list(ticks)
        if not ticks or ticks[0] > MIN_TICK:
            bounds.insert(0, MIN_TICK)
        else:
            liquidity = liquidity[1:]
        if bounds[-1] < MAX_TICK:
            bounds.append(MAX_TICK)
        else:
            liquidity = liquidity[:-1]
        if len(bounds) > self._room[index]:
            self._move(index, len(bounds) + len(bounds) // 2 + 2)
        first = int(self._first_range[index])
        self._bound[first : first + len(bounds)] = self._bounds(bounds)
        self._liquidity[first : first + len(liquidity)] = liquidity
        self._range_count[index] = len(liquidity)

    def _bounds(self, ticks: Sequence[int]) -> list[float]:
        known = self.bound_of
        try:
            return [known[tick] for tick in ticks]
        except KeyError:
            known.update((tick, sqrt_price_at_tick(tick) / _Q96) for tick in ticks if tick not in known)
            return [known[tick] for tick in ticks]

    def _move(self, index: int, room: int) -> None:
        """Give the pool a slice of `room` bounds; where the flat arrays are full, all slices move together."""
        self._room[index] = room
        self._range_count[index] = 0
        if self._used + room > len(self._bound):
            self._move_all(2 * sum(self._room) + _FIRST_RANGES)
            return
        self._first_range[index] = self._used
        self._used += room

    def _move_all(self, size: int) -> None:
        bound, liquidity, used = np.zeros(size), np.zeros(size), 0
        for index, room in enumerate(self._room):
            first, count = int(self._first_range[index]), int(self._range_count[index])
            if count:
                bound[used : used + count + 1] = self._bound[first : first + count + 1]
                liquidity[used : used + count] = self._liquidity[first : first + count]
            self._first_range[index] = used
            used += room
        self._bound, self._liquidity, self._used = bound, liquidity, used

    def _open_views(self) -> None:
        """Number by number, a memoryview is written several times faster than the array it shows."""
        self._into_virtual0, self._into_virtual1 = _writable(self._virtual[0]), _writable(self._virtual[1])
        self._into_log_rate = _writable(self._log_rate)
        self._into_sqrt_price = _writable(self._sqrt_price)
        self._into_current_range = self._current_range.data

    def _grow(self) -> None:
        more = len(self._gamma)
        self._gamma = np.concatenate([self._gamma, np.zeros(more)])
        self._virtual = np.concatenate([self._virtual, np.zeros((2, more))], axis=1)
        self._log_rate = np.concatenate([self._log_rate, np.full(2 * more, -np.inf)])
        self._sqrt_price = np.concatenate([self._sqrt_price, np.zeros(more)])
        self._first_range = np.concatenate([self._first_range, np.zeros(more, np.int64)])
        self._range_count = np.concatenate([self._range_count, np.zeros(more, np.int32)])
        self._current_range = np.concatenate([self._current_range, np.zeros(more, np.int32)])
        self._open_views()


def _writable(array: Floats) -> "memoryview[float]":
    return cast("memoryview[float]", array.data)
