"""A small clone in a temporary folder: the real set-up, with parts, locks and an npm of the test's own. Offline."""

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "scripts"))

from setup_steps import stamps  # noqa: E402 - found by the line above

FAKE_NPM = """#!{python}
import json, os, shutil, sys, time
store = os.environ["FAKE_STORE"]
with open(store + "/calls", "a") as calls:
    calls.write(str(os.getpid()) + "\\n")
while os.path.exists(store + "/hold"):
    time.sleep(0.02)
if os.path.exists(store + "/offline"):
    print(json.dumps({{"error": {{"code": "ENOTFOUND", "summary": "the registry cannot be reached"}}}}))
    sys.exit(1)
into = sys.argv[sys.argv.index("--pack-destination") + 1]
answer = []
for package in sys.argv[sys.argv.index("--pack-destination") + 2 :]:
    name, version = package.rsplit("@", 1)
    file = name.replace("@", "").replace("/", "-") + "-" + version + ".tgz"
    shutil.copy(store + "/" + file, into)
    answer.append({{"name": name, "version": version, "filename": file}})
print(json.dumps(answer))
"""


class Clone:
    """The clone, its registry (`store`), and how to run its set-up."""

    def __init__(self, folder):
        self.root = folder / "clone"
        self.store = folder / "store"
        self.bin = folder / "bin"
        self.entries = []
        for made in (self.root / "scripts", self.root / "locks", self.store, self.bin):
            made.mkdir(parents=True)
        shutil.copy(REPOSITORY / "scripts/setup.py", self.root / "scripts")
        for script in ("bot", "run", "setup"):
            shutil.copy(REPOSITORY / "scripts" / script, self.root / "scripts")
        shutil.copytree(
            REPOSITORY / "scripts/setup_steps",
            self.root / "scripts/setup_steps",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        for lock in ("uv", "venv", "ape", "bench"):
            (self.root / f"locks/{lock}.txt").write_text(f"{lock}==1.0 \\\n    --hash=sha256:00\n")
        self.publish("chain", {"bin/chain": b"#!/bin/sh\n"}, executable={"bin/chain": "bin/chain"})
        self.publish("token", {"build/Token.json": b"{}"}, files={"build/Token.json": "Token.json"})

    def publish(self, name, content, version="1.0.0", **kept):
        """Put a package into the registry, and name it (pinned) in the clone's list."""
        tarball = self.store / f"maker-{name}-{version}.tgz"
        with tarfile.open(tarball, "w:gz") as archive:
            for path, data in content.items():
                member = tarfile.TarInfo(f"package/{path}")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        digest = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
        entry = {"name": name, "what": name, "version": version, "package": f"@maker/{name}@{version}"}
        entry |= {"integrity": f"sha512-{digest}", **kept}
        self.entries = [other for other in self.entries if other["name"] != name] + [entry]
        (self.root / "package-parts.json").write_text(json.dumps({"parts": self.entries}))
        return tarball

    def install_npm(self):
        for name in ("npm", "node"):
            (self.bin / name).write_text(FAKE_NPM.format(python=sys.executable))
            (self.bin / name).chmod(0o755)

    def finish_environment(self, folder=".venv", lock="venv"):
        """As set-up leaves an environment, without installing one."""
        python = self.root / folder / "bin/python"
        python.parent.mkdir(parents=True)
        python.symlink_to(sys.executable)
        stamps.write_stamp(
            self.root / folder, stamps.digest_of(self.root / f"locks/{lock}.txt"), self.root / folder
        )

    def finish_environments(self):
        self.finish_environment()
        self.finish_environment(".parts/uv", "uv")

    def environ(self, **more):
        system = {key: os.environ[key] for key in ("HOME", "LANG") if key in os.environ}
        return {**system, "PATH": str(self.bin), "FAKE_STORE": str(self.store), **more}

    def start(self, what="runtime", **environ):
        command = [sys.executable, "-S", self.root / "scripts/setup.py", what]
        return subprocess.Popen(
            command,
            env=self.environ(**environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def set_up(self, what="runtime", **environ):
        """Run to the end: (exit code, lines printed)."""
        process = self.start(what, **environ)
        out, errors = process.communicate(timeout=60)
        assert out == ""
        return process.returncode, errors.splitlines()

    def npm_calls(self):
        calls = self.store / "calls"
        return [int(line) for line in calls.read_text().split()] if calls.exists() else []


@pytest.fixture
def clone(tmp_path):
    return Clone(tmp_path.resolve())
