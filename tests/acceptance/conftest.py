"""Games played once for all tests that read them, and their figures at the end of the session."""

import pytest

from acceptance.game import play
from acceptance.processes import Family
from acceptance.sizes import (
    BLOCKS,
    GAME_TIMEOUT_S,
    MOST_EXTRA_GAMES,
    WIDE_BLOCKS,
    WIDE_POOLS,
    chosen_seeds,
    chosen_wide_seeds,
    draw_seed,
)

FIGURES = pytest.StashKey[list]()


@pytest.fixture(scope="session")
def family(tmp_path_factory):
    """Of the games: markets stay up until the last test has read them."""
    with Family(tmp_path_factory.mktemp("games")) as games:
        yield games


@pytest.fixture(scope="session")
def games(family):
    """One game a seed, and more until a bundle of the bot's was truly outbid."""
    seeds = chosen_seeds()
    played = [play(family, seed, BLOCKS, f"seed{seed}") for seed in seeds]
    while not any(game.lost_to_rivals for game in played) and len(played) < len(seeds) + MOST_EXTRA_GAMES:
        seed = draw_seed()
        played.append(play(family, seed, BLOCKS, f"seed{seed}"))
    return played


@pytest.fixture(scope="session")
def all_games(games, family):
    """Those, and the ones on many pools."""
    options = ("--pools", str(WIDE_POOLS))
    return games + [play(family, seed, WIDE_BLOCKS, f"wide{seed}", *options) for seed in chosen_wide_seeds()]


@pytest.fixture
def say(request):
    """Print a figure, and repeat it at the end of the session, where a passing test's output is not lost."""
    lines = request.config.stash.setdefault(FIGURES, [])

    def tell(line):
        print(line)
        lines.append(f"{request.node.name}: {line}")

    return tell


def pytest_collection_modifyitems(items):
    for item in items:
        if {"games", "all_games"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.timeout(GAME_TIMEOUT_S))


def pytest_terminal_summary(terminalreporter, config):
    lines = config.stash.get(FIGURES, [])
    if lines:
        terminalreporter.section("acceptance: seeds and figures")
    for line in lines:
        terminalreporter.write_line(line)
