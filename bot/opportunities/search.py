"""Arbitrage of one block: touched pools are screened in floats, what may pay is sized in exact integers.

Floats also say what is worth sizing: the disjoint set that earns most by them. Where a cycle of it turns out worse in
exact integers (ticks that it crosses cost gas, units round), the set is chosen again with what it really earns, until
every cycle of the set is sized. Which of them are carried out together is decided on exact amounts alone. What was sized
in the last block and has no pool that changed since is as it was.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from bot.core.decisions import Opportunity
from bot.core.errors import BadConfiguration
from bot.core.identity import Address, BlockRef, to_checksum
from bot.core.units import Bps, TokenUnits, WeiPerGas, gas_cost
from bot.costs.gas_table import HopShape, estimate_gas
from bot.opportunities.choose_kernel import choose
from bot.opportunities.cycles import MOST_CYCLES, Cycles
from bot.opportunities.four_pools import FourPools
from bot.opportunities.promising import Promising
from bot.opportunities.ranking import added_by, rank
from bot.opportunities.screen_kernel import screen_pools
from bot.opportunities.screened import market_of
from bot.opportunities.select_kernel import Earning, gather, take
from bot.opportunities.set_aside import SetAside
from bot.opportunities.sizing import size_cycle
from bot.state.pool_table import PoolTable

SCREEN_SLACK = 0.999
"""A float profit this much under the gas cost is still sized: the screen is good to far more than three digits."""
_DISAPPOINTS = 0.98
"""A cycle that earns less than this part of what the screen said calls for another choice."""
_MOST_CHOICES = 16
_Sized = dict[tuple[int, ...], Opportunity | None]


class SearchConfig(msgspec.Struct, frozen=True):
    weth: Address
    """The one base token whose profit can be set against gas."""
    bid_share: Bps = Bps(0)
    """Of what gas leaves, to the builder: as the bidding will do it."""
    least_depth: TokenUnits = TokenUnits(10**16)
    """A cycle through a pool with less base token than this, or with less worth of another, is not looked at: dust
    prices are absurd, dust profits are not."""
    most_hops: int = 4
    """3 or 4."""
    most_cycles: int = MOST_CYCLES
    """Of two and three pools, that are ever held."""
    most_sized: int = 64
    """At once, best screen value after gas first; the rest is counted in `profitable_at_screen` and waits."""
    most_sized_per_pool: int = 0
    """0: no more are sized than the set to be carried out asks for. Else the best that each pool is in, up to so many."""


class SearchResult(msgspec.Struct, frozen=True):
    screened: int
    """Cycles of two and three pools whose value was computed afresh."""
    profitable_at_screen: int
    """Cycles, touched or not, whose last screen value covers the gas of their own hops, all their pools live."""
    sized: int
    opportunities: tuple[Opportunity, ...]
    """Each earns more than its own gas; best net first. Whether all that goes together pays for a transaction is
    `choose_disjoint`'s to say."""


class SearchParts(NamedTuple):
    """What an ArbitrageSearch is made of."""

    table: PoolTable
    config: SearchConfig
    cycles: Cycles
    four: FourPools | None
    hop_gas: NDArray[np.float64]
    """By pool: of one swap that crosses no tick, inside a cycle."""
    cycle_gas: float
    """Of a cycle beside its hops."""
    choosing: tuple[NDArray[np.int32], NDArray[np.int32]]
    """Two scratch arrays, one entry a pool, that come and go all -1."""
    aside: SetAside


class ArbitrageSearch:
    """Keeps the last screen value of every cycle: a block costs what it touched, and what it did not touch stays."""

    def __init__(self, table: PoolTable, base_tokens: Sequence[Address], config: SearchConfig) -> None:
        unpriced = [to_checksum(token) for token in base_tokens if token != config.weth]
        if unpriced:
            raise BadConfiguration(
                f"base_tokens holds {', '.join(unpriced)}: only {to_checksum(config.weth)} can be set against gas"
            )
        if config.most_hops not in (3, 4):
            raise BadConfiguration(f"most_hops is {config.most_hops}: use 3 or 4")
        self._table = table
        self._config = config
        self._cycles = Cycles(table, base_tokens, config.most_cycles)
        self._kept = Promising()
        self._four = FourPools(self._cycles) if config.most_hops == 4 and base_tokens else None
        self._no_four = Promising()
        self._gas_of_venue: dict[str, float] = {}
        self._hop_gas: NDArray[np.float64] = np.zeros(0)
        self._aside = SetAside()
        self._was_live: NDArray[np.bool_] = np.zeros(0, np.bool_)
        """By pool, when it was last screened."""
        self._sized: _Sized = {}
        """By its edges, what the last search sized and no touched pool has made stale."""
        self.state: BlockRef | None = None
        """The block of the last search."""
        self._make_room()
        self._screen(np.arange(len(table), dtype=np.int32))

    @property
    def parts(self) -> SearchParts:
        """For a search beside this one, as of `state`: to be read only."""
        return SearchParts(
            self._table,
            self._config,
            self._cycles,
            self._four,
            self._hop_gas,
            self._cycle_gas,
            (self._holder, self._newest),
            self._aside,
        )

    @property
    def cycle_count(self) -> int:
        """Of two and three pools."""
        return len(self._cycles)

    @property
    def cycles_left_out(self) -> int:
        """Of two and three pools, beyond `most_cycles`: never looked at."""
        return self._cycles.left_out

    def extend(self) -> int:
        """Take in and screen the pools that were added to the table since; how many cycles they brought."""
        known = self._cycles.pool_count
        brought = self._cycles.extend()
        if known != self._cycles.pool_count:
            self._make_room()
            self._screen(np.arange(known, self._cycles.pool_count, dtype=np.int32))
        return len(brought)

    def search(self, touched: Sequence[int], state: BlockRef, gas_price: WeiPerGas) -> SearchResult:
        """What pays at `state`, net of its own gas at `gas_price`.

        `touched`: every pool whose state changed since the last call, in any order. Pools new in the table are taken
        in first, and pools that went out of or into use since are found by themselves.
        """
        if self._cycles.pool_count != len(self._table):
            self.extend()
        switched = np.flatnonzero(self._table.live != self._was_live)
        changed = sorted({*touched, *switched.tolist()} if len(switched) else set(touched))
        screened = self._screen(np.array(changed, dtype=np.int32))
        standing, self._sized = self._unaffected(changed), {}
        self.state = state
        earning = self._gather(gas_price)
        if len(self._aside):
            earning = self._without_aside(earning, state.number)
        if float(earning.nets.sum()) < gas_cost(estimate_gas(()), gas_price) * SCREEN_SLACK:
            found: list[Opportunity | None] = []  # not even all together pay for a transaction
        elif self._config.most_sized_per_pool:
            places = take(earning, self._config.most_sized_per_pool, self._config.most_sized, self._used)
            found = [self._size(int(earning.ids[place]), state, standing) for place in places]
        else:
            found = size_chosen(
                earning,
                self._config.most_sized,
                (self._holder, self._newest),
                gas_price,
                lambda cycle: self._size(cycle, state, standing),
            )
        paying = [one for one in found if one is not None and added_by(one, gas_price) > 0]
        ranked = tuple(rank(paying, gas_price, self._config.bid_share))
        return SearchResult(screened, len(earning.ids), len(found), ranked)

    def set_aside(self, opportunity: Opportunity) -> None:
        """The node ran it at its own state and it reverted: left out at this block and for a while, longer each time."""
        edges = []
        for leg in opportunity.legs:
            index = self._table.index(leg.pool)
            if index is None:
                return
            edges.append(2 * index + (0 if leg.zero_for_one else 1))
        self._aside.note_reverted(tuple(edges), opportunity.state.number)

    def _without_aside(self, earning: Earning, block: int) -> Earning:
        self._aside.forget_old(block)
        stays = np.array(
            [not self._aside.holds(self._edges(cycle), block) for cycle in earning.ids.tolist()], np.bool_
        )
        return Earning(earning.ids[stays], earning.nets[stays], earning.pools[stays])

    def _edges(self, cycle: int) -> tuple[int, ...]:
        row = cycle - len(self._cycles)
        if row >= 0:
            assert self._four is not None
            return tuple(self._four.legs[row].tolist())
        return tuple(edge for edge in self._cycles.legs[cycle].tolist() if edge >= 0)

    def _screen(self, touched: NDArray[np.int32]) -> int:
        cycles, kept = self._cycles, self._kept
        self._was_live[touched] = self._table.live[touched]
        market = market_of(self._table.screen)
        screened, kept.size = screen_pools(
            touched,
            self._is_touched,
            cycles.offsets,
            cycles.incident,
            cycles.legs,
            market,
            float(self._config.least_depth),
            kept.values,
            kept.inputs,
            kept.members,
            kept.seats,
            kept.size,
        )
        if self._four is not None:
            self._four.screen(touched, market, float(self._config.least_depth))
        return int(screened)

    def _gather(self, gas_price: WeiPerGas) -> Earning:
        four = self._four.kept if self._four is not None else self._no_four
        price = gas_price * SCREEN_SLACK
        earning: Earning = gather(
            self._kept.ids,
            self._kept.values,
            self._cycles.legs,
            four.ids,
            four.values,
            self._four_legs(),
            self._hop_gas,
            price,
            self._cycle_gas * price,
        )
        return earning

    def _unaffected(self, changed: Sequence[int]) -> _Sized:
        """What was sized in the last search, but for the cycles of changed pools."""
        gone = set(changed)
        return {
            edges: one for edges, one in self._sized.items() if not any(edge >> 1 in gone for edge in edges)
        }

    def _size(self, cycle: int, state: BlockRef, standing: _Sized) -> Opportunity | None:
        row = cycle - len(self._cycles)
        if row < 0:
            edges, amount = self._cycles.legs[cycle].tolist(), self._kept.inputs[cycle]
            edges = edges if edges[2] >= 0 else edges[:2]
        else:
            assert self._four is not None
            edges, amount = self._four.legs[row].tolist(), self._four.kept.inputs[row]
        key = tuple(edges)
        if key in standing:
            one = standing[key]
            if one is not None and one.state != state:
                one = msgspec.structs.replace(one, state=state)
        else:
            one = size_cycle(self._table, edges, float(amount), state)
        self._sized[key] = one
        return one

    def _four_legs(self) -> NDArray[np.int32]:
        return self._four.legs if self._four is not None else np.empty((0, 4), np.int32)

    def _make_room(self) -> None:
        count = self._cycles.pool_count
        self._kept.grow(len(self._cycles))
        if self._four is not None:
            self._four.grow()
        self._is_touched: NDArray[np.bool_] = np.zeros(count, np.bool_)
        self._was_live = np.concatenate([self._was_live, np.zeros(count - len(self._was_live), np.bool_)])
        self._used: NDArray[np.int32] = np.zeros(count, np.int32)
        self._holder: NDArray[np.int32] = np.full(count, -1, np.int32)
        self._newest: NDArray[np.int32] = np.full(count, -1, np.int32)
        fresh = [self._gas_of(pool.venue) for pool in self._table.pools[len(self._hop_gas) : count]]
        self._hop_gas = np.concatenate([self._hop_gas, np.array(fresh)])
        self._cycle_gas = float(estimate_gas(((),)) - estimate_gas(()))

    def _gas_of(self, venue: str) -> float:
        """Of one swap that crosses no tick, inside a cycle."""
        known = self._gas_of_venue.get(venue)
        if known is None:
            known = float(estimate_gas(((HopShape(venue),),)) - estimate_gas(((),)))
            self._gas_of_venue[venue] = known
        return known


def size_chosen(
    earning: Earning,
    most_sized: int,
    choosing: tuple[NDArray[np.int32], NDArray[np.int32]],
    gas_price: WeiPerGas,
    size: Callable[[int], Opportunity | None],
) -> list[Opportunity | None]:
    """What the chosen set earns by exact integers, and what earned too little to stay in it.

    `size` gets a cycle's id. `choosing`: as in SearchParts. The nets of `earning` are overwritten.
    """
    nets, found, sized = earning.nets, [], set()
    for _ in range(_MOST_CHOICES):
        disappointed = False
        for place in choose(earning, most_sized, *choosing).tolist():
            if place in sized:
                continue
            sized.add(place)
            one = size(int(earning.ids[place]))
            found.append(one)
            adds = added_by(one, gas_price) if one is not None else 0
            if adds < nets[place] * _DISAPPOINTS:
                disappointed = True
            nets[place] = adds
        if not disappointed:
            break
    return found
