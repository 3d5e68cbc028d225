"""Third-party parts from npm: packed, checked against our own sha512, and only the wanted files unpacked."""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from setup_steps import stamps
from setup_steps.failure import MACHINE_LACKS, SetupFailed
from setup_steps.parts_list import Part
from setup_steps.processes import Processes

FOLDER = ".parts"
INCOMING = ".incoming-"
Pack = Callable[[Sequence[Part], Path], dict[str, Path]]
"""Fetches the parts' tarballs into a folder: part name -> tarball."""


def is_there(root: Path, part: Part) -> bool:
    """Whether the part is complete and made from this very entry of the list. Starts no process."""
    folder = root / FOLDER / part.name
    return stamps.is_fresh(folder, part.digest) and all((folder / name).is_file() for name in part.kept())


def check_npm() -> None:
    """Node and npm serve the fetching alone, so they are asked for only when a part is missing."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        raise SetupFailed(
            "node and npm are needed to fetch the local chain and its contracts, and are not on PATH: "
            "install Node.js 18 or later (Debian, Ubuntu: apt install nodejs npm)",
            MACHINE_LACKS,
        )


def npm_pack(processes: Processes, parts: Sequence[Part], into: Path) -> dict[str, Path]:
    """Ask npm for the tarballs in one go. `npm pack` ignores dependencies, which do not resolve for some of these."""
    command = ["npm", "pack", "--silent", "--json", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"]
    command += ["--pack-destination", str(into), *(part.package for part in parts)]
    done = processes.run(command, into)
    if done.returncode != 0:
        raise SetupFailed(
            f"npm could not fetch the parts ({_npm_reason(done)}): check the network and try again"
        )
    named = {f"{entry['name']}@{entry['version']}": entry["filename"] for entry in _json_array(done.stdout)}
    return {part.name: into / named[part.package].replace("@", "").replace("/", "-") for part in parts}


def fetch(root: Path, parts: Sequence[Part], pack: Pack) -> int:
    """Bring the parts into `.parts/`; each appears whole by a rename, or not at all. Returns bytes."""
    (root / FOLDER).mkdir(exist_ok=True)
    incoming = Path(tempfile.mkdtemp(prefix=INCOMING, dir=root / FOLDER))
    try:
        tarballs = pack(parts, incoming)
        for part in parts:
            check_integrity(part, tarballs[part.name])
        return sum(_install(root, part, tarballs[part.name], incoming) for part in parts)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def sweep(root: Path) -> None:
    """Remove what an interrupted fetch left; only under the set-up's lock."""
    for left in (root / FOLDER).glob(f"{INCOMING}*"):
        shutil.rmtree(left, ignore_errors=True)


def check_integrity(part: Part, tarball: Path) -> None:
    """Refuse a tarball that is not, byte for byte, the pinned one."""
    with tarball.open("rb") as file:
        actual = "sha512-" + base64.b64encode(hashlib.file_digest(file, "sha512").digest()).decode()
    if actual != part.integrity:
        raise SetupFailed(
            f"{part.package} is not the pinned package: expected {part.integrity}, got {actual}; "
            "nothing of it was unpacked. Try again, and do not trust that registry if it stays so"
        )


def _install(root: Path, part: Part, tarball: Path, incoming: Path) -> int:
    made = incoming / part.name
    final = root / FOLDER / part.name
    _unpack(part, tarball, made)
    size = stamps.write_stamp(made, part.digest, final)
    shutil.rmtree(final, ignore_errors=True)
    made.rename(final)
    return size


def _unpack(part: Part, tarball: Path, folder: Path) -> None:
    with tarfile.open(tarball) as archive:
        for inside, name in {**part.files, **part.executable}.items():
            _write(folder / name, _member(part, archive, inside))
        for inside, constants in part.hex_constants.items():
            script = _member(part, archive, inside).decode()
            for constant, name in constants.items():
                content = {"bytecode": _hex_constant(part, script, constant)}
                _write(folder / name, json.dumps(content).encode())
    for name in part.executable.values():
        (folder / name).chmod(0o755)


def _member(part: Part, archive: tarfile.TarFile, inside: str) -> bytes:
    try:
        file = archive.extractfile(f"package/{inside}")
    except KeyError:
        file = None
    if file is None:
        raise SetupFailed(
            f"{part.package} holds no file {inside}: package-parts.json names it", MACHINE_LACKS
        )
    return file.read()


def _hex_constant(part: Part, script: str, constant: str) -> str:
    found = re.search(rf"\b{re.escape(constant)}\s*=\s*'(0x(?:[0-9a-f]{{2}})+)'", script)
    if found is None:
        raise SetupFailed(f"{part.package} holds no hex constant {constant}", MACHINE_LACKS)
    return found[1]


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _json_array(text: str) -> list[dict[str, Any]]:
    """Past any notice that npm prints before its answer."""
    answer: list[dict[str, Any]] = json.loads(text[text.index("[") :])
    return answer


def _npm_reason(done: subprocess.CompletedProcess[str]) -> str:
    """The words of npm, shortened: `--json` puts them on stdout, older npm on stderr."""
    try:
        error = json.loads(done.stdout)["error"]
        return f"{error.get('code', '')} {error['summary']}".strip().splitlines()[0][:200]
    except (ValueError, KeyError, TypeError):
        lines = [line for line in done.stderr.splitlines() if "error" in line.lower()]
        return lines[-1][:200] if lines else f"exit code {done.returncode}"
