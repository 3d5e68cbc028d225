"""`scripts/run`: the local market, the signer and the bot as three processes under one roof.

The parts are the ones a live run uses, wired by the same variables: the market writes `bot.env`, the signer and the
bot read it. Whatever way this ends (Ctrl-C, a second Ctrl-C, SIGTERM, a closed terminal, SIGKILL) nothing is left
behind: children stand in sessions of their own, are told in order, and carry a parent-death signal.
"""

import argparse
import contextlib
import ctypes
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from bot.core.errors import EXIT_GOOD, EXIT_INTERRUPTED, EXIT_UNREACHABLE, BadConfiguration, Unreachable
from bot.core.quantities import parse_bps, parse_duration

PR_SET_PDEATHSIG = 1
READY_TIMEOUT_S = 180.0
ORDERLY_STOP_S = 8.0
LOCAL_RUNS = Path("var/local")
SET_BY_THE_RUN = (
    "BOT_CHAIN",
    "BOT_FORK_PROFILE",
    "BOT_RPC_URL",
    "BOT_DATA_DIR",
    "BOT_EXECUTOR",
    "BOT_PROFIT_RECIPIENT",
    "BOT_WALLETS",
    "BOT_RELAYS",
)
"""Of a chain of the operator's own: they would win over the market's `bot.env`. Limits and tuning may stand."""
ACCOUNT_FAMILIES = ("BOT_RELAY_", "BOT_WALLET_")
"""How those begin that are of the operator's own relays and wallets; BOT_RELAY_TIMEOUT is of none."""
EXCHANGE_FAMILY = ("BOT_EXCHANGES", "BOT_EXCHANGE_")
"""How those begin that follow real exchanges: the local market has its own. Beside a fork, whose prices are real, they
may stand."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry of `scripts/run`; returns the exit code of the bot."""
    options = _parser().parse_args(arguments)
    try:
        _refuse_foreign(os.environ, "market", "scripts/run is the local market only")
    except BadConfiguration as error:
        print(error, file=sys.stderr)
        return error.exit_code
    run_folder = make_run_folder(LOCAL_RUNS, f"seed{options.seed}" if options.seed is not None else "market")
    seed = options.seed if options.seed is not None else secrets.randbelow(2**31)
    market = ["market", "--run-dir", str(run_folder), "--seed", str(seed), "--pools", str(options.pools)]
    if options.tokens is not None:
        market += ["--tokens", str(options.tokens)]
    market += ["--pace", options.pace] + ["--lockstep"] * options.lockstep
    market += ["--port", str(options.port), *order_flow(options)]
    print("Local market — not real money, and seeded to offer opportunities. Your keys are not touched.")
    if Path(".env").is_file():
        print("`.env` is not read here: it is for your own chain (scripts/bot run).")
    return Household(run_folder).run(market, bot_options(options))


def run_fork(options: argparse.Namespace) -> int:
    """`bot fork`: the market's node front, relay and builder around a fork of the operator's own chain.

    Raises BadConfiguration for an environment that is meant for that chain itself.
    """
    _refuse_foreign(os.environ, "fork", "`bot fork` runs beside your chain and never on it")
    run_folder = make_run_folder(LOCAL_RUNS, "fork")
    fork = [
        "market",
        "--run-dir",
        str(run_folder),
        "--fork-url",
        options.rpc,
        "--fork-profile",
        options.profile,
    ]
    print("Fork of your chain — not real money: throwaway keys, and relays on loopback alone.")
    if Path(".env").is_file():
        print("`.env` is not read here: it is for your own chain (scripts/bot run).")
    return Household(run_folder).run(
        [*fork, "--pace", options.pace, "--port", str(options.port)], bot_options(options)
    )


def bot_options(options: argparse.Namespace) -> list[str]:
    """The options that are handed on to `bot run`."""
    passed: list[str] = []
    if options.blocks is not None:
        passed += ["--blocks", str(options.blocks)]
    if options.report is not None:
        passed += ["--report", str(options.report.absolute())]
    return passed + ["--json"] * options.json + ["--plain"] * options.plain


def add_shared_options(parser: argparse.ArgumentParser) -> None:
    """Options of both `scripts/run` and `bot fork`."""
    parser.add_argument(
        "--blocks",
        type=int,
        help="stop after this many blocks, the last of which resolves what is in flight, and report",
    )
    parser.add_argument("--report", type=Path, help="write the closing report to this file, as JSON")
    parser.add_argument("--json", action="store_true", help="print the closing report as JSON")
    parser.add_argument("--plain", action="store_true", help="lines instead of the live view")


def add_port(parser: argparse.ArgumentParser) -> None:
    """`--port`, for those who want to point other programs at the market's node."""
    parser.add_argument("--port", type=int, default=0, help="of the node; the relays take the next ones")


def add_order_flow(parser: argparse.ArgumentParser, relays: str = "one") -> None:
    """What stands around the local market's chain; handed on as it was written."""
    parser.add_argument(
        "--relays",
        choices=("one", "all"),
        default=relays,
        help=f"all: relays of every kind there is, and two builders that compete (default: {relays})",
    )
    parser.add_argument(
        "--private-flow",
        type=_share,
        default="0 %",
        help='part of the traders\' swaps that are sent privately, with hints ("20 %%"); turns back-runs on',
    )
    parser.add_argument(
        "--relay-faults",
        default="0",
        help='mean blocks between faults of each kind ("50"), of some ("latency=20,closed=40"), or a JSON file',
    )
    parser.add_argument(
        "--uncles", type=int, default=0, help="mean blocks between uncles that leak their bundles"
    )
    parser.add_argument(
        "--hidden-law",
        action="store_true",
        help="the competitor's bids and the builders' closing times follow a law drawn from the seed",
    )


def order_flow(options: argparse.Namespace) -> list[str]:
    """`add_order_flow`'s options for the market's process."""
    return [
        *("--relays", options.relays, "--private-flow", options.private_flow),
        *("--relay-faults", options.relay_faults, "--uncles", str(options.uncles)),
        *(["--hidden-law"] * options.hidden_law),
    ]


def _share(text: str) -> str:
    try:
        parse_bps(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def add_pace(parser: argparse.ArgumentParser) -> None:
    """`--pace`, kept as it was written: the market's process reads it again."""
    parser.add_argument(
        "--pace", type=_pace, default="1 s", help='wall time of a block, with its unit ("1 s")'
    )


def _pace(text: str) -> str:
    try:
        pace = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if pace <= 0:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time at all; the quickest sensible pace is about '0.1 s'"
        )
    return text


def make_run_folder(root: Path, label: str) -> Path:
    """A fresh folder `<root>/<UTC time>-<label>`, with `<root>/latest` pointing to it."""
    root.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    folder = root / f"{stamp}-{label}"
    suffix = 1
    while folder.exists():
        suffix += 1
        folder = root / f"{stamp}-{label}-{suffix}"
    folder.mkdir(mode=0o700)
    link = root / f".latest-{os.getpid()}"
    link.symlink_to(folder.name)
    link.replace(root / "latest")
    return folder.absolute()


class Household:
    """Three children and the order in which they come and go."""

    def __init__(self, run_folder: Path) -> None:
        self._folder = run_folder
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._interrupts = 0
        self._ending_since: float | None = None

    def run(self, world: Sequence[str], bot: Sequence[str]) -> int:
        """`world` is the argument list of the verb that opens the market or fork, `bot` what `bot run` gets more."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        env_file, ready = self._folder / "bot.env", self._folder / "market.json"
        try:
            self._start("market", world)
            # Bot and signer import while the market is being built; they act once the market is ready.
            waiting = ["--env-file", str(env_file), "--after", str(ready)]
            self._start("bot", ["run", *waiting, *bot])
            self._start("signer", ["signer", *waiting], self._folder / "logs" / "signer.log")
            return self._end(self._watch())
        finally:
            self._end(EXIT_GOOD)

    def _start(self, name: str, arguments: Sequence[str], log: Path | None = None) -> None:
        """What the child says goes to the terminal, or to `log`, whose end is shown if it dies early."""
        command = [sys.executable, "-m", "bot", *arguments]
        output = _open_log(log) if log is not None else None
        # Without its market the bot has nothing to stop in order for, and it may be killed at any instant anyway.
        orphaned = signal.SIGKILL if name == "bot" else signal.SIGTERM
        self._children[name] = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            command,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=die_with_parent(orphaned),  # noqa: PLW1509  # prctl alone; this process has one thread
            stdin=subprocess.DEVNULL,
        )

    def _watch(self) -> int:
        """Until the bot has ended, or a part it depends on has, or an ordered end takes too long."""
        while True:
            code = self._children["bot"].poll()
            if code is not None:
                return code
            if self._ending_since is not None and time.monotonic() - self._ending_since > ORDERLY_STOP_S:
                return EXIT_INTERRUPTED
            for name in ("market", "signer"):
                gone = self._children[name].poll()
                if gone is not None and self._ending_since is None:
                    self._tell_of_end(name, gone)
                    return gone or EXIT_UNREACHABLE
            time.sleep(0.02)

    def _tell_of_end(self, name: str, code: int) -> None:
        """One line; none where the child has said it on this terminal itself."""
        log = self._folder / "logs" / f"{name}.log"
        if code > 0 and not log.is_file():
            return
        lines = log.read_text(errors="replace").strip().splitlines() if log.is_file() else []
        last_words = lines[-1] if lines else f"see {self._folder}"
        print(f"The {name} ended by itself (exit {code}): {last_words}", file=sys.stderr)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        """Ctrl-C: the bot stops in order and reports. Again: it stops at once. A third time: it is killed."""
        bot = self._children.get("bot")
        if number == signal.SIGINT:
            self._interrupts += 1
        if number != signal.SIGINT or self._interrupts > 1:
            self._ending_since = self._ending_since or time.monotonic()
        if bot is not None:
            passed_on = signal.SIGTERM if number != signal.SIGINT else signal.SIGINT
            _signal(bot, signal.SIGKILL if self._interrupts > 2 else passed_on)

    def _end(self, code: int) -> int:
        self._ending_since = self._ending_since or time.monotonic()
        for name in ("bot", "signer", "market"):
            child = self._children.pop(name, None)
            if child is not None:
                _stop(child)
        return EXIT_INTERRUPTED if self._interrupts else code if code >= 0 else 128 - code


def die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """Linux: the kernel sends the child `number` when its parent dies, however it died. Elsewhere: None."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(PR_SET_PDEATHSIG, number)


def await_file(path: Path | None) -> None:
    """Wait until the market's readiness file is there; None waits for nothing. Raises Unreachable after 3 minutes."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    while path is not None and not path.exists():
        if time.monotonic() > deadline:
            raise Unreachable(f"{path} did not appear within {READY_TIMEOUT_S:.0f} s: the market is not up")
        time.sleep(0.01)


def _open_log(path: Path) -> BinaryIO:
    path.parent.mkdir(exist_ok=True, mode=0o700)
    return path.open("ab")


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(number)


def _stop(child: subprocess.Popen[bytes]) -> None:
    _signal(child, signal.SIGTERM)
    try:
        child.wait(ORDERLY_STOP_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _refuse_foreign(environ: Mapping[str, str], chain: str, why: str) -> None:
    """Raises BadConfiguration for variables that the run sets itself; its own BOT_CHAIN may stand."""
    foreign = [
        name for name in SET_BY_THE_RUN if name in environ and (name, environ[name]) != ("BOT_CHAIN", chain)
    ]
    if chain == "market":  # on a fork they are refused for what they hold, by the bot itself
        foreign += sorted(name for name in environ if name.startswith(ACCOUNT_FAMILIES) and "__" in name)
        foreign += sorted(name for name in environ if name.startswith(EXCHANGE_FAMILY))
    if foreign:
        raise BadConfiguration(
            f"{', '.join(foreign)} set in your environment, and {why}: "
            f"unset {'it' if len(foreign) == 1 else 'them'}, or use `scripts/bot run` for your own chain"
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/run", description="The local market, the signer and the bot, together."
    )
    parser.add_argument("--seed", type=int, help="of the market; drawn and printed when absent")
    parser.add_argument("--pools", type=int, default=40)
    parser.add_argument("--tokens", type=int, help="default: as many as are usual for so many pools")
    add_pace(parser)
    add_port(parser)
    add_order_flow(parser, relays="all")
    parser.add_argument(
        "--lockstep", action="store_true", help="seal a block when the bot is done with the one before"
    )
    add_shared_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
