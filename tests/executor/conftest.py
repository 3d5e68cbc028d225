from collections.abc import Iterator

import pytest
from executor_chain import Chain
from executor_stage import Stage, build_contracts, open_stage
from mixed_stage import MixedStage


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    started = Chain.start(tmp_path_factory.mktemp("anvil"))
    yield started
    started.stop()


@pytest.fixture(scope="session")
def stage(chain: Chain) -> Stage:
    build_contracts()
    return open_stage(chain)


@pytest.fixture(scope="session")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MixedStage]:
    """Old pools of both kinds, an Executor that holds nothing, a builder and a recipient that were paid before."""
    build_contracts()
    chain = Chain.start(tmp_path_factory.mktemp("mixed-anvil"))
    try:
        yield MixedStage.open(chain)
    finally:
        chain.stop()
