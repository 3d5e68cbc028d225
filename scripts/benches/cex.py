"""Exchange frames through decode and book, beside ccxt pro and cryptofeed; then from a loopback socket to the book.

    scripts/bench cex [--messages 2000] [--rounds 5] [--generated] [--seed 1] [--only decode|socket] [--json]

Decode and book: the same frames of two symbols a venue (Binance: recorded ones where the recordings are; else generated,
ids and checksums right) go through the bot's FrameReader, ccxt pro's handlers and cryptofeed's. Each reader is a process
pinned to the same core; they take turns, one venue and one round after the other. Time is the thread's own (CPU), median
over the rounds. Ours checks continuity, checksum (Kraken, OKX) and crossing on every frame, the peers what they check by
default; outside of the timed part all must show the same tops, and ours every level as a plain dict book has it. The
peers live in `.venv-bench`, made by `scripts/setup bench`; without it their columns say so.

Socket to book: a sender on another core writes bookTicker frames of 140 bytes, then depth frames, 20,000 a second, with
the send time inside. `floor` is a bare TCP protocol on uvloop reading the same bytes, without websocket and book; `ours`
the bot's own connect (picows, uvloop) and FrameReader; aiohttp and websockets stand before the same FrameReader.

Trust ratios within one run, and those of a busy machine little. `--json`: one object, `schema` 1, nanoseconds. Nothing is
asserted about time.
"""

import argparse
import contextlib
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.benches.cex_frames_of_day import VENUES, Day, make
from scripts.benches.cex_plain_book import level_count, plain_books, tops
from scripts.benches.cex_socket import Part, line_of, part, show_sockets, sockets, tell

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / ".venv-bench"
NOT_SET_UP = "not set up: scripts/setup bench"
CANNOT_BUILD = "a C compiler and Python's headers build it (apt install build-essential): then remove .venv-bench and run scripts/setup bench"
SHOWN = 100
"""Characters of what the build said."""
LEAST_NS = 100_000_000
"""Of work a turn."""
OVER_CCXT, OVER_CRYPTOFEED = 15.0, 6.0
"""Targets: at least so many times ccxt pro's messages a second; for bookTicker cryptofeed's."""


@contextlib.contextmanager
def readers(folder: Path, core: int) -> Iterator[dict[str, Part]]:
    """Their processes; peers that are not set up are not among them."""
    with contextlib.ExitStack() as stack:
        running = {"ours": stack.enter_context(part("cex_ours.py", folder, core))}
        if (PEERS / "stamp").exists():
            python = PEERS / "bin/python"
            for name, script in (("ccxt pro", "cex_ccxt.py"), ("cryptofeed", "cex_cryptofeed.py")):
                running[name] = stack.enter_context(part(script, folder, core, python=python))
        yield running


def take_turn(reader: Part, venue: str, least_ns: int) -> dict[str, Any]:
    tell(reader, json.dumps({"venue": venue, "least_ns": least_ns}))
    found: dict[str, Any] = json.loads(line_of(reader))
    return found


def decode(arguments: argparse.Namespace, core: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    recordings = None if arguments.generated else recordings_folder()
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        folder, days = Path(place), {}
        for venue in VENUES:
            say(f"frames of {venue}")
            days[venue] = make(venue, arguments.messages, arguments.seed, recordings)
            days[venue].save(folder)
        with readers(folder, core) as running:
            taken: dict[tuple[str, str], list[dict[str, Any]]] = {}
            for turn in range(
                arguments.rounds + 1
            ):  # the first is not counted: code is loaded, caches filled
                for venue in VENUES:
                    say(f"round {turn} of {arguments.rounds}: {venue}")
                    for name, reader in running.items():
                        answer = take_turn(reader, venue, LEAST_NS if turn else 1)
                        taken.setdefault((venue, name), []).append(answer)
    return [
        row(days[venue], {who: found for (of, who), found in taken.items() if of == venue})
        for venue in VENUES
    ]


def row(day: Day, taken: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    expected = tops(plain_books(day))
    found: dict[str, Any] = {
        "venue": day.venue,
        "frames": day.source,
        "messages": len(day.frames),
        "bytes_per_message": statistics.fmean(map(len, day.frames)),
        "levels_per_message": statistics.fmean(level_count(day, frame) for frame in day.frames),
        "target_over_ccxt": OVER_CCXT,
    }
    if day.venue == "binance bookTicker":
        found["target_over_cryptofeed"] = OVER_CRYPTOFEED
    for who in ("ours", "ccxt pro", "cryptofeed"):
        answers = taken.get(who, [{"lacks": NOT_SET_UP}])
        if "lacks" in answers[-1]:
            found[who] = {"lacks": why_lacking(answers[-1]["lacks"])}
            continue
        for answer in answers:
            check_tops(day.venue, who, answer["tops"], expected)
        rounds = [statistics.median(answer["ns_per_message"]) for answer in answers[1:]]
        passes = sum(len(answer["ns_per_message"]) for answer in answers)
        found[who] = {
            "ns": statistics.median(rounds),
            "rounds_ns": rounds,
            "applied": passes * len(day.frames),
        }
        if who != "ours":
            pairs = zip(rounds, found["ours"]["rounds_ns"], strict=True)
            found[who]["ratio"] = statistics.median(peer / mine for peer, mine in pairs)
    return found


def why_lacking(said: str) -> str:
    note = PEERS / "lacks.txt"
    return (
        f"{note.read_text().strip()[:SHOWN]}: {CANNOT_BUILD}"
        if said != NOT_SET_UP and note.exists()
        else said
    )


def check_tops(venue: str, who: str, found: dict[str, list[str]], expected: dict[str, list[str]]) -> None:
    """A reader that shows another top has not done the work; what it does not tell is empty."""
    for symbol, top in expected.items():
        if any(told not in ("", right) for told, right in zip(found[symbol], top, strict=True)):
            raise SystemExit(f"{venue}: {who} has {found[symbol]} on top of {symbol}, the frames say {top}")


def recordings_folder() -> Path | None:
    folder = Path(os.environ.get("GROUND_TRUTH_DIR", ROOT.parent / "shared/data"))
    return folder if folder.is_dir() else None


def machine() -> dict[str, Any]:
    cores = os.cpu_count() or 1
    ours = {name: version(name) for name in ("numba", "picows", "uvloop", "aiohttp", "websockets")}
    peers = {}
    for name in ("ccxt", "cryptofeed"):
        for folder in PEERS.glob(f"lib/python*/site-packages/{name}-*.dist-info"):
            peers[name] = folder.name.removeprefix(f"{name}-").removesuffix(".dist-info")
    load = os.getloadavg()[0]
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": cores,
        "load": load,
        "packages": ours | peers,
    }


def show(report: dict[str, Any]) -> None:
    about = report["machine"]
    packages = ", ".join(f"{name} {number}" for name, number in about["packages"].items())
    print(
        f"{about['machine']}, {about['cores']} cores, load {about['load']:.1f}, Python {about['python']}; {packages}"
    )
    if report.get("decode"):
        print(
            f"decode and book, one thread, median of {report['rounds']} interleaved rounds (seed {report['seed']}):"
        )
        print(
            "  venue               levels  bytes        ours               ccxt pro                  cryptofeed"
        )
        for one in report["decode"]:
            show_row(one)
        print(
            f"  targets: ccxt pro >= {OVER_CCXT:.0f}x each, bookTicker cryptofeed >= {OVER_CRYPTOFEED:.0f}x"
        )
        for one in report["decode"]:
            print(
                f"  {one['venue']}: {one['frames']}, {one['messages']} messages, {one['ours']['applied']} applied, books right"
            )
        for lacking in {
            one[who]["lacks"] for one in report["decode"] for who in PEER_NAMES if "lacks" in one[who]
        }:
            print(f"  -: {lacking}")
    if report.get("socket"):
        show_sockets(report["socket"])
    if about["load"] > about["cores"] / 4:
        print("  the machine was busy when this began: its times mean little, its tails nothing")


PEER_NAMES = ("ccxt pro", "cryptofeed")


def show_row(one: dict[str, Any]) -> None:
    def speed(who: str) -> str:
        if "lacks" in one[who]:
            return f"{'-':>24}"
        ratio = f" {one[who]['ratio']:6.1f}x" if who != "ours" else ""
        return f"{1e9 / one[who]['ns']:>10,.0f}/s {one[who]['ns'] / 1e3:7.2f} us{ratio}"

    shape = f"{one['venue']:<18} {one['levels_per_message']:7.1f} {one['bytes_per_message']:6.0f}"
    print(f"  {shape}  {speed('ours')}  {speed('ccxt pro')}  {speed('cryptofeed')}")


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Exchange frames to books, beside ccxt pro and cryptofeed.")
    parser.add_argument("--messages", type=int, default=2_000, help="frames a venue")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--generated", action="store_true", help="no recorded frames, also where there are some"
    )
    parser.add_argument("--only", choices=("decode", "socket"))
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the tables")
    return parser.parse_args()


def main() -> None:
    arguments = read_arguments()

    def say(line: str) -> None:
        if sys.stderr.isatty():
            print(f"\r{line}\033[K", end="", file=sys.stderr, flush=True)

    report: dict[str, Any] = {
        "schema": 1,
        "seed": arguments.seed,
        "rounds": arguments.rounds,
        "machine": machine(),
    }
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [-1]
    core, other = allowed[0], allowed[-1]
    if arguments.only != "socket":
        report["decode"] = decode(arguments, core, say)
    if arguments.only != "decode":
        report["socket"] = sockets(core, other, say)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    print(json.dumps(report)) if arguments.json else show(report)


if __name__ == "__main__":
    main()
