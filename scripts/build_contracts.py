"""Compile Vyper contracts into `.build/contracts/<Name>.json`.

    python scripts/build_contracts.py [--out FOLDER] [folder ...]

Folders default to `contracts/` and `bot/world/contracts/`, each searched to any depth. An output holds

    {"abi": [...], "bytecode": "0x<creation>", "runtime": "0x<runtime>", "source_sha256": "<hex>", "compiler": "..."}

`runtime` lacks the immutables that the constructor appends: compare deployed code by its leading bytes.
What is up to date is left alone. Exit codes: 0 good, 2 a source that does not compile or a folder that is not
there, 3 there is no compiler.

The compiler runs in a process of its own: imported, it locks `decimal` for the whole interpreter.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_FOLDERS = (ROOT / "contracts", ROOT / "bot" / "world" / "contracts")
DEFAULT_OUT = ROOT / ".build" / "contracts"

VYPER_VERSION = "0.4.3"
VYPER_FLAGS = ("--evm-version", "cancun", "--optimize", "gas")
COMPILER = f"vyper {VYPER_VERSION} {' '.join(VYPER_FLAGS)}"


class BuildError(Exception):
    """A source that does not compile, two sources of one name, or no such folder."""


class CompilerMissingError(Exception):
    """No compiler of the pinned version stands beside this interpreter or in `.venv`."""


def vyper_binary() -> Path:
    """The compiler of the running environment, else that of `.venv`. Raises CompilerMissingError."""
    for folder in (Path(sys.executable).parent, ROOT / ".venv" / "bin"):
        if (folder / "vyper").is_file():
            return folder / "vyper"
    raise CompilerMissingError(
        "no vyper beside this python nor in .venv/bin: run scripts/run or scripts/test once"
    )


def source_digest(source: Path) -> str:
    """sha256 over the source and every `.vyi` under its folder: whatever an import can change."""
    digest = hashlib.sha256()
    for path in (source, *sorted(source.parent.rglob("*.vyi"))):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_current(artifact: Path, digest: str) -> bool:
    """True when the artifact was made from this very source by this very compiler."""
    try:
        made = json.loads(artifact.read_bytes())
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    return bool(made.get("source_sha256") == digest and made.get("compiler") == COMPILER)


def compile_source(source: Path) -> dict[str, Any]:
    """Abi, creation code and runtime code of one source, by a compiler process.

    Raises BuildError with the compiler's own words, CompilerMissingError on another version.
    """
    command = [str(vyper_binary()), *VYPER_FLAGS, "-f", "combined_json", str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BuildError(f"{source}: {done.stderr.strip()}")
    output: dict[str, Any] = json.loads(done.stdout)
    version = str(output.pop("version")).lstrip("v")
    if not version.startswith(VYPER_VERSION):
        raise CompilerMissingError(f"{command[0]} is {version}, the contracts want {VYPER_VERSION}")
    (contract,) = output.values()
    return {"abi": contract["abi"], "bytecode": contract["bytecode"], "runtime": contract["bytecode_runtime"]}


def write_atomically(path: Path, text: str) -> None:
    """Readers see the old file or the new one: two builds may run at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_text(text)
    part.replace(path)


def build(folders: Sequence[Path] = DEFAULT_FOLDERS, out: Path = DEFAULT_OUT) -> dict[str, bool]:
    """Compile every `.vy` under `folders` that is not current. Returns name -> whether it was compiled.

    A default folder that does not exist holds no contracts; any other is a mistake. Raises BuildError,
    CompilerMissingError.
    """
    for folder in folders:
        if not folder.is_dir() and folder not in DEFAULT_FOLDERS:
            raise BuildError(f"{folder} is no folder")
    sources: dict[str, Path] = {}
    for source in (path for folder in folders for path in sorted(folder.rglob("*.vy"))):
        if source.stem in sources:
            raise BuildError(f"two contracts are named {source.stem}; the second is {source}")
        sources[source.stem] = source
    with ThreadPoolExecutor(os.cpu_count()) as compilers:
        return dict(
            zip(
                sources, compilers.map(lambda one: _bring_up_to_date(one, out), sources.values()), strict=True
            )
        )


def _bring_up_to_date(source: Path, out: Path) -> bool:
    """Whether it had to be compiled."""
    artifact, digest = out / f"{source.stem}.json", source_digest(source)
    if is_current(artifact, digest):
        return False
    made = {**compile_source(source), "source_sha256": digest, "compiler": COMPILER}
    write_atomically(artifact, json.dumps(made, indent=1) + "\n")
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description="Compile Vyper contracts into JSON artifacts.")
    parser.add_argument("folders", nargs="*", type=Path, default=list(DEFAULT_FOLDERS))
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT)
    args = parser.parse_args()
    try:
        built = build(args.folders, args.out)
    except BuildError as error:
        print(f"build_contracts: {error}", file=sys.stderr)
        return 2
    except CompilerMissingError as error:
        print(f"build_contracts: {error}", file=sys.stderr)
        return 3
    for name, compiled in built.items():
        print(f"{name}: {'compiled' if compiled else 'current'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
