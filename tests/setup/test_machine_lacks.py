"""A machine that lacks a prerequisite: one line that says what to do, exit code 2, and nothing started."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from setup_steps import environments, interpreter, parts_list
from setup_steps.failure import SetupFailed

REPOSITORY = Path(__file__).resolve().parents[2]
SETUP = REPOSITORY / "scripts/setup.py"
AS_VERSION = (
    "import runpy, sys; sys.version_info = {}; sys.argv = ['setup.py', 'all']; sys.path.insert(0, {!r}); "
)
READ_BY_OLD_PYTHONS = ("setup.py", "setup_steps/__init__.py", "setup_steps/interpreter.py")


@pytest.mark.parametrize("version", [(2, 7), (3, 6), (3, 10)])
def test_too_old(version):
    line = interpreter.refusal(version)
    assert f"Python {version[0]}.{version[1]} is too old" in line
    assert "3.11 to 3.13" in line


@pytest.mark.parametrize("version", [(3, 14), (3, 15), (4, 0)])
def test_too_new(version):
    assert f"Python {version[0]}.{version[1]} is too new" in interpreter.refusal(version)


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13)])
def test_suitable(version):
    assert interpreter.refusal(version) == ""


@pytest.mark.parametrize(("version", "age"), [((3, 10, 9), "old"), ((3, 14, 0), "new")])
def test_the_script_refuses_in_one_line(version, age):
    """The whole script, under an interpreter that claims another version."""
    code = (
        AS_VERSION.format(version, str(SETUP.parent)) + f"runpy.run_path({str(SETUP)!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert f"is too {age}" in done.stderr


def old_interpreters():
    """Those of this machine, if any: the tests above do not need them."""
    switched = Path.home() / ".pyenv/versions"
    named = [shutil.which(f"python3.{minor}") for minor in range(6, 11)]
    found = [Path(name) for name in named if name] + sorted(switched.glob("3.[6-9].*/bin/python"))
    return [
        path
        for path in found
        if subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0
    ]


def test_real_old_pythons_say_it_in_one_line():
    for python in old_interpreters():
        done = subprocess.run([python, SETUP, "all"], capture_output=True, text=True, check=False)
        assert done.returncode == 2, python
        assert "is too old" in done.stderr, python
        assert len(done.stderr.splitlines()) == 1, python


@pytest.mark.parametrize("name", READ_BY_OLD_PYTHONS)
def test_what_old_pythons_read_keeps_to_their_grammar(name):
    ast.parse((SETUP.parent / name).read_text(), feature_version=(3, 6))


def test_no_node_on_path(clone):
    clone.finish_environments()
    code, lines = clone.set_up()
    assert code == 2
    assert len(lines) == 1
    assert "node and npm" in lines[0]
    assert "not on PATH" in lines[0]


def test_node_is_not_asked_for_once_the_parts_are_there(clone):
    clone.install_npm()
    clone.finish_environments()
    assert clone.set_up()[0] == 0
    shutil.rmtree(clone.bin)
    assert clone.set_up()[0] == 0


def test_no_ensurepip(clone):
    clone.install_npm()
    absent = clone.root.parent / "absent"
    absent.mkdir()
    (absent / "ensurepip.py").write_text("raise ImportError('as Debian has it without its package')\n")
    code, lines = clone.set_up(PYTHONPATH=str(absent))
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert code == 2
    assert len(lines) == 1
    assert f"apt install python{version}-venv" in lines[0]
    assert clone.npm_calls() == []


def test_ape_without_an_older_python(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SetupFailed, match=r"runs under Python 3.11 to 3.12; this is 3.13") as failed:
        environments.ape_python((3, 13))
    assert failed.value.exit_code == 2


def test_ape_takes_an_older_python_that_starts(monkeypatch, tmp_path):
    """A version switcher's dead name on PATH is passed over."""
    for name, script in (("python3.12", "exit 127"), ("python3.11", f'exec {sys.executable} "$@"')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environments.ape_python((3, 13)) == tmp_path / "python3.11"


def test_a_machine_without_a_pinned_chain_is_told_so():
    with pytest.raises(SetupFailed, match=r"not for plan9-mips") as failed:
        parts_list.read_parts(REPOSITORY, "plan9-mips")
    assert failed.value.exit_code == 2


def test_unknown_argument(clone):
    code, lines = clone.set_up("everything")
    assert (code, lines) == (2, ["usage: scripts/setup runtime|ape|all|bench"])
