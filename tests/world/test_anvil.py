"""The anvil process: it starts, answers, says why it cannot, and never outlives whoever started it."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from bot.core.identity import to_checksum
from bot.world.anvil import BATCH_BYTES, Anvil, AnvilConfig, AnvilError, AnvilStartError
from bot.world.parts import ANVIL_BINARY

ROOT = Path(__file__).resolve().parents[2]


def process_exists(pid):
    """Zombies do not count: their work is over and the test's own init may be slow to reap them."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def process_image(pid):
    return Path(f"/proc/{pid}/exe").readlink()


async def test_starts_as_configured_and_stops_whole(tmp_path):
    socket = tmp_path / "a.ipc"
    config = AnvilConfig(
        log_path=tmp_path / "anvil.log",
        ipc_path=socket,
        chain_id=4242,
        timestamp=1_600_000_000,
        gas_limit=12_345_678,
        base_fee_wei=7,
    )
    async with Anvil(config) as anvil:
        pid = anvil.pid
        block = await anvil.rpc("eth_getBlockByNumber", ["0x0", False])
        assert int(await anvil.rpc("eth_chainId"), 16) == 4242
        assert int(block["timestamp"], 16) == 1_600_000_000
        assert int(block["gasLimit"], 16) == 12_345_678
        assert int(block["baseFeePerGas"], 16) == 7
        assert await anvil.rpc("eth_accounts") == []
        assert socket.is_socket()
        assert anvil.url.startswith("http://127.0.0.1:")
        assert process_image(pid) == ANVIL_BINARY
    assert not process_exists(pid)
    assert not socket.exists()
    await anvil.stop()


async def test_mines_only_when_told(tmp_path):
    async with Anvil(AnvilConfig(log_path=tmp_path / "anvil.log")) as anvil:
        sender = "0x" + "11" * 20
        await anvil.rpc("anvil_setBalance", [sender, hex(10**18)])
        await anvil.rpc("anvil_impersonateAccount", [sender])
        sent = await anvil.rpc("eth_sendTransaction", [{"from": sender, "to": sender, "gas": "0x5208"}])
        assert int(await anvil.rpc("eth_blockNumber"), 16) == 0
        assert await anvil.rpc("eth_getTransactionReceipt", [sent]) is None
        await anvil.rpc("evm_mine")
        assert (await anvil.rpc("eth_getTransactionReceipt", [sent]))["status"] == "0x1"


async def test_the_node_error_keeps_its_code(tmp_path):
    async with Anvil(AnvilConfig(log_path=tmp_path / "anvil.log")) as anvil:
        with pytest.raises(AnvilError) as unknown:
            await anvil.rpc("eth_noSuchThing")
        assert (unknown.value.method, unknown.value.code) == ("eth_noSuchThing", -32601)
        with pytest.raises(AnvilError, match="eth_noSuchThing"):
            await anvil.rpc_batch([("eth_chainId", []), ("eth_noSuchThing", [])])
    with pytest.raises(AnvilError, match="not running"):
        await anvil.rpc("eth_chainId")


async def test_a_batch_over_the_request_limit_is_cut_and_keeps_its_order(tmp_path):
    async with Anvil(AnvilConfig(log_path=tmp_path / "anvil.log")) as anvil:
        targets = [f"0x{index:040x}" for index in range(1000, 1300)]
        code = "0x" + "5b" * (2 * BATCH_BYTES // len(targets) // 2)
        await anvil.rpc_batch([("anvil_setCode", [target, code + target[2:]]) for target in targets])
        codes = await anvil.rpc_batch([("eth_getCode", [target, "latest"]) for target in targets])
        assert [code[-40:] for code in codes] == [target[2:] for target in targets]
        assert await anvil.rpc_batch([]) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"binary": Path("/nowhere/anvil")}, "run scripts/setup"),
        ({"hardfork": "atlantis"}, "Unknown hardfork"),
        ({"ipc_path": Path("/tmp/" + "long/" * 30 + "a.ipc")}, "at most 107"),
        ({"load_state": Path("/nowhere/state.json")}, "anvil ended at once"),
    ],
)
async def test_says_why_it_cannot_start(tmp_path, change, said):
    anvil = Anvil(AnvilConfig(**{"log_path": tmp_path / "anvil.log"} | change))
    with pytest.raises(AnvilStartError, match=said):
        await anvil.start()
    assert not anvil.running


PARENT = """
import asyncio, sys
from pathlib import Path
from bot.world.anvil import Anvil, AnvilConfig

async def main():
    anvil = Anvil(AnvilConfig(log_path=Path(sys.argv[1])))
    await anvil.start()
    print(anvil.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_dies_with_a_parent_that_was_killed(tmp_path):
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PARENT,
        str(tmp_path / "anvil.log"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    pid = int(await parent.stdout.readline())
    assert process_exists(pid)
    os.kill(parent.pid, signal.SIGKILL)
    await parent.wait()
    async with asyncio.timeout(10):
        while process_exists(pid):  # noqa: ASYNC110  # nobody tells us of another process's end
            await asyncio.sleep(0.01)


async def test_a_fork_sees_its_upstream_and_changes_nothing_there(tmp_path, stage):
    token = stage.plan.tokens[1].token.address
    upstream = stage.chain.anvil
    config = AnvilConfig(log_path=tmp_path / "fork.log", chain_id=None, fork_url=upstream.url)
    async with Anvil(config) as fork:
        assert await fork.rpc("eth_chainId") == await upstream.rpc("eth_chainId")
        assert await fork.rpc("eth_blockNumber") == await upstream.rpc("eth_blockNumber")
        query = [to_checksum(token), "latest"]
        assert await fork.rpc("eth_getCode", query) == await upstream.rpc("eth_getCode", query) != "0x"
        await fork.rpc("evm_mine")
        assert int(await fork.rpc("eth_blockNumber"), 16) == 1 + int(
            await upstream.rpc("eth_blockNumber"), 16
        )


async def test_history_of_a_long_run_stays_readable(tmp_path):
    """Anvil moves states older than 500 blocks to files: they must lie in the run's folder, not in the user's."""
    who = "0x" + "22" * 20
    async with Anvil(AnvilConfig(log_path=tmp_path / "anvil.log")) as anvil:
        for number in range(700):
            await anvil.rpc("anvil_setBalance", [who, hex(number + 1)])
            await anvil.rpc("evm_mine")
        for number in (5, 100, 600, 699):
            # what is set by hand between blocks counts as the state of the block before
            assert await anvil.rpc("eth_getBalance", [who, hex(number)]) == hex(number + 1)
        assert any((tmp_path / "anvil-states").rglob("*.json"))
