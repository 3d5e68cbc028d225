"""Two-pool arbitrage of one block: touched pools are screened in floats, what may pay is sized in exact integers."""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from bot.core.decisions import Opportunity
from bot.core.errors import BadConfiguration
from bot.core.identity import Address, BlockRef, to_checksum
from bot.core.units import Bps, Gas, TokenUnits, WeiPerGas, gas_cost
from bot.costs.gas_table import HopShape, estimate_gas
from bot.opportunities.cycles import TwoPoolCycles
from bot.opportunities.ranking import net_of_costs, rank
from bot.opportunities.screen_kernel import screen_pools
from bot.opportunities.sizing import size_two_pool_cycle
from bot.state.pool_table import PoolTable

_SCREEN_SLACK: Final = 0.999
"""A float profit this much under the gas cost is still sized: the screen is good to far more than three digits."""


class SearchConfig(msgspec.Struct, frozen=True):
    weth: Address
    """The one base token whose profit can be set against gas."""
    bid_share: Bps = Bps(0)
    """Of what gas leaves, to the builder: as the bidding will do it."""
    least_depth: TokenUnits = TokenUnits(10**16)
    """A cycle through a pool with less base token than this is not looked at: dust prices are absurd, dust profits
    are not."""
    most_sized: int = 64
    """A block, best screen value first; the rest is counted in `profitable_at_screen` and waits for the next block."""


class SearchResult(msgspec.Struct, frozen=True):
    screened: int
    """Cycles whose value was computed afresh."""
    profitable_at_screen: int
    """Cycles, touched or not, whose last screen value covers the gas, all their pools live."""
    sized: int
    opportunities: tuple[Opportunity, ...]
    """Profit above zero after gas and bid, best net first."""


class ArbitrageSearch:
    """Keeps the last screen value of every cycle: a block costs what it touched, and what it did not touch stays."""

    def __init__(self, table: PoolTable, base_tokens: Sequence[Address], config: SearchConfig) -> None:
        unpriced = [to_checksum(token) for token in base_tokens if token != config.weth]
        if unpriced:
            raise BadConfiguration(
                f"base_tokens holds {', '.join(unpriced)}: only {to_checksum(config.weth)} can be set against gas"
            )
        self._table = table
        self._config = config
        self._cycles = TwoPoolCycles(table, base_tokens)
        self._values = np.zeros(0)
        self._promising: NDArray[np.int32] = np.zeros(0, np.int32)
        self._place: NDArray[np.int32] = np.zeros(0, np.int32)
        self._size = 0
        self._cheapest_gas = Gas(0)
        self._is_touched: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._make_room()
        self._screen(range(len(table)))

    @property
    def cycle_count(self) -> int:
        return len(self._cycles)

    def extend(self) -> int:
        """Take in and screen the pools that were added to the table since; how many cycles they brought."""
        known = self._cycles.pool_count
        brought = self._cycles.extend()
        if known != self._cycles.pool_count:
            self._make_room()
            self._screen(range(known, self._cycles.pool_count))
        return len(brought)

    def search(self, touched: Sequence[int], state: BlockRef, gas_price: WeiPerGas) -> SearchResult:
        """What pays at `state`, net of gas at `gas_price` and of the bid.

        `touched`: every pool whose reserves changed since the last call, in any order. Pools new in the table are
        taken in first.
        """
        if self._cycles.pool_count != len(self._table):
            self.extend()
        screened = self._screen(touched)
        candidates = self._candidates(gas_price)
        sized = candidates[: self._config.most_sized]
        found = (self._size_cycle(int(cycle), state) for cycle in sized)
        bid = self._config.bid_share
        paying = [one for one in found if one is not None and net_of_costs(one, gas_price, bid) > 0]
        return SearchResult(screened, len(candidates), len(sized), tuple(rank(paying, gas_price, bid)))

    def _screen(self, touched: Sequence[int]) -> int:
        cycles, table = self._cycles, self._table
        screened, self._size = screen_pools(
            np.array(sorted(set(touched)), dtype=np.int32),
            self._is_touched,
            cycles.offsets,
            cycles.incident,
            cycles.first,
            cycles.second,
            cycles.base_is_token0,
            cycles.fee,
            table.screen_reserve0,
            table.screen_reserve1,
            float(self._config.least_depth),
            self._values,
            self._promising,
            self._place,
            self._size,
        )
        return int(screened)

    def _candidates(self, gas_price: WeiPerGas) -> NDArray[np.int32]:
        """Ids of live cycles that may cover the cheapest gas, best screen value first, equal ones by id."""
        ids = self._promising[: self._size]
        live = self._table.live
        least = gas_cost(self._cheapest_gas, gas_price) * _SCREEN_SLACK
        usable = live[self._cycles.first[ids]] & live[self._cycles.second[ids]] & (self._values[ids] > least)
        ids = ids[usable]
        return ids[np.lexsort((ids, -self._values[ids]))]

    def _size_cycle(self, cycle: int, state: BlockRef) -> Opportunity | None:
        first, second = int(self._cycles.first[cycle]), int(self._cycles.second[cycle])
        pool = self._table.pools[first]
        base_token = pool.token0 if self._cycles.base_is_token0[cycle] else pool.token1
        return size_two_pool_cycle(self._table, first, second, base_token, state)

    def _make_room(self) -> None:
        more = len(self._cycles) - len(self._values)
        self._values = np.concatenate([self._values, np.zeros(more)])
        self._promising = np.concatenate([self._promising, np.zeros(more, np.int32)])
        self._place = np.concatenate([self._place, np.full(more, -1, np.int32)])
        self._is_touched = np.zeros(self._cycles.pool_count, np.bool_)
        venues = {pool.venue for pool in self._table.pools}
        self._cheapest_gas = min((estimate_gas([(HopShape(venue),) * 2]) for venue in venues), default=Gas(0))
