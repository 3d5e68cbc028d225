"""Keystores of the local market's wallets: real V3 files around keys that anybody can compute.

They carry a mark by which the signer knows them: it opens no others on a local chain, and none of these elsewhere.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from eth_keyfile.keyfile import create_keyfile_json

from bot.core.identity import Address, WalletName
from bot.world.accounts import ThrowawayAccount

THROWAWAY_MARK = {"throwaway": "local market"}
_SCRYPT_N = 4096
"""Opens in milliseconds; a real keystore has 262144."""
_PASSWORD = "worthless password of the local market"  # noqa: S105  # guards nothing, by design


class WalletFiles(msgspec.Struct, frozen=True):
    name: WalletName
    address: Address
    keystore: Path
    password_file: Path


def wallet_account(seed: int, name: WalletName) -> ThrowawayAccount:
    """The account of the bot's wallet `name` in the market of `seed`."""
    return ThrowawayAccount(seed, f"wallet {name}")


def write_keystore(folder: Path, seed: int, name: WalletName) -> WalletFiles:
    """Write keystore and password file, readable by the owner alone. Raises OSError."""
    account = wallet_account(seed, name)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = WalletFiles(name, account.address, folder / f"{name}.json", folder / f"{name}.password")
    keystore = create_keyfile_json(
        account.private_key, _PASSWORD, version=3, kdf="scrypt", iterations=_SCRYPT_N
    )
    _write_private(files.keystore, msgspec.json.encode(THROWAWAY_MARK | keystore))
    _write_private(files.password_file, _PASSWORD.encode() + b"\n")
    return files


def _write_private(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
