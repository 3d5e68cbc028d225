"""How much is played: enough for CI by default, what the issue asks for with ACCEPTANCE_FULL=1."""

import os
import random

IS_FULL = os.environ.get("ACCEPTANCE_FULL") == "1"
BLOCKS = 120 if IS_FULL else 60
SEEDS_DRAWN = 3 if IS_FULL else 1
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
