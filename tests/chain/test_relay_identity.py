import copy
import pickle
import stat
import traceback

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from bot.chain.relay_identity import FILE_NAME, RelayIdentity, load_or_create_identity
from bot.core.errors import BadConfiguration
from bot.core.identity import to_checksum
from bot.world.flashbots_auth import verify

PUBLISHED_KEY = "fad9c8855b740a0b7ed4c221dbad0f33a83a49cad6b3fe8d5817ac83d38b6a19"
"""go-utils signature_test.go; public for years, holds nothing."""


def test_the_published_vector():
    header = RelayIdentity(bytes.fromhex(PUBLISHED_KEY)).header(b"Hello")
    assert header == (
        "0x96216849c49358B10257cb55b28eA603c874b05E:0x1446053488f02d460c012c84c4091cd5054d98c6cfca01b65f6c1a72773e80e60b"
        "8a4931aeee7ed18ce3adb45b2107e8c59e25556c1f871a8334e30e5bddbed21c"
    )


@given(st.binary(min_size=32, max_size=32).filter(any), st.binary(max_size=500))
def test_any_signature_is_recovered_by_another_library(secret, body):
    try:
        identity = RelayIdentity(secret)
    except ValueError:
        return
    address, _, signature = identity.header(body).partition(":")
    assert address == to_checksum(identity.address) == Account.from_key(secret).address
    message = encode_defunct(text="0x" + keccak(body).hex())
    assert Account.recover_message(message, signature=signature) == address


@given(st.binary(max_size=500))
def test_the_local_markets_relay_believes_the_header(body):
    identity = RelayIdentity(bytes.fromhex(PUBLISHED_KEY))
    assert verify(identity.header(body), body) == identity.address


def test_the_file_is_made_once_private_and_read_again(tmp_path):
    folder = tmp_path / "data"
    first = load_or_create_identity(folder)
    path = folder / FILE_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in folder.iterdir()] == [FILE_NAME]
    content = path.read_bytes()
    second = load_or_create_identity(folder)
    assert path.read_bytes() == content
    assert first.address == second.address
    assert first.replacement_salt() == second.replacement_salt()


def test_two_folders_have_two_identities(tmp_path):
    one, other = (load_or_create_identity(tmp_path / name) for name in "ab")
    assert one.address != other.address
    assert one.replacement_salt() != other.replacement_salt()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o601])
def test_a_file_others_can_open_is_refused(tmp_path, mode):
    load_or_create_identity(tmp_path)
    (tmp_path / FILE_NAME).chmod(mode)
    with pytest.raises(BadConfiguration, match=f"{mode:04o}"):
        load_or_create_identity(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"0x12\n", b"0x" + b"00" * 32, b"0x" + b"ff" * 32, b"0x" + b"zz" * 32, b"\xff" * 66]
)
def test_a_file_without_a_key_is_refused_and_not_quoted(tmp_path, content):
    path = tmp_path / FILE_NAME
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(BadConfiguration) as refused:
        load_or_create_identity(tmp_path)
    assert content.decode(errors="replace") not in str(refused.value) or not content
    assert path.read_bytes() == content


def test_a_link_is_refused(tmp_path):
    load_or_create_identity(tmp_path / "real")
    (tmp_path / FILE_NAME).symlink_to(tmp_path / "real" / FILE_NAME)
    with pytest.raises(BadConfiguration):
        load_or_create_identity(tmp_path)


def test_a_folder_in_its_place_is_refused(tmp_path):
    (tmp_path / FILE_NAME).mkdir(mode=0o700)
    with pytest.raises(BadConfiguration):
        load_or_create_identity(tmp_path)


def test_the_secret_shows_nowhere(tmp_path):
    identity = load_or_create_identity(tmp_path)
    secret = (tmp_path / FILE_NAME).read_text().strip().removeprefix("0x")
    assert (
        secret not in f"{identity!r} {identity} {identity.header(b'x')} {identity.replacement_salt().hex()}"
    )
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError) as refused:
            take(identity)
        assert secret not in str(refused.value)


@pytest.mark.parametrize("length", [0, 1, 31, 33])
def test_a_key_of_another_length_is_refused(length):
    with pytest.raises(ValueError, match=f"has {length}"):
        RelayIdentity(b"\x01" * length)


def test_a_bad_secret_is_not_in_the_traceback():
    canary = b"\xff" * 32
    try:
        RelayIdentity(canary)
    except ValueError:
        assert canary.hex() not in traceback.format_exc()
        assert repr(canary) not in traceback.format_exc()
    else:
        pytest.fail("a secret above the order of the curve was accepted")
