"""The header X-Flashbots-Signature: who sent this very body.

Value: `<address>:<65-byte signature>`; signed is, by EIP-191, the text `0x` + hex(keccak256(body)). Source:
flashbots/go-utils signature/signature.go, whose published vector is in the tests.
"""

from __future__ import annotations

from eth_account import Account
from eth_account.messages import encode_defunct

from bot.core.identity import Address, hex_bytes, keccak, to_checksum

HEADER = "X-Flashbots-Signature"
_SIGNATURE_BYTES = 65


class SignatureError(Exception):
    """The header is missing, malformed, or not by the address it names. The message goes to the client."""


def verify(header: str | None, body: bytes) -> Address:
    """The address that signed `body`. `v` may be 27/28 or 0/1. Raises SignatureError."""
    if not header:
        raise SignatureError("no signature provided")
    named, colon, signature_text = header.partition(":")
    if not colon:
        raise SignatureError("invalid signature provided: expected <address>:<signature>")
    try:
        signature = bytes.fromhex(signature_text.removeprefix("0x"))
        claimed = bytes.fromhex(named.removeprefix("0x"))
    except ValueError as error:
        raise SignatureError("invalid signature provided: not hex") from error
    if len(signature) != _SIGNATURE_BYTES:
        raise SignatureError(
            f"invalid signature provided: {len(signature)} bytes, expected {_SIGNATURE_BYTES}"
        )
    if signature[-1] < 27:
        signature = signature[:-1] + bytes([signature[-1] + 27])
    signer = _recover(body, signature)
    if signer != claimed:
        raise SignatureError(f"signature is by {to_checksum(signer)}, not by {named}")
    return signer


def sign(private_key: bytes, body: bytes) -> str:
    """The header's value for `body`; for the market's own competitor and for tests."""
    account = Account.from_key(private_key)
    signature = account.sign_message(encode_defunct(text=hex_bytes(keccak(body)))).signature
    return f"{account.address}:{hex_bytes(bytes(signature))}"


def _recover(body: bytes, signature: bytes) -> Address:
    message = encode_defunct(text=hex_bytes(keccak(body)))
    try:
        text = str(Account.recover_message(message, signature=signature))
    except Exception as error:  # the library raises several kinds for points that are on no curve
        raise SignatureError(f"invalid signature provided: {error}") from error
    return Address(bytes.fromhex(text.removeprefix("0x")))
