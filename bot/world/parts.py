"""Where the fetched third-party parts and our own compiled contracts lie, and how to read them.

Nothing of this is in the repository: `scripts/setup` fetches the parts into `.parts/` and
`scripts/build_contracts.py` compiles ours into `.build/contracts/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parents[2]
PARTS = ROOT / ".parts"
BUILT_CONTRACTS = ROOT / ".build" / "contracts"
ANVIL_BINARY = PARTS / "anvil" / "bin" / "anvil"


class PartMissingError(Exception):
    """A fetched or compiled file is not there, or is not what it should be. The message says what to run."""


@dataclass(frozen=True)
class Artifact:
    """Creation bytecode as its package ships it, or as our compiler made it; constructor arguments not included."""

    name: str
    creation_code: bytes


def protocol_artifact(folder: str, name: str) -> Artifact:
    """A fetched contract: `.parts/<folder>/<name>.json`, `{"bytecode": "0x..."}` as every package ships it.

    Raises PartMissingError where the file is absent, or its bytecode is empty or not linked.
    """
    return _artifact(PARTS / folder / f"{name}.json", name, "scripts/setup")


def world_artifact(name: str) -> Artifact:
    """A Vyper contract of ours, compiled by `scripts/build_contracts.py`. Raises PartMissingError."""
    return _artifact(BUILT_CONTRACTS / f"{name}.json", name, "scripts/build_contracts.py")


def _artifact(path: Path, name: str, remedy: str) -> Artifact:
    document = _read_json(path, remedy)
    code = document.get("bytecode", "")
    if isinstance(code, dict):  # the solc standard output shape
        code = code.get("object", "")
    try:
        creation_code = bytes.fromhex(str(code).removeprefix("0x"))
    except ValueError as error:
        raise PartMissingError(f"{path}: bytecode is not hex (unlinked?): run {remedy}") from error
    if not creation_code:
        raise PartMissingError(f"{path}: no bytecode in it: run {remedy}")
    return Artifact(name, creation_code)


def _read_json(path: Path, remedy: str) -> dict[str, Any]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise PartMissingError(f"{path} is missing: run {remedy}") from None
    document: dict[str, Any] = msgspec.json.decode(content, type=dict[str, Any])
    return document
