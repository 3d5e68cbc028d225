"""Socket to book over loopback: a sender's process and one receiver after the other, and what they took.

A part of `scripts/bench cex`, which says what is measured.
"""

import contextlib
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RATE, SECONDS = 20_000, 1.0
ROUNDS = 3
READERS = {"bookTicker": ("floor", "ours", "aiohttp", "websockets"), "depth": ("floor", "ours", "aiohttp")}
OVER_FLOOR = 1.2
"""Target: at most so many times the floor, at 140 bytes."""
LIMIT_S = 120
Part = subprocess.Popen[str]


def sockets(core: int, other: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """A row a kind of frames. The sender stays on core `other`, the receivers take turns on `core`; -1: anywhere."""
    with contextlib.ExitStack() as stack:
        sender = stack.enter_context(part("cex_loopback.py", other))
        port = line_of(sender)
        names = dict.fromkeys(name for of_kind in READERS.values() for name in of_kind)
        receivers = {name: stack.enter_context(part("cex_receiver.py", port, core, name)) for name in names}
        rows = []
        for kind, of_kind in READERS.items():
            rounds: dict[str, list[dict[str, float]]] = {name: [] for name in of_kind}
            for turn in range(ROUNDS):
                for name in of_kind:
                    say(f"socket, {kind}, round {turn + 1} of {ROUNDS}: {name}")
                    tell(sender, json.dumps({"kind": kind, "rate": RATE, "seconds": SECONDS}))
                    tell(receivers[name], kind)
                    rounds[name].append(json.loads(line_of(receivers[name])))
            rows.append(
                {
                    "kind": kind,
                    "rate": RATE,
                    **{name: over(found, rounds["floor"]) for name, found in rounds.items()},
                }
            )
    return rows


@contextlib.contextmanager
def part(script: str, *arguments: object, python: Path = Path(sys.executable)) -> Iterator[Part]:
    """A process that takes turns by its input and ends with it."""
    child = subprocess.Popen(
        [python, Path(__file__).with_name(script), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        yield child
    except BaseException:
        child.kill()
        raise
    finally:
        assert child.stdin is not None
        child.stdin.close()
        child.wait(LIMIT_S)


def tell(child: Part, line: str) -> None:
    assert child.stdin is not None
    child.stdin.write(line + "\n")
    child.stdin.flush()


def line_of(child: Part) -> str:
    assert child.stdout is not None
    line = child.stdout.readline().strip()
    if not line:
        raise SystemExit(f"a part of the bench ended: {child.args}")
    return line


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
