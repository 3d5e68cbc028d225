"""The processes around `submit`: children that answer a line with a line, and the real signer."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eth_account import Account

from bot.signer.keystore import THROWAWAY_MARK

HERE = Path(__file__).resolve().parent


class Child:
    """A process that answers a line with a line."""

    def __init__(self, name: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / f"{name}.py"), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("a part of the bench ended too early")
        return json.loads(line)

    def ask(self, question: object) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self.read()

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


@contextlib.contextmanager
def the_signer(folder: Path, secret: bytes) -> Iterator[subprocess.Popen[bytes]]:
    """The real one, on a throwaway keystore, until SIGTERM."""
    (folder / "password").write_text("throwaway")
    keystore = Account.encrypt(secret, "throwaway", kdf="scrypt", iterations=2) | {THROWAWAY_MARK: True}
    (folder / "wallet.json").write_text(json.dumps(keystore))
    for name in ("password", "wallet.json"):
        (folder / name).chmod(0o600)
    with (folder / "signer.out").open("wb") as output:
        script = str(HERE / "submit_signer.py")
        process = subprocess.Popen([sys.executable, script, str(folder)], stdout=output, stderr=output)
        try:
            while not (folder / "socket" / "signer").exists():
                if process.poll() is not None:
                    raise SystemExit((folder / "signer.out").read_text()[-2000:])
                time.sleep(0.02)
            yield process
        finally:
            process.terminate()
            process.wait(20)
