"""Which steps a set-up has, and which of them are already done."""

import functools
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from setup_steps import environments, our_contracts, parts, setup_lock, stamps
from setup_steps.checklist import Checklist, Line, State
from setup_steps.environments import APE, BENCH, BOT, UV_FOLDER, UV_LOCK, Environment
from setup_steps.failure import MACHINE_LACKS, SetupFailed
from setup_steps.parts_list import Part, read_parts
from setup_steps.processes import Processes
from setup_steps.step import Step

ROOT = Path(__file__).resolve().parents[2]
WHAT = {"runtime": [BOT], "ape": [APE], "all": [BOT, APE], "bench": [BENCH]}
INTERRUPTED = 130
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Exit codes: 0 all there, 2 this machine lacks something, 3 a registry cannot be reached, 130 interrupted."""
    if len(arguments) != 1 or arguments[0] not in WHAT:
        sys.stderr.write("usage: scripts/setup runtime|ape|all|bench\n")
        return MACHINE_LACKS
    for ending in ENDINGS:
        signal.signal(ending, _interrupt)  # SIGINT too: a shell's background process starts with it ignored
    try:
        set_up(root, arguments[0])
    except SetupFailed as failure:
        sys.stderr.write(f"{failure.line}\n")
        return failure.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("Set-up interrupted: run it again, it goes on from what is finished.\n")
        return INTERRUPTED
    return 0


def set_up(root: Path, what: str) -> None:
    """Make what is missing. When nothing is, no process is started and no lock is taken."""
    steps = steps_of(root, WHAT[what])
    checklist = Checklist(f"Set-up ({what})", [step.line for step in steps])
    if all(step.is_there() for step in steps):
        _mark_already(steps)
        checklist.begin()
        return
    with setup_lock.held(root) as lock:
        parts.sweep(root)
        _mark_already(steps)  # another set-up may have ended meanwhile
        missing = [step for step in steps if step.line.state is not State.ALREADY]
        for step in missing:
            step.prerequisites()
        checklist.begin()
        from setup_steps import side_by_side  # noqa: PLC0415 - a third of a warm start, which needs none of it

        side_by_side.run(missing, checklist, Processes(lock))


def steps_of(root: Path, wanted: Sequence[Environment]) -> list[Step]:
    """In the order of the checklist."""
    installer = _installer_step(root)
    fetched = read_parts(root)
    chain = [part for part in fetched if part.executable]
    contracts = [part for part in fetched if not part.executable]
    built = [_environment_step(root, environment, installer) for environment in wanted]
    return [
        installer,
        *built,
        *([_our_contracts_step(root, built[0])] if BOT in wanted and our_contracts.has_any(root) else []),
        _parts_step(root, "local chain", f"{chain[0].name} {chain[0].version}", chain),
        _parts_step(root, "contracts", f"{len(contracts)} packages, WETH9 to V3", contracts),
    ]


def _installer_step(root: Path) -> Step:
    version = (root / UV_LOCK).read_text().split(None, 1)[0].replace("==", " ")
    return Step(
        Line("Python installer", version),
        lambda: environments.is_there(root, UV_FOLDER, UV_LOCK),
        lambda: stamps.size_of(root / UV_FOLDER),
        lambda processes: environments.make_installer(root, processes),
        environments.check_ensurepip,
    )


def _environment_step(root: Path, environment: Environment, installer: Step) -> Step:
    python = environments.ape_python if environment is APE else environments.base_python

    def prerequisites() -> None:
        python()

    line = Line(str(environment.folder), environment.in_words(root))

    def make(processes: Processes) -> int:
        size = environments.make(root, environment, python(), processes)
        line.detail = environment.in_words(root)
        return size

    return Step(
        line,
        lambda: environments.is_there(root, environment.folder, environment.lock),
        lambda: stamps.size_of(root / environment.folder),
        make,
        prerequisites,
        after=installer,
    )


def _our_contracts_step(root: Path, compiler: Step) -> Step:
    names = {path.stem for path in our_contracts.sources(root)}
    return Step(
        Line("our contracts", f"{len(names)}, by Vyper"),
        lambda: our_contracts.is_there(root),
        lambda: stamps.size_of(root / our_contracts.BUILT),
        lambda processes: our_contracts.make(root, processes),
        after=compiler,
    )


def _parts_step(root: Path, what: str, detail: str, of: Sequence[Part]) -> Step:
    def make(processes: Processes) -> int:
        missing = [part for part in of if not parts.is_there(root, part)]
        return parts.fetch(root, missing, functools.partial(parts.npm_pack, processes))

    return Step(
        Line(what, detail),
        lambda: all(parts.is_there(root, part) for part in of),
        lambda: sum(stamps.size_of(root / parts.FOLDER / part.name) for part in of),
        make,
        parts.check_npm,
    )


def _mark_already(steps: Sequence[Step]) -> None:
    for step in steps:
        if step.is_there():
            step.line.state, step.line.size = State.ALREADY, step.size_there()


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Once: a second Ctrl-C must not cut short the ending of what runs."""
    for ending in ENDINGS:
        signal.signal(ending, signal.SIG_IGN)
    raise KeyboardInterrupt
