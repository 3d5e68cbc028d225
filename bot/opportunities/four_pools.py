"""The few best cycles of four pools over each token, kept from block to block; those a block may have changed are
found afresh, and screened like all others.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.opportunities.cycles import Cycles
from bot.opportunities.four_kernel import near_tokens, note_best, survivors, tokens_between
from bot.opportunities.promising import Promising
from bot.opportunities.screen_kernel import Market, value_rows

FEW: Final = 4
"""Survivors a token, best by rate: of more, the first rarely leave anything to the next."""


class FourPools:
    """Through the first base token of `cycles`. Row m * FEW + k of `legs` is the k-th best over token m."""

    def __init__(self, cycles: Cycles) -> None:
        self._cycles = cycles
        self.legs: NDArray[np.int32] = np.empty((0, 4), np.int32)
        self.kept = Promising()
        self._best_from: NDArray[np.float64] = np.zeros(0)
        """By token: the best log rate from base straight to it."""
        self._best_to: NDArray[np.float64] = np.zeros(0)
        """From it straight to base."""
        self.grow()

    def grow(self) -> None:
        """After `cycles` was extended."""
        tokens = self._cycles.token_count
        fresh = np.full((tokens * FEW - len(self.legs), 4), -1, np.int32)
        self.legs = np.concatenate([self.legs, fresh])
        self.kept.grow(len(self.legs))
        self._is_affected: NDArray[np.bool_] = np.zeros(tokens, np.bool_)
        self._affected: NDArray[np.int32] = np.zeros(tokens, np.int32)
        self._is_touched: NDArray[np.bool_] = np.zeros(self._cycles.pool_count, np.bool_)
        self._rows: NDArray[np.int32] = np.zeros(len(self.legs), np.int32)
        # No edge's rate is known until its pool is screened.
        unknown = np.full(tokens - len(self._best_from), -np.inf)
        self._best_from = np.concatenate([self._best_from, unknown])
        self._best_to = np.concatenate([self._best_to, unknown])

    def screen(self, touched: NDArray[np.int32], market: Market, least_depth: float) -> int:
        """Find and value the survivors anew wherever a touched pool may be in one; how many tokens that were."""
        kept = self.kept
        count, written = self._find(
            touched, market, least_depth, self._best_from, self._best_to, self.legs, self._rows
        )
        kept.size = value_rows(
            self._rows[:written],
            self.legs,
            market,
            least_depth,
            kept.values,
            kept.inputs,
            kept.members,
            kept.seats,
            kept.size,
        )
        return count

    def beside(self, touched: NDArray[np.int32], market: Market, least_depth: float) -> NDArray[np.int32]:
        """Edges of the survivors there would be, wherever a touched pool may be in one, if the touched pools stood as
        they do in `market`. Nothing that is kept changes.
        """
        legs = np.full_like(self.legs, -1)
        rows = np.empty_like(self._rows)
        best = self._best_from.copy(), self._best_to.copy()
        _, written = self._find(touched, market, least_depth, *best, legs, rows)
        found: NDArray[np.int32] = legs[rows[:written]]
        return found[found[:, 0] >= 0]

    def _find(
        self,
        touched: NDArray[np.int32],
        market: Market,
        least_depth: float,
        best_from: NDArray[np.float64],
        best_to: NDArray[np.float64],
        legs: NDArray[np.int32],
        rows: NDArray[np.int32],
    ) -> tuple[int, int]:
        """(tokens affected, rows of `legs` written: the first of `rows`)."""
        cycles = self._cycles
        ends, into_base = cycles.to_base[0]
        held = market.log_rate, market.virtual0, market.virtual1
        count = near_tokens(touched, cycles.tokens, 0, self._is_affected, self._affected)
        note_best(self._affected[:count], ends, into_base, *held, least_depth, best_from, best_to)
        count = tokens_between(
            touched, cycles.tokens, cycles.edge_offsets, cycles.edges, 0, self._is_affected, self._affected
        )
        written = survivors(
            self._affected[:count],
            touched,
            self._is_touched,
            cycles.tokens,
            cycles.edge_offsets,
            cycles.edges,
            ends,
            into_base,
            0,
            *held,
            least_depth,
            best_from,
            best_to,
            FEW,
            legs,
            rows,
        )
        return int(count), int(written)
