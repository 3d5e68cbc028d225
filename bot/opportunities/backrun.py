"""Arbitrage behind a pending transaction: cycles through the pools it moves, on the overlay of what it will leave.

Enumeration, screen, choice and exact sizing are the block's own; only the numbers come from the overlay. What pays
without the pending transaction as well was not opened by it: that is the block's own search's, not a back-run.
"""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from bot.core.decisions import Opportunity
from bot.core.errors import BrokenInvariant
from bot.core.units import WeiPerGas, gas_cost
from bot.costs.gas_table import estimate_gas
from bot.opportunities.backrun_kernel import value_cycles
from bot.opportunities.ranking import NO_BID, added_by, net_of_costs, rank
from bot.opportunities.screened import market_of
from bot.opportunities.search import SCREEN_SLACK, ArbitrageSearch, SearchParts, size_chosen
from bot.opportunities.select_kernel import Earning, gather, take
from bot.opportunities.sizing import size_cycle
from bot.state.overlay import Overlay

STRATEGY: Final = "backrun"

_NO_ROWS: Final = np.zeros(0, np.int32)
_NO_VALUES: Final = np.zeros(0)
_NO_LEGS: Final = np.zeros((0, 3), np.int32)


class BackrunResult(msgspec.Struct, frozen=True):
    screened: int
    """Cycles through a pool that moves."""
    profitable_at_screen: int
    sized: int
    not_opened: int
    """Of those: pay as much as a transaction's gas without the pending one, too."""
    opportunities: tuple[Opportunity, ...]
    """Each earns more than its own gas; best net first. The amounts hold on the overlay."""


class BackrunSearch:
    """Beside one ArbitrageSearch, whose last search must have been of the overlay's block."""

    def __init__(self, search: ArbitrageSearch) -> None:
        self._search = search

    def search(self, overlay: Overlay, gas_price: WeiPerGas) -> BackrunResult:
        """Raises BrokenInvariant where the block's own search has not been there yet."""
        if self._search.state != overlay.ref:
            raise BrokenInvariant(
                f"an overlay on block {overlay.ref.number}, the last search was of {self._search.state}"
            )
        parts = self._search.parts
        changed = np.array([at for at in overlay.changed if at < parts.cycles.pool_count], np.int32)
        rows, market = _rows(parts, changed, overlay), market_of(overlay.screen)
        values, inputs = value_cycles(rows, market, float(parts.config.least_depth))
        earning = _earning(parts, rows, values, gas_price, overlay.ref.number)
        if not len(earning.ids) or earning.nets.sum() < _transaction_gas(gas_price) * SCREEN_SLACK:
            return BackrunResult(len(rows), len(earning.ids), 0, 0, ())
        return self._sized(parts, overlay, rows, inputs, earning, gas_price)

    def _sized(
        self,
        parts: SearchParts,
        overlay: Overlay,
        rows: NDArray[np.int32],
        inputs: NDArray[np.float64],
        earning: Earning,
        gas_price: WeiPerGas,
    ) -> BackrunResult:
        not_opened, kept, screened = 0, parts.config.most_sized_per_pool, len(earning.ids)

        def size(cycle: int) -> Opportunity | None:
            nonlocal not_opened
            edges = _edges(rows[cycle])
            one = size_cycle(overlay, edges, float(inputs[cycle]), overlay.ref)
            if one is None or added_by(one, gas_price) <= 0:
                return None
            if _pays_already(parts, rows[cycle : cycle + 1], overlay, gas_price):
                not_opened += 1
                return None
            return msgspec.structs.replace(one, strategy=STRATEGY)

        if kept:
            used = np.zeros(parts.cycles.pool_count, np.int32)
            places = take(earning, kept, parts.config.most_sized, used)
            found = [size(int(earning.ids[place])) for place in places]
        else:
            found = size_chosen(earning, parts.config.most_sized, parts.choosing, gas_price, size)
        paying = tuple(rank([one for one in found if one is not None], gas_price, parts.config.bid_share))
        return BackrunResult(len(rows), screened, len(found), not_opened, paying)


def _rows(parts: SearchParts, changed: NDArray[np.int32], overlay: Overlay) -> NDArray[np.int32]:
    """Edges of every cycle through a changed pool, four a row: all of two and three pools, the best few of four."""
    cycles, four = parts.cycles, parts.four
    through = [cycles.incident[cycles.offsets[at] : cycles.offsets[at + 1]] for at in changed]
    ids = np.unique(np.concatenate(through)) if through else _NO_ROWS
    rows = np.full((len(ids), 4), -1, np.int32)
    rows[:, :3] = cycles.legs[ids]
    if four is None or not len(changed):
        return rows
    best = four.beside(changed, market_of(overlay.screen), float(parts.config.least_depth))
    return np.concatenate([rows, best[np.isin(best >> 1, changed).any(axis=1)]])


def _earning(
    parts: SearchParts,
    rows: NDArray[np.int32],
    values: NDArray[np.float64],
    gas_price: WeiPerGas,
    block: int,
) -> Earning:
    price = gas_price * SCREEN_SLACK
    promising = np.flatnonzero(values > 0.0).astype(np.int32)
    if len(parts.aside):
        holds = parts.aside.holds
        promising = promising[[not holds(_edges(rows[row]), block) for row in promising.tolist()]]
    earning: Earning = gather(
        _NO_ROWS,
        _NO_VALUES,
        _NO_LEGS,
        promising,
        values,
        rows,
        parts.hop_gas,
        price,
        parts.cycle_gas * price,
    )
    return earning


def _pays_already(parts: SearchParts, row: NDArray[np.int32], overlay: Overlay, gas_price: WeiPerGas) -> bool:
    """Whether the cycle alone covers a transaction's gas on the state as it is."""
    values, inputs = value_cycles(row, market_of(parts.table.screen), float(parts.config.least_depth))
    if values[0] < _transaction_gas(gas_price) * SCREEN_SLACK:
        return False
    one = size_cycle(parts.table, _edges(row[0]), float(inputs[0]), overlay.ref)
    return one is not None and net_of_costs(one, gas_price, NO_BID) > 0


def _transaction_gas(gas_price: WeiPerGas) -> int:
    return gas_cost(estimate_gas(()), gas_price)


def _edges(row: NDArray[np.int32]) -> tuple[int, ...]:
    return tuple(edge for edge in row.tolist() if edge >= 0)
