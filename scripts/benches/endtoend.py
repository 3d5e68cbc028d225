"""From a head to a bundle on the relay's socket: the bot beside a plain web3.py bot, block by block on one market.

    scripts/bench endtoend [--blocks 100] [--pools 40] [--tokens 12] [--seed 1] [--json]

This process holds the local market: anvil, the relay, traders, a competitor. The bot, its signer and the peer are
processes of their own, the bot started by `bot run` and configured by the market's `bot.env`. Each block is sealed
first and told when the market has come to rest; then the bot works on it alone, and after it the peer. Both ask anvil
itself, the bot over its Unix socket, the peer over HTTP as web3.py does by default; the market's node front, which is
there for faults and not for speed, stands aside.

The clock starts when the head is written to the bot's socket (the peer: when it is told the number) and stops when the
first bytes of the bundle have arrived at a socket in front of the relay. Only blocks on which both sent count. The
steps of ours are those of the journal; fsync of intent and payload and the round trip to the signer are among them.
"node" is what anvil alone takes for the requests the bot waited for, asked again by a bare socket.
"without simulation" is the same without the wait for the node's word on the plan (and the peer's eth_call).

Printed: p50 and p99 of both, the ratio (trust it, not the times), ours by steps, the node. `--json`: one object, `schema` 1,
nanoseconds. Nothing is asserted about time.
"""

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bot.core.identity import hex_bytes, to_checksum
from bot.journal.read import JournalReader
from bot.world.assembly import Market, open_market
from bot.world.keystores import wallet_account
from bot.world.market_config import MarketConfig
from bot.world.tokens import WETH
from scripts.benches.node_door import NodeDoor
from scripts.benches.relay_tap import Tap

ROOT = Path(__file__).resolve().parents[2]
REST_S = 0.15
"""Between sealing and telling: traders and mempool have done their work by then."""
WARM_UP = 5
"""Blocks that are played and not counted: connections are opened, caches filled."""
LIMIT_S = 30.0
START_LIMIT_S = 180.0
"""A first start compiles the search's kernels."""


class Turn:
    """One block: (told, first bytes) of each bot, monotonic nanoseconds, and the steps of the peer."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.ours: int | None = None
        self.peer: int | None = None
        self.peer_steps: dict[str, int] = {}
        self.node: dict[str, int] = {}


class Bench:
    """The market with both bots around it."""

    def __init__(
        self, market: Market, door: NodeDoor, tap: Tap, sink: Tap, peer: asyncio.subprocess.Process
    ) -> None:
        self._market, self._door = market, door
        self._tap, self._sink, self._peer = tap, sink, peer

    async def play(self) -> Turn:
        """Seal the next block, tell ours of it, wait until it is done; then the peer."""
        engine = self._market.engine
        engine.withhold_next_head()
        sealed = await engine.seal_next()
        turn = Turn(sealed.head.number)
        await asyncio.sleep(REST_S)
        self._tap.first_bytes = None
        told = self._door.tell(sealed.header)
        await self.until_done()
        turn.ours = None if self._tap.first_bytes is None else self._tap.first_bytes - told
        await asyncio.sleep(REST_S / 3)
        turn.node = self._door.repeat()
        await self._play_peer(turn)
        return turn

    async def until_done(self, limit_s: float = LIMIT_S) -> None:
        """Lockstep: the bot says when it has done with the head."""
        async with asyncio.timeout(limit_s):
            await self._door.until_done(self._market.engine.head.number)

    async def _play_peer(self, turn: Turn) -> None:
        assert self._peer.stdin is not None
        assert self._peer.stdout is not None
        self._sink.first_bytes = None
        told = time.monotonic_ns()
        self._peer.stdin.write(b"%d\n" % turn.number)
        async with asyncio.timeout(LIMIT_S):
            answer = json.loads(await self._peer.stdout.readline())
        if answer["sent"] and self._sink.first_bytes is not None:
            turn.peer, turn.peer_steps = self._sink.first_bytes - told, answer["steps"]


def python(*arguments: str, **environment: str) -> dict[str, Any]:
    return {
        "args": [sys.executable, *arguments],
        "env": {name: value for name, value in os.environ.items() if not name.startswith("BOT_")}
        | environment,
        "cwd": ROOT,
    }


@contextlib.contextmanager
def running(folder: Path, name: str, *arguments: str, **environment: str) -> Any:
    """A verb of the bot as a process of its own, ended in order."""
    with (folder / f"{name}.out").open("wb") as output:
        child = subprocess.Popen(
            **python("-m", "bot", *arguments, **environment), stdout=output, stderr=output
        )
        try:
            yield child
        finally:
            child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(20)
            child.kill()


@contextlib.asynccontextmanager
async def the_peer(market: Market, relay: str) -> AsyncIterator[asyncio.subprocess.Process]:
    setting = {
        "node": market.endpoints.anvil_admin,
        "relay": relay,
        "key": hex_bytes(wallet_account(market.config.seed, market.wallets[0].name).private_key),
        "weth": to_checksum(WETH.address),
        "pools": [
            {
                "address": to_checksum(pair.address),
                "token0": to_checksum(pair.token0.token.address),
                "token1": to_checksum(pair.token1.token.address),
                "fee": pair.venue.fee_numerator,
            }
            for pair in plan_of(market.config).pairs
        ],
    }
    started = python(str(Path(__file__).with_name("plain_bot.py")))
    peer = await asyncio.create_subprocess_exec(
        *started["args"],
        env=started["env"],
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 24,
    )
    assert peer.stdin is not None
    assert peer.stdout is not None
    try:
        peer.stdin.write(json.dumps(setting).encode() + b"\n")
        if not await peer.stdout.readline():
            raise SystemExit("the peer did not start")
        yield peer
    finally:
        peer.stdin.close()
        await peer.wait()


def plan_of(config: MarketConfig) -> Any:
    from bot.world.market_plan import MarketPlan  # noqa: PLC0415  # as the market itself made it

    return MarketPlan(config.seed, config.pools, config.tokens)


async def play(arguments: argparse.Namespace, folder: Path, say: Callable[[str], None]) -> dict[str, Any]:
    config = MarketConfig(
        run_dir=folder,
        seed=arguments.seed,
        pools=arguments.pools,
        tokens=arguments.tokens,
        lockstep=True,
        anvil_ipc=folder / "anvil.ipc",
    )
    async with open_market(config) as market, contextlib.AsyncExitStack() as stack:
        tap, sink = Tap(int(market.endpoints.relay.rsplit(":", 1)[1])), Tap(None)
        stack.callback(tap.close)
        stack.callback(sink.close)
        relay = await tap.start()
        peer = await stack.enter_async_context(the_peer(market, await sink.start()))
        env_file = str(folder / "bot.env")
        door = NodeDoor(folder / "node.ipc", folder / "anvil.ipc")
        await door.start()
        stack.callback(door.close)
        places = {"BOT_RELAY_MARKET__URL": relay, "BOT_RPC_URL": str(door.path)}
        stack.enter_context(running(folder, "signer", "signer", "--env-file", env_file))
        await until(lambda: Path(market.variables["BOT_SIGNER_SOCKET"]).exists())
        stack.enter_context(running(folder, "run", "run", "--plain", "--env-file", env_file, **places))
        bench = Bench(market, door, tap, sink, peer)
        await market.engine.open()
        await bench.until_done(START_LIMIT_S)
        turns = []
        for place in range(WARM_UP + arguments.blocks):
            turn = await bench.play()
            say(f"block {place + 1} of {WARM_UP + arguments.blocks}")
            turns += [turn] if place >= WARM_UP else []
        await until(lambda: len(journal(folder)) >= len(turns) + WARM_UP)
    if all(turn.ours is None for turn in turns):
        blocks = JournalReader(folder / "journal.sqlite3")
        reasons = {reason for one in blocks.blocks(blocks.latest_run().run_id) for reason in one.drops}
        raise SystemExit(
            f"ours sent nothing in {len(turns)} blocks: {', '.join(sorted(reasons)) or 'nothing found'}"
        )
    return report(arguments, turns, journal(folder))


def journal(folder: Path) -> dict[int, dict[str, int]]:
    """Durations of each block in the bot's own journal."""
    reader = JournalReader(folder / "journal.sqlite3")
    return {one.block.number: one.durations for one in reader.blocks(reader.latest_run().run_id)}


async def until(holds: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
    async with asyncio.timeout(limit_s):
        while not holds():  # noqa: ASYNC110  # files of other processes say nothing when they change
            await asyncio.sleep(0.05)


def report(
    arguments: argparse.Namespace, turns: list[Turn], durations: dict[int, dict[str, int]]
) -> dict[str, Any]:
    both = [turn for turn in turns if turn.ours is not None and turn.peer is not None]
    if not both:
        ours, peer = (sum(getattr(turn, who) is not None for turn in turns) for who in ("ours", "peer"))
        raise SystemExit(
            f"no block of {len(turns)} on which both bots sent (ours {ours}, the peer {peer}): try another --seed"
        )
    of_ours = [durations[turn.number] for turn in both]
    waited = [step.get("simulate", 0) for step in of_ours]
    peer_waited = [turn.peer_steps.get("simulate", 0) for turn in both]
    ours, peer = [turn.ours or 0 for turn in both], [turn.peer or 0 for turn in both]
    without = [whole - simulated for whole, simulated in zip(ours, waited, strict=True)]
    peer_without = [whole - simulated for whole, simulated in zip(peer, peer_waited, strict=True)]
    node = [turn.node for turn in both]
    names = list(dict.fromkeys(name for steps in of_ours for name in steps))
    return {
        "schema": 1,
        "seed": arguments.seed,
        "pools": arguments.pools,
        "blocks_played": len(turns),
        "blocks_compared": len(both),
        "ours": figures(ours),
        "ours_without_simulation": figures(without),
        "peer": figures(peer),
        "peer_without_simulation": figures(peer_without),
        "ratio": statistics.median(peer) / statistics.median(ours),
        "ratio_without_simulation": statistics.median(peer_without) / statistics.median(without),
        "steps": {name: figures([steps.get(name, 0) for steps in of_ours]) for name in names},
        "node": {
            name: figures([asked[name] for asked in node if name in asked])
            for name in dict.fromkeys(name for asked in node for name in asked)
        },
        "peer_steps": {
            name: figures([turn.peer_steps[name] for turn in both]) for name in both[0].peer_steps
        },
    }


def figures(values: list[int]) -> dict[str, int]:
    ordered = sorted(values)
    return {"p50_ns": int(statistics.median(ordered)), "p99_ns": ordered[int(len(ordered) * 0.99)]}


def ms(figure: dict[str, int]) -> str:
    return f"p50 {figure['p50_ns'] / 1e6:8.3f} ms   p99 {figure['p99_ns'] / 1e6:8.3f} ms"


def show(found: dict[str, Any]) -> None:
    print(
        f"head told to bundle bytes at the relay's socket: {found['blocks_compared']} blocks on which both sent,"
        f" of {found['blocks_played']} (seed {found['seed']}, {found['pools']} pools)"
    )
    print(f"  plain web3.py bot            {ms(found['peer'])}")
    print(f"  ours                         {ms(found['ours'])}")
    print(f"  ratio                        {found['ratio']:.1f}x")
    print(f"  plain, without simulation    {ms(found['peer_without_simulation'])}")
    print(f"  ours, without simulation     {ms(found['ours_without_simulation'])}")
    print(f"  ratio                        {found['ratio_without_simulation']:.1f}x")
    whole = found["steps"].get("seen to sent", found["ours"])["p50_ns"]
    print("ours by steps (share of seen to sent; upkeep runs beside search and simulation):")
    for name, figure in found["steps"].items():
        print(f"  {name:<20} {ms(figure)}   {100 * figure['p50_ns'] / whole:5.1f} %")
    print("the node alone, the same requests of the same block asked again by a bare socket:")
    for name, figure in found["node"].items():
        print(f"  {name:<20} {ms(figure)}   {100 * figure['p50_ns'] / whole:5.1f} %")
    print("the plain bot by steps:")
    for name, figure in found["peer_steps"].items():
        print(f"  {name:<20} {ms(figure)}")


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Head to bundle, beside a plain web3.py bot on the same blocks."
    )
    parser.add_argument("--blocks", type=int, default=100)
    parser.add_argument("--pools", type=int, default=40)
    parser.add_argument("--tokens", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    return parser.parse_args()


def main() -> None:
    arguments = read_arguments()

    def say(line: str) -> None:
        if sys.stderr.isatty():
            print(f"\r{line}\033[K", end="", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        work: Awaitable[dict[str, Any]] = play(arguments, Path(folder), say)
        try:
            found = uvloop.run(work)  # type: ignore[arg-type]
        except TimeoutError:
            for log in sorted(Path(folder).glob("*.out")):
                print(f"{log.name}:\n{log.read_text()[-2000:]}", file=sys.stderr)
            raise SystemExit("a part of the bench did not come up or did not answer") from None
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    print(json.dumps(found)) if arguments.json else show(found)


if __name__ == "__main__":
    main()
