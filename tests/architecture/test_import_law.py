"""DESIGN's rules over the sources as they are."""

import pytest
import rules
from layers import LONG_FILES, LONG_FUNCTIONS
from sources import ROOT, python_files

BOT = python_files("bot")
OVER_BOT = [
    rules.import_law,
    rules.in_the_tree,
    rules.purity,
    rules.approved_at_the_gate,
    rules.numba_in_kernels,
    rules.lengths,
    rules.telling_names,
    rules.broad_excepts,
]


def test_there_are_sources():
    assert {source.path for source in BOT} >= {"bot/__init__.py", "bot/core/__init__.py"}


@pytest.mark.parametrize("rule", OVER_BOT, ids=lambda rule: rule.__name__)
def test_bot(rule):
    breaches = [breach for source in BOT for breach in rule(source)]
    assert not breaches, "\n" + "\n".join(breaches)


@pytest.mark.parametrize("rule", [rules.lengths, rules.telling_names], ids=lambda rule: rule.__name__)
def test_scripts_and_tests(rule):
    sources = python_files("scripts", "tests")
    breaches = [breach for source in sources for breach in rule(source)]
    assert sources
    assert not breaches, "\n" + "\n".join(breaches)


def test_the_oracle_stands_apart():
    breaches = [breach for source in python_files("tests/oracle") for breach in rules.oracle_apart(source)]
    assert not breaches, "\n" + "\n".join(breaches)


def test_tests_under_ape_need_no_library_of_the_bot():
    sources = python_files("tests/contracts", "tests/fork")
    breaches = [breach for source in sources for breach in rules.ape_tests_apart(source)]
    assert not breaches, "\n" + "\n".join(breaches)


def test_exceptions_are_still_needed():
    """An exception that outlived its file hides the next breach."""
    for path in [*LONG_FILES, *(name.split(":")[0] for name in LONG_FUNCTIONS)]:
        assert (ROOT / path).is_file(), path
