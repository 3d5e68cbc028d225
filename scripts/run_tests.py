"""Every test of the clone, by runners of which two run at a time: what `scripts/test` does without arguments.

Each writes into a file of its own and is told whole, one after another in the order below. What is costly first, so
that the two ends meet; a folder that is not named anywhere is of the first one. Tests of whole runs have time
limits, and more than two runners at a time would break them.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import sum_tests

ROOT = Path(__file__).resolve().parents[1]
AT_A_TIME = 2
LOOKS_EVERY_S = 0.2
GROUPS = {
    "whole-runs": ("tests/acceptance",),
    "processes": ("tests/e2e", "tests/setup", "tests/deploy", "tests/signer"),
}
"""Of pytest: folders that have a process of their own, by its name. All others are `units`."""
FOR_APE = ("tests/contracts", "tests/fork")


@dataclass(frozen=True)
class Runner:
    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str] = field(default_factory=dict)


def runners() -> list[Runner]:
    """In the order of their start. Ape looks for the compiler and for anvil on PATH, and nowhere else."""
    pytest = (ROOT / ".venv/bin/python", "-m", "pytest")
    apart = [folder for folders in GROUPS.values() for folder in folders]
    path = f"{ROOT}/.venv-ape/bin:{ROOT}/.parts/anvil/bin:{os.environ.get('PATH', '')}"
    return [
        Runner("units", (*pytest, "tests", *(f"--ignore={folder}" for folder in apart))),
        *(Runner(name, (*pytest, *folders)) for name, folders in GROUPS.items()),
        Runner(
            "ape",
            (ROOT / ".venv-ape/bin/ape", "test", *FOR_APE),
            {"PATH": path, "APE_DATA_FOLDER": str(ROOT / ".ape")},
        ),
    ]


class Running:
    """Runners that write `<name>.out` into a folder, and count their tests into `<name>.json` there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._children: list[subprocess.Popen[bytes]] = []

    def run(self, runner: Runner) -> tuple[int, float]:
        """Exit code and seconds."""
        began = time.monotonic()
        counts = {"TEST_COUNTS": str(self.folder / f"{runner.name}.json")}
        with self.out(runner).open("wb") as out:
            child = subprocess.Popen(
                [str(part) for part in runner.command],
                cwd=ROOT,
                env={**os.environ, **counts, **runner.environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
            self._children.append(child)
            return child.wait(), time.monotonic() - began

    def interrupt(self) -> None:
        """As a Ctrl-C does, which a terminal sends to all of them: they end in order."""
        for child in self._children:
            if child.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    child.send_signal(signal.SIGINT)

    def tell(self, runner: Runner, ending: Future[tuple[int, float]]) -> int:
        """Pass on what it writes, until it has ended; its exit code."""
        print(f"\n=== {runner.name}", flush=True)
        with self.out(runner).open("rb") as written:
            while True:
                ended = ending.done()
                sys.stdout.buffer.write(written.read())
                sys.stdout.buffer.flush()
                if ended:
                    break
                time.sleep(LOOKS_EVERY_S)
        code, seconds = ending.result()
        print(f"=== {runner.name}: exit code {code} after {seconds:.0f} s", flush=True)
        return code

    def out(self, runner: Runner) -> Path:
        return self.folder / f"{runner.name}.out"


def run_all(chosen: Sequence[Runner], folder: Path) -> int:
    """Exit code of the first one listed that failed; 1 where none did and the counts are not good."""
    running = Running(folder)
    for runner in chosen:
        running.out(runner).touch()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        endings = [pool.submit(running.run, runner) for runner in chosen]
        try:
            codes = [running.tell(runner, ending) for runner, ending in zip(chosen, endings, strict=True)]
        except BaseException as error:
            pool.shutdown(wait=False, cancel_futures=True)
            if not isinstance(error, KeyboardInterrupt):
                running.interrupt()
            raise
    lines, good = sum_tests.report(folder, [runner.name for runner in chosen])
    print("\n".join(lines))
    return next((code for code in codes if code), int(not good))


def terminated(number: int, _: object) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, terminated)
    with tempfile.TemporaryDirectory(prefix="tests-") as folder:
        try:
            code = run_all(runners(), Path(folder))
        except KeyboardInterrupt:
            code = 128 + signal.SIGINT
    sys.exit(code)
