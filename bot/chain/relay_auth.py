"""The `X-Flashbots-Signature` header: who asks, proven over the exact bytes of the body.

Step by step as go-utils' signature.go: keccak of the body, its 0x-hex as 66 characters of text, EIP-191 over that
text, 65 bytes r ‖ s ‖ v with v 27 or 28.
"""

from typing import Final

from coincurve import PrivateKey

from bot.core.identity import hex_bytes, keccak

HEADER: Final = "X-Flashbots-Signature"
_EIP191_OF_66_CHARACTERS: Final = b"\x19Ethereum Signed Message:\n66"


def signature_header(key: PrivateKey, checksummed: str, body: bytes) -> str:
    """`<checksummed address>:0x<130 hex digits>` for the body that is sent, byte by byte."""
    text = hex_bytes(keccak(body)).encode()
    signature = key.sign_recoverable(keccak(_EIP191_OF_66_CHARACTERS + text), hasher=None)
    return f"{checksummed}:0x{signature[:64].hex()}{27 + signature[64]:02x}"
