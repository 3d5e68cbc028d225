"""Socket to book over loopback: a sender's process and one receiver after the other, and what they took.

A part of `scripts/bench cex`, which says what is measured.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RATE, SECONDS = 20_000, 1.0
ROUNDS = 3
READERS = {"bookTicker": ("floor", "ours", "aiohttp", "websockets"), "depth": ("floor", "ours", "aiohttp")}
OVER_FLOOR = 1.2
"""Target: at most so many times the floor, at 140 bytes."""
LIMIT_S = 120


def sockets(core: int, other: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    sender = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("cex_loopback.py"), str(other)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert sender.stdin is not None
    assert sender.stdout is not None
    port, rows = sender.stdout.readline().strip(), []
    try:
        for kind, names in READERS.items():
            rounds: dict[str, list[dict[str, float]]] = {name: [] for name in names}
            for turn in range(ROUNDS):
                for name in names:
                    say(f"socket, {kind}, round {turn + 1} of {ROUNDS}: {name}")
                    sender.stdin.write(json.dumps({"kind": kind, "rate": RATE, "seconds": SECONDS}) + "\n")
                    sender.stdin.flush()
                    rounds[name].append(receive(port, core, kind, name))
            rows.append(
                {
                    "kind": kind,
                    "rate": RATE,
                    **{name: over(found, rounds["floor"]) for name, found in rounds.items()},
                }
            )
    finally:
        sender.stdin.close()
        sender.wait(LIMIT_S)
    return rows


def receive(port: str, core: int, kind: str, name: str) -> dict[str, float]:
    command = [sys.executable, Path(__file__).with_name("cex_receiver.py"), port, str(core), kind, name]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, timeout=LIMIT_S, check=False)
    if done.returncode:
        raise SystemExit(f"socket, {kind}: {name} failed")
    taken = json.loads(done.stdout)
    shares = {"p50_ns": 0.5, "p99_ns": 0.99, "p999_ns": 0.999}
    return {
        "messages": len(taken),
        **{name: taken[int(len(taken) * share)] for name, share in shares.items()},
    }


def over(found: list[dict[str, float]], floor: list[dict[str, float]]) -> dict[str, float]:
    """Medians over the rounds, and their ratios to the floor of the same round."""
    medians = {
        name: statistics.median(one[name] for one in found) for name in ("p50_ns", "p99_ns", "p999_ns")
    }
    ratios = {
        f"{name}_over_floor": statistics.median(
            one[f"{name}_ns"] / base[f"{name}_ns"] for one, base in zip(found, floor, strict=True)
        )
        for name in ("p50", "p99")
    }
    return {"messages": sum(one["messages"] for one in found), **medians, **ratios}


def show_sockets(rows: list[dict[str, Any]]) -> None:
    for one in rows:
        size = " of 140 bytes" if one["kind"] == "bookTicker" else ""
        print(
            f"socket to book, {one['kind']}{size}, {one['rate']:,} a second, from send to book updated, medians of {ROUNDS} rounds:"
        )
        for name in READERS[one["kind"]]:
            show_socket(name, one[name])
    print(f"  target: ours <= {OVER_FLOOR}x the floor at 140 bytes")


def show_socket(name: str, one: dict[str, float]) -> None:
    p50, p99, p999 = (one[key] / 1e3 for key in ("p50_ns", "p99_ns", "p999_ns"))
    ratios = (
        ""
        if name == "floor"
        else f"   {one['p50_over_floor']:5.2f}x / {one['p99_over_floor']:5.2f}x the floor"
    )
    print(f"  {name:<12} p50 {p50:8.1f} us   p99 {p99:8.1f} us   p99.9 {p999:8.1f} us{ratios}")
