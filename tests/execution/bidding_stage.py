"""Bundles against a hidden law of the local market, as the bot would see their ends; for tests and for the full sweep."""

import os
import random
from dataclasses import dataclass

import numpy as np
from calibration_table import calibration

from bot.core.units import BPS_WHOLE, Bps, Nanoseconds
from bot.execution.bid_policy import BidConfig, BidPolicy
from bot.execution.inclusion_model import InclusionModel
from bot.world.bidding_law import BiddingLaw

SLOT = 12 * 10**9
BUILDERS = (0, 1)
"""Equally often the block's."""
RIVAL_SEEN = 0.7
"""How often the post-mortem of a lost bundle can say what the rival paid."""
FIXED = Bps(5_000)
STEP = 100


@dataclass(frozen=True)
class Sent:
    """One bundle and its end."""

    share: Bps
    offset: Nanoseconds
    won: bool
    rival_share: Bps | None
    """As the bot learns of it."""
    chance: float
    """The law's."""


@dataclass(frozen=True)
class Regret:
    """Mean net of a bundle, in parts of its profit."""

    learned: float
    fixed: float
    best: float
    """Of the best fixed share within floor and cap, in hindsight."""
    best_share: Bps
    last_reason: str


def drawn_seeds(count):
    """Of laws: drawn now, or again those of BID_SEED."""
    first = os.environ.get("BID_SEED") or str(random.SystemRandom().randrange(2**32))
    print(f"laws of BID_SEED={first}")
    return [random.Random(f"law {first} {at}").randrange(2**32) for at in range(count)]


class Blocks:
    """The blocks of a market under one law: what is open to whom when."""

    def __init__(self, seed):
        self.law = BiddingLaw(seed)
        self._draw = random.Random(f"bundles {seed}")

    def meet(self, number, share, fraction):
        """One bundle sent for this block at this fraction of the slot; whether it was in time as well."""
        rival = self.law.rival_share(number)
        in_time = fraction <= self.law.closes_at(number, self._draw.choice(BUILDERS))
        won = in_time and (rival is None or rival < share)
        is_seen = not won and rival is not None and self._draw.random() < RIVAL_SEEN
        chance = self.law.chance(share, fraction, BUILDERS)
        sent = Sent(share, Nanoseconds(int(fraction * SLOT)), won, rival if is_seen else None, chance)
        return sent, rival, in_time

    def of_every_kind(self, first, count):
        """Bids from 5 to 95 %, sent all over the slot and somewhat after it."""
        for number in range(first, first + count):
            share = Bps(self._draw.randrange(500, 9_500))
            yield self.meet(number, share, 1.1 * self._draw.betavariate(4, 2))[0]

    def usual_fraction(self):
        return min(max(self._draw.gauss(0.45, 0.12), 0.02), 1.2)


def held_out_calibration(seed, learned, held_out):
    """Learned from so many bundles, scored on so many others of the same law."""
    blocks, model = Blocks(seed), InclusionModel()
    training = list(blocks.of_every_kind(0, learned))
    for sent in training:
        model.note(sent.share, sent.offset, sent.won, sent.rival_share)
    model.refit()
    others = list(blocks.of_every_kind(learned, held_out))
    return calibration(
        [model.chance(sent.share, sent.offset) for sent in others],
        [sent.won for sent in others],
        [model.chance(sent.share, sent.offset) for sent in training],
        true=[sent.chance for sent in others],
    )


def regret(seed, bundles):
    """A policy that starts knowing nothing, beside fixed shares on the very same blocks."""
    config = BidConfig(share=FIXED)
    blocks, policy = Blocks(seed), BidPolicy(config)
    learned, rivals, in_times = 0.0, [], []
    for number in range(bundles):
        share = policy.share("s").share
        sent, rival, in_time = blocks.meet(number, share, blocks.usual_fraction())
        learned += sent.won * (1 - share / BPS_WHOLE)
        rivals.append(-1 if rival is None else rival)
        in_times.append(in_time)
        policy.note("s", share, sent.offset, sent.won, sent.rival_share)
        policy.refit()
    rival, in_time = np.array(rivals), np.array(in_times)
    nets = {
        Bps(share): float(((rival < share) & in_time).mean() * (1 - share / BPS_WHOLE))
        for share in range(config.floor, config.cap + 1, STEP)
    }
    best = max(nets, key=lambda share: nets[share])
    return Regret(learned / bundles, nets[FIXED], nets[best], best, policy.share("s").reason)
