"""From a keystore file and a password to a key in memory, or one line that says what to change."""

import json
from collections.abc import Callable
from getpass import getpass
from typing import Any

from eth_account import Account

from bot.core.errors import BadConfiguration
from bot.core.identity import address_from_hex, to_checksum
from bot.signer.config import SignerConfig, SignerWallet
from bot.signer.private_file import read_private_file
from bot.signer.wallet_key import WalletKey

THROWAWAY_MARK = "throwaway"
"""Top-level member of the keystores that a local market makes for itself."""

AskPassword = Callable[[str], str]


def open_keystores(config: SignerConfig, ask: AskPassword = getpass) -> dict[str, WalletKey]:
    """The keys of all wallets by name. Raises BadConfiguration with a line for each wallet that cannot be opened."""
    keys: dict[str, WalletKey] = {}
    problems: list[str] = []
    for wallet in config.wallets:
        try:
            keys[wallet.name] = open_keystore(wallet, is_throwaway_chain=config.is_throwaway_chain, ask=ask)
        except BadConfiguration as error:
            problems.extend(error.problems)
    addresses = [key.address for key in keys.values()]
    if len(set(addresses)) != len(addresses):
        problems.append("two wallets hold one key: a key is one nonce line, name it once in BOT_WALLETS")
    if problems:
        raise BadConfiguration(*problems)
    return keys


def open_keystore(wallet: SignerWallet, *, is_throwaway_chain: bool, ask: AskPassword = getpass) -> WalletKey:
    """Decrypt one V3 keystore. Raises BadConfiguration; neither password nor key is part of any message."""
    keystore = _read_keystore(wallet)
    _refuse_on_wrong_chain(keystore, wallet, is_throwaway_chain=is_throwaway_chain)
    password = _password(wallet, ask)
    try:
        key = WalletKey(bytes(Account.decrypt(keystore, password)))
    except (ValueError, KeyError, TypeError, NotImplementedError, AttributeError) as error:
        raise BadConfiguration(_decryption_problem(wallet, error)) from None
    _refuse_other_address(keystore, wallet, key)
    return key


def _read_keystore(wallet: SignerWallet) -> dict[str, Any]:
    content = read_private_file(wallet.keystore, f"the keystore of wallet {wallet.name},")
    try:
        keystore = json.loads(content)
    except ValueError:
        keystore = None
    if not isinstance(keystore, dict) or keystore.get("version") != 3:
        raise BadConfiguration(
            f"wallet {wallet.name}: {wallet.keystore} is not a V3 keystore (JSON, version 3)"
        )
    return keystore


def _refuse_on_wrong_chain(
    keystore: dict[str, Any], wallet: SignerWallet, *, is_throwaway_chain: bool
) -> None:
    is_throwaway_key = THROWAWAY_MARK in keystore
    if is_throwaway_key and not is_throwaway_chain:
        raise BadConfiguration(
            f"wallet {wallet.name}: {wallet.keystore} is a throwaway key of a local market; a real chain needs a key"
            " of your own (`bot keystore`)"
        )
    if is_throwaway_chain and not is_throwaway_key:
        raise BadConfiguration(
            f"wallet {wallet.name}: {wallet.keystore} is not marked throwaway; a local market or fork opens no real"
            " key (a fork's chain id can be a real one)"
        )


def _password(wallet: SignerWallet, ask: AskPassword) -> str:
    if wallet.password_file is None:
        try:
            return ask(f"password of wallet {wallet.name}: ")
        except EOFError:
            raise BadConfiguration(
                f"wallet {wallet.name}: no terminal to ask for the password: set BOT_WALLET_"
                f"{wallet.name.upper()}__PASSWORD_FILE"
            ) from None
    content = read_private_file(wallet.password_file, f"the password file of wallet {wallet.name},")
    try:
        return content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise BadConfiguration(
            f"wallet {wallet.name}: {wallet.password_file} is not UTF-8 text; it holds the password and at most one"
            " line end"
        ) from None


def _decryption_problem(wallet: SignerWallet, error: Exception) -> str:
    if "MAC mismatch" in str(error):
        source = wallet.password_file or "the terminal"
        return f"wallet {wallet.name}: wrong password for {wallet.keystore} (taken from {source})"
    # The library's message may quote what it read, so only its kind is passed on.
    return (
        f"wallet {wallet.name}: {wallet.keystore} cannot be decrypted ({type(error).__name__}): it is damaged, or its"
        " key derivation is not known"
    )


def _refuse_other_address(keystore: dict[str, Any], wallet: SignerWallet, key: WalletKey) -> None:
    written = keystore.get("address")
    if not isinstance(written, str) or not written:
        return
    try:
        address = address_from_hex("0x" + written.lower().removeprefix("0x"))
    except ValueError as error:
        raise BadConfiguration(f"wallet {wallet.name}: {wallet.keystore}: {error}") from None
    if address != key.address:
        raise BadConfiguration(
            f"wallet {wallet.name}: {wallet.keystore} names {to_checksum(address)}, its key is of"
            f" {to_checksum(key.address)}"
        )
