import random
import tempfile
from pathlib import Path

import pytest

from tests.state.live_market import LiveMarket


@pytest.fixture(scope="session")
def market_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("market")


@pytest.fixture
def draw():
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    return random.Random(seed)


@pytest.fixture
async def market(tmp_path, market_cache, draw):
    """40 real pools on two V2 venues (and V3), after their genesis; anvil over IPC too."""
    with tempfile.TemporaryDirectory(prefix="anvil-") as short:
        opened = await LiveMarket.open(tmp_path, market_cache, draw, Path(short) / "ipc")
        yield opened
        await opened.anvil.stop()
