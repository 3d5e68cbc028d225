"""P(inclusion | share, send time) in the market as it runs: anvil, the relay over HTTP, its builders, and a rival who
bids by the hidden law for the same gap. INCLUSION_BUNDLES a market, INCLUSION_MARKETS, INCLUSION_RELAYS, INCLUSION_SEED;
full size: scripts/sweep bids --market.
"""

import asyncio
import math
import os
import random

import pytest

from acceptance.inclusion_stage import drawn_market_seed, play, score
from bot.world.bidding_law import BiddingLaw

pytestmark = pytest.mark.market

BUNDLES = int(os.environ.get("INCLUSION_BUNDLES", "90"))
MARKETS = int(os.environ.get("INCLUSION_MARKETS", "1"))
RELAYS = os.environ.get("INCLUSION_RELAYS", "one").split(",")
SIGMAS = 4.0
TELLING = 500
"""Held-out bundles from which a Brier score must be below the base rate's: of fewer, chance decides too."""
EXPECTED_OF_EACH_END = 12
"""Of won against nobody, won against a rival, outbid and late each, at least: none by chance once in e^12 runs."""
NEAR_BPS = 3
"""Bids so close are decided by the gas of their calldata: builders rank by payment for each gas."""


def drawn_seeds():
    """Of markets and so of laws: drawn now, or again those of INCLUSION_SEED."""
    first = os.environ.get("INCLUSION_SEED") or str(random.SystemRandom().randrange(2**32))
    draw = random.Random(f"inclusion {first}")
    seeds = [drawn_market_seed(draw, min(0.14, EXPECTED_OF_EACH_END / BUNDLES)) for _ in range(MARKETS)]
    return first, seeds


@pytest.mark.parametrize("relays", RELAYS)
async def test_calibrated_in_the_market_whose_law_is_hidden(relays, tmp_path, say):
    first, seeds = drawn_seeds()
    say(f"INCLUSION_SEED={first}: markets {seeds}, relays {relays}")
    games = await asyncio.gather(
        *(play(tmp_path / str(seed), tmp_path / "cache", seed, BUNDLES, relays) for seed in seeds)
    )
    for seed, (met, empty) in zip(seeds, games, strict=True):
        law = BiddingLaw(seed)
        places = (0,) if relays == "one" else (0, 1)
        table = score(met, law, places)
        tell(say, seed, met, empty, law, places, table)
        assert len(met) == BUNDLES
        assert_every_end_occurred(met)
        assert_the_chain_shows_what_the_law_said(met, law)
        assert table.error <= table.bound
        if sum(one.cases for one in table.deciles) >= TELLING:
            assert table.brier < table.base_brier
        assert surprise(met, law, places) >= -SIGMAS
        if relays == "one":  # of two, the one who was paid more oftener builds: the law's mean is too low
            assert surprise(met, law, places) <= SIGMAS
            assert table.law_error <= table.law_bound


def assert_every_end_occurred(met):
    wins = [one for one in met if one.won]
    assert any(one.rival_bid is None for one in wins)
    assert any(one.rival_bid is not None for one in wins)
    assert any(one.is_late for one in met)
    assert any(one.fate == "dropped" and one.reason.startswith("outbid") for one in met)
    assert any(one.rival_share is not None for one in met if not one.won)


def assert_the_chain_shows_what_the_law_said(met, law):
    """Each bundle by itself: who won, and the rival's bid; no fate but those of the law."""
    for one in met:
        rival = law.rival_share(one.number)
        assert one.rival_bid == rival
        assert one.won == (one.fate == "included")
        if rival is None or abs(rival - one.share) > NEAR_BPS:
            assert one.won == one.due_to_win(law), one
        if not one.won:
            assert one.rival_share == (rival or None), one  # nothing paid: no builder takes it
            assert one.is_late or one.reason.startswith("outbid"), one


def surprise(met, law, places):
    """Wins beyond those the law lets expect, in standard deviations of their number."""
    chances = [law.chance(one.share, one.fraction, places) for one in met]
    variance = sum(chance * (1 - chance) for chance in chances)
    return (sum(one.won for one in met) - sum(chances)) / math.sqrt(variance)


def tell(say, seed, met, empty, law, places, table):
    late = sum(one.is_late for one in met)
    near = sum(one.won != one.due_to_win(law) for one in met)
    known = sum(one.rival_share is not None for one in met)
    say(
        f"law of market {seed}: {len(met):,} bundles, {sum(one.won for one in met):,} won, {late:,} late, "
        f"{len(met) - late - sum(one.won for one in met):,} outbid, rival seen in {known:,}; "
        f"{empty} blocks without a gap; {near} decided by gas within {NEAR_BPS} bps; "
        f"wins {surprise(met, law, places):+.2f} standard deviations from the law's"
    )
    print("\n".join(table.lines()))
