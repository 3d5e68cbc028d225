"""P(inclusion | share bid, send offset), learned from our own bundles whatever law stands behind it.

A bundle is included when the best rival bids less and its builder still listens. So what is estimated is the joint
distribution of two hidden numbers of a block, the rivals' share (or nobody) and the closing time, as a histogram over
cells; the prediction is its mass below the share bid and after the offset. That makes it monotone by construction,
up in share and down in offset, and lets every kind of outcome say exactly what it knows (interval censoring):

- won: the rival was below our share, and the builder closed after our offset;
- lost to a known share at or above ours: the rival's cell, nothing of the closing time;
- lost although the known rival was below us: the rival's cell, and the builder had closed;
- lost, nothing known: not (rival below and closed after), and either nobody bid or the rival was not found; how often
  one is not found is estimated along, since a loss of which no rival is known is oftener one with no rival at all.

The masses are the penalised maximum likelihood by EM (Turnbull's self-consistent estimate for censored data, with a
Dirichlet prior of a few bundles). A logistic curve would be wrong for mixtures of regimes, and independent margins
for a law in which a contested block also closes earlier; a joint histogram is neither, at the price of resolution:
one cell of share is 2.5 % of the net profit, the cells of time hold equal numbers of our own offsets.

Floats: a probability screens and ranks shares; what is paid is decided in integers elsewhere.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bot.core.units import BPS_WHOLE, Bps, Nanoseconds

KEPT = 2_048
"""Newest bundles that count: an older market is another market."""

_SHARE_CELLS = 40
_SHARE_STEP = BPS_WHOLE // _SHARE_CELLS
_OFFSET_CELLS = 12
"""At most; fewer bundles make fewer cells, see `_offset_edges`."""
_BUNDLES_A_CELL = 20
_PRIOR = 3.0
"""Bundles that the prior weighs."""
_PRIOR_SILENT, _PRIOR_OPEN = 0.2, 0.7
"""Of the prior: nobody bids; the builder closes after the latest offset ever seen."""
_SHARE_ROUNDING, _LEVELS_A_CELL = 50, 4
"""Bundles within so many bps and the same part of a cell of time are counted together when fitting."""
_ROUNDS = 300
_LEAST = 1e-12
_SETTLED = 1e-6
"""Change of the mean log likelihood a round at which EM has arrived."""

Floats = npt.NDArray[np.float64]


class _Note(NamedTuple):
    share: int
    offset: int
    won: bool
    rival: int
    """Bps; -1: unknown."""


class InclusionModel:
    """Pure and deterministic. `note` is cheap, `refit` takes milliseconds, `chance` microseconds."""

    def __init__(self) -> None:
        self._notes: deque[_Note] = deque(maxlen=KEPT)
        self._edges: Floats = np.array([0.0, 1.0])
        self._mass: Floats | None = None
        """(1 + share cells, offset cells + 1): first row nobody bids, last column still open after the last edge."""

    def __len__(self) -> int:
        return len(self._notes)

    @property
    def is_fitted(self) -> bool:
        return self._mass is not None

    def note(self, share: Bps, offset: Nanoseconds, won: bool, rival_share: Bps | None) -> None:
        """One decided bundle. `offset` from the arrival of the head; `rival_share` of our net profit, None: unknown.

        A share above 10,000 bps counts as 10,000; a rival that outbid more than the whole as the last cell.
        """
        rival = -1 if rival_share is None else min(max(rival_share, 0), BPS_WHOLE - 1)
        self._notes.append(_Note(min(max(share, 0), BPS_WHOLE), max(offset, 0), won, rival))

    def refit(self) -> None:
        """From all that is kept, anew. Off the hot path."""
        if not self._notes:
            return
        edges = _offset_edges(np.array([one.offset for one in self._notes], dtype=np.int64))
        self._mass = _fit(_Evidence.of(self._notes, edges))
        self._edges = edges

    def chance(self, share: Bps, offset: Nanoseconds) -> float:
        """P(included); 0.5 before the first fit. Beyond the latest offset seen it falls on, as the last cells did."""
        return float(self.chances(np.array([share]), offset)[0])

    def chances(self, shares: npt.NDArray[np.int64], offset: Nanoseconds) -> Floats:
        """As `chance`, for many shares at one offset; shape of `shares`."""
        if self._mass is None:
            return np.full(len(shares), 0.5)
        after = _offset_weights(np.array([float(offset)]), self._edges)[0]
        inside = _share_weights(np.clip(shares, 0, BPS_WHOLE)) @ (self._mass @ after)
        bounded: Floats = np.clip(inside, 0.0, 1.0)
        return bounded


class _Group(NamedTuple):
    """Bundles of one outcome that bid and came alike, together. Rows are groups, columns cells, of which a weight
    says how much fits.
    """

    below: Floats
    after: Floats
    bundles: Floats

    @classmethod
    def of(cls, notes: Sequence[_Note], edges: Floats) -> _Group:
        shares = np.array([note.share for note in notes], dtype=np.int64)
        offsets = np.array([note.offset for note in notes], dtype=np.int64)
        levels = np.rint(np.interp(offsets, edges, np.arange(len(edges))) * _LEVELS_A_CELL)
        rounded = np.stack((np.rint(shares / _SHARE_ROUNDING) * _SHARE_ROUNDING, levels), axis=1)
        alike, count = np.unique(rounded, axis=0, return_counts=True)
        places = np.interp(alike[:, 1] / _LEVELS_A_CELL, np.arange(len(edges)), edges)
        return cls(_share_weights(alike[:, 0]), _offset_weights(places, edges), count.astype(np.float64))

    def inside(self, mass: Floats) -> Floats:
        """P(rival below and builder still open), by those masses."""
        inside: Floats = np.einsum("ij,ij->i", self.below @ mass, self.after)
        return inside

    def spread(self, by: Floats) -> Floats:
        """Sum over the groups of what they know of each cell, each `by` its own factor."""
        total: Floats = (self.below * by[:, None]).T @ self.after
        return total


class _Evidence(NamedTuple):
    """All bundles, by what they know."""

    won: _Group
    blind: _Group
    """Lost, nothing known."""
    outbid: Floats
    """How many rivals were seen in each row of cells, nothing known of the closing."""
    late_row: npt.NDArray[np.int64]
    late_after: Floats
    total: int

    @classmethod
    def of(cls, notes: Sequence[_Note], edges: Floats) -> _Evidence:
        known = [note for note in notes if not note.won and note.rival >= 0]
        late = [note for note in known if note.rival < note.share]
        outbid = np.array([_row(note) for note in known if note.rival >= note.share], dtype=np.int64)
        return cls(
            _Group.of([note for note in notes if note.won], edges),
            _Group.of([note for note in notes if not note.won and note.rival < 0], edges),
            np.bincount(outbid, minlength=1 + _SHARE_CELLS).astype(np.float64),
            np.array([_row(note) for note in late], dtype=np.int64),
            _offset_weights(np.array([note.offset for note in late], dtype=np.float64), edges),
            len(notes),
        )


def _row(note: _Note) -> int:
    return 1 + note.rival // _SHARE_STEP


def _offset_edges(offsets: npt.NDArray[np.int64]) -> Floats:
    """Rising, the first 0: between two of them about equally many offsets."""
    cells = int(np.clip(len(offsets) // _BUNDLES_A_CELL, 1, _OFFSET_CELLS))
    quantiles = np.quantile(offsets.astype(np.float64), np.linspace(0.0, 1.0, cells + 1))
    edges = np.unique(np.concatenate(([0.0], quantiles)))
    return edges if len(edges) > 1 else np.array([0.0, 1.0])


def _share_weights(shares: npt.NDArray[np.generic]) -> Floats:
    """How much of each cell of rivals' shares lies below; (shares, 1 + cells), the first is nobody: always 1."""
    lows = np.arange(_SHARE_CELLS) * _SHARE_STEP
    weights = np.clip((shares.astype(np.float64)[:, None] - lows) / _SHARE_STEP, 0.0, 1.0)
    return np.hstack((np.ones((len(shares), 1)), weights))


def _offset_weights(offsets: Floats, edges: Floats) -> Floats:
    """How much of each cell of closing times lies after; (offsets, cells + 1).

    The last cell begins at the last edge, and is as long as all before it: later than that is too late.
    """
    ends = np.append(edges, 2 * edges[-1])
    widths = np.diff(ends)
    weights: Floats = np.clip((ends[1:] - offsets[:, None]) / widths, 0.0, 1.0)
    return weights


def _prior(offset_cells: int) -> Floats:
    rows = np.append(_PRIOR_SILENT, np.full(_SHARE_CELLS, (1 - _PRIOR_SILENT) / _SHARE_CELLS))
    columns = np.append(np.full(offset_cells, (1 - _PRIOR_OPEN) / offset_cells), _PRIOR_OPEN)
    return np.outer(rows, columns)


def _fit(evidence: _Evidence) -> Floats:
    """EM from the prior: expected cells of every bundle, then their share of all; the prior never lets one die."""
    prior = _prior(evidence.late_after.shape[1] - 1)
    mass, reached, found = prior, -np.inf, 0.5
    for _ in range(_ROUNDS):
        expected, found, likelihood = _expected_cells(mass, found, evidence)
        mass = (expected + _PRIOR * prior) / (evidence.total + _PRIOR)
        if likelihood - reached < _SETTLED * evidence.total:
            break
        reached = likelihood
    return mass


def _expected_cells(mass: Floats, found: float, evidence: _Evidence) -> tuple[Floats, float, float]:
    """How many of the bundles' blocks lie in each cell, by the masses; how often the rival of a lost bundle is found,
    by the same; and the log likelihood of what was given.
    """
    won, blind, closed = evidence.won, evidence.blind, 1.0 - evidence.late_after
    included = np.maximum(won.inside(mass), _LEAST)
    rows = mass.sum(axis=1)
    late = np.maximum(np.einsum("ij,ij->i", mass[evidence.late_row], closed), _LEAST)
    lost_to_nobody = rows[0] - blind.after @ mass[0]
    lost_to_rival = (1.0 - found) * np.maximum(1.0 - blind.inside(mass) - lost_to_nobody, 0.0)
    lost = np.maximum(lost_to_nobody + lost_to_rival, _LEAST)
    by_lost = blind.bundles / lost
    factor = by_lost.sum() - blind.spread(by_lost)
    factor[1:] *= 1.0 - found
    factor += won.spread(won.bundles / included)
    factor += (evidence.outbid / rows)[:, None]
    np.add.at(factor, evidence.late_row, closed / late[:, None])
    known = evidence.outbid.sum() + len(evidence.late_row)
    likelihood = won.bundles @ np.log(included) + blind.bundles @ np.log(lost) + known * np.log(found)
    likelihood += np.log(late).sum() + evidence.outbid @ np.log(rows)
    # One found and one not found beforehand: never sure of either.
    found_next = (known + 1.0) / (known + by_lost @ lost_to_rival + 2.0)
    return mass * factor, float(found_next), float(likelihood)
