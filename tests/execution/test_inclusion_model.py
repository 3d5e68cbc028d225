"""P(inclusion): monotone whatever was noted, exact about what censored outcomes know, calibrated on hidden laws."""

import os
import random
from itertools import pairwise

import numpy as np
from bidding_stage import drawn_seeds, held_out_calibration
from calibration_table import calibration
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.execution.inclusion_model import KEPT, InclusionModel

LAWS = int(os.environ.get("BID_LAWS", "2"))
LEARNED = int(os.environ.get("BID_LEARNED", "1000"))
HELD_OUT = int(os.environ.get("BID_HELD_OUT", "1500"))

NOTES = st.lists(
    st.tuples(
        st.integers(0, 10_000),
        st.integers(0, 15 * 10**9),
        st.booleans(),
        st.none() | st.integers(0, 20_000),
    ),
    max_size=60,
)


def fitted(notes):
    model = InclusionModel()
    for note in notes:
        model.note(*note)
    model.refit()
    return model


@settings(max_examples=40, deadline=None)
@given(notes=NOTES, share=st.integers(0, 10_000), offset=st.integers(0, 40 * 10**9))
def test_up_in_share_and_down_in_offset_whatever_was_noted(notes, share, offset):
    model = fitted(notes)
    by_share = [model.chance(one, offset) for one in (0, share // 2, share, (share + 10_000) // 2, 10_000)]
    by_offset = [model.chance(share, one) for one in (0, offset // 2, offset, offset + 10**9, 2 * offset)]
    assert all(0 <= one <= 1 for one in by_share + by_offset)
    assert all(low <= high + 1e-12 for low, high in pairwise(by_share))
    times = [0, offset // 2, offset, offset + 10**9, 2 * offset]
    in_time = [chance for _, chance in sorted(zip(times, by_offset, strict=True), key=lambda pair: pair[0])]
    assert all(early >= late - 1e-12 for early, late in pairwise(in_time))


@settings(max_examples=10, deadline=None)
@given(notes=NOTES)
def test_the_same_notes_give_the_same_chances(notes):
    one, other = fitted(notes), fitted(notes)
    shares = np.arange(0, 10_001, 500)
    assert (one.chances(shares, 10**9) == other.chances(shares, 10**9)).all()


def test_before_anything_is_known_it_is_an_even_bet():
    model = InclusionModel()
    model.refit()
    assert model.chance(5_000, 0) == 0.5
    assert not model.is_fitted


def test_at_the_only_share_ever_bid_it_is_the_win_rate():
    model = fitted([(5_000, 10**9, n % 4 != 0, None) for n in range(400)])
    assert abs(model.chance(5_000, 10**9) - 0.75) < 0.02


def test_a_rival_that_is_known_tells_of_shares_never_bid():
    """Always outbid at 20 % by one who paid 60 %: above his share it would have been won, below it not."""
    seen = fitted([(2_000, 10**9, False, 6_000)] * 200)
    blind = fitted([(2_000, 10**9, False, None)] * 200)
    assert seen.chance(5_500, 0) < 0.1
    assert seen.chance(6_500, 0) > 0.9
    assert (
        seen.chance(6_500, 0) - seen.chance(5_500, 0) > blind.chance(6_500, 0) - blind.chance(5_500, 0) + 0.5
    )


def test_a_loss_to_a_lower_bid_is_the_clock_s():
    """The rival was below ours, so the builder had closed: the share is not to blame, the time is."""
    notes = [(5_000, 2 * 10**9, True, None)] * 100 + [(5_000, 8 * 10**9, False, 3_000)] * 100
    model = fitted(notes)
    assert model.chance(5_000, 10**9) > 0.9
    assert model.chance(5_000, 8 * 10**9) < 0.1
    assert model.chance(10_000, 8 * 10**9) < 0.15


def test_a_loss_without_a_known_rival_is_oftener_one_without_any():
    """Nobody bids in a third of the blocks, and half of the late bundles' rivals are found: the silence is not missed."""
    notes = []
    for number in range(1_200):
        is_late, is_silent, is_found = number % 2, number % 3 == 0, number % 4 < 2
        share = 500 if number % 5 == 0 else 8_000
        won = not is_late and (is_silent or share > 6_000)
        notes.append(
            (share, is_late * 10**10, won, 6_000 if is_found and not is_silent and not won else None)
        )
    assert abs(fitted(notes).chance(500, 0) - 1 / 3) < 0.04


def test_old_bundles_are_forgotten():
    model = InclusionModel()
    for _ in range(1_000):
        model.note(5_000, 10**9, False, None)
    for _ in range(KEPT):
        model.note(5_000, 10**9, True, None)
    model.refit()
    assert len(model) == KEPT
    assert model.chance(5_000, 10**9) > 0.98


def test_calibrated_on_hidden_laws_drawn_now():
    kinds = 0
    for seed in drawn_seeds(LAWS):
        table = held_out_calibration(seed, LEARNED, HELD_OUT)
        print(f"law of seed {seed}: learned from {LEARNED:,} bundles, scored on {HELD_OUT:,} others")
        print("\n".join(table.lines()))
        assert table.error <= table.bound
        assert table.law_error <= table.law_bound
        assert table.brier < table.base_brier
        assert sum(one.cases for one in table.deciles) == HELD_OUT
        kinds += len(table.deciles)
    assert kinds >= 3 * LAWS


def test_the_bounds_refuse_a_model_that_is_too_sure_or_knows_only_the_base_rate():
    draw = random.Random(5)
    true = np.array([draw.random() for _ in range(HELD_OUT)])
    happened = np.array([draw.random() < chance for chance in true])
    trained = np.array([draw.random() for _ in range(LEARNED)])
    honest = calibration(true, happened, trained, true=true)
    assert honest.error <= honest.bound
    assert honest.law_error == 0
    for bent in (np.clip(true + 0.1, 0, 1), true**2, np.clip(2 * true - 0.5, 0, 1)):
        table = calibration(bent, happened, bent, true=true)
        assert table.error > table.bound
        assert table.law_error > table.law_bound
        assert table.brier > honest.brier
