"""Keystores: opened with the right password on the right kind of chain; else one line that says what to do."""

import io
import json
import os
import pickle
import traceback

import pytest
import structlog
from eth_account import Account
from plan_samples import OPERATOR, OPERATOR_SECRET, TOKEN
from signer_stage import (
    PASSWORD,
    Desk,
    sample_transaction,
    signer_config,
    start_process,
    write_keystore,
    write_private,
)

from bot.core.errors import BadConfiguration
from bot.signer.config import SignerWallet
from bot.signer.keystore import open_keystore, open_keystores
from bot.signer.wallet_key import WalletKey


@pytest.fixture
def files(tmp_path):
    write_keystore(tmp_path / "main.json", throwaway=True)
    write_private(tmp_path / "password", PASSWORD + "\n")
    return tmp_path


def opened(folder, **changes):
    return open_keystores(signer_config(folder, **changes))["main"]


def refusal(folder, **changes):
    with pytest.raises(BadConfiguration) as refused:
        opened(folder, **changes)
    text = "".join(traceback.format_exception(refused.value))
    for secret in (PASSWORD, OPERATOR_SECRET.hex(), repr(OPERATOR_SECRET)[2:-1]):
        assert secret not in text
    assert len(str(refused.value).splitlines()) == 1
    return str(refused.value)


def test_the_key_of_the_file(files):
    assert opened(files).address == OPERATOR


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_one_line_end_is_no_part_of_the_password(files, end):
    write_private(files / "password", PASSWORD + end)
    assert opened(files).address == OPERATOR


def test_pbkdf2_and_scrypt(files):
    keystore = Account.encrypt(OPERATOR_SECRET, PASSWORD, kdf="pbkdf2", iterations=2)
    write_private(files / "main.json", json.dumps(keystore | {"throwaway": True}))
    assert opened(files).address == OPERATOR


def test_the_prompt(files):
    wallet = SignerWallet("main", files / "main.json", None, signer_config(files).wallets[0].limits)
    asked = []

    def answer(prompt):
        asked.append(prompt)
        return PASSWORD

    assert open_keystore(wallet, is_throwaway_chain=True, ask=answer).address == OPERATOR
    assert asked == ["password of wallet main: "]

    def no_terminal(_):
        raise EOFError

    with pytest.raises(BadConfiguration, match="BOT_WALLET_MAIN__PASSWORD_FILE"):
        open_keystore(wallet, is_throwaway_chain=True, ask=no_terminal)


def test_a_wrong_password(files):
    write_private(files / "password", "wrong")
    assert refusal(files).startswith(f"wallet main: wrong password for {files / 'main.json'}")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o700, 0o602])
@pytest.mark.parametrize("name", ["password", "main.json"])
def test_files_that_others_may_open(files, name, mode):
    (files / name).chmod(mode)
    assert f"has mode {mode:04o}; 0600 or 0400 is needed: chmod 600" in refusal(files)


def test_read_only_for_us_is_good(files):
    (files / "password").chmod(0o400)
    assert opened(files).address == OPERATOR


@pytest.mark.parametrize("name", ["password", "main.json"])
def test_missing_folder_pipe_and_oversized(files, name):
    (files / name).unlink()
    assert "No such file" in refusal(files)
    (files / name).mkdir()
    assert "Is a directory" in refusal(files)
    (files / name).rmdir()
    os.mkfifo(files / name, 0o600)
    assert "not a regular file" in refusal(files)
    (files / name).unlink()
    write_private(files / name, "x" * 70_000)
    assert "larger than" in refusal(files)


@pytest.mark.parametrize("content", ["", "[]", "{}", "not json", '{"version": 1}', '"text"'])
def test_no_keystore(files, content):
    write_private(files / "main.json", content)
    assert "is not a V3 keystore" in refusal(files)


def test_damaged_keystores(files):
    whole = json.loads((files / "main.json").read_text())
    damages = [
        whole | {"crypto": None},
        whole | {"crypto": {}},
        whole | {"crypto": whole["crypto"] | {"kdf": "argon2"}},
        whole | {"crypto": whole["crypto"] | {"ciphertext": "zz"}},
        whole | {"crypto": whole["crypto"] | {"kdfparams": {}}},
    ]
    for damaged in damages:
        write_private(files / "main.json", json.dumps(damaged))
        assert "cannot be decrypted" in refusal(files)


@pytest.mark.parametrize("size", [0, 1, 31, 33, 64])
def test_a_secret_of_another_length_is_not_padded(size):
    """The library takes what is shorter for a number; a cut key would open another wallet."""
    with pytest.raises(ValueError, match="a private key has 32 bytes") as refused:
        WalletKey(b"\x07" * size)
    assert str(refused.value).endswith(f"the keystore holds {size}")


def test_another_address_than_its_key(files):
    write_keystore(files / "main.json", throwaway=True, address=TOKEN.hex())
    assert "its key is of 0x" in refusal(files)


def test_throwaway_keys_stay_on_throwaway_chains(files):
    assert "throwaway key of a local market" in refusal(files, is_throwaway_chain=False)
    write_keystore(files / "main.json")
    assert "not marked throwaway" in refusal(files)
    assert opened(files, is_throwaway_chain=False).address == OPERATOR


def test_two_names_for_one_key(files):
    first = signer_config(files).wallets[0]
    second = SignerWallet("alt", first.keystore, first.password_file, first.limits)
    assert "two wallets hold one key" in refusal(files, wallets=(first, second))


def test_all_wallets_that_cannot_be_opened_are_said_at_once(files):
    limits = signer_config(files).wallets[0].limits
    wallets = tuple(SignerWallet(name, files / name, None, limits) for name in ("one", "two"))
    with pytest.raises(BadConfiguration) as refused:
        opened(files, wallets=wallets)
    assert len(refused.value.problems) == 2


def test_a_wrong_password_ends_the_process_with_one_line_and_code_2(files):
    write_private(files / "password", "wrong")
    process = start_process(files)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert output.decode().splitlines() == [
        f"wallet main: wrong password for {files / 'main.json'} (taken from {files / 'password'})"
    ]
    assert not (files / "socket" / "signer").exists()


def test_the_key_shows_itself_nowhere(tmp_path):
    """Law 15: a canary key in repr, str, format, pickle, logs, error replies and tracebacks."""
    log = io.StringIO()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(log))
    try:
        desk = Desk(tmp_path)
        key = desk.desk._wallets["main"].key
        replies = [
            desk.sign(sample_transaction()),
            desk.sign(sample_transaction(to=TOKEN)),
            desk.sign_bytes(OPERATOR_SECRET),
            desk.desk.answer(OPERATOR_SECRET),
        ]
    finally:
        structlog.reset_defaults()
    seen = [
        repr(key),
        str(key),
        f"{key}",
        repr(vars(desk.desk)),
        repr(desk.desk._wallets["main"]),
        log.getvalue(),
    ]
    seen += [repr(reply) for reply in replies]
    for attempt in (
        lambda: pickle.dumps(key),
        lambda: WalletKey(OPERATOR_SECRET + b"x"),
        lambda: key.sign(None),
    ):
        with pytest.raises((TypeError, ValueError, AttributeError)) as raised:
            attempt()
        seen.append("".join(traceback.format_exception(raised.value)))
    assert "signed" in log.getvalue()
    canaries = (
        OPERATOR_SECRET.hex(),
        repr(OPERATOR_SECRET)[2:-1],
        str(int.from_bytes(OPERATOR_SECRET, "big")),
    )
    for text in seen:
        assert not [canary for canary in canaries if canary in text], text
