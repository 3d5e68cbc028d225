"""scripts/build_contracts.py: what it writes, when it compiles again, and how it refuses."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from executor_chain import ROOT

SOURCE = "# pragma version 0.4.3\n@external\n@view\ndef answer() -> uint256:\n    return 42\n"
KEYS = {"abi", "bytecode", "runtime", "source_sha256", "compiler"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sources" / "deep").mkdir(parents=True)
    (tmp_path / "sources" / "deep" / "Answer.vy").write_text(SOURCE)
    return tmp_path / "sources"


def build(*folders: Path) -> subprocess.CompletedProcess[str]:
    script, out = ROOT / "scripts" / "build_contracts.py", folders[0].parent / "out"
    return subprocess.run(
        [sys.executable, script, *folders, "--out", out], capture_output=True, text=True, check=False
    )


def test_compiles_once_and_again_when_a_source_or_an_interface_changes(folder: Path) -> None:
    artifact = folder.parent / "out" / "Answer.json"
    assert build(folder).stdout == "Answer: compiled\n"
    made = json.loads(artifact.read_bytes())
    assert set(made) == KEYS
    assert made["runtime"].removeprefix("0x") in made["bytecode"]
    assert build(folder).stdout == "Answer: current\n"
    (folder / "deep" / "Answer.vy").write_text(SOURCE.replace("42", "43"))
    assert build(folder).stdout == "Answer: compiled\n"
    assert json.loads(artifact.read_bytes())["runtime"] != made["runtime"]
    (folder / "deep" / "IOther.vyi").write_text("")
    assert build(folder).stdout == "Answer: compiled\n"


def test_an_artifact_cut_short_is_made_anew(folder: Path) -> None:
    build(folder)
    (folder.parent / "out" / "Answer.json").write_text('{"abi": [')
    assert build(folder).stdout == "Answer: compiled\n"


def test_a_source_that_does_not_compile_exits_2_and_leaves_the_old_artifact(folder: Path) -> None:
    build(folder)
    before = (folder.parent / "out" / "Answer.json").read_bytes()
    (folder / "deep" / "Answer.vy").write_text(SOURCE + "nonsense")
    done = build(folder)
    assert done.returncode == 2
    assert "Answer.vy" in done.stderr
    assert (folder.parent / "out" / "Answer.json").read_bytes() == before


def test_two_contracts_of_one_name_are_refused(folder: Path) -> None:
    (folder / "Answer.vy").write_text(SOURCE)
    done = build(folder)
    assert done.returncode == 2
    assert "two contracts are named Answer" in done.stderr


def test_a_folder_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    done = build(tmp_path / "nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert "nowhere is no folder" in done.stderr
