"""The key relays know us by. It holds no money and signs no transaction; it collects reputation, so it is kept.

One file of the data folder, mode 0600, 0x and 64 hex digits. Lost, it is replaced by a new one: only the standing
with the relays is gone. Bundles sent under the old one can no longer be cancelled.
"""

import os
import secrets
import tempfile
from pathlib import Path
from typing import Final, Never

from coincurve import PrivateKey

from bot.chain.private_file import read_private
from bot.chain.relay_auth import signature_header
from bot.core.errors import BadConfiguration
from bot.core.identity import Address, from_hex, hex_bytes, keccak, to_checksum

FILE_NAME: Final = "relay_identity.key"
_FILE_BYTES: Final = 67
"""0x, 64 digits, a line end."""


class RelayIdentity:
    """Shows its address and nothing else: not in repr, not by pickle, not by copy."""

    __slots__ = ("_checksummed", "_key", "_secret", "address")

    def __init__(self, secret: bytes) -> None:
        """Raises ValueError, without the secret in its message, unless `secret` is a valid 32-byte key."""
        if len(secret) != 32:  # the library would pad a shorter one
            raise ValueError(f"a private key has 32 bytes, this has {len(secret)}")
        try:
            self._key = PrivateKey(secret)
        except Exception:  # noqa: BLE001  # whatever the library says could quote the secret
            raise ValueError("not a secp256k1 private key") from None
        self._secret = secret
        self.address = Address(keccak(self._key.public_key.format(compressed=False)[1:])[-20:])
        self._checksummed = to_checksum(self.address)

    def header(self, body: bytes) -> str:
        """Value of `X-Flashbots-Signature` for these very bytes."""
        return signature_header(self._key, self._checksummed, body)

    def replacement_salt(self) -> bytes:
        """32 bytes that go into replacement uuids: nobody else can guess one, and cancel by it where no signature is asked."""
        return keccak(b"replacement uuid" + self._secret)

    def __repr__(self) -> str:
        return f"RelayIdentity({hex_bytes(self.address)}, secret=<redacted>)"

    def __reduce__(self) -> Never:
        raise TypeError("a private key is not copied and not serialised")


def load_or_create_identity(folder: Path) -> RelayIdentity:
    """The identity of this data folder; made at the first start. Raises BadConfiguration for a file others can read."""
    path = folder / FILE_NAME
    try:
        return load_identity(path)
    except FileNotFoundError:
        _create(path)
        return load_identity(path)


def load_identity(path: Path) -> RelayIdentity:
    """Of this file. Raises FileNotFoundError, and BadConfiguration where it is no private file with a key."""
    content = read_private(
        path, "relay identity", _FILE_BYTES + 1, "Remove it to get a new one: it holds no money"
    )
    try:
        return RelayIdentity(from_hex(content.decode().strip()))
    except ValueError:
        raise BadConfiguration(
            f"relay identity {path} holds no key (0x and 64 hex digits); remove it to get a new one: it holds no money"
        ) from None


def _create(path: Path) -> None:
    """A whole file or none, and never over one that appeared meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".relay_identity")
    try:
        with os.fdopen(descriptor, "wb") as file:  # mkstemp opens with 0600
            file.write(hex_bytes(_new_secret()).encode() + b"\n")
            file.flush()
            os.fsync(descriptor)
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        Path(draft).unlink()


def _new_secret() -> bytes:
    while True:
        secret = secrets.token_bytes(32)
        try:
            RelayIdentity(secret)
        except ValueError:  # zero, or above the order of the curve: once in 2**128
            continue
        return secret
