"""What a bot that cannot run says: one line with the way out, an exit code, and nothing left running."""

import json
import re
import socket
from contextlib import closing
from pathlib import Path

import pytest
from eth_account import Account
from oracle.node import Node, text

from acceptance.market_process import open_market
from acceptance.processes import Family, bot, wait_for
from acceptance.sizes import draw_seed

pytestmark = [pytest.mark.market, pytest.mark.slow]
BAD_CONFIGURATION, UNREACHABLE = 2, 3
ENDS_WITHIN_S = 40
CHECKED = re.compile(r" +\d+\.\d s  \S")
"""A line of the checklist: what was found good before the problem."""
NOBODY = "0x000000000000000000000000000000000000dEaD"


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """A market and its signer; each test starts one process more, which must end by itself."""
    with Family(tmp_path_factory.mktemp("refusals")) as family:
        market = open_market(family, draw_seed())
        signer = family.start(bot("signer", "--env-file", market.env_file), "signer", market.own_places())
        assert wait_for(market_signer_listens(market), 20), family.said("signer")
        assert signer.poll() is None
        yield market


@pytest.fixture
def refused(stage, tmp_path):
    """Start a verb with the market's variables changed; the one line it says, and its exit code."""

    def start(verb, changes):
        variables = {**stage.variables(), **stage.own_places(), "BOT_DATA_DIR": str(tmp_path / "data")}
        for name, value in changes.items():
            variables.pop(name, None) if value is None else variables.update({name: value})
        env_file = tmp_path / "changed.env"
        env_file.write_text("".join(f'{name}="{value}"\n' for name, value in variables.items()))
        with Family(tmp_path) as family:
            options = ["--blocks", "1", "--plain"] if verb == "run" else []
            code = family.start(bot(verb, "--env-file", env_file, *options), verb).wait(ENDS_WITHIN_S)
            assert family.left_behind() == {}
            lines = [line for line in family.err(verb).read_text().splitlines() if line.strip()]
        problems = [line for line in lines if not CHECKED.match(line)]
        assert "Traceback" not in "\n".join(lines)
        assert len(problems) == 1, lines
        assert problems == lines[-1:]
        return code, problems[0]

    return start


def signer_socket(market):
    return Path({**market.variables(), **market.own_places()}["BOT_SIGNER_SOCKET"])


def market_signer_listens(market):
    path = signer_socket(market)

    def listens():
        with socket.socket(socket.AF_UNIX) as probe:
            return path.exists() and probe.connect_ex(str(path)) == 0

    return listens


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_an_unknown_name(refused):
    code, line = refused("run", {"BOT_MIN_NET_PROFITS": "1 ETH"})
    assert code == BAD_CONFIGURATION
    assert "BOT_MIN_NET_PROFITS" in line
    assert "did you mean BOT_MIN_NET_PROFIT?" in line


def test_a_missing_limit(refused):
    code, line = refused("run", {"BOT_LIMIT_MAIN__LOSS_PER_DAY": None})
    assert code == BAD_CONFIGURATION
    assert "BOT_LIMIT_MAIN__LOSS_PER_DAY is not set" in line


def test_a_value_without_its_unit(refused):
    code, line = refused("run", {"BOT_LIMIT_MAIN__LOSS_PER_DAY": "0.1"})
    assert code == BAD_CONFIGURATION
    assert "BOT_LIMIT_MAIN__LOSS_PER_DAY" in line
    assert "ETH" in line


def test_the_wrong_chain(refused, stage):
    code, line = refused(
        "run",
        {name: None for name in stage.variables() if name != "BOT_RPC_URL"} | observing("ethereum"),
    )
    assert code == BAD_CONFIGURATION
    assert re.search(r"\b31337\b", line)
    assert re.search(r"\b1\b", line)


def test_no_code_at_the_executor(refused):
    code, line = refused("run", {"BOT_EXECUTOR": NOBODY})
    assert code == BAD_CONFIGURATION
    assert NOBODY in line
    assert "code" in line


def test_a_recipient_that_is_not_the_executors(refused):
    code, line = refused("run", {"BOT_PROFIT_RECIPIENT": NOBODY})
    assert code == BAD_CONFIGURATION
    assert "BOT_PROFIT_RECIPIENT" in line


def test_a_node_that_is_down(refused):
    url = f"ws://127.0.0.1:{closed_port()}"
    code, line = refused("run", {"BOT_RPC_URL": url})
    assert code == UNREACHABLE
    assert url in line


def test_a_relay_that_is_down(refused):
    place = f"127.0.0.1:{closed_port()}"
    code, line = refused("run", {"BOT_RELAY_MARKET__URL": f"http://{place}"})
    assert code == UNREACHABLE
    assert place in line
    assert "BOT_RELAY" in line


def test_a_relay_that_is_not_on_loopback(refused):
    code, line = refused("run", {"BOT_RELAY_MARKET__URL": "https://relay.example"})
    assert code == BAD_CONFIGURATION
    assert "loopback" in line


def test_no_signer(refused, tmp_path):
    code, line = refused("run", {"BOT_SIGNER_SOCKET": str(tmp_path / "nobody.sock")})
    assert code == UNREACHABLE
    assert "signer" in line


def test_an_empty_wallet(refused, stage):
    admin = Node(stage.file["endpoints"]["anvil_admin"])
    wallet = text(stage.wallet)
    held = admin.call("eth_getBalance", wallet, "latest")
    admin.call("anvil_setBalance", wallet, "0x0")
    try:
        code, line = refused("run", {})
    finally:
        admin.call("anvil_setBalance", wallet, held)
    assert code == BAD_CONFIGURATION
    assert stage.file["wallets"]["main"] in line
    assert "fund" in line.lower() or "send" in line.lower()


def test_the_wrong_password(refused, tmp_path):
    password = tmp_path / "wrong.password"
    password.write_text("not this one\n")
    password.chmod(0o600)
    changes = {"BOT_WALLET_MAIN__PASSWORD_FILE": str(password), "BOT_SIGNER_SOCKET": str(tmp_path / "s")}
    code, line = refused("signer", changes)
    assert code == BAD_CONFIGURATION
    assert "wrong password" in line
    assert "not this one" not in line


def test_a_keystore_that_is_not_the_markets(refused, tmp_path):
    keystore, password = tmp_path / "own.json", tmp_path / "own.password"
    keystore.write_text(json.dumps(Account.encrypt(b"\x07" * 32, "pass", iterations=2)))
    password.write_text("pass\n")
    for file in (keystore, password):
        file.chmod(0o600)
    changes = {
        "BOT_WALLET_MAIN__KEYSTORE": str(keystore),
        "BOT_WALLET_MAIN__PASSWORD_FILE": str(password),
        "BOT_SIGNER_SOCKET": str(tmp_path / "s"),
    }
    code, line = refused("signer", changes)
    assert code == BAD_CONFIGURATION
    assert "throwaway" in line


def test_a_socket_that_another_signer_holds(refused, stage):
    code, line = refused("signer", {})
    assert code in (BAD_CONFIGURATION, UNREACHABLE)
    assert str(signer_socket(stage)) in line


def observing(chain):
    return {"BOT_MODE": "observe", "BOT_CHAIN": chain}


def test_a_port_that_is_in_use(tmp_path):
    """Of the market, which scripts/run and `bot fork` hand it to."""
    with closing(socket.socket()) as taken, Family(tmp_path) as family:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = bot("market", "--run-dir", tmp_path, "--port", str(port))
        code = family.start(command, "market").wait(ENDS_WITHIN_S)
        assert family.left_behind() == {}
        [line] = family.err("market").read_text().splitlines()
    assert code == UNREACHABLE
    assert f"port {port} " in line
    assert "--port" in line
