"""P(a block's winning value <= v | its base fee, recent winning values): what a whole block is worth to its proposer.

Log values scatter around a level that follows base fee and recent values, with a width that follows how much they
scattered lately; the shape of the scatter is the training blocks' own, no named distribution. Level and width are
least squares on running averages of several lengths: two dozen numbers, which 20,000 blocks carry with ease.
Winners only: it says nothing of losing bids. Floats: a probability screens.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from bot.core.units import Wei, WeiPerGas

Floats = npt.NDArray[np.float64]

LEAST_BLOCKS = 1_000
"""To fit on."""
_LEVELS = (3.0, 10.0, 40.0, 160.0)
"""Half-lives, in blocks, of the running averages of the log value."""
_SCATTERS = (10.0, 40.0)
"""Half-lives of those of its distance from the level `_SCATTER_FROM`; then that of the log base fee's average."""
_SCATTER_FROM = _LEVELS.index(40.0)
_FEE = (40.0,)
_LEAST_SCATTER = 0.05
"""Log units: below it a width is not told apart."""
_SMALLEST = 1e12
"""Wei: a lower value counts as this much in the logs."""
_WARM_UP = 320
"""Blocks before the running averages mean something."""
_RIDGE = 1e-3


class BlockValue(msgspec.Struct, frozen=True):
    """One block that was won over a relay, once, though several relays tell of it."""

    number: int
    base_fee: WeiPerGas
    value: Wei
    """Of the winning bid."""


class RecentValues:
    """Running averages of the blocks noted so far: all that a prediction knows of the past."""

    def __init__(self) -> None:
        self._newest: int | None = None
        self._last = self._last_fee = self._fee = 0.0
        self._levels = [0.0] * len(_LEVELS)
        self._scatters = [0.0] * len(_SCATTERS)

    def note(self, block: BlockValue) -> None:
        """The next block. Raises ValueError where it is not after the newest one: the past is not rewritten."""
        if self._newest is not None and block.number <= self._newest:
            raise ValueError(f"block {block.number} noted after {self._newest}: note them in their order")
        value, fee = _log(block.value), _log_fee(block.base_fee)
        if self._newest is None:
            self._levels, self._fee = [value] * len(_LEVELS), fee
        distance = abs(value - self._levels[_SCATTER_FROM])
        self._scatters = _moved(self._scatters, _SCATTERS, distance)
        self._levels = _moved(self._levels, _LEVELS, value)
        (self._fee,) = _moved([self._fee], _FEE, fee)
        self._last, self._last_fee, self._newest = value, fee, block.number

    def features(self, base_fee: WeiPerGas) -> tuple[list[float], list[float]]:
        """Of the block after the noted ones, for its level and for the log of its width.

        Raises ValueError before the first note.
        """
        if self._newest is None:
            raise ValueError("no block is noted yet: a prediction rests on recent values")
        fee = _log_fee(base_fee)
        level = [1.0, fee, fee - self._last_fee, fee - self._fee, self._last, *self._levels]
        scatter = [math.log(one + _LEAST_SCATTER) for one in self._scatters]
        return level, [1.0, fee, *scatter, self._levels[0], self._levels[_SCATTER_FROM]]


class WinningValueModel(msgspec.Struct, frozen=True):
    """Fitted once, by `fit`; pure."""

    level_weights: tuple[float, ...]
    width_weights: tuple[float, ...]
    scatter: Floats
    """Rising: the training blocks' distances from their level, in widths."""

    def chance_at_most(self, value: Wei, base_fee: WeiPerGas, recent: RecentValues) -> float:
        """P(the winning value of the block after `recent`, with that base fee, is at most `value`)."""
        return float(self.chances_at_most([value], base_fee, recent)[0])

    def chances_at_most(self, values: Sequence[Wei], base_fee: WeiPerGas, recent: RecentValues) -> Floats:
        """As `chance_at_most`, for several values of one block; never falls from a value to a greater one."""
        for_level, for_width = recent.features(base_fee)
        level = float(np.dot(for_level, self.level_weights))
        width = math.exp(float(np.dot(for_width, self.width_weights)))
        distances = (np.array([_log(value) for value in values]) - level) / width
        below = np.searchsorted(self.scatter, distances, side="right")
        chances: Floats = (below.astype(np.float64) + 0.5) / (len(self.scatter) + 1.0)
        return chances


def fit(blocks: Sequence[BlockValue]) -> WinningValueModel:
    """From consecutive history, oldest first.

    Raises ValueError for fewer than LEAST_BLOCKS, or when they are not in their order.
    """
    if len(blocks) < LEAST_BLOCKS:
        raise ValueError(f"{len(blocks)} blocks to fit winning values on: need at least {LEAST_BLOCKS}")
    recent = RecentValues()
    levels, widths, values = [], [], []
    for count, block in enumerate(blocks):
        if count >= _WARM_UP:
            for_level, for_width = recent.features(block.base_fee)
            levels.append(for_level)
            widths.append(for_width)
            values.append(_log(block.value))
        recent.note(block)
    level_of, width_of, seen = np.array(levels), np.array(widths), np.array(values)
    level_weights = _least_squares(level_of, seen)
    off = seen - level_of @ level_weights
    width_weights = _least_squares(width_of, np.log(np.abs(off) + _LEAST_SCATTER))
    scatter = np.sort(off / np.exp(width_of @ width_weights))
    return WinningValueModel(tuple(level_weights.tolist()), tuple(width_weights.tolist()), scatter)


def _least_squares(features: Floats, wanted: Floats) -> Floats:
    """With a ridge so small that it only keeps features that move together solvable."""
    square = features.T @ features + _RIDGE * np.eye(features.shape[1])
    weights: Floats = np.linalg.solve(square, features.T @ wanted).astype(np.float64)
    return weights


def _moved(averages: Sequence[float], half_lives: Sequence[float], value: float) -> list[float]:
    return [
        average + (1 - 0.5 ** (1 / half_life)) * (value - average)
        for average, half_life in zip(averages, half_lives, strict=True)
    ]


def _log(value: Wei) -> float:
    return math.log(max(float(value), _SMALLEST))


def _log_fee(base_fee: WeiPerGas) -> float:
    return math.log(max(base_fee, 1))
