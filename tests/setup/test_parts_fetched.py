"""Parts from npm: only what is pinned, only what is wanted, whole or not at all."""

import json
import os
import signal

import pytest
from waiting import alive, wait_for


@pytest.fixture
def ready(clone):
    """All but the parts is there, and npm can be asked."""
    clone.install_npm()
    clone.finish_environments()
    return clone


def incoming(clone):
    return list((clone.root / ".parts").glob(".incoming-*"))


def test_fetched_unpacked_and_then_already_there(ready):
    ready.publish(
        "hex",
        {"_cjs/code.js": b"exports.a = '0xff';\nexports.wanted = '0x60ff';\n", "big.js": b"x"},
        hex_constants={"_cjs/code.js": {"wanted": "Wanted.json"}},
    )
    code, _ = ready.set_up()
    parts = ready.root / ".parts"
    assert code == 0
    assert os.access(parts / "chain/bin/chain", os.X_OK)
    assert (parts / "token/Token.json").read_text() == "{}"
    assert json.loads((parts / "hex/Wanted.json").read_text()) == {"bytecode": "0x60ff"}
    assert sorted(file.name for file in (parts / "hex").iterdir()) == ["Wanted.json", "stamp"]
    assert not incoming(ready)

    calls = len(ready.npm_calls())
    code, lines = ready.set_up()
    assert code == 0
    assert len(ready.npm_calls()) == calls == 2  # the chain and the contracts, side by side
    assert [line.endswith("already there") for line in lines] == [False, True, True, True, True]


def test_tampered_tarball_is_refused_and_nothing_of_it_unpacked(ready):
    tarball = ready.store / "maker-token-1.0.0.tgz"
    content = bytearray(tarball.read_bytes())
    content[-1] ^= 1
    tarball.write_bytes(content)
    code, lines = ready.set_up()
    assert code == 3
    assert "@maker/token@1.0.0 is not the pinned package: expected sha512-" in lines[-1]
    assert not (ready.root / ".parts/token").exists()
    assert not incoming(ready)


def test_a_file_that_the_package_does_not_hold_is_named(ready):
    ready.publish("token", {"other.json": b""}, files={"build/Token.json": "Token.json"})
    code, lines = ready.set_up()
    assert code == 2
    assert "@maker/token@1.0.0 holds no file build/Token.json" in lines[-1]


def test_a_changed_entry_makes_the_part_stale(ready):
    assert ready.set_up()[0] == 0
    ready.publish("token", {"build/Token.json": b"[2]"}, "1.0.1", files={"build/Token.json": "Token.json"})
    assert ready.set_up()[0] == 0
    assert (ready.root / ".parts/token/Token.json").read_text() == "[2]"


@pytest.mark.parametrize("lost", ["token/Token.json", "token/stamp", "chain/bin/chain"])
def test_a_part_that_lost_a_file_is_fetched_again(ready, lost):
    assert ready.set_up()[0] == 0
    (ready.root / ".parts" / lost).unlink()
    assert ready.set_up()[0] == 0
    assert (ready.root / ".parts" / lost).is_file()
    assert len(ready.npm_calls()) == 3


def test_unreachable_registry_is_one_line_with_npms_reason(ready):
    (ready.store / "offline").touch()
    code, lines = ready.set_up()
    assert code == 3
    told = [line for line in lines if "try again" in line]
    assert told == [lines[-1]]
    assert "ENOTFOUND the registry cannot be reached" in told[0]

    (ready.store / "offline").unlink()
    assert ready.set_up()[0] == 0


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_leaves_no_process_and_the_next_one_recovers(ready, sent):
    (ready.store / "hold").touch()
    process = ready.start()
    wait_for(lambda: len(ready.npm_calls()) == 2)
    process.send_signal(sent)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors.splitlines()[-1].startswith("Set-up interrupted")
    assert not any(alive(pid) for pid in ready.npm_calls())
    assert not incoming(ready)

    (ready.store / "hold").unlink()
    assert ready.set_up()[0] == 0


def test_killed_outright_the_next_one_waits_for_what_it_left_running(ready):
    (ready.store / "hold").touch()
    process = ready.start()
    wait_for(lambda: len(ready.npm_calls()) == 2)
    process.kill()
    process.communicate(timeout=30)
    left = ready.npm_calls()
    assert all(alive(pid) for pid in left)

    second = ready.start()
    said = second.stderr.readline()
    assert said == "Another set-up of this clone is running: waiting for it to end.\n"
    (ready.store / "hold").unlink()
    second.communicate(timeout=30)
    assert second.returncode == 0
    assert not any(alive(pid) for pid in left)
    assert not incoming(ready)


def test_two_at_once_fetch_once(ready):
    (ready.store / "hold").touch()
    first, second = ready.start(), ready.start()
    wait_for(lambda: len(ready.npm_calls()) == 2)
    (ready.store / "hold").unlink()
    for process in (first, second):
        process.communicate(timeout=30)
    assert [first.returncode, second.returncode] == [0, 0]
    assert len(ready.npm_calls()) == 2
