"""From a decision to its bytes on N sockets, step by step, beside web3.py with requests.post to each relay in turn.

    scripts/bench submit [--relays 1,3,8] [--rounds 200] [--folder DIR] [--json]

Ours is the real Dispatcher with the real signer process over its Unix socket and the real journal on disk (in
`--folder`, by default a temporary one; what a commit costs is the disk's); the relays are a process of their own on
loopback, as is the peer. Twenty rounds of each in turn, same transaction, equal bytes or the bench ends. The clock
starts with the calldata and stops when the last byte of the bundle has come to the last relay; the gate's judgement is
not in it, nor is the simulation.

What disk and process boundary cost stands apart: the commits of intent and payload, the signer's own totals, the way
to the signer and back. The peer writes nothing down and holds its key itself. "limit" is two bare signatures of
secp256k1 in the same run. `--json`: one object, `schema` 1, nanoseconds. Nothing is asserted about time.
"""

import argparse
import json
import secrets
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop
from coincurve import PrivateKey
from eth_account import Account

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bot.core.identity import Address, hex_bytes, keccak
from scripts.benches.submit_case import for_the_peer
from scripts.benches.submit_ours import Ours, Round
from scripts.benches.submit_processes import Child, the_signer

TURN = 20
"""Rounds of one path in a row."""
WARM_UP = 20
COMPUTING = ("calldata", "signer rules", "signer signature", "body", "identity signature")
BOUNDARIES = ("intent on disk", "payload on disk", "signer totals on disk", "signer socket")
"""What a bot pays that writes down what it does and does not hold its own key. The peer does neither."""


class Bench:
    """Rounds are numbered through, whatever the number of relays: each has a nonce and a block of its own."""

    def __init__(self, ours: Ours, peer: Child, relays: Child, ports: list[int]) -> None:
        self._ours, self._peer, self._relays, self._ports = ours, peer, relays, ports
        self.places: dict[int, list[int]] = {}
        """Of the rounds of ours that count, by number of relays."""
        self.limit: list[dict[str, int]] = []
        """Two bare signatures after each round: as cold as those in it."""
        self._keys = [PrivateKey(secrets.token_bytes(32)) for _ in range(2)]
        self._next = 0

    async def play(self, count: int, rounds: int) -> tuple[list[dict[str, int]], list[dict[str, int]]]:
        """Steps and the whole of each round, (ours, the peer's), to `count` relays."""
        ports = self._ports[:count]
        await self._ours.aim_at(ports)
        ours: list[dict[str, int]] = []
        peer: list[dict[str, int]] = []
        done = -WARM_UP
        while done < rounds:
            places = range(self._next, self._next + min(TURN, rounds - done))
            self._next += len(places)
            played = []
            for place in places:
                played.append(await self._ours.submit(place))
                self.limit.append(bare_signatures(self._keys))
            mine = self._arrivals(ports)
            answered = [self._peer.ask({"case": for_the_peer(place), "ports": ports}) for place in places]
            theirs = self._arrivals(ports)
            if [row[1] for row in mine] != [row[1] for row in theirs]:
                raise SystemExit("the two did not send the same transactions: the figures would mean nothing")
            if done >= 0:
                ours += [_ours(one, row[0]) for one, row in zip(played, mine, strict=True)]
                peer += [_peer(one, row[0]) for one, row in zip(answered, theirs, strict=True)]
                self.places.setdefault(count, []).extend(places)
            done += len(places)
        return ours, peer

    def _arrivals(self, ports: list[int]) -> list[tuple[list[int], str]]:
        """By round: when its bytes had come to each relay, and the transaction's digest, one and the same at all."""
        seen = self._relays.ask("")
        rows = []
        for came in zip(*(seen[str(port)] for port in ports), strict=True):
            [digest] = {digest for _, digest in came}
            rows.append(([at for at, _ in came], digest))
        return rows


def _ours(one: Round, came: list[int]) -> dict[str, int]:
    steps = one.steps
    waited = steps["intent on disk"] + steps["signer"] + steps["payload on disk"]
    made = steps["body"] + steps["identity signature"]
    return {
        "calldata": steps["calldata"],
        "intent on disk": steps["intent on disk"],
        "signer": steps["signer"],
        "payload on disk": steps["payload on disk"],
        "body": steps["body"],
        "identity signature": steps["identity signature"],
        "write": max(came) - one.began - waited - made,
        "first relay": steps["calldata"] + min(came) - one.began,
        "whole": steps["calldata"] + max(came) - one.began,
    }


def _peer(answered: dict[str, Any], came: list[int]) -> dict[str, int]:
    whole, steps = max(came) - answered["began"], answered["steps"]
    before = sum(took for name, took in steps.items() if name != "posts")
    first = min(came) - answered["began"]
    return {**steps, "posts": whole - before, "first relay": first, "whole": whole}


def bare_signatures(keys: list[PrivateKey]) -> dict[str, int]:
    digest = keccak(b"digest")
    started = time.perf_counter_ns()
    for key in keys:
        key.sign_recoverable(digest, hasher=None)
    return {"whole": time.perf_counter_ns() - started}


async def play(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    wallet, identity = secrets.token_bytes(32), secrets.token_bytes(32)
    sender = Address(bytes.fromhex(Account.from_key(wallet).address[2:]))
    relays, peer = Child("submit_relays", str(max(arguments.relays))), Child("submit_plain")
    try:
        ports = relays.read()
        peer.ask({"wallet": hex_bytes(wallet), "identity": hex_bytes(identity)})
        with the_signer(folder, wallet):
            ours = Ours(folder, identity, sender)
            await ours.start()
            bench = Bench(ours, peer, relays, ports)
            played = {count: await bench.play(count, arguments.rounds) for count in arguments.relays}
            await ours.close()
    finally:
        relays.end()
        peer.end()
    inside = json.loads((folder / "signer.json").read_text())
    for count, (mine, _) in played.items():
        for place, steps in zip(bench.places[count], mine, strict=True):
            _split_signer(steps, inside[place])
    return report(arguments, played, bench.limit)


def _split_signer(steps: dict[str, int], inside: dict[str, int]) -> None:
    """The round trip, as what the signer computed, what it wrote, and the rest: sockets and waking up."""
    trip = steps.pop("signer")
    steps["signer rules"] = inside["answer"] - inside["totals"] - inside["signature"]
    steps["signer signature"] = inside["signature"]
    steps["signer totals on disk"] = inside["totals"]
    steps["signer socket"] = trip - inside["answer"]
    steps["computing"] = sum(steps[name] for name in COMPUTING)
    steps["without disk and signer socket"] = steps["whole"] - sum(steps[name] for name in BOUNDARIES)


def report(
    arguments: argparse.Namespace, played: dict[int, Any], limit: list[dict[str, int]]
) -> dict[str, Any]:
    bare = statistics.median(one["whole"] for one in limit)
    rows = []
    for count, (ours, peer) in played.items():
        mine, theirs = figures(ours), figures(peer)
        rows.append(
            {
                "relays": count,
                "ours": mine,
                "peer": theirs,
                "ratio": theirs["whole"]["p50_ns"] / mine["whole"]["p50_ns"],
                "ratio_without_boundaries": theirs["whole"]["p50_ns"]
                / mine["without disk and signer socket"]["p50_ns"],
                "ratio_computing": _peer_computing(theirs) / mine["computing"]["p50_ns"],
                "computing_of_limit": mine["computing"]["p50_ns"] / bare,
                "without_rules_of_limit": (mine["computing"]["p50_ns"] - mine["signer rules"]["p50_ns"])
                / bare,
            }
        )
    return {"schema": 1, "rounds": arguments.rounds, "limit": figures(limit)["whole"], "by_relays": rows}


def _peer_computing(figure: dict[str, dict[str, int]]) -> int:
    names = ("build_transaction", "sign", "body", "identity signature")
    return sum(figure[name]["p50_ns"] for name in names)


def figures(rounds: list[dict[str, int]]) -> dict[str, dict[str, int]]:
    found = {}
    for name in rounds[0]:
        ordered = sorted(one[name] for one in rounds)
        found[name] = {
            "p50_ns": int(statistics.median(ordered)),
            "p99_ns": ordered[int(len(ordered) * 0.99)],
        }
    return found


ORDER = (
    *COMPUTING,
    "computing",
    *BOUNDARIES,
    "write",
    "first relay",
    "without disk and signer socket",
    "whole",
)


def show(found: dict[str, Any]) -> None:
    print(f"decision to bytes on N sockets, {found['rounds']} rounds each, equal transactions")
    print(f"  {'two bare signatures':<30} {_us(found['limit'])}")
    for row in found["by_relays"]:
        ours, peer = row["ours"], row["peer"]
        print(f"{row['relays']} relays, ours (computing first, then what disk and sockets cost):")
        for name in ORDER:
            print(f"  {name:<30} {_us(ours[name])}")
        print(
            f"  of the limit: computing {row['computing_of_limit']:.2f}x, without the signer's own decoding and rules"
            f" {row['without_rules_of_limit']:.2f}x (target 2x)"
        )
        print(f"{row['relays']} relays, web3.py and requests, one after the other:")
        for name, figure in peer.items():
            print(f"  {name:<30} {_us(figure)}")
        print(f"  ratio, computing               {row['ratio_computing']:.1f}x")
        print(f"  ratio, without our disk and signer socket  {row['ratio_without_boundaries']:.1f}x")
        print(f"  ratio, whole                   {row['ratio']:.1f}x")


def _us(figure: dict[str, int]) -> str:
    return f"p50 {figure['p50_ns'] / 1e3:9.1f} us   p99 {figure['p99_ns'] / 1e3:9.1f} us"


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Decision to bytes on N sockets, beside web3.py and requests."
    )
    parser.add_argument(
        "--relays", type=lambda text: [int(one) for one in text.split(",")], default=[1, 3, 8]
    )
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--folder", type=Path, default=None, help="where journal and totals are written")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    return parser.parse_args()


def main() -> None:
    arguments = read_arguments()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=arguments.folder) as folder:
        found = uvloop.run(play(arguments, Path(folder)))
    print(json.dumps(found)) if arguments.json else show(found)


if __name__ == "__main__":
    main()
