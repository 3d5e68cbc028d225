"""A market as the upstream, an anvil that forks it, and ape attached to that anvil in place of its own."""

import json
import re

import pytest
from acceptance.processes import ROOT, Family, wait_for
from ape import Contract, networks
from oracle.node import Node, text
from oracle.venues import WETH

READY_WITHIN_S = 120
BLOCKS_TRADED = 8
"""Enough for the traders to leave gaps between the two venues."""
BALANCE_ABI = [
    {
        "type": "function",
        "name": "balanceOf",
        "stateMutability": "view",
        "inputs": [{"name": "holder", "type": "address"}],
        "outputs": [{"name": "", "type": "uint256"}],
    }
]
LISTENING = re.compile(r"Listening on 127\.0\.0\.1:(\d+)")


@pytest.fixture(scope="session")
def family(tmp_path_factory):
    with Family(tmp_path_factory.mktemp("fork")) as processes:
        yield processes


@pytest.fixture(scope="session")
def upstream(family):
    """The node of a local market, some blocks old, that seals no block from here on."""
    folder = family.folder / "market"
    command = [ROOT / "scripts/bot", "market", "--run-dir", folder, "--seed", "7", "--lockstep"]
    process = family.start(command, "market")
    ready = folder / "market.json"
    wait_for(lambda: ready.exists() or process.poll() is not None, READY_WITHIN_S)
    assert ready.exists(), family.said("market")
    node = Node(json.loads(ready.read_text())["endpoints"]["node_http"])
    for _ in range(BLOCKS_TRADED):
        seal_next(node)
    return node


def seal_next(node):
    """In lockstep the block after the head is sealed when a bot says it is done with the head."""
    head = node.call("eth_getBlockByNumber", "latest", False)
    assert node.call("market_tickDone", head["number"], head["hash"])
    height = int(head["number"], 16)
    assert wait_for(lambda: int(node.call("eth_blockNumber"), 16) > height, 10, step=0.01)


@pytest.fixture
def fork(family, upstream):
    """A fresh fork of the upstream, which mines whatever it is sent."""
    command = [ROOT / ".parts/anvil/bin/anvil", "--fork-url", upstream.url, "--port", "0"]
    anvil = family.start([*command, "--hardfork", "osaka", "--no-storage-caching"], "anvil")
    output = family.out("anvil")
    wait_for(lambda: LISTENING.search(output.read_text()) or anvil.poll() is not None, 20)
    listening = LISTENING.search(output.read_text())
    assert listening, family.said("anvil")
    yield Node(f"http://127.0.0.1:{listening.group(1)}")
    anvil.terminate()
    anvil.wait(10)


@pytest.fixture
def attach():
    """Point ape at a running anvil while a context lasts; it goes back to its own afterwards."""

    def to(node):
        settings = {"host": node.url, "manage_process": False}
        return networks.ethereum.local.use_provider("foundry", provider_settings=settings)

    return to


@pytest.fixture
def weth():
    """Wrapped ether on whatever chain ape is attached to when it is asked for."""
    return lambda: Contract(text(WETH), abi=BALANCE_ABI)
