"""The one place that holds private keys. A key here signs transactions it is shown whole, and nothing else."""

from typing import Never

from coincurve import PrivateKey

from bot.core.identity import Address, TxHash, keccak
from bot.core.transaction import (
    SECP256K1_HALF_ORDER,
    SignedTransaction,
    TransactionFields,
    signed_payload,
    unsigned_digest,
)

_SECRET_BYTES = 32


class WalletKey:
    """Shows its address and nothing else: not in repr, not by pickle, not by copy."""

    __slots__ = ("_key", "address")

    def __init__(self, secret: bytes) -> None:
        """Raises ValueError, without the secret in its message, unless `secret` is a valid 32-byte key."""
        if len(secret) != _SECRET_BYTES:  # the library would pad a shorter one with zeros
            raise ValueError(f"a private key has {_SECRET_BYTES} bytes, the keystore holds {len(secret)}")
        try:
            self._key = PrivateKey(secret)
        except Exception:  # noqa: BLE001  # whatever the library says could quote the secret
            raise ValueError("the keystore does not hold a secp256k1 private key") from None
        public = self._key.public_key.format(compressed=False)
        self.address = Address(keccak(public[1:])[-20:])

    def sign(self, fields: TransactionFields) -> SignedTransaction:
        """Deterministic (RFC 6979), low s (EIP-2): the bytes eth-account gives for the same fields."""
        encoded = fields.encoded()
        signature = self._key.sign_recoverable(unsigned_digest(encoded), hasher=None)
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
        if s > SECP256K1_HALF_ORDER:
            raise ArithmeticError("secp256k1 gave a high s, which no node accepts")
        raw = signed_payload(encoded, signature[64], r, s)
        return SignedTransaction(raw=raw, hash=TxHash(keccak(raw)), fields=fields)

    def __repr__(self) -> str:
        return f"WalletKey(0x{self.address.hex()}, secret=<redacted>)"

    def __reduce__(self) -> Never:
        raise TypeError("a private key is not copied and not serialised")
