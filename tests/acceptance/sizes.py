"""How much is played: three games of 120 blocks, about a minute; one of 60 with ACCEPTANCE_SMALL=1."""

import os
import random

IS_SMALL = os.environ.get("ACCEPTANCE_SMALL") == "1"
BLOCKS = 60 if IS_SMALL else 120
SEEDS_DRAWN = 1 if IS_SMALL else 3
MOST_EXTRA_GAMES = 6
"""Played, one by one, until the competitor has won a block somewhere."""
GAME_TIMEOUT_S = 1800


def draw_seed() -> int:
    """Nobody knows it beforehand; small enough to be typed again."""
    return random.SystemRandom().randrange(2**31)


def chosen_seeds() -> list[int]:
    """ACCEPTANCE_SEEDS=1,2,3, or drawn now."""
    named = os.environ.get("ACCEPTANCE_SEEDS", "")
    return [int(seed) for seed in named.split(",") if seed] or [draw_seed() for _ in range(SEEDS_DRAWN)]
