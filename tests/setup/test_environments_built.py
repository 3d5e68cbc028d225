"""Environments: rebuilt when half-made, stale or moved; untouched when fresh. Nothing is installed here."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from setup_steps import environments, plan, stamps
from setup_steps.environments import APE, BENCH, BOT
from setup_steps.failure import SetupFailed
from setup_steps.processes import Processes
from waiting import alive, wait_for

REPOSITORY = Path(__file__).resolve().parents[2]
TAKEN = ("ccxt", "cython", "setuptools")
LOCKS = ("uv", "venv", "ape", "bench")


@pytest.fixture
def built(clone, monkeypatch):
    """Set-up whose environments are built by stand-ins; gives the folders built, in order."""
    folders = []

    def build(folder, lock):
        folders.append(folder)
        made = clone.root / folder
        (made / "bin").mkdir(parents=True, exist_ok=True)
        (made / "bin/python").unlink(missing_ok=True)
        (made / "bin/python").symlink_to(sys.executable)
        return stamps.write_stamp(made, stamps.digest_of(clone.root / lock), made)

    clone.install_npm()
    for name, value in clone.environ().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(environments, "make_installer", lambda *_: build(".parts/uv", environments.UV_LOCK))
    monkeypatch.setattr(environments, "make", lambda _root, env, *_: build(str(env.folder), env.lock))
    return folders


def test_all_then_nothing(clone, built):
    plan.set_up(clone.root, "all")
    assert built[0] == ".parts/uv"
    assert sorted(built) == [".parts/uv", ".venv", ".venv-ape"]
    plan.set_up(clone.root, "all")
    plan.set_up(clone.root, "runtime")
    assert len(built) == 3


def test_a_changed_lock_rebuilds_its_environment_alone(clone, built):
    plan.set_up(clone.root, "all")
    (clone.root / "locks/venv.txt").write_text("venv==2.0 \\\n    --hash=sha256:00\n")
    plan.set_up(clone.root, "all")
    assert built[3:] == [".venv"]


@pytest.mark.parametrize("lost", ["stamp", "bin/python"])
def test_half_an_environment_is_rebuilt(clone, built, lost):
    plan.set_up(clone.root, "runtime")
    (clone.root / ".venv" / lost).unlink()
    plan.set_up(clone.root, "runtime")
    assert built[2:] == [".venv"]


def test_a_moved_clone_is_rebuilt(clone, built):
    """An environment's scripts hold its path."""
    plan.set_up(clone.root, "runtime")
    moved = clone.root.rename(clone.root.with_name("moved"))
    assert not environments.is_there(moved, BOT.folder, BOT.lock)
    assert environments.is_there(moved.rename(clone.root), BOT.folder, BOT.lock)


def test_the_first_failure_is_told_and_nothing_is_finished_after_it(clone, built, monkeypatch):
    def fail(*_):
        raise SetupFailed("uv could not be installed: try again")

    monkeypatch.setattr(environments, "make_installer", fail)
    with pytest.raises(SetupFailed, match="uv could not be installed"):
        plan.set_up(clone.root, "runtime")
    assert built == []


def test_a_real_environment_is_made_without_pip_and_half_a_one_is_replaced(tmp_path):
    folder = tmp_path / ".venv"
    (folder / "lib").mkdir(parents=True)
    (folder / "lib/left").touch()
    environments._new_environment(folder, environments.base_python(), Processes(), tmp_path, with_pip=False)
    assert not (folder / "lib/left").exists()
    done = subprocess.run(
        [folder / "bin/python", "-c", "import sys; print(sys.prefix)"], capture_output=True, check=False
    )
    assert done.stdout.decode().strip() == str(folder)


@pytest.mark.parametrize("name", LOCKS)
def test_locks_hold_hashes_and_no_address(name):
    text = (REPOSITORY / f"locks/{name}.txt").read_text()
    entries = [entry for entry in text.replace("\\\n", "").splitlines() if "==" in entry.split("#")[0]]
    assert entries
    assert "://" not in text
    assert all("--hash=sha256:" in entry for entry in entries)


@pytest.mark.parametrize(
    ("environment", "package"), [(one, name) for one in (APE, BENCH) for name in one.built_with]
)
def test_build_backends_are_locked(environment, package):
    entry = environments._entry_of(package, (REPOSITORY / environment.lock).read_text())
    assert entry.startswith(f"{package}==")
    assert "--hash=sha256:" in entry
    assert entry.count("==") == 1


def test_the_peers_of_a_bench_are_made_only_when_asked_for(clone, built):
    plan.set_up(clone.root, "all")
    assert ".venv-bench" not in built
    plan.set_up(clone.root, "bench")
    assert built[3:] == [".venv-bench"]
    plan.set_up(clone.root, "bench")
    assert len(built) == 4


@pytest.mark.parametrize("fails", ["nothing", "the build", "the network"])
def test_what_cannot_be_built_is_left_out_and_said(clone, monkeypatch, fails):
    """A failed build leaves cryptofeed out; when the rest fails as well, the set-up does."""
    lock = clone.root / BENCH.lock
    lock.write_text("".join(f"{name}==1.0 \\\n    --hash=sha256:00\n" for name in (*TAKEN, *BENCH.may_lack)))
    asked = []

    class Installing:
        def run(self, command, _cwd, _env):
            asked.append(
                [line.split("==")[0] for line in command[-1].read_text().splitlines() if "==" in line]
            )
            bad = len(asked) > 1 and (
                fails == "the network" or ("cryptofeed" in asked[-1] and fails == "the build")
            )
            return subprocess.CompletedProcess(command, int(bad), "", "error: no cc" if bad else "")

    monkeypatch.setattr(environments, "_new_environment", lambda folder, *_, **__: folder.mkdir())
    if fails == "the network":
        with pytest.raises(SetupFailed):
            environments.make(clone.root, BENCH, Path(sys.executable), Installing())
        return
    environments.make(clone.root, BENCH, Path(sys.executable), Installing())
    said = clone.root / BENCH.folder / environments.LACKS
    assert asked[0] == ["setuptools", "cython"]
    assert asked[1] == [*TAKEN, *BENCH.may_lack]
    assert asked[2:] == ([list(TAKEN)] if fails == "the build" else [])
    assert said.exists() == (fails == "the build")
    assert ("less cryptofeed" in BENCH.in_words(clone.root)) == (fails == "the build")
    assert fails == "nothing" or said.read_text() == "cryptofeed could not be built (error: no cc)\n"


@pytest.mark.parametrize("script", ["bot", "run"])
def test_scripts_run_from_anywhere(clone, script, tmp_path):
    """`bot` without an environment says what to run; `run` sets up first, and here fails for want of node."""
    environ = {**clone.environ(), "PATH": "/usr/bin:/bin", "PYTHON": sys.executable, "PYTHONPATH": ""}
    if script == "run":
        clone.finish_environments()
        environ["PATH"] = str(clone.bin)
        for tool in ("bash", "dirname", "env"):
            (clone.bin / tool).symlink_to(f"/usr/bin/{tool}")
    done = subprocess.run(
        [clone.root / "scripts" / script, "status"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == {"bot": 3, "run": 2}[script]
    assert len(done.stderr.splitlines()) == 1
    assert {"bot": "run scripts/setup first", "run": "node and npm"}[script] in done.stderr


def test_a_signal_to_the_script_alone_reaches_the_set_up(clone):
    """Bash would die of it and leave the set-up and npm running."""
    clone.install_npm()
    clone.finish_environments()
    (clone.store / "hold").touch()
    environ = {**clone.environ(), "PATH": f"{clone.bin}:/usr/bin:/bin", "PYTHON": sys.executable}
    process = subprocess.Popen([clone.root / "scripts/run"], env=environ, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: len(clone.npm_calls()) == 2)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors.splitlines()[-1].startswith("Set-up interrupted")
    assert not any(alive(pid) for pid in clone.npm_calls())


def test_bot_refuses_an_environment_older_than_its_lock(clone, tmp_path):
    clone.finish_environments()
    script = [clone.root / "scripts/bot", "status"]
    environ = {**clone.environ(), "PATH": "/usr/bin:/bin"}
    fresh = subprocess.run(script, cwd=tmp_path, env=environ, capture_output=True, check=False, text=True)
    assert fresh.returncode != 3  # it gets as far as python -m bot, which this clone has not
    assert "No module named bot" in fresh.stderr
    (clone.root / "locks/venv.txt").write_text("venv==2.0 \\\n    --hash=sha256:00\n")
    stale = subprocess.run(script, cwd=tmp_path, env=environ, capture_output=True, check=False, text=True)
    assert stale.returncode == 3
    assert "older than locks/venv.txt" in stale.stderr
