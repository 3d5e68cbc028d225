"""One anvil process on loopback, mining only when told to, and JSON-RPC to it over one kept connection.

The binary itself is started, not npm's wrapper: SIGKILL on the wrapper orphans the real anvil.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import aiohttp
import msgspec

from bot.world.parts import ANVIL_BINARY

HARDFORK = "osaka"
"""What anvil 1.7.1 would pick by itself is Bpo1; osaka is the mainnet rule set the gas schedule is written for."""

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 3.0
RPC_TIMEOUT_S = 120.0
BATCH_BYTES = 1_500_000
"""Anvil refuses request bodies over 2 MB."""

_LISTENING = re.compile(r"Listening on 127\.0\.0\.1:(\d+)")
_SOCKET_PATH_MAX = 107
_PR_SET_PDEATHSIG = 1
_LOG_TAIL_LINES = 12


class AnvilError(Exception):
    """The node answered a call with an error, or answered what is not JSON-RPC (code 0)."""

    def __init__(self, method: str, code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{method}: {message} (code {code})")
        self.method = method
        self.code = code
        self.message = message
        self.data = data


class AnvilStartError(Exception):
    """Anvil could not be started; the message says why and what to do."""


@dataclass(frozen=True)
class AnvilConfig:
    """How to start anvil. None leaves the choice to anvil (or, on a fork, to the upstream chain)."""

    log_path: Path
    ipc_path: Path | None = None
    """At most 107 bytes long: the limit of a Unix socket's address."""
    chain_id: int | None = 31337
    timestamp: int | None = None
    """Of the genesis block, in seconds."""
    gas_limit: int | None = None
    base_fee_wei: int | None = None
    """Of the first block."""
    load_state: Path | None = None
    fork_url: str | None = None
    fork_block: int | None = None
    hardfork: str = HARDFORK
    binary: Path = ANVIL_BINARY

    def arguments(self) -> list[str]:
        """The command line. Port 0: the kernel chooses, anvil prints what it got."""
        fixed = ["--host", "127.0.0.1", "--port", "0", "--no-mining", "--order", "fifo"]
        fixed += ["--accounts", "0", "--hardfork", self.hardfork]
        # A bundle may fund its own second sender; whoever builds the block has checked that it is covered.
        fixed += ["--disable-pool-balance-checks"]
        fixed += ["--cache-path", str(self.log_path.parent / "anvil-states")]
        if self.fork_url is not None:
            # Anvil's cache goes by chain id and height: another local chain of that id would be answered from it.
            fixed.append("--no-storage-caching")
        optional: list[tuple[str, object]] = [
            ("--ipc", self.ipc_path),
            ("--chain-id", self.chain_id),
            ("--timestamp", self.timestamp),
            ("--gas-limit", self.gas_limit),
            ("--base-fee", self.base_fee_wei),
            ("--load-state", self.load_state),
            ("--fork-url", self.fork_url),
            ("--fork-block-number", self.fork_block),
        ]
        return fixed + [text for name, value in optional if value is not None for text in (name, str(value))]


class Anvil:
    """A running anvil. `start` before anything else; `stop` is safe to call twice, and after a failed start."""

    def __init__(self, config: AnvilConfig) -> None:
        self.config = config
        self._process: asyncio.subprocess.Process | None = None
        self._session: aiohttp.ClientSession | None = None
        self._port = 0
        self._next_id = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self._port}"

    @property
    def ipc_path(self) -> Path | None:
        return self.config.ipc_path

    @property
    def pid(self) -> int:
        """Raises AnvilStartError before `start`."""
        if self._process is None:
            raise AnvilStartError("anvil has not been started")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start the process and return once it answers. Raises AnvilStartError; leaves nothing running then."""
        self._check_paths()
        self.config.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.config.log_path.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                str(self.config.binary),
                *self.config.arguments(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent(),
            )
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=RPC_TIMEOUT_S))
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await self._until_it_answers()
        except TimeoutError:
            await self.stop()
            raise AnvilStartError(
                f"anvil did not answer in {START_TIMEOUT_S:.0f} s:\n{self._tail()}"
            ) from None
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End the process (SIGTERM, then SIGKILL), close the connection, remove the socket file."""
        if self._session is not None:
            await self._session.close()
            self._session = None
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT_S)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        if self.config.ipc_path is not None:
            self.config.ipc_path.unlink(missing_ok=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def rpc(self, method: str, params: Sequence[Any] = ()) -> Any:
        """One call; the decoded `result`. Raises AnvilError, aiohttp.ClientError, TimeoutError."""
        self._next_id += 1
        reply = await self._post(_call(self._next_id, method, params), method)
        return _result_of(reply, method)

    async def rpc_batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Many calls in as few requests as the size limit allows; results in the order of `calls`.

        Anvil does not promise to execute them in order: give transactions their nonces.
        Raises AnvilError for the first call that failed; the others have been executed all the same.
        """
        results: list[Any] = []
        bodies = [_call(index, method, params) for index, (method, params) in enumerate(calls)]
        for start, end in _requests(bodies):
            reply = await self._post(b"[" + b",".join(bodies[start:end]) + b"]", "batch")
            if not isinstance(reply, list):
                raise AnvilError("batch", 0, f"expected a list, got {str(reply)[:200]}")
            by_id = {item["id"]: item for item in reply}
            results += [_result_of(by_id[index], calls[index][0]) for index in range(start, end)]
        return results

    async def _post(self, body: bytes, method: str) -> Any:
        if self._session is None:
            raise AnvilError(method, 0, "anvil is not running")
        headers = {"Content-Type": "application/json"}
        async with self._session.post(self.url, data=body, headers=headers) as response:
            content = await response.read()
        try:
            return msgspec.json.decode(content)
        except msgspec.DecodeError:
            raise AnvilError(method, response.status, content[:200].decode(errors="replace")) from None

    async def _until_it_answers(self) -> None:
        while not self._port:
            if not self.running:
                raise AnvilStartError(f"anvil ended at once (exit {self._exit_code()}):\n{self._tail()}")
            found = _LISTENING.search(self.config.log_path.read_text(errors="replace"))
            if found:
                self._port = int(found.group(1))
            else:
                await asyncio.sleep(0.01)
        while True:
            try:
                await self.rpc("eth_chainId")
            except aiohttp.ClientError:
                if not self.running:
                    raise AnvilStartError(f"anvil ended at once:\n{self._tail()}") from None
                await asyncio.sleep(0.01)
            else:
                # A line for every call would grow the log without end.
                await self.rpc("anvil_setLoggingEnabled", [False])
                return

    def _check_paths(self) -> None:
        if not self.config.binary.is_file():
            raise AnvilStartError(f"no anvil at {self.config.binary}: run scripts/setup")
        socket_path = self.config.ipc_path
        if socket_path is not None and len(os.fsencode(socket_path)) > _SOCKET_PATH_MAX:
            raise AnvilStartError(
                f"socket path is {len(os.fsencode(socket_path))} bytes long, at most {_SOCKET_PATH_MAX} go: "
                f"choose a shorter folder than {socket_path.parent}"
            )

    def _exit_code(self) -> int | None:
        return None if self._process is None else self._process.returncode

    def _tail(self) -> str:
        lines = self.config.log_path.read_text(errors="replace").splitlines()
        return "\n".join(lines[-_LOG_TAIL_LINES:])


def _die_with_parent() -> Callable[[], None] | None:
    """Run between fork and exec: the kernel kills the child when the thread that started it ends (Linux only)."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def arm() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent died before the signal was armed
            os._exit(1)

    return arm


def _call(number: int, method: str, params: Sequence[Any]) -> bytes:
    return msgspec.json.encode({"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)})


def _requests(bodies: Sequence[bytes]) -> list[tuple[int, int]]:
    """Cut into runs [start, end) whose bodies together stay under the size limit."""
    runs: list[tuple[int, int]] = []
    start = size = 0
    for index, body in enumerate(bodies):
        if index > start and size + len(body) > BATCH_BYTES:
            runs.append((start, index))
            start, size = index, 0
        size += len(body) + 1
    if start < len(bodies):
        runs.append((start, len(bodies)))
    return runs


def _result_of(reply: Any, method: str) -> Any:
    if not isinstance(reply, dict):
        raise AnvilError(method, 0, f"not a JSON-RPC reply: {str(reply)[:200]}")
    error = reply.get("error")
    if error is not None:
        raise AnvilError(method, int(error.get("code", 0)), str(error.get("message")), error.get("data"))
    return reply.get("result")
