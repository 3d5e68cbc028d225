"""Winning MEV-Boost values of 30,000 blocks joined with their headers, and how a model fitted on the first 20,000 does."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
from calibration_table import Calibration, calibration

from bot.execution.winning_value import BlockValue, RecentValues, fit

FIRST, TRAINED, LAST = 18_500_000, 20_000, 18_530_000
SLOT_OFFSET_MS = 12_000
"""`slot_time_ms` counts from the start of the slot before."""
QUANTILES = np.arange(1, 10) / 10


class _Row(NamedTuple):
    """As in the files; everything of the bid is None where a block was built without MEV-Boost."""

    block_number: int
    slot: int
    value: str | None
    relay: str | None
    bid_timestamp_ms: float | None
    slot_time_ms: float | None
    payload_delivered: float


@dataclass(frozen=True)
class Winner:
    block: BlockValue
    slot: int
    relay: str
    ms_into_slot: float
    """Of the row taken; negative: before the slot began."""
    rows: int
    values: frozenset[int]
    """Of all rows of the block."""


def read_winners(bids_folder, headers_folder):
    """One row a block, oldest first, and how many blocks have no winning bid (built without MEV-Boost).

    Rows of a block differ in relay and time alone, never in value. Taken is one whose payload was delivered, among
    those the earliest: that relay's bid is the one the proposer signed. A block whose `value` is null has no winner,
    which is not a value of zero: it is left out.
    """
    fees = _base_fees(headers_folder)
    by_block = {}
    for path in sorted(bids_folder.glob("*.parquet")):
        columns = pq.read_table(path, columns=list(_Row._fields)).to_pydict()
        for row in map(_Row._make, zip(*(columns[name] for name in _Row._fields), strict=True)):
            by_block.setdefault(row.block_number, []).append(row)
    winners, without = [], 0
    for number in sorted(by_block):
        rows = [row for row in by_block[number] if row.value is not None]
        if not rows:
            without += 1
            continue
        taken = min(rows, key=lambda row: (not row.payload_delivered, row.bid_timestamp_ms, row.relay))
        winners.append(
            Winner(
                BlockValue(number, fees[number], int(taken.value)),
                taken.slot,
                taken.relay,
                taken.slot_time_ms - SLOT_OFFSET_MS,
                len(rows),
                frozenset(int(row.value) for row in rows),
            )
        )
    return winners, without


def _base_fees(folder):
    fees = {}
    for path in sorted(folder.glob("*.parquet")):
        numbers, base_fees = pq.read_table(path, columns=["block_number", "base_fee"]).to_pydict().values()
        fees.update(zip(numbers, base_fees, strict=True))
    return fees


@dataclass(frozen=True)
class Score:
    """On the blocks that were not fitted on."""

    blocks: int
    thresholds: list[int]
    """The training blocks' quantiles, wei."""
    predicted: np.ndarray
    """(blocks, thresholds) chances."""
    happened: np.ndarray
    table: Calibration

    def lines(self):
        briers = ((self.predicted - self.happened) ** 2).mean(axis=0)
        alone = ((QUANTILES - self.happened) ** 2).mean(axis=0)
        yield "  quantile      value, ETH  predicted  observed    Brier  training distribution alone"
        for at, (quantile, value) in enumerate(zip(QUANTILES, self.thresholds, strict=True)):
            yield (
                f"  {quantile:8.1f} {value / 10**18:15.6f} {self.predicted[:, at].mean():10.3f} "
                f"{self.happened[:, at].mean():9.3f} {briers[at]:8.4f} {alone[at]:10.4f}"
            )
        yield f"  all: Brier {briers.mean():.4f}, training distribution alone {alone.mean():.4f}"
        yield "  by decile of the predicted chance, all thresholds together:"
        yield from list(self.table.lines())[:-1]

    @property
    def brier(self):
        return float(((self.predicted - self.happened) ** 2).mean())

    @property
    def brier_alone(self):
        return float(((QUANTILES - self.happened) ** 2).mean())


def predictions(model, blocks, thresholds):
    """Chances for every block by those before it alone, shape (blocks, thresholds); the first block has none."""
    recent, rows = RecentValues(), []
    for at, block in enumerate(blocks):
        if at:
            rows.append(model.chances_at_most(thresholds, block.base_fee, recent))
        recent.note(block)
    return np.array(rows)


def score(winners):
    """Fitted on the first 20,000 blocks, scored on the last 10,000 at the training quantiles."""
    blocks = [winner.block for winner in winners]
    training = [block for block in blocks if block.number < FIRST + TRAINED]
    thresholds = [int(value) for value in np.quantile([float(block.value) for block in training], QUANTILES)]
    chances = predictions(fit(training), blocks, thresholds)
    seen = np.array([[block.value <= value for value in thresholds] for block in blocks[1:]])
    rest = len(training) - 1
    table = calibration(
        chances[rest:].ravel(), seen[rest:].ravel(), chances[:rest].ravel(), per_block=len(thresholds)
    )
    return Score(len(blocks) - len(training), thresholds, chances[rest:], seen[rest:], table)
