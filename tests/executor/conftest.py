from collections.abc import Iterator

import pytest
from executor_chain import Chain
from executor_stage import Stage, build_contracts, open_stage


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    started = Chain.start(tmp_path_factory.mktemp("anvil"))
    yield started
    started.stop()


@pytest.fixture(scope="session")
def stage(chain: Chain) -> Stage:
    build_contracts()
    return open_stage(chain)
