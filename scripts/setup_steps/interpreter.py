"""Which Python may run what. This file is read by Pythons too old to run it: keep to the grammar of 3.6."""

BOT_VERSIONS = ((3, 11), (3, 14))
"""First version the bot runs under, and the first it does not (its wheels end there)."""
APE_VERSIONS = ((3, 11), (3, 13))
"""The same for ape: it holds numpy at 1.26, which has no wheels for 3.13."""


def refusal(version: "tuple[int, int]") -> str:
    """One line saying why this (major, minor) cannot run the set-up; empty when it can."""
    first, end = BOT_VERSIONS
    if first <= tuple(version) < end:
        return ""
    age = "old" if tuple(version) < first else "new"
    return (
        f"Python {version[0]}.{version[1]} is too {age}: the bot runs under Python {in_words(BOT_VERSIONS)}. "
        "Install one of them and name it, for example: PYTHON=python3.12 scripts/run"
    )


def in_words(versions: "tuple[tuple[int, int], tuple[int, int]]") -> str:
    """Both ends included, e.g. `3.11 to 3.13`."""
    (major, first), (_, end) = versions
    return f"{major}.{first} to {major}.{end - 1}"
