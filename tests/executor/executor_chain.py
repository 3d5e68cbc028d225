"""A private anvil and raw JSON-RPC to it: deploy, call, send, batch. Blocking; nothing of `bot` in it."""

import ctypes
import http.client
import json
import re
import signal
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_abi.abi import decode, encode
from sha3 import keccak_256

ROOT = Path(__file__).resolve().parents[2]
ANVIL = ROOT / ".parts" / "anvil" / "bin" / "anvil"
START_TIMEOUT_S = 20.0
PR_SET_PDEATHSIG = 1


class RpcError(Exception):
    """The node answered a call with an error; `reason` is its text."""

    def __init__(self, method: str, error: dict[str, Any]) -> None:
        super().__init__(f"{method}: {error}")
        self.reason = str(error.get("message", ""))


def keccak(data: bytes) -> bytes:
    return keccak_256(data).digest()


def selector(signature: str) -> bytes:
    return keccak(signature.encode())[:4]


def call_data(signature: str, *args: Any) -> bytes:
    """Selector and arguments; the types are read from the signature, e.g. `transfer(address,uint256)`."""
    types = _argument_types(signature)
    return selector(signature) + encode(types, args)


def _argument_types(signature: str) -> list[str]:
    inner, types, depth, word = signature[signature.index("(") + 1 : -1], [], 0, ""
    for char in inner:
        depth += {"(": 1, ")": -1}.get(char, 0)
        if char == "," and depth == 0:
            types.append(word)
            word = ""
        else:
            word += char
    return [*types, word] if word else types


@dataclass
class Chain:
    """`start` it, use it, `stop` it. `send` mines its transaction in a block of its own."""

    process: subprocess.Popen[bytes]
    port: int
    accounts: list[str] = field(default_factory=list)

    @classmethod
    def start(cls, folder: Path) -> "Chain":
        log = folder / "anvil.log"
        libc = ctypes.CDLL(None)
        process = subprocess.Popen(
            [str(ANVIL), "--host", "127.0.0.1", "--port", "0", "--hardfork", "osaka", "--no-mining"],
            stdout=log.open("wb"),
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),  # noqa: PLW1509  # no threads here
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not (found := re.search(r"Listening on 127\.0\.0\.1:(\d+)", log.read_text())):
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise RuntimeError(f"anvil did not start: {log.read_text()[-2000:]}")
            time.sleep(0.01)
        chain = cls(process, int(found.group(1)))
        chain.accounts = chain.rpc("eth_accounts")
        return chain

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(5)

    def rpc(self, method: str, *params: Any) -> Any:
        return self.batch([(method, params)])[0]

    def batch(self, calls: Iterable[tuple[str, Iterable[Any]]]) -> list[Any]:
        """Results in the order of the calls; raises RpcError for the first that failed."""
        results = self.outcomes(calls)
        for result in results:
            if isinstance(result, RpcError):
                raise result
        return results

    def outcomes(self, calls: Iterable[tuple[str, Iterable[Any]]]) -> list[Any]:
        """A result or an RpcError for each call, in their order, all in one request."""
        bodies = [
            {"jsonrpc": "2.0", "id": i, "method": method, "params": list(params)}
            for i, (method, params) in enumerate(calls)
        ]
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request("POST", "/", json.dumps(bodies), {"Content-Type": "application/json"})
        replies = sorted(json.loads(connection.getresponse().read()), key=lambda reply: reply["id"])
        connection.close()
        assert len(replies) == len(bodies), f"{len(replies)} replies to {len(bodies)} calls"
        return [
            RpcError(body["method"], reply["error"]) if "error" in reply else reply["result"]
            for body, reply in zip(bodies, replies, strict=True)
        ]

    def send(self, sender: str, to: str | None, data: bytes, value: int = 0) -> dict[str, Any]:
        """The receipt of a mined, successful transaction; raises RpcError with the reason when it would revert."""
        fields = {"from": sender, "data": "0x" + data.hex(), "value": hex(value), "gas": hex(8_000_000)}
        if to is not None:
            fields["to"] = to
            self.rpc("eth_call", fields, "latest")  # says why, which a receipt does not
        sent = self.rpc("eth_sendTransaction", fields)
        self.rpc("evm_mine")
        receipt = self.rpc("eth_getTransactionReceipt", sent)
        assert receipt["status"] == "0x1", receipt
        return receipt

    def deploy(
        self, sender: str, creation_code: bytes, types: Iterable[str] = (), args: Iterable[Any] = ()
    ) -> str:
        receipt = self.send(sender, None, creation_code + encode(list(types), list(args)))
        return str(receipt["contractAddress"])

    def read(self, to: str, signature: str, *args: Any, returns: str = "uint256") -> Any:
        data = "0x" + call_data(signature, *args).hex()
        raw = self.rpc("eth_call", {"to": to, "data": data}, "latest")
        values = decode(returns.split(","), bytes.fromhex(raw[2:]))
        return values[0] if len(values) == 1 else values
