"""`package-parts.json`: which npm packages are fetched, and which of their files are kept under which name."""

import hashlib
import json
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from setup_steps.failure import MACHINE_LACKS, SetupFailed

LIST_FILE = "package-parts.json"


@dataclass(frozen=True)
class Part:
    """One npm tarball and what is kept of it, unpacked into `.parts/<name>/`."""

    name: str
    what: str
    version: str
    package: str
    """As npm takes it: `name@version`, always an exact version."""
    integrity: str
    """`sha512-<base64>` of the tarball."""
    files: dict[str, str]
    """Path inside the package -> path under the part's folder."""
    executable: dict[str, str]
    """The same, made executable."""
    hex_constants: dict[str, dict[str, str]]
    """JavaScript file inside the package -> {name of a hex constant in it -> JSON file to write it to}."""
    digest: str
    """Of this entry: a part already there is stale when it was made from another."""

    def kept(self) -> list[str]:
        """Paths under the part's folder that exist once it is there."""
        constants = [out for names in self.hex_constants.values() for out in names.values()]
        return [*self.files.values(), *self.executable.values(), *constants]


def read_parts(root: Path, machine: str | None = None) -> list[Part]:
    """The parts for this machine (`linux-amd64`, ...), in the file's order."""
    entries = json.loads((root / LIST_FILE).read_text())["parts"]
    return [_part(entry, machine or this_machine()) for entry in entries]


def this_machine() -> str:
    """The platform in npm's words, e.g. `linux-amd64`, `darwin-arm64`."""
    cpu = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64"}.get(
        platform.machine(), platform.machine()
    )
    return f"{platform.system().lower()}-{cpu}"


def _part(entry: dict[str, Any], machine: str) -> Part:
    source = entry
    if "packages" in entry:
        source = entry["packages"].get(machine)
        if source is None:
            known = ", ".join(sorted(entry["packages"]))
            raise SetupFailed(
                f"{entry['name']} {entry['version']} is pinned for {known} only, not for {machine}: "
                f"add its package and sha512 to {LIST_FILE}",
                MACHINE_LACKS,
            )
    content = {key: value for key, value in entry.items() if key != "packages"} | {
        "package": source["package"],
        "integrity": source["integrity"],
    }
    return Part(
        name=entry["name"],
        what=entry["what"],
        version=entry["version"],
        package=source["package"],
        integrity=source["integrity"],
        files=entry.get("files", {}),
        executable=entry.get("executable", {}),
        hex_constants=entry.get("hex_constants", {}),
        digest=hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest(),
    )
