"""A running market for each test, loaded from a dump that the first test of the session builds."""

import pytest
from chain_stage import SEED, Stage, open_stage


@pytest.fixture(scope="session")
def chain_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
async def stage(tmp_path, chain_cache) -> Stage:
    """The default market of 40 pools, straight after its genesis."""
    opened = await open_stage(tmp_path, chain_cache, SEED)
    yield opened
    await opened.chain.anvil.stop()
