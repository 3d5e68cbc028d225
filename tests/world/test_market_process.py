"""The market as a process: its files, its end, and that nothing outlives it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from eth_account import Account

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
from pathlib import Path
from bot.world.market import MarketConfig, run_market_process
run, cache, lockstep = sys.argv[1:]
config = MarketConfig(Path(run), seed=7, pace=50_000_000, cache=Path(cache), lockstep=lockstep == "on")
sys.exit(run_market_process(config))
"""


class Running:
    def __init__(self, run_dir, cache, lockstep="off"):
        self.run_dir = run_dir
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(run_dir), str(cache), lockstep],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        until((run_dir / "market.json").exists, self.process)
        self.facts = json.loads((run_dir / "market.json").read_text())

    def sealed(self):
        log = self.run_dir / "builder.jsonl"
        return len(log.read_text().splitlines())


def until(condition, process=None):
    deadline = time.monotonic() + 30
    while not condition():
        assert process is None or process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.fixture
def market(tmp_path, chain_cache):
    running = Running(tmp_path / "run", chain_cache)
    yield running
    if running.process.poll() is None:
        running.process.kill()
    running.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_told_to_end_it_ends_in_order(market, number):
    until(lambda: market.sealed() > 2)
    sockets = Path(market.facts["endpoints"]["node_ipc"])
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(sockets))
        client.sendall(b'{"id":1,"method":"eth_chainId"}')
        assert b"0x7a69" in client.recv(1000)
        end_in_order(market, number, sockets)


def end_in_order(market, number, sockets):
    market.process.send_signal(number)
    output, _ = market.process.communicate(timeout=20)
    assert market.process.returncode == 0, output
    assert "Traceback" not in output
    assert not is_alive(market.facts["anvil_pid"])
    assert not sockets.parent.exists()
    assert (market.run_dir / "market.json").exists(), "who judges the run afterwards needs its addresses"


def test_killed_it_leaves_no_process_behind(market):
    assert is_alive(market.facts["anvil_pid"])
    assert market.facts["pid"] == market.process.pid
    market.process.kill()
    market.process.wait()
    until(lambda: not is_alive(market.facts["anvil_pid"]))


def test_when_its_chain_dies_it_says_so_and_ends(market):
    os.kill(market.facts["anvil_pid"], signal.SIGKILL)
    output, _ = market.process.communicate(timeout=20)
    assert market.process.returncode == 3
    assert "no longer answers" in output
    assert "Traceback" not in output


def test_files_hold_what_a_bot_needs_and_keys_are_private(market):
    lines = [line.split("=", 1) for line in (market.run_dir / "bot.env").read_text().splitlines()]
    env = {name: value.strip('"') for name, value in lines}
    assert env["BOT_CHAIN"] == "market"
    assert env["BOT_RPC_URL"] == market.facts["endpoints"]["node_ws"]
    assert env["BOT_EXECUTOR"] == market.facts["executor"]
    assert "BOT_LOCKSTEP" not in env
    keystore, password = Path(env["BOT_WALLET_MAIN__KEYSTORE"]), Path(env["BOT_WALLET_MAIN__PASSWORD_FILE"])
    assert [path.stat().st_mode & 0o777 for path in (keystore, password)] == [0o600, 0o600]
    content = json.loads(keystore.read_text())
    assert content["throwaway"] == "local market"
    assert content["crypto"]["kdfparams"]["n"] == 4096
    key = Account.decrypt(content, password.read_text().strip())
    assert Account.from_key(key).address == market.facts["wallets"]["main"]


def test_in_lockstep_nothing_is_sealed_unasked(tmp_path, chain_cache):
    running = Running(tmp_path / "run", chain_cache, "on")
    try:
        assert 'BOT_LOCKSTEP="on"' in (running.run_dir / "bot.env").read_text()
        time.sleep(0.5)
        assert running.sealed() == 0
    finally:
        running.process.kill()
        running.process.communicate()


def test_a_market_that_cannot_be_made_says_so_in_one_line(tmp_path, chain_cache):
    program = PROGRAM.replace("seed=7", "seed=7, tokens=1")
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "run"), str(chain_cache), "off"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "at least 2 tokens" in done.stderr
