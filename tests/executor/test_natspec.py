"""Every external function says what it is for and how to switch it off; the compiler's own output is asked."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from executor_chain import ROOT

SOURCE = ROOT / "contracts" / "Executor.vy"
GETTERS = {"WETH", "owner", "pending_owner", "paused", "recipient"}  # the compiler's, from `public(...)`


def compiled(output: str) -> Any:
    """Fails the test when the compiler does: a check that cannot run is no check."""
    vyper = Path(sys.executable).parent / "vyper"
    return json.loads(subprocess.run([vyper, "-f", output, SOURCE], capture_output=True, check=True).stdout)


def documented_functions() -> list[str]:
    entries = [entry for entry in compiled("abi") if entry["type"] == "function"]
    return sorted({entry["name"] for entry in entries} - GETTERS)


def test_the_contract_and_each_function_say_how_to_switch_them_off() -> None:
    devdoc, notices = compiled("devdoc"), compiled("userdoc")
    assert devdoc["custom:kill"]
    documented = {signature.partition("(")[0]: doc for signature, doc in devdoc["methods"].items()}
    noticed = {signature.partition("(")[0] for signature, doc in notices["methods"].items() if doc["notice"]}
    functions = documented_functions()
    assert len(functions) >= 10
    for name in functions:
        assert documented[name].get("custom:kill"), f"{name} does not say how to switch it off"
    assert set(functions) <= noticed


@pytest.mark.parametrize("word", ["approve", "delegatecall", "selfdestruct", "tx.origin"])
def test_what_the_contract_never_does(word: str) -> None:
    code = "\n".join(line.partition("#")[0] for line in SOURCE.read_text().splitlines())
    assert "raw_call" in code
    assert word not in code
