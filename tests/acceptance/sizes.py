"""How much is played: two games of 120 blocks on 40 pools, one of a few on 1,000.

ACCEPTANCE_SMALL=1: one of 60, one of 8. ACCEPTANCE_FULL=1: three on 1,000 pools, of 40 blocks each.
"""

import os
import random

IS_SMALL = os.environ.get("ACCEPTANCE_SMALL") == "1"
BLOCKS = 60 if IS_SMALL else 120
SEEDS_DRAWN = 1 if IS_SMALL else 2
IS_FULL = os.environ.get("ACCEPTANCE_FULL") == "1"
WIDE_POOLS = 1_000
WIDE_BLOCKS = 40 if IS_FULL else 8 if IS_SMALL else 15
WIDE_SEEDS_DRAWN = 3 if IS_FULL else 1
MOST_EXTRA_GAMES = 6
"""Played, one by one, until the competitor has won a block somewhere."""
GAME_TIMEOUT_S = 1800


def draw_seed() -> int:
    """Nobody knows it beforehand; small enough to be typed again."""
    return random.SystemRandom().randrange(2**31)


def chosen_seeds() -> list[int]:
    """ACCEPTANCE_SEEDS=1,2,3, or drawn now."""
    return _named("ACCEPTANCE_SEEDS") or [draw_seed() for _ in range(SEEDS_DRAWN)]


def chosen_wide_seeds() -> list[int]:
    """Of the markets of 1,000 pools: ACCEPTANCE_WIDE_SEEDS=1,2,3, or drawn now."""
    return _named("ACCEPTANCE_WIDE_SEEDS") or [draw_seed() for _ in range(WIDE_SEEDS_DRAWN)]


def _named(variable: str) -> list[int]:
    return [int(seed) for seed in os.environ.get(variable, "").split(",") if seed]
