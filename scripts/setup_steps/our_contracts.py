"""Our own contracts, compiled by the Vyper of `.venv`: the local market, the tests and a deployment read the result."""

from pathlib import Path

from setup_steps import stamps
from setup_steps.environments import BOT
from setup_steps.failure import MACHINE_LACKS, SetupFailed
from setup_steps.processes import Processes

BUILDER = Path("scripts/build_contracts.py")
SOURCES = (Path("contracts"), Path("bot/world/contracts"))
BUILT = Path(".build/contracts")


def has_any(root: Path) -> bool:
    return (root / BUILDER).is_file()


def sources(root: Path) -> "list[Path]":
    """Whatever decides the result, besides the compiler that the lock names."""
    found = [path for folder in SOURCES for kind in ("*.vy", "*.vyi") for path in (root / folder).rglob(kind)]
    return sorted(found)


def digest(root: Path) -> str:
    return stamps.digest_of(root / BUILDER, root / BOT.lock, *sources(root))


def is_there(root: Path) -> bool:
    return stamps.is_fresh(root / BUILT, digest(root))


def make(root: Path, processes: Processes) -> int:
    """Compile what is not current; returns bytes."""
    done = processes.run([root / BOT.folder / "bin/python", root / BUILDER], root)
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines()
        raise SetupFailed(
            f"our contracts do not compile: {words[-1] if words else 'no reason given'}", MACHINE_LACKS
        )
    return stamps.write_stamp(root / BUILT, digest(root), root / BUILT)
