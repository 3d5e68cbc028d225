"""Python environments: the installer (uv), `.venv` for the bot and its tools, `.venv-ape` for ape alone, `.venv-bench`
for the peers of a bench.

An environment holds its own path, so it is built in place; the stamp is written last, and without one it is
removed and built again.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from setup_steps import stamps
from setup_steps.failure import MACHINE_LACKS, SetupFailed
from setup_steps.interpreter import APE_VERSIONS, in_words
from setup_steps.processes import Processes

UV_FOLDER = Path(".parts/uv")
UV_LOCK = Path("locks/uv.txt")
QUIET_PIP = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_ROOT_USER_ACTION": "ignore"}
QUIET_UV = {
    "UV_PYTHON_DOWNLOADS": "never",  # without it, uv spends ten seconds on trying to fetch an interpreter
    "UV_NO_CONFIG": "1",
    "UV_HTTP_RETRIES": "2",
    "UV_LINK_MODE": "copy" if sys.platform == "darwin" else "hardlink",
}


LACKS = "lacks.txt"


@dataclass(frozen=True)
class Environment:
    """A folder with a Python in it, holding exactly what its lock names."""

    folder: Path
    lock: Path
    what: str
    built_with: tuple[str, ...] = ()
    """Locked packages that the few others which come as sources are built with; none: wheels only."""
    may_lack: tuple[str, ...] = ()
    """Left out where they cannot be built here; the folder's `lacks.txt` then says which, and why."""

    def packages(self, root: Path) -> int:
        return len(re.findall(r"^[A-Za-z0-9]\S*==", (root / self.lock).read_text(), re.MULTILINE))

    def in_words(self, root: Path) -> str:
        lacks = f" less {self.may_lack[0]}" if (root / self.folder / LACKS).exists() else ""
        return f"{self.packages(root)} packages{lacks}, {self.what}"


BOT = Environment(Path(".venv"), Path("locks/venv.txt"), "bot and tools")
APE = Environment(Path(".venv-ape"), Path("locks/ape.txt"), "contract tests", built_with=("setuptools",))
BENCH = Environment(
    Path(".venv-bench"),
    Path("locks/bench.txt"),
    "peers of a bench",
    built_with=("setuptools", "cython"),
    may_lack=("cryptofeed", "order-book", "yapic-json"),
)


def is_there(root: Path, folder: Path, lock: Path) -> bool:
    """Whether the environment is complete, where it was built, and built from this lock. Starts no process."""
    has_python = (
        root / folder / "bin" / "python"
    ).exists()  # follows the link: false when that Python is gone
    return has_python and stamps.is_fresh(root / folder, stamps.digest_of(root / lock))


def make_installer(root: Path, processes: Processes) -> int:
    """Install uv by its hashes; returns bytes."""
    folder = root / UV_FOLDER
    _new_environment(folder, base_python(), processes, root, with_pip=True)
    pip: list[str | Path] = [
        folder / "bin/python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
    ]
    pip += ["--retries", "2", "--timeout", "30", "--require-hashes", "--requirement", root / UV_LOCK]
    _check(processes.run(pip, root, QUIET_PIP), "uv could not be installed")
    return stamps.write_stamp(folder, stamps.digest_of(root / UV_LOCK), folder)


def make(root: Path, environment: Environment, python: Path, processes: Processes) -> int:
    """Build the environment from its lock with the installer; returns bytes."""
    folder = root / environment.folder
    _new_environment(folder, python, processes, root, with_pip=False)
    uv: list[str | Path] = [root / UV_FOLDER / "bin/uv", "pip"]
    pinned: list[str | Path] = ["--require-hashes", "--python", folder / "bin/python", "--quiet"]
    failed = f"the packages of {environment.folder} could not be installed"
    lock = root / environment.lock
    building = ["--no-build-isolation"] if environment.built_with else ["--no-build"]
    if environment.built_with:
        backend = folder / "build-backend.txt"
        backend.write_text("".join(_entry_of(name, lock.read_text()) for name in environment.built_with))
        _check(processes.run([*uv, "sync", *pinned, backend], root, QUIET_UV), failed)
    done = processes.run([*uv, "sync", *pinned, *building, lock], root, QUIET_UV)
    if done.returncode != 0 and environment.may_lack:
        (folder / LACKS).write_text(f"{environment.may_lack[0]} could not be built ({_last_words(done)})\n")
        rest = folder / "without.txt"
        rest.write_text(_without(environment.may_lack, lock.read_text()))
        done = processes.run([*uv, "sync", *pinned, "--no-build", rest], root, QUIET_UV)
    _check(done, failed)
    return stamps.write_stamp(folder, stamps.digest_of(root / environment.lock), folder)


def base_python() -> Path:
    """The interpreter behind this one, also when this one is the environment about to be replaced."""
    return Path(getattr(sys, "_base_executable", sys.executable)).resolve()


def ape_python(running: tuple[int, int] = sys.version_info[:2]) -> Path:
    """An interpreter that ape runs under: this one, or the first suitable one on PATH that starts."""
    first, end = APE_VERSIONS
    if first <= running < end:
        return base_python()
    for minor in range(end[1] - 1, first[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found and _starts(Path(found)):
            return Path(found)
    raise SetupFailed(
        f"ape (contract tests) runs under Python {in_words(APE_VERSIONS)}; this is {running[0]}.{running[1]} "
        "and none of those is on PATH: install one beside it",
        MACHINE_LACKS,
    )


def _starts(python: Path) -> bool:
    """A version switcher puts names on PATH that start nothing."""
    return subprocess.run([python, "-c", "import venv"], capture_output=True, check=False).returncode == 0


def check_ensurepip(version: tuple[int, int] = sys.version_info[:2]) -> None:
    """Debian and Ubuntu keep pip's bootstrap in a package of its own."""
    try:
        import ensurepip  # noqa: F401, PLC0415 - whether it is there is the question
        import venv  # noqa: F401, PLC0415
    except ImportError:
        raise SetupFailed(
            f"this Python cannot make environments (no ensurepip): apt install python{version[0]}.{version[1]}-venv",
            MACHINE_LACKS,
        ) from None


def _new_environment(folder: Path, python: Path, processes: Processes, root: Path, *, with_pip: bool) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    pip = [] if with_pip else ["--without-pip"]
    done = processes.run([python, "-m", "venv", *pip, folder], root)
    if done.returncode != 0:
        raise SetupFailed(f"{python} -m venv {folder} failed: {_last_words(done)}", MACHINE_LACKS)


def _entry_of(package: str, lock: str) -> str:
    """One package's lines of a lock: name, version, hashes."""
    found = re.search(rf"^{package}==[^\n]*\n(?:[ \t]+[^\n]*\n?)*", lock, re.MULTILINE)
    if found is None:
        raise SetupFailed(f"the lock names no {package}: run scripts/lock", MACHINE_LACKS)
    return found[0]


def _without(packages: Sequence[str], lock: str) -> str:
    """The lock less their entries, each of which may stand once a Python version."""
    names = "|".join(map(re.escape, packages))
    return re.sub(rf"^(?:{names})==[^\n]*\n(?:[ \t]+[^\n]*\n?)*", "", lock, flags=re.MULTILINE)


def _check(done: subprocess.CompletedProcess[str], failed: str) -> None:
    if done.returncode != 0:
        raise SetupFailed(f"{failed} ({_last_words(done)}): check the network and try again")


def _last_words(done: subprocess.CompletedProcess[str]) -> str:
    """What a failed command says of the cause, shortened: its last error line."""
    lines: Sequence[str] = [
        line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()
    ]
    errors = [line for line in lines if re.search(r"error|caused by|×|╰", line, re.IGNORECASE)]
    return (errors or lines or [f"exit code {done.returncode}"])[-1][:240]
