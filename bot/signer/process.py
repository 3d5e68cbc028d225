"""The signer as a process: opens the keystores, listens on a Unix socket, ends orderly at SIGTERM.

It is ready when the socket takes connections. Only processes of the same user are answered.
"""

import asyncio
import fcntl
import os
import resource
import signal
import socket
import stat
import struct
import time
from contextlib import suppress
from pathlib import Path

import structlog
import uvloop

from bot.core.errors import EXIT_GOOD, BadConfiguration
from bot.core.signer_protocol import MAX_FRAME_BYTES, SOCKET_PATH_MAX, decode_frames, encode_frame
from bot.signer.config import SignerConfig
from bot.signer.desk import SigningDesk
from bot.signer.keystore import open_keystores

_log = structlog.get_logger("bot.signer")
_PEER_CREDENTIALS = struct.Struct("3i")
"""pid, uid, gid: `struct ucred`, unix(7)."""
_DAY_SECONDS = 86_400


def run_signer(config: SignerConfig) -> int:
    """`bot signer`: exit code 0 after an orderly end; raises as `serve`."""
    uvloop.run(serve(config))
    return EXIT_GOOD


async def serve(config: SignerConfig) -> None:
    """Sign until SIGTERM or SIGINT. Raises BadConfiguration before it listens when anything is not as it must be."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the keys
    _check(config)
    _make_private_folder(config.totals_dir)
    _make_private_folder(config.socket_path.parent)
    lock = _lock(config.totals_dir)
    try:
        loop = asyncio.get_running_loop()
        desk = SigningDesk(config, open_keystores(config), today=_today, soon=loop.call_soon)
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        await _listen(config, desk, stopped)
    finally:
        os.close(lock)


async def _listen(config: SignerConfig, desk: SigningDesk, stopped: asyncio.Event) -> None:
    _clear(config.socket_path)
    connections: set[asyncio.StreamWriter] = set()

    async def serve_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(writer)
        try:
            await _converse(desk, reader, writer)
        finally:
            connections.discard(writer)
            writer.close()

    server = await asyncio.start_unix_server(serve_connection, config.socket_path)
    config.socket_path.chmod(0o600)
    _log.info("ready", socket=str(config.socket_path), wallets=[wallet.name for wallet in config.wallets])
    try:
        await stopped.wait()
    finally:
        server.close()
        for writer in list(connections):
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()  # a reply on its way is still delivered
        await server.wait_closed()
        config.socket_path.unlink(missing_ok=True)
        _log.info("stopped")


async def _converse(desk: SigningDesk, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a connection's requests one after the other; a stream that is not ours is closed."""
    if not _is_own_user(writer):
        return
    buffer = bytearray()
    try:
        while chunk := await reader.read(MAX_FRAME_BYTES):
            buffer += chunk
            for body in decode_frames(buffer):
                writer.write(encode_frame(desk.answer(body)))
            await writer.drain()
    except ValueError as error:
        _log.warning("connection closed", reason=str(error))
    except ConnectionError:
        pass  # the peer went away; what it asked for and did not read is in the totals


def _clear(socket_path: Path) -> None:
    """Remove the socket of a signer that was killed; BadConfiguration when one listens there, or it is no socket."""
    try:
        mode = socket_path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise BadConfiguration(
            f"{socket_path} is there and is no socket: move it away, or set BOT_SIGNER_SOCKET to another path"
        )
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(socket_path))
        except OSError:
            socket_path.unlink(missing_ok=True)
            return
    raise BadConfiguration(f"another signer listens on {socket_path}: stop it first")


def _is_own_user(writer: asyncio.StreamWriter) -> bool:
    peer: socket.socket = writer.get_extra_info("socket")
    raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
    pid, uid, _ = _PEER_CREDENTIALS.unpack(raw)
    if uid != os.getuid():
        _log.warning("connection refused", pid=pid, uid=uid, allowed_uid=os.getuid())
    return bool(uid == os.getuid())


def _check(config: SignerConfig) -> None:
    problems = []
    if not config.wallets:
        problems.append("the signer has no wallet: name them in BOT_WALLETS")
    if not config.executors:
        problems.append("the signer has no executor it may call: set its address")
    if len(os.fsencode(config.socket_path)) > SOCKET_PATH_MAX:
        length = len(os.fsencode(config.socket_path))
        problems.append(
            f"socket path of {length} bytes, the system takes {SOCKET_PATH_MAX}: {config.socket_path}"
        )
    if problems:
        raise BadConfiguration(*problems)


def _make_private_folder(folder: Path) -> None:
    """Mode 0700 and ours, or BadConfiguration."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError as error:
        raise BadConfiguration(f"the signer's folder {folder} cannot be made: {error.strerror}") from error
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise BadConfiguration(
            f"the signer's folder {folder} (owner {status.st_uid}, mode {status.st_mode & 0o777:04o}) must belong to"
            f" user {os.getuid()} with mode 0700: chmod 700 {folder}"
        )


def _lock(totals_dir: Path) -> int:
    """One signer for these totals: two would each count half. Held until the descriptor is closed."""
    path = totals_dir / "lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise BadConfiguration(f"the lock {path} cannot be opened: {error.strerror}; move it away") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise BadConfiguration(
            f"another signer, process {holder}, uses {totals_dir}: stop it first"
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def _today() -> int:
    return int(time.time()) // _DAY_SECONDS
