"""Who signed a raw transaction, where its source does not say."""

from coincurve import PublicKey

from bot.core.identity import Address, keccak
from bot.core.signed_fields import signing_parts


def recover_sender(raw: bytes) -> Address:
    """By the signature. Raises ValueError where `raw` is no transaction of types 0 to 4 or its signature is none."""
    parts = signing_parts(raw)
    if parts.y_parity not in (0, 1):
        raise ValueError(f"a signature whose parity is {parts.y_parity}")
    signature = parts.r.to_bytes(32, "big") + parts.s.to_bytes(32, "big") + bytes((parts.y_parity,))
    key = PublicKey.from_signature_and_message(signature, parts.digest, hasher=None)
    return Address(keccak(key.format(compressed=False)[1:])[12:])
