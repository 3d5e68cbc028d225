"""Throwaway accounts of the local market and the signing of their transactions.

Every key is keccak256 of a public sentence and a seed: anybody can compute it, so it must never hold money.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from coincurve import PrivateKey

from bot.core.identity import Address, TxHash, keccak
from bot.core.transaction import TransactionFields

if TYPE_CHECKING:
    from bot.world.providers import LiquidityIntent
    from bot.world.traders import SwapIntent

TRADERS = 8
PROVIDERS = 4

_SENTENCE = b"worthless key of the local market, never fund it"


def _resident(name: bytes) -> Address:
    """An address nobody has a key for; code or an unlocked account stands there."""
    return Address(keccak(b"local market: " + name)[12:])


FOUNDER = _resident(b"founder")
"""Sends every transaction of the genesis; anvil impersonates it. Owner of the V3 factory and the pool seeder."""
POOL_SEEDER = _resident(b"pool seeder")
TRADER_DESK = _resident(b"trader desk")
LIQUIDITY_DESK = _resident(b"liquidity desk")
GAS_BURNER = _resident(b"gas burner")


class ThrowawayAccount:
    """An externally owned account whose key follows from (seed, role, index)."""

    def __init__(self, seed: int, role: str, index: int = 0) -> None:
        self._key = PrivateKey(keccak(b"\x00".join((_SENTENCE, b"%d" % seed, role.encode(), b"%d" % index))))
        public = self._key.public_key.format(compressed=False)
        self.address = Address(keccak(public[1:])[12:])

    @property
    def private_key(self) -> bytes:
        """32 bytes; for those who write it to a keystore of the market."""
        return bytes(self._key.secret)

    def sign(self, fields: TransactionFields) -> tuple[bytes, TxHash]:
        """Raw type-2 transaction and its hash; RFC 6979 nonces, so the same fields give the same bytes."""
        signature = self._key.sign_recoverable(fields.digest(), hasher=None)
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
        raw = fields.signed_payload(signature[64], r, s)
        return raw, TxHash(keccak(raw))


class SignedTransaction(msgspec.Struct, frozen=True):
    """A signed transaction of the market's own people. `intent` is None for background traffic."""

    raw: bytes
    hash: TxHash
    sender: Address
    nonce: int
    intent: SwapIntent | LiquidityIntent | None = None


def trader_accounts(seed: int) -> tuple[ThrowawayAccount, ...]:
    """The traders of a market, in the order their intents name them."""
    return tuple(ThrowawayAccount(seed, "trader", index) for index in range(TRADERS))


def provider_accounts(seed: int) -> tuple[ThrowawayAccount, ...]:
    """The liquidity providers of a market, in the order their intents name them."""
    return tuple(ThrowawayAccount(seed, "provider", index) for index in range(PROVIDERS))


def traffic_account(seed: int) -> ThrowawayAccount:
    """The sender of all background transactions of a market."""
    return ThrowawayAccount(seed, "traffic")
