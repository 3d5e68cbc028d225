"""Each rule, given a source that breaks it, catches it; and given the nearest lawful source, does not."""

import pytest
import rules
from layers import FILE_LINES, FUNCTION_LINES, LAYERS, WITHIN_A_ROW
from sources import Source

LONG_FUNCTION = "def long():\n" + "    x = 1\n" * FUNCTION_LINES

BREACHES = [
    (rules.import_law, "bot/core/units.py", "import bot.protocols"),
    (rules.import_law, "bot/core/units.py", "from bot import chain"),
    (rules.import_law, "bot/risk/gate.py", "from bot.opportunities.cycles import find"),
    (rules.import_law, "bot/state/apply.py", "from bot.costs import gas"),
    (rules.import_law, "bot/state/apply.py", "def f():\n    from bot.feeds import heads\n"),
    (
        rules.import_law,
        "bot/risk/gate.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from bot.loop import Loop\n",
    ),
    (rules.import_law, "bot/risk/gate.py", "from ..execution import timing"),
    (rules.import_law, "bot/risk/gate.py", "from .. import execution"),
    (rules.import_law, "bot/risk/gate.py", "import importlib\nimportlib.import_module('bot.loop')"),
    (rules.import_law, "bot/compose.py", "from bot.world import chain"),
    (rules.import_law, "bot/compose.py", "from bot.signer import server"),
    (rules.import_law, "bot/compose.py", "import bot.cli"),
    (rules.import_law, "bot/world/relay.py", "from bot.chain import rpc"),
    (rules.import_law, "bot/world/relay.py", "from bot.state import snapshot"),
    (rules.import_law, "bot/signer/policy.py", "from bot.protocols import uniswap_v2"),
    (rules.import_law, "bot/signer/policy.py", "from bot.world import keys"),
    (rules.import_law, "bot/feeds/heads.py", "from bot.chains import load"),
    (rules.import_law, "bot/variables.py", "import bot.settings"),
    (rules.import_law, "bot/feeds/heads.py", "from bot.plumbing import pipe"),
    (rules.in_the_tree, "bot/plumbing/pipe.py", ""),
    (rules.in_the_tree, "bot/plumbing.py", ""),
    *[
        (rules.purity, f"bot/{unit}/some.py", source)
        for unit in ("core", "protocols", "costs", "state", "opportunities", "risk")
        for source in (
            "import os",
            "import socket",
            "import time",
            "from random import Random",
            "import secrets",
        )
    ],
    (rules.purity, "bot/state/apply.py", "import asyncio"),
    (rules.purity, "bot/state/apply.py", "import aiohttp.web"),
    (rules.purity, "bot/state/apply.py", "from datetime import datetime\nx = datetime.now()"),
    (rules.purity, "bot/state/apply.py", "import datetime\nx = datetime.datetime.now(datetime.UTC)"),
    (rules.purity, "bot/state/apply.py", "import numpy as np\nx = np.random.rand()"),
    (rules.purity, "bot/state/apply.py", "from numpy.random import rand"),
    (rules.purity, "bot/state/apply.py", "x = open('f')"),
    (rules.purity, "bot/execution/attempt.py", "import time"),
    (rules.approved_at_the_gate, "bot/tick.py", "from bot.core.decisions import Approved\nApproved(1)"),
    (rules.approved_at_the_gate, "bot/tick.py", "from bot.core import decisions\ndecisions.Approved(1)"),
    (rules.approved_at_the_gate, "bot/tick.py", "from bot.core.decisions import Approved as Yes\nYes(1)"),
    (rules.numba_in_kernels, "bot/opportunities/screen.py", "import numba"),
    (rules.numba_in_kernels, "bot/opportunities/screen.py", "from numba import njit"),
    (rules.lengths, "bot/tick.py", "x = 1\n" * (FILE_LINES + 1)),
    (rules.lengths, "bot/tick.py", LONG_FUNCTION),
    (rules.lengths, "bot/tick.py", "class A:\n    async " + LONG_FUNCTION.replace("\n", "\n    ").rstrip()),
    (rules.telling_names, "bot/core/utils.py", ""),
    (rules.telling_names, "bot/core/nonce_manager.py", ""),
    (rules.telling_names, "bot/common/units.py", ""),
    (rules.broad_excepts, "bot/tick.py", "try:\n    x = 1\nexcept Exception:\n    x = 2\n"),
    (rules.broad_excepts, "bot/tick.py", "try:\n    x = 1\nexcept Exception:  # noqa: BLE001\n    x = 2\n"),
    (rules.broad_excepts, "bot/tick.py", "try:\n    x = 1\nexcept:\n    x = 2\n"),
    (rules.broad_excepts, "bot/tick.py", "try:\n    x = 1\nexcept (KeyError, BaseException):\n    x = 2\n"),
    (rules.oracle_apart, "tests/oracle/chain.py", "def f():\n    from bot.core import units\n"),
    (rules.oracle_apart, "tests/oracle/chain.py", "import bot"),
    (rules.oracle_apart, "tests/oracle/chain.py", "from tests.world import stage"),
    (rules.ape_tests_apart, "tests/fork/test_fork.py", "from bot.compose import build"),
    (rules.ape_tests_apart, "tests/contracts/test_executor.py", "import bot"),
]

LAWFUL = [
    (rules.import_law, "bot/risk/gate.py", "from bot.core.decisions import Approved\nfrom . import limits"),
    (
        rules.import_law,
        "bot/cli.py",
        "def f():\n    from bot.world import market\n    from bot import signer, compose",
    ),
    (rules.import_law, "bot/supervisor.py", "from bot.world import market"),
    (rules.import_law, "bot/__main__.py", "from bot.cli import main"),
    (
        rules.import_law,
        "bot/world/relay.py",
        "from bot.costs import gas\nfrom bot.protocols import uniswap_v2",
    ),
    (rules.import_law, "bot/settings.py", "from bot import chains, variables"),
    (rules.in_the_tree, "bot/core/units.py", ""),
    (rules.purity, "bot/state/apply.py", "import math\nimport numpy as np\nfrom datetime import timedelta"),
    (rules.purity, "bot/feeds/heads.py", "import asyncio, time, os"),
    (rules.purity, "bot/execution/attempt.py", "import asyncio"),
    (rules.purity, "bot/state/apply.py", "def f(clock):\n    return clock.now()"),
    (rules.approved_at_the_gate, "bot/risk/gate.py", "from bot.core.decisions import Approved\nApproved(1)"),
    (
        rules.approved_at_the_gate,
        "bot/tick.py",
        "def f(yes: 'Approved'):\n    return isinstance(yes, Approved)",
    ),
    (rules.numba_in_kernels, "bot/opportunities/screen_kernel.py", "from numba import njit"),
    (rules.lengths, "bot/tick.py", "x = 1\n" * FILE_LINES),
    (rules.telling_names, "bot/core/units.py", ""),
    (rules.broad_excepts, "bot/loop.py", "try:\n    x = 1\nexcept Exception:\n    x = 2\n"),
    (
        rules.broad_excepts,
        "bot/tick.py",
        "try:\n    x = 1\nexcept Exception:  # noqa: BLE001 - a feed's bug must not stop the others\n    x = 2\n",
    ),
    (rules.broad_excepts, "bot/tick.py", "try:\n    x = 1\nexcept BaseException:\n    x = 2\n    raise\n"),
    (rules.ape_tests_apart, "tests/fork/test_fork.py", "import ape\nfrom bot.core.units import Wei"),
    (rules.oracle_apart, "tests/oracle/chain.py", "import json\nfrom oracle import blocks"),
]


def _name(value):
    return value.__name__ if callable(value) else None


@pytest.mark.parametrize(("rule", "path", "text"), BREACHES, ids=_name)
def test_caught(rule, path, text):
    assert list(rule(Source(path, text)))


@pytest.mark.parametrize(("rule", "path", "text"), LAWFUL, ids=_name)
def test_let_through(rule, path, text):
    assert not list(rule(Source(path, text)))


def test_siblings_are_blind_and_the_rows_run_downwards():
    for row, units in enumerate(LAYERS[1:], start=1):
        for unit in units:
            above = [name for higher in LAYERS[:row] for name in higher]
            siblings = [name for name in units if name != unit and name not in WITHIN_A_ROW.get(unit, ())]
            assert not [name for name in above + siblings if rules.may_import(unit, name)], unit
            assert all(rules.may_import(unit, name) for lower in LAYERS[row + 1 :] for name in lower), unit


def test_every_rule_has_a_source_that_breaks_it():
    names = {name for name, value in vars(rules).items() if callable(value) and value.__module__ == "rules"}
    exempt = {"may_import", *(name for name in names if name.startswith("_"))}
    assert names - exempt == {rule.__name__ for rule, _, _ in BREACHES}
    assert names - exempt == {rule.__name__ for rule, _, _ in LAWFUL}
