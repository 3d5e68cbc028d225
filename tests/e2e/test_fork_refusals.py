"""A fork that cannot be, or must not be: one line that says what to do, an exit code, and nothing left running."""

import contextlib
import json
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from eth_account import Account

pytestmark = [pytest.mark.market, pytest.mark.slow]
BAD_CONFIGURATION, UNREACHABLE = 2, 3
CHECKED = re.compile(r" +\d+\.\d s  \S")
"""A line of the checklist: what was found good before the problem."""


@pytest.fixture
def refused(household, bot_verb, ended):
    """Start `bot fork`; its exit code and the one line it says."""

    async def start(*options, environment=None):
        child = bot_verb("fork", *options, "--blocks", "2", "--plain", environment=environment)
        code = await ended(child, "fork")
        assert household.left_behind() == {}
        said = [line for line in household.err("fork").read_text().splitlines() if line.strip()]
        problems = [line for line in said if not CHECKED.match(line)]
        assert len(problems) == 1, household.said("fork")
        return code, problems[0]

    return start


def run_folders(household):
    return list((household.folder / "var/local").glob("*-fork"))


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def web_server():
    """Answers, and is no node."""

    class Page(BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>welcome</html>")

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Page)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


async def test_an_upstream_that_is_down_and_the_key_in_its_url(refused, household):
    place = f"http://127.0.0.1:{closed_port()}"
    code, line = await refused("--rpc", f"{place}/v3/secret-key", "--profile", "market")
    assert code == UNREACHABLE
    assert place in line
    assert "secret-key" not in household.said("fork")


async def test_an_upstream_that_is_no_node(refused):
    with web_server() as url:
        code, line = await refused("--rpc", url, "--profile", "market")
    assert code == UNREACHABLE
    assert "no Ethereum node" in line


async def test_an_upstream_that_is_no_http(refused):
    code, line = await refused("--rpc", "wss://node.example/key", "--profile", "market")
    assert code == BAD_CONFIGURATION
    assert "http" in line


async def test_a_profile_of_another_chain(refused, market_upstream):
    code, line = await refused("--rpc", market_upstream.url, "--profile", "ethereum")
    assert code == BAD_CONFIGURATION
    assert re.search(r"\bchain 31337\b.*\bchain 1\b", line)


async def test_a_profile_that_is_not_there(refused, household):
    code, line = await refused("--rpc", f"http://127.0.0.1:{closed_port()}", "--profile", "etherium")
    assert code == BAD_CONFIGURATION
    assert "etherium" in line
    assert "ethereum, market" in line
    assert run_folders(household) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("BOT_CHAIN", "ethereum"), ("BOT_RPC_URL", "wss://node.example"), ("BOT_RELAYS", "flashbots")],
)
async def test_an_environment_meant_for_the_chain_itself(name, value, refused, household):
    """It would win over the fork's own variables, and the bot would look at the real chain."""
    url = f"http://127.0.0.1:{closed_port()}"
    code, line = await refused("--rpc", url, "--profile", "market", environment={name: value})
    assert code == BAD_CONFIGURATION
    assert line.startswith(name)
    assert run_folders(household) == []


async def test_a_relay_that_is_not_on_loopback(refused, market_upstream):
    """A fork shares its chain id with the real chain: what is signed for it could land there."""
    relay = {"BOT_RELAY_MARKET__URL": "https://relay.example"}
    code, line = await refused("--rpc", market_upstream.url, "--profile", "market", environment=relay)
    assert code == BAD_CONFIGURATION
    assert "loopback" in line


async def test_a_keystore_that_is_not_throwaway(refused, household, market_upstream):
    keystore, password = household.folder / "own.json", household.folder / "own.password"
    keystore.write_text(json.dumps(Account.encrypt(b"\x07" * 32, "pass", iterations=2)))
    password.write_text("pass\n")
    for file in (keystore, password):
        file.chmod(0o600)
    own = {
        "BOT_WALLET_MAIN__KEYSTORE": str(keystore),
        "BOT_WALLET_MAIN__PASSWORD_FILE": str(password),
    }
    code, line = await refused("--rpc", market_upstream.url, "--profile", "market", environment=own)
    assert code == BAD_CONFIGURATION
    assert "throwaway" in line
