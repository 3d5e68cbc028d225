"""The real process on its real socket."""

import asyncio
import contextlib
import os
import signal
import socket
import stat
import time

import pytest
from plan_samples import CHAIN_ID, OPERATOR
from signer_stage import (
    PASSWORD,
    Desk,
    running_signer,
    sample_transaction,
    signer_config,
    start_process,
    write_keystore,
    write_private,
)

from bot.core.signer_protocol import (
    MAX_FRAME_BYTES,
    PROTOCOL_VERSION,
    Hello,
    HelloReply,
    NonceNoted,
    Refused,
    ReportNonce,
    Signed,
    SignExecution,
    WalletStatus,
    decode_frames,
    decode_reply,
    encode_frame,
)
from bot.core.transaction import decode_signed
from bot.signer import process
from bot.signer.totals import TotalsFile


@pytest.fixture
def folder(tmp_path):
    write_keystore(tmp_path / "main.json", throwaway=True)
    write_private(tmp_path / "password", PASSWORD)
    return tmp_path


def connected(path):
    """A signer that starts takes away a socket left behind, binds its own, and listens: three moments."""
    until = time.monotonic() + 60
    while True:
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(60)
        try:
            peer.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            peer.close()
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return peer


class Peer:
    def __init__(self, folder):
        self.socket = connected(str(signer_config(folder).socket_path))
        self.buffer = bytearray()

    def send(self, data):
        self.socket.sendall(data)

    def replies(self, count):
        frames = []
        while len(frames) < count:
            chunk = self.socket.recv(65536)
            if not chunk:
                return None
            self.buffer += chunk
            frames += decode_frames(self.buffer)
        return [decode_reply(frame) for frame in frames]

    def ask(self, request):
        self.send(encode_frame(request))
        return self.replies(1)[0]


def sign_request():
    return SignExecution("main", "intent", sample_transaction().unsigned_payload())


def test_from_hello_to_signature_to_orderly_end(folder):
    with running_signer(folder) as signer:
        config = signer_config(folder)
        assert stat.S_IMODE(config.socket_path.parent.stat().st_mode) == 0o700
        peer = Peer(folder)
        status = WalletStatus("main", OPERATOR, None, None, 0)
        assert peer.ask(Hello()) == HelloReply(PROTOCOL_VERSION, CHAIN_ID, (status,), None)
        assert peer.ask(ReportNonce("main", 7, 100)) == NonceNoted(7)
        signed = peer.ask(sign_request())
        assert decode_signed(signed.raw)[0] == sample_transaction()
        assert peer.ask(Hello()).wallets == (WalletStatus("main", OPERATOR, 7, 7, 1),)
        signer.terminate()
        assert signer.wait(timeout=60) == 0
        assert peer.socket.recv(1) == b""
        assert not config.socket_path.exists()
        output = signer.stdout.read().decode()
        assert "stopped" in output
        assert PASSWORD not in output


def test_a_killed_signer_starts_again_and_remembers(folder):
    with running_signer(folder) as signer:
        peer = Peer(folder)
        peer.ask(ReportNonce("main", 7, 100))
        assert isinstance(peer.ask(sign_request()), Signed)
        signer.kill()
        signer.wait()
    assert signer_config(folder).socket_path.exists(), "left behind by the kill"
    signer = start_process(folder)
    try:
        peer = Peer(folder)
        assert peer.ask(Hello()).wallets == (WalletStatus("main", OPERATOR, 7, 7, 1),)
    finally:
        signer.kill()
        signer.communicate()


def test_no_signature_leaves_before_the_disk_counts_it(folder):
    """SIGKILL while requests stream in: the durable counter is never behind the signatures that were received."""
    received = 0
    for round_number in range(4):
        with running_signer(folder, fresh := signer_config(folder)) as signer:
            peer = Peer(folder)
            if round_number == 0:
                peer.ask(ReportNonce("main", 7, 100))
            peer.send(encode_frame(sign_request()) * 200)
            with contextlib.suppress(ConnectionError):
                for _ in range(20 + 30 * round_number):
                    received += len(peer.replies(1) or ())
            signer.kill()
            signer.wait()
            with contextlib.suppress(ConnectionError):
                while replies := peer.replies(1):
                    received += len(replies)
        fresh.socket_path.unlink(missing_ok=True)
        counted = TotalsFile(fresh.totals_dir, "main").read(CHAIN_ID, OPERATOR)
        assert counted.counter >= received > 0
        assert counted.last_signed_nonce == 7


def test_frames_cut_and_glued_anyhow_are_answered_in_order(folder):
    with running_signer(folder):
        peer = Peer(folder)
        stream = b"".join(encode_frame(ReportNonce("main", nonce, 100)) for nonce in range(20))
        for start in range(0, len(stream), 7):
            peer.send(stream[start : start + 7])
        assert peer.replies(20) == [NonceNoted(nonce) for nonce in range(20)]


@pytest.mark.parametrize(
    "junk", [b"\0\0\0\0", (MAX_FRAME_BYTES + 1).to_bytes(4, "big"), b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 64]
)
def test_a_stream_that_is_not_ours_is_closed_and_the_next_is_served(folder, junk):
    with running_signer(folder):
        peer = Peer(folder)
        peer.send(junk)
        assert peer.replies(1) is None
        assert isinstance(Peer(folder).ask(Hello()), HelloReply)


def test_a_frame_that_is_no_request_is_refused_and_the_connection_lives(folder):
    with running_signer(folder):
        peer = Peer(folder)
        for body in (b"\x00", b"\xc0", b"\x81\xa4type\xa4sign", os.urandom(32)):
            peer.send(len(body).to_bytes(4, "big") + body)
            (reply,) = peer.replies(1)
            assert isinstance(reply, Refused)
            assert reply.rule == "request"
        assert isinstance(peer.ask(Hello()), HelloReply)


def test_a_second_signer_is_refused_with_the_pid_of_the_first(folder):
    with running_signer(folder) as first:
        second = start_process(folder)
        output, _ = second.communicate(timeout=60)
        assert second.returncode == 2
        assert f"another signer, process {first.pid}, uses".encode() in output
        other_totals = signer_config(folder, totals_dir=folder / "data" / "other")
        third = start_process(folder, other_totals)
        output, _ = third.communicate(timeout=60)
        assert third.returncode == 2
        assert b"another signer listens on" in output
        assert isinstance(Peer(folder).ask(Hello()), HelloReply)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"socket_path": "long"}, b"the system takes 107"),
        ({"executors": frozenset()}, b"no executor it may call"),
    ],
)
def test_what_cannot_work_is_said_at_once(folder, changes, words):
    if changes.get("socket_path"):
        changes = {"socket_path": folder / ("x" * 120) / "signer"}
    signer = start_process(folder, signer_config(folder, **changes))
    output, _ = signer.communicate(timeout=60)
    assert signer.returncode == 2
    assert words in output
    assert len(output.splitlines()) == 1


def test_a_folder_that_others_may_enter_is_refused(folder):
    (folder / "socket").mkdir(mode=0o755)
    signer = start_process(folder)
    output, _ = signer.communicate(timeout=60)
    assert signer.returncode == 2
    assert b"mode 0755) must belong to" in output


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("data/signer/lock", b"cannot be opened: Is a directory; move it away"),
        ("data/signer/main.json", b"cannot be read: Is a directory"),
        ("socket/signer", b"is there and is no socket: move it away"),
    ],
)
def test_a_folder_in_the_place_of_a_file(folder, place, words):
    (folder / place).mkdir(parents=True)
    (folder / place).parent.chmod(0o700)
    signer = start_process(folder)
    output, _ = signer.communicate(timeout=60)
    assert signer.returncode == 2
    assert words in output
    assert len(output.splitlines()) == 1


def test_a_file_in_the_place_of_the_socket_is_not_removed(folder):
    (folder / "socket").mkdir(mode=0o700)
    (folder / "socket" / "signer").write_text("somebody's")
    signer = start_process(folder)
    output, _ = signer.communicate(timeout=60)
    assert signer.returncode == 2
    assert b"is there and is no socket" in output
    assert (folder / "socket" / "signer").read_text() == "somebody's"


def test_ctrl_c_ends_it_too(folder):
    with running_signer(folder) as signer:
        signer.send_signal(signal.SIGINT)
        assert signer.wait(timeout=60) == 0


@pytest.mark.parametrize("uid_offset", [0, 1])
async def test_only_processes_of_the_same_user_are_answered(tmp_path, monkeypatch, uid_offset):
    """The kernel's word on the peer against the signer's own user; the request is the same."""
    own = os.getuid()
    monkeypatch.setattr(process.os, "getuid", lambda: own + uid_offset)
    desk = Desk(tmp_path).desk

    async def serve(reader, writer):
        await process._converse(desk, reader, writer)
        writer.close()

    server = await asyncio.start_unix_server(serve, tmp_path / "signer")
    reader, writer = await asyncio.open_unix_connection(tmp_path / "signer")
    writer.write(encode_frame(Hello()))
    if uid_offset == 0:
        writer.write_eof()
    with contextlib.suppress(ConnectionError):
        reply = await reader.read()
        assert bool(reply) == (uid_offset == 0)
    writer.close()
    server.close()
