import tempfile
from pathlib import Path

import pytest

from bot.chain.relay_rows import MARKET
from bot.chain.relays import open_route
from bot.chain.rpc import open_rpc, open_session
from bot.clock import SystemClock
from bot.core.units import Nanoseconds
from bot.world.anvil import Anvil, AnvilConfig
from tests.chain.fake_node import FakeNode
from tests.chain.relay_server import IDENTITY, PATIENCE, LaterClock, RelayServer
from tests.chain.token_stage import TokenStage

LIMIT = Nanoseconds(10 * 10**9)
SHORT_LIMIT = Nanoseconds(500 * 10**6)
"""Of tests that wait for it; two runners share the machine, so that a shorter one is reached by chance."""


@pytest.fixture
async def node():
    made = FakeNode()
    yield made
    await made.stop()


@pytest.fixture(params=["ipc", "websocket"])
async def session(request, node):
    """A pushing session of the fake node, with a short patience."""
    url = await (node.start_ipc() if request.param == "ipc" else node.start_websocket())
    made = await open_session(url, SystemClock(), SHORT_LIMIT)
    yield made
    await made.close()


@pytest.fixture(params=["ipc", "websocket", "http"])
async def rpc(request, node):
    """Every way of asking the fake node."""
    url = await (node.start_ipc() if request.param == "ipc" else node.start_websocket())
    url = url.replace("ws://", "http://") if request.param == "http" else url
    made = await open_rpc(url, SystemClock(), SHORT_LIMIT)
    yield made
    await made.close()


@pytest.fixture
async def anvil(tmp_path):
    with tempfile.TemporaryDirectory(prefix="anvil-") as short:
        config = AnvilConfig(log_path=tmp_path / "anvil.log", ipc_path=Path(short) / "ipc")
        async with Anvil(config) as started:
            yield started


@pytest.fixture(params=["ipc", "websocket", "http"])
async def anvil_rpc(request, anvil):
    url = {"ipc": str(anvil.ipc_path), "websocket": anvil.ws_url, "http": anvil.url}[request.param]
    made = await open_rpc(url, SystemClock(), LIMIT)
    yield made
    await made.close()


@pytest.fixture(scope="session")
def token_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("token-market")


@pytest.fixture
async def token_stage(tmp_path, token_cache):
    """The default market of 40 pools; tokens of one's own are added to it."""
    stage = await TokenStage.open(tmp_path, token_cache)
    yield stage
    await stage.close()


@pytest.fixture
async def relay():
    server = RelayServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def clock():
    return LaterClock()


@pytest.fixture
async def opened(relay, clock):
    """Opens routes to `relay`, or to another address, by the clock that can be set forward."""
    routes = []

    def open_(row=MARKET, url=None, limit=PATIENCE, **more):
        route = open_route(row, url or relay.url, IDENTITY, clock, limit, **more)
        routes.append(route)
        return route

    yield open_
    for route in routes:
        await route.close()
