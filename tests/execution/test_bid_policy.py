"""The share that is bid: fixed while little is known, learned later, always within floor and cap, never of a clock."""

import os

import pytest
from bidding_stage import FIXED, Blocks, drawn_seeds, regret
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.execution.bid_policy import EXPLORES_ONE_IN, SEASONED, BidConfig, BidPolicy

LAWS = int(os.environ.get("BID_LAWS", "2"))
BUNDLES = int(os.environ.get("BID_BUNDLES", "500"))
MANY_LAWS, MANY_BUNDLES = 20, 2_000
LEAST_OF_BEST = 0.93
"""Of the best fixed share's net in hindsight, over MANY_LAWS laws and MANY_BUNDLES of each: what learning leaves at least."""
LEAST_OF_ONE_LAW = 0.6
"""Of any single law, over 500 bundles or more: a fifth of those are bid before or beside what is learned."""
DEAREST_EXPLORING = 0.05
"""Of a bundle's profit, where 50 % happens to be the best share and exploring is all cost."""

NOTES = st.lists(
    st.tuples(
        st.integers(0, 10_000),
        st.integers(0, 12 * 10**9),
        st.booleans(),
        st.none() | st.integers(0, 12_000),
    ),
    min_size=5,
    max_size=40,
)


def told(policy, notes, strategy="cycles"):
    choices = []
    for note in notes:
        policy.note(strategy, *note)
        policy.refit()
        choices.append(policy.share(strategy))
    return choices


def outcomes(count, seed=11):
    blocks = Blocks(seed)
    return [(sent.share, sent.offset, sent.won, sent.rival_share) for sent in blocks.of_every_kind(0, count)]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"floor": 6_000}, "bid floor 6000, share 5000 and cap 9500 bps"),
        ({"cap": 4_000}, "cap 4000 bps"),
        ({"cap": 10_001}, "cap 10001 bps"),
        ({"floor": -1}, "floor -1"),
        ({"least_outcomes": 0}, "0 outcomes"),
    ],
)
def test_a_config_that_cannot_be_is_refused(change, says):
    with pytest.raises(ValueError, match=says):
        BidConfig(**change)


def test_fixed_until_enough_bundles_are_decided():
    policy = BidPolicy(BidConfig(share=4_000, least_outcomes=30))
    choices = [policy.share("cycles"), *told(policy, outcomes(30))]
    assert [choice.share for choice in choices[:30]] == [4_000] * 30
    assert {choice.chance for choice in choices[:30]} == {None}
    assert choices[7].reason == "fixed at 40 %: 7 of 30 bundles decided"
    assert "learned from 30 bundles" in choices[30].reason
    assert choices[30].chance is not None


def test_learning_that_is_off_stays_off():
    policy = BidPolicy(BidConfig(share=4_000, learns=False, least_outcomes=1))
    choices = told(policy, outcomes(100))
    assert {(choice.share, choice.reason) for choice in choices} == {
        (4_000, "fixed at 40 %: learning is off")
    }
    assert policy.refit() is False


@settings(max_examples=25, deadline=None)
@given(notes=NOTES, bounds=st.tuples(*[st.integers(0, 10_000)] * 3).map(sorted))
def test_within_floor_and_cap_whatever_was_noted(notes, bounds):
    floor, share, cap = bounds
    policy = BidPolicy(BidConfig(share=share, floor=floor, cap=cap, least_outcomes=4))
    choices = told(policy, notes)
    assert all(floor <= choice.share <= cap for choice in choices)
    assert choices[-1].chance is not None


def test_the_same_notes_give_the_same_choices_and_asking_changes_nothing():
    notes = outcomes(120)
    config = BidConfig(least_outcomes=20)
    one, other = BidPolicy(config), BidPolicy(config)
    asked = []
    for note in notes:
        other.share("cycles")
        other.share("cycles")
        asked += told(other, [note])
    assert told(one, notes) == asked
    assert one.share("cycles") == one.share("cycles")


def test_strategies_learn_apart_and_by_their_own_config():
    policy = BidPolicy(BidConfig(least_outcomes=20), {"backrun": BidConfig(share=8_000, least_outcomes=20)})
    told(policy, outcomes(40))
    assert policy.share("cycles").chance is not None
    assert policy.share("backrun").share == 8_000
    assert policy.share("backrun").reason == "fixed at 80 %: 0 of 20 bundles decided"


def test_explores_the_stated_part_of_the_bids():
    policy = BidPolicy(BidConfig(least_outcomes=40))
    notes = outcomes(640)
    choices = told(policy, notes)
    early, late = choices[40 : 40 * SEASONED - 1], choices[40 * SEASONED - 1 :]
    for part, one_in in ((early, EXPLORES_ONE_IN), (late, 2 * EXPLORES_ONE_IN)):
        tries = [choice for choice in part if choice.reason.startswith("tries")]
        assert abs(len(tries) - len(part) / one_in) <= 1
        assert all(f"one bid in {one_in}" in choice.reason for choice in tries)
    assert len({choice.share for choice in late if choice.reason.startswith("tries")}) >= 4


def test_learns_what_a_market_asks():
    """Everybody else bids 60 %: 50 % never lands, 60 % neither, just above always."""
    policy = BidPolicy(BidConfig(least_outcomes=20))
    for _ in range(300):
        share = policy.share("cycles").share
        won = share > 6_000
        policy.note("cycles", share, 10**9, won, None if won else 6_000)
        policy.refit()
    bids = []
    for _ in range(EXPLORES_ONE_IN):
        bids.append(policy.share("cycles").share)
        policy.note("cycles", bids[-1], 10**9, bids[-1] > 6_000, None if bids[-1] > 6_000 else 6_000)
    assert 6_000 < sorted(bids)[len(bids) // 2] <= 6_500


def test_regret_over_laws_drawn_now():
    """The mean net is that of the fixed 50 % share at least, and near that of the best fixed share in hindsight."""
    seeds = drawn_seeds(LAWS)
    print(f"{BUNDLES:,} bundles each")
    found = []
    for seed in seeds:
        one = regret(seed, BUNDLES)
        found.append(one)
        print(
            f"  {seed:>10}: learned {one.learned:.3f}, fixed {FIXED / 100:g} % {one.fixed:.3f}, "
            f"best fixed {one.best:.3f} at {one.best_share / 100:g} %; {one.last_reason}"
        )
    learned, fixed, best = (
        sum(getattr(one, name) for one in found) / LAWS for name in ("learned", "fixed", "best")
    )
    print(
        f"  mean: learned {learned:.4f}, fixed {fixed:.4f}, best fixed {best:.4f}; {learned / best:.1%} of the best"
    )
    if LAWS >= MANY_LAWS:
        assert learned >= fixed
    if LAWS >= MANY_LAWS and BUNDLES >= MANY_BUNDLES:
        assert learned >= LEAST_OF_BEST * best
    assert all(one.learned >= LEAST_OF_ONE_LAW * one.best for one in found)
    assert all(one.learned >= one.fixed - DEAREST_EXPLORING for one in found)
    assert all(one.best >= one.fixed for one in found)
