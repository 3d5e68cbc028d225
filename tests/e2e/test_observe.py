"""A chain is watched with nothing but a node's URL; with an Executor of one's own, plans are simulated on it too."""

import asyncio
import json
import shutil
import signal
import socket
import tempfile
from pathlib import Path

import pytest
from acceptance.processes import wait_for

from bot.core.identity import to_checksum
from bot.world.keystores import write_keystore
from bot.world.market_files import WALLET_LIMITS
from bot.world.stage import set_stage
from bot.world.tokens import WETH
from e2e.conftest import ENDS_WITHIN_S, GAPS
from e2e.upstream import SEED

pytestmark = [pytest.mark.market, pytest.mark.slow]
INTERRUPTED = 130
KEPT = {"journal.sqlite3", "journal.sqlite3.lock", "logs", "cache"}
"""All that a bot that signs nothing keeps in its data folder, besides SQLite's own `-wal` and `-shm`."""


@pytest.fixture
def watching(ethereum_upstream):
    """The whole environment of a first look at one's own chain."""
    return {"BOT_MODE": "observe", "BOT_CHAIN": "ethereum", "BOT_RPC_URL": ethereum_upstream.ws_url}


@pytest.fixture
def signers_door():
    """Where the bot would look for a signer: a folder to name as XDG_RUNTIME_DIR, and a socket that listens there."""
    folder = Path(tempfile.mkdtemp(prefix="bot-"))
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(folder / "signer-ethereum.sock"))
        door.listen()
        door.setblocking(False)
        yield {"XDG_RUNTIME_DIR": str(folder)}, door
    shutil.rmtree(folder)


def kept(household):
    names = {path.name for path in (household.folder / "var/1").iterdir()}
    return {name for name in names if not name.endswith(("-wal", "-shm"))}


async def senders(upstream):
    """Of every transaction on the upstream, and of those still waiting."""
    height = int(await upstream.rpc("eth_blockNumber"), 16)
    blocks = [
        await upstream.rpc("eth_getBlockByNumber", hex(number), True) for number in range(1, height + 1)
    ]
    waiting = await upstream.rpc("txpool_content")
    return {tx["from"] for block in blocks for tx in block["transactions"]} | set(waiting["pending"])


async def test_the_doctor_needs_no_more_and_names_what_is_not_mainnets_code(
    watching, household, bot_verb, ended
):
    assert await ended(bot_verb("doctor", "--json", environment=watching), "doctor") == 0, household.said(
        "doctor"
    )
    found = {f["subject"]: f["found"] for f in json.loads(household.out("doctor").read_text())["findings"]}
    assert found.keys() == {"node", "addresses", "exchanges", "recording"}
    assert "code at all 17" in found["addresses"]
    assert "token USDC" in found["addresses"], "a stand-in of the local market"
    assert "uniswap-v2" not in found["addresses"], "mainnet's own bytecode"


async def test_one_url_is_enough_to_find_and_to_explain(
    ethereum_upstream, watching, signers_door, household, bot_verb, ended, trading, told
):
    runtime, door = signers_door
    before = await senders(ethereum_upstream)
    async with trading(ethereum_upstream):
        child = bot_verb(
            "run", "--blocks", "4", "--plain", "--report", "report.json", environment=watching | runtime
        )
        assert await ended(child, "run") == 0, household.said("run")
    assert household.left_behind() == {}
    report = json.loads((household.folder / "report.json").read_text())
    assert (report["chain"], report["chain_id"], report["mode"]) == ("ethereum", 1, "observe")
    assert report["opportunities"] >= report["profitable"] > 0
    assert report["sent"] == report["landed"] == report["simulated"] == 0
    assert report["bundles"] == []
    assert len(report["dropped_plans"]) == report["planned"] > 0

    assert kept(household) == KEPT
    assert await senders(ethereum_upstream) == before | {ethereum_upstream.trader.lower()}
    with pytest.raises(BlockingIOError):
        door.accept()
    assert (
        household.out("run").read_text().splitlines()[-1]
        == f"scripts/bot explain {report['dropped_plans'][-1]['id']}"
    )
    assert_gaps_are_explained(told("explain", report["dropped_plans"][-1]["id"]), ethereum_upstream)


def assert_gaps_are_explained(story, upstream):
    """Every cycle found goes through a pair whose price the test moved; the plan ended because of the mode."""
    gapped = {to_checksum(pair.address) for pair in upstream.weth_pairs[:GAPS]}
    cycles = story["plan"]["cycles"]
    assert cycles
    for cycle in cycles:
        assert len(gapped & {leg["pool"] for leg in cycle}) == 1
    [drop] = story["drops"]
    assert (drop["stage"], drop["rule"]) == ("mode", "observe")
    assert story["payloads"] == story["attempts"] == []
    assert story["verdict"] is None


def blocks_seen(household):
    return household.err("run").read_text().count("\nblock ")


async def test_ctrl_c_ends_it_with_the_report(
    ethereum_upstream, watching, household, bot_verb, ended, trading
):
    """Nobody mines any more when it is pressed: the end waits for no block."""
    async with trading(ethereum_upstream):
        child = bot_verb("run", "--plain", "--report", "report.json", environment=watching)
        await asyncio.to_thread(
            wait_for, lambda: child.poll() is not None or blocks_seen(household) >= 2, ENDS_WITHIN_S
        )
    assert child.poll() is None, household.said("run")
    child.send_signal(signal.SIGINT)
    assert await ended(child, "run") == INTERRUPTED, household.said("run")
    assert household.left_behind() == {}
    assert "Traceback" not in household.said("run")
    report = json.loads((household.folder / "report.json").read_text())
    assert report["blocks"] >= 2
    assert report["opportunities"] > 0


async def test_with_an_executor_plans_are_simulated_and_nothing_is_signed(
    tmp_path, ethereum_upstream, watching, household, bot_verb, ended, trading, told
):
    wallet = write_keystore(tmp_path / "keys", SEED, "main")
    wallet.password_file.unlink()
    stage = await set_stage(ethereum_upstream.chain, SEED, [wallet], WETH.address)
    simulating = watching | {
        "BOT_MODE": "simulate",
        "BOT_EXECUTOR": to_checksum(stage.executor),
        "BOT_PROFIT_RECIPIENT": to_checksum(stage.profit_recipient),
        "BOT_WALLETS": "main",
        "BOT_WALLET_MAIN__KEYSTORE": str(wallet.keystore),
        **{f"BOT_LIMIT_MAIN__{name}": limit for name, limit in WALLET_LIMITS.items()},
    }
    async with trading(ethereum_upstream):
        child = bot_verb("run", "--blocks", "4", "--plain", "--report", "report.json", environment=simulating)
        assert await ended(child, "run") == 0, household.said("run")
    report = json.loads((household.folder / "report.json").read_text())
    assert report["allowed"] > 0
    assert report["sent"] == 0
    assert kept(household) == KEPT
    allowed = [plan for plan in report["dropped_plans"] if plan["stage"] == "mode"]
    assert len(allowed) == report["allowed"]
    story = told("explain", allowed[-1]["id"])
    assert story["drops"][-1]["rule"] == "simulate"
    assert story["payloads"] == story["attempts"] == []
    nonce = await ethereum_upstream.rpc("eth_getTransactionCount", to_checksum(wallet.address), "latest")
    assert int(nonce, 16) == 0
