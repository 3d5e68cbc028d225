"""Logs of one block, fetched from a node and decoded: the feed's way beside web3.py's get_logs and process_log.

    scripts/bench decode [--logs 500] [--rounds 50] [--seed 1] [--json]

Anvil holds a block in which so many pairs have written Sync. Ours asks over its Unix socket, as the head feed does:
raw JSON to Logs, then `decode_sync`, the numbers of each pair. web3.py asks over HTTP, its default, and runs
`process_log` on each log. Both give the same (pool, reserve0, reserve1) or the bench ends. Printed: medians, p99, the
ratio (trust it, not the times); decoding by itself as well, from an answer that is there, since the node's own time is
in both. `--json`: one object, `schema` 1, nanoseconds. Nothing is asserted about time.
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop
from web3 import HTTPProvider, Web3

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bot.chain.rpc import open_session
from bot.clock import SystemClock
from bot.core.identity import Address, BlockHash, from_hex, hex_bytes
from bot.core.log_decoder import LogDecoder
from bot.core.messages import Log
from bot.core.result import Ok
from bot.protocols.uniswap_v2 import SYNC_TOPIC, decode_sync
from bot.world.anvil import Anvil, AnvilConfig
from scripts.benches.plain_bot import PAIR_ABI

EMITTER = "60406000600037" + "7f" + SYNC_TOPIC.hex() + "60406000a100"
"""calldatacopy(0, 0, 64); log1(0, 64, SYNC_TOPIC); stop: stands where a pair would."""
SENDER = "0x" + "5e" * 20

Changes = list[tuple[Address, int, int]]


async def make_block(anvil: Anvil, logs: int, seed: int) -> tuple[str, Changes]:
    """Hash of a block with that many Syncs of as many pairs, and what they say."""
    draw = random.Random(seed)  # noqa: S311  # a market, not a key
    await anvil.rpc("anvil_setBalance", [SENDER, hex(10**24)])
    await anvil.rpc("anvil_impersonateAccount", [SENDER])
    changes: Changes = []
    for _ in range(logs):
        pair, reserves = Address(draw.randbytes(20)), (draw.randrange(2**112), draw.randrange(2**112))
        await anvil.rpc("anvil_setCode", [hex_bytes(pair), "0x" + EMITTER])
        data = b"".join(reserve.to_bytes(32, "big") for reserve in reserves)
        call = {"from": SENDER, "to": hex_bytes(pair), "input": hex_bytes(data), "gas": hex(60_000)}
        await anvil.rpc("eth_sendTransaction", [call])
        changes.append((pair, *reserves))
    await anvil.rpc("evm_mine", [])
    block = await anvil.rpc("eth_getBlockByNumber", ["latest", False])
    return block["hash"], changes


def changes_of(logs: tuple[Log, ...]) -> Changes:
    return [(log.address, *decode_sync(log)) for log in logs]


async def ours(ipc: Path, block: str, rounds: int, expected: Changes) -> tuple[list[int], list[int]]:
    """(fetched and decoded, decoded alone), a time a round."""
    session = await open_session(str(ipc), SystemClock())
    query = {"blockHash": block, "topics": [[hex_bytes(SYNC_TOPIC)]]}
    decoder, wanted = LogDecoder(), BlockHash(from_hex(block))
    whole, alone = [], []
    for _ in range(rounds):
        started = time.perf_counter_ns()
        answer = await session.request_undecoded("eth_getLogs", [query])
        came = time.perf_counter_ns()
        if not isinstance(answer, Ok):
            raise SystemExit(f"eth_getLogs: {answer}")
        found = changes_of(decoder.decode(answer.value, wanted))
        ended = time.perf_counter_ns()
        whole.append(ended - started)
        alone.append(ended - came)
        check(found, expected)
    await session.close()
    return whole, alone


def web3_way(url: str, block: str, rounds: int, expected: Changes) -> tuple[list[int], list[int]]:
    web3 = Web3(HTTPProvider(url))
    event = web3.eth.contract(abi=PAIR_ABI).events.Sync()
    query: Any = {"blockHash": block, "topics": [[hex_bytes(SYNC_TOPIC)]]}
    whole, alone = [], []
    for _ in range(rounds):
        started = time.perf_counter_ns()
        logs = web3.eth.get_logs(query)
        came = time.perf_counter_ns()
        events = [event.process_log(log) for log in logs]
        ended = time.perf_counter_ns()
        whole.append(ended - started)
        alone.append(ended - came)
        check(
            [
                (from_hex(one["address"].lower()), one["args"]["reserve0"], one["args"]["reserve1"])
                for one in events
            ],
            expected,
        )
    return whole, alone


def check(found: Any, expected: Changes) -> None:
    if found != expected:
        raise SystemExit("the decoded logs are not what the pairs wrote")


async def measure(logs: int, rounds: int, seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        ipc = Path(folder) / "anvil.ipc"
        anvil = Anvil(AnvilConfig(log_path=Path(folder) / "anvil.log", ipc_path=ipc, gas_limit=1_000_000_000))
        await anvil.start()
        try:
            block, expected = await make_block(anvil, logs, seed)
            peer, peer_alone = await asyncio.to_thread(
                web3_way, anvil.url, block, max(rounds // 5, 3), expected
            )
            mine, mine_alone = await ours(ipc, block, rounds, expected)
        finally:
            await anvil.stop()
    return {
        "logs": logs,
        "web3": figures(peer),
        "ours": figures(mine),
        "ratio": statistics.median(peer) / statistics.median(mine),
        "web3_process_log_alone": figures(peer_alone),
        "ours_decoding_alone": figures(mine_alone),
        "ratio_decoding_alone": statistics.median(peer_alone) / statistics.median(mine_alone),
    }


def figures(values: list[int]) -> dict[str, int]:
    ordered = sorted(values)
    return {"p50_ns": int(statistics.median(ordered)), "p99_ns": ordered[int(len(ordered) * 0.99)]}


async def grown(arguments: argparse.Namespace) -> dict[str, Any]:
    main = await measure(arguments.logs, arguments.rounds, arguments.seed)
    growth = [
        await measure(count, max(arguments.rounds // 2, 3), arguments.seed)
        for count in (max(arguments.logs // 5, 1), 2 * arguments.logs)
    ]
    return {"schema": 1, "seed": arguments.seed, "block": main, "growth": growth}


def line(row: dict[str, Any]) -> str:
    def ms(name: str) -> str:
        return f"{row[name]['p50_ns'] / 1e6:8.3f} ms"

    return (
        f"  {row['logs']:>5} logs: web3 {ms('web3')}, ours {ms('ours')} (p99 {row['ours']['p99_ns'] / 1e6:.3f}), "
        f"{row['ratio']:.0f}x; decoding alone {ms('web3_process_log_alone')}, {ms('ours_decoding_alone')}, "
        f"{row['ratio_decoding_alone']:.0f}x"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="A block's logs fetched and decoded, beside web3.py.")
    parser.add_argument("--logs", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    arguments = parser.parse_args()
    report = uvloop.run(grown(arguments))
    if arguments.json:
        print(json.dumps(report))
        return
    print(f"logs of one block, fetched and decoded, p50 (seed {report['seed']}):")
    print(line(report["block"]))
    print("growth:", *map(line, report["growth"]), sep="\n")


if __name__ == "__main__":
    main()
