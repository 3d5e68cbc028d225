"""P(winning value <= v): calibrated on recorded blocks it never saw, better than their history alone, and without a leak."""

import functools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded_winning_values import FIRST, LAST, QUANTILES, TRAINED, predictions, read_winners, score

from bot.execution.winning_value import LEAST_BLOCKS, BlockValue, RecentValues, fit

THRESHOLDS = [10**15, 10**16, 5 * 10**16, 10**17, 10**18]
BRIER_GAIN = 0.08
"""Of the training distribution's own Brier score, what base fee and recent values take off at least."""


def made_blocks(count, seed=3):
    """Values around a level that wanders, fees likewise."""
    draw, level, fee, blocks = random.Random(seed), 0.0, 20e9, []
    for number in range(count):
        level += draw.gauss(-0.02 * level, 0.1)
        fee *= 1 + draw.uniform(-0.05, 0.05)
        blocks.append(BlockValue(number, int(fee), int(5e16 * np.exp(level + draw.gauss(0, 0.5)))))
    return blocks


recorded = functools.cache(read_winners)
MADE = made_blocks(LEAST_BLOCKS + 300)
MODEL = fit(MADE[:LEAST_BLOCKS])


def test_recorded_blocks_that_were_not_fitted_on(ground_truth):
    winners, without = recorded(ground_truth("mevboost_bids"), ground_truth("headers"))
    assert len(winners) + without == LAST - FIRST
    assert {len(winner.values) for winner in winners} == {1}
    assert max(winner.rows for winner in winners) > 1
    found = score(winners)
    print(f"{len(winners):,} blocks with a winner, {without:,} without; {found.blocks:,} scored")
    print("\n".join(found.lines()))
    assert found.table.error <= found.table.bound
    assert found.brier <= (1 - BRIER_GAIN) * found.brier_alone
    assert (np.diff(found.predicted, axis=1) >= 0).all()
    for at in range(len(QUANTILES)):
        model = ((found.predicted[:, at] - found.happened[:, at]) ** 2).mean()
        assert model < ((QUANTILES[at] - found.happened[:, at]) ** 2).mean()
    assert sum(winner.block.number >= FIRST + TRAINED for winner in winners) == found.blocks
    ground_truth.count(found.blocks, of="mevboost_bids")
    ground_truth.count(len(winners), of="headers")


def test_time_in_the_slot_has_its_offset_taken_off(ground_truth):
    winners, _ = recorded(ground_truth("mevboost_bids"), ground_truth("headers"))
    times = sorted(winner.ms_into_slot for winner in winners)
    assert times[0] >= -4_000
    assert 0 < times[len(times) // 2] < 1_000
    assert times[-1] < 12_000
    slots = [winner.slot for winner in winners]
    assert slots == sorted(set(slots))
    ground_truth.count(len(winners), of="mevboost_bids")
    ground_truth.count(len(winners), of="headers")


@settings(max_examples=10, deadline=None)
@given(at=st.integers(1, 298), draw=st.randoms(use_true_random=False))
def test_the_future_changes_no_prediction_and_the_past_does(at, draw):
    blocks = MADE[LEAST_BLOCKS:]
    later = blocks[at + 1 :]
    draw.shuffle(later)
    moved = [
        BlockValue(block.number, other.base_fee, other.value)
        for block, other in zip(blocks[at + 1 :], later, strict=True)
    ]
    whole = predictions(MODEL, blocks, THRESHOLDS)
    assert (predictions(MODEL, blocks[: at + 1] + moved, THRESHOLDS)[:at] == whole[:at]).all()
    past = [BlockValue(blocks[0].number, blocks[0].base_fee, 10 * blocks[0].value), *blocks[1:]]
    assert (predictions(MODEL, past, THRESHOLDS)[0] != whole[0]).any()


def test_a_block_s_own_value_is_no_part_of_its_prediction():
    blocks = MADE[LEAST_BLOCKS : LEAST_BLOCKS + 20]
    other = [*blocks[:-1], BlockValue(blocks[-1].number, blocks[-1].base_fee, 10**21)]
    assert (predictions(MODEL, other, THRESHOLDS) == predictions(MODEL, blocks, THRESHOLDS)).all()


@settings(max_examples=50, deadline=None)
@given(
    values=st.lists(st.integers(0, 10**22), min_size=1, max_size=8),
    fee=st.integers(0, 10**13),
    past=st.lists(st.tuples(st.integers(0, 10**13), st.integers(0, 10**22)), min_size=1, max_size=20),
)
def test_a_chance_that_rises_with_the_value_whatever_came_before(values, fee, past):
    recent = RecentValues()
    for number, (base_fee, value) in enumerate(past):
        recent.note(BlockValue(number, base_fee, value))
    chances = MODEL.chances_at_most(sorted(values), fee, recent)
    assert all(0 < chance < 1 for chance in chances)
    assert (np.diff(chances) >= 0).all()
    assert MODEL.chance_at_most(min(values), fee, recent) == chances[0]


def test_values_follow_the_recent_ones():
    low, high = RecentValues(), RecentValues()
    for number in range(50):
        low.note(BlockValue(number, 20 * 10**9, 10**16))
        high.note(BlockValue(number, 20 * 10**9, 10**18))
    assert (
        MODEL.chance_at_most(10**17, 20 * 10**9, low) > MODEL.chance_at_most(10**17, 20 * 10**9, high) + 0.5
    )


def test_what_cannot_be_is_refused():
    recent = RecentValues()
    with pytest.raises(ValueError, match="no block is noted yet"):
        recent.features(1)
    recent.note(BlockValue(5, 1, 1))
    with pytest.raises(ValueError, match="block 5 noted after 5"):
        recent.note(BlockValue(5, 1, 1))
    with pytest.raises(ValueError, match=f"{LEAST_BLOCKS - 1} blocks"):
        fit(MADE[: LEAST_BLOCKS - 1])
