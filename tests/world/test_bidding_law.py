"""The hidden law: the same for the same seed, as likely as it says, and of many shapes."""

import math
import random

import pytest

from bot.world.bidding_law import BiddingLaw

BLOCKS = 4_000


def test_everything_follows_from_the_seed_and_the_arguments():
    one, other = BiddingLaw(7), BiddingLaw(7)
    forwards = [(one.rival_share(n), one.closes_at(n, 0), one.closes_at(n, 1)) for n in range(50)]
    backwards = [
        (other.rival_share(n), other.closes_at(n, 0), other.closes_at(n, 1)) for n in reversed(range(50))
    ]
    assert forwards == backwards[::-1]
    assert [BiddingLaw(8).rival_share(n) for n in range(50)] != [share for share, *_ in forwards]


def test_what_decides_is_whole_numbers():
    law = BiddingLaw(3)
    for number in range(500):
        share, closes = law.rival_share(number), law.closes_at(number, number % 3)
        assert share is None or (isinstance(share, int) and 0 <= share < 10_000)
        assert closes >= 0
        assert closes == round(closes * 10_000) / 10_000


@pytest.mark.parametrize("round_number", range(3))
def test_bundles_are_included_as_often_as_the_chance_says(round_number):
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    law, compared = BiddingLaw(seed), 0
    ends = [(law.rival_share(n), law.closes_at(n, n % 2)) for n in range(BLOCKS)]
    for share in (1_000, 4_000, 7_000, 9_500):
        for fraction in (0.2, 0.75, 0.95):
            won = sum((rival is None or rival < share) and fraction <= closes for rival, closes in ends)
            chance = law.chance(share, fraction, (0, 1))
            # Five standard deviations: twelve of these times three seeds fail by chance once in 50,000 runs.
            assert abs(won / BLOCKS - chance) < 5 * math.sqrt(chance * (1 - chance) / BLOCKS) + 1e-3
            compared += 0.01 < chance < 0.99
    assert compared


def test_a_higher_share_and_an_earlier_bundle_are_never_less_likely():
    for seed in range(30):
        law = BiddingLaw(seed)
        by_share = [law.chance(share, 0.5) for share in range(0, 10_001, 250)]
        by_time = [law.chance(5_000, fraction / 20) for fraction in range(30)]
        assert by_share == sorted(by_share)
        assert by_time == sorted(by_time, reverse=True)
        assert 0 <= by_time[-1] <= by_share[-1] <= 1


def test_seeds_differ_in_shape():
    regimes = [BiddingLaw(seed)._regimes for seed in range(40)]
    assert {len(one) for one in regimes} == {1, 2}
    assert {regime.kind for one in regimes for regime in one} == {"logistic", "beta"}
    best = [
        max(range(0, 10_000, 100), key=lambda s: (10_000 - s) * BiddingLaw(seed).chance(s, 0.4))
        for seed in range(20)
    ]
    assert max(best) - min(best) > 2_000
