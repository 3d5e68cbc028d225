"""Chains that stand for the operator's own, and the bot's verbs run beside them in a folder of their own."""

import asyncio
import contextlib
import json

import pytest
from acceptance.processes import ROOT, Family

from bot.chains.load import load_profile
from e2e.second_venue import open_empty_venue, open_second_venue
from e2e.upstream import opened

GAPS = 4
ENDS_WITHIN_S = 60


@pytest.fixture(scope="session")
def founded_chains(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
async def market_upstream(tmp_path, founded_chains):
    """The local market's own chain, as anybody's node would serve it."""
    async with opened(tmp_path, founded_chains, load_profile("market").chain_id) as upstream:
        yield upstream


@pytest.fixture
async def ethereum_upstream(tmp_path, founded_chains):
    """Chain id 1 with all that the `ethereum` profile relies on, all venues included."""
    profile = load_profile("ethereum")
    async with opened(tmp_path, founded_chains, profile.chain_id) as upstream:
        await open_second_venue(upstream, profile.venues[1], upstream.weth_pairs[:GAPS])
        await open_empty_venue(upstream, profile.venues[3])
        yield upstream


@pytest.fixture
def household(tmp_path):
    with Family(tmp_path) as family:
        yield family


@pytest.fixture
def bot_verb(household):
    """Start `scripts/bot VERB …` without any BOT_ name but those given."""

    def start(*arguments, environment=None):
        return household.start([ROOT / "scripts/bot", *arguments], arguments[0], environment)

    return start


@pytest.fixture
def told(household, bot_verb):
    """The JSON that a reading verb prints of the run in this folder."""

    def read(*arguments):
        code = bot_verb(*arguments, "--json").wait(ENDS_WITHIN_S)
        assert code == 0, household.said(arguments[0])
        return json.loads(household.out(arguments[0]).read_text())

    return read


@pytest.fixture
def ended(household):
    """Wait for a process without holding up the chain's own tasks; its exit code."""

    async def wait(child, name):
        try:
            return await asyncio.to_thread(child.wait, ENDS_WITHIN_S)
        finally:
            if child.returncode is None:
                print(household.said(name))

    return wait


@pytest.fixture
def trading():
    """Somebody trades on the upstream, a gap a block, while the context lasts."""

    @contextlib.asynccontextmanager
    async def going_on(upstream):
        async def trade():
            block = 0
            while True:
                await upstream.open_gap(upstream.weth_pairs[block % GAPS])
                await asyncio.sleep(0.3)
                block += 1

        task = asyncio.create_task(trade())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    return going_on
