"""The same seed in lockstep, twice: the same chain, block by block, and the same report but for durations."""

import pytest

from acceptance.game import play
from acceptance.sizes import BLOCKS

pytestmark = [pytest.mark.market, pytest.mark.slow]
DURATIONS = ("durations", "send_times")
"""Members of a report that measure time, wherever they stand in it."""


def without_durations(value):
    if isinstance(value, dict):
        return {name: without_durations(inner) for name, inner in value.items() if name not in DURATIONS}
    if isinstance(value, list):
        return [without_durations(inner) for inner in value]
    return value


def test_two_runs_of_a_seed_are_equal(games, family, say):
    first = games[0]
    second = play(family, first.seed, BLOCKS, "again")
    last = min(first.last_block, second.last_block)
    hashes = [game.reader.hashes(0, last) for game in (first, second)]
    differing = [height for height, pair in enumerate(zip(*hashes, strict=True)) if len(set(pair)) > 1]
    assert differing == [], f"seed {first.seed}: first different block {differing[0]}"
    assert first.last_block == second.last_block
    assert without_durations(first.report) == without_durations(second.report)
    assert first.report["sent"] > 0
    say(f"seed {first.seed}: {last + 1} block hashes and the reports are equal")
