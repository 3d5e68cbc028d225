"""What the engine and the signer process say to each other over a Unix stream socket.

A frame is four bytes of length, big-endian, and that many bytes of msgpack. The engine sends one request and reads
one reply. No request carries a hash to be signed: the signer gets the unsigned transaction, decodes it itself, and
signs what it decoded or refuses.
"""

from typing import Final

import msgspec

from bot.core.identity import Address, IntentId, WalletName

PROTOCOL_VERSION: Final = 2
MAX_FRAME_BYTES: Final = 64 * 1024
"""Eight cycles of four hops are 5 KB of calldata; more than this is not one of our messages."""
LENGTH_BYTES: Final = 4
SOCKET_PATH_MAX: Final = 107
"""Bytes: sun_path of unix(7) holds 108 with its closing zero."""


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """Who are you, and for whom do you sign?"""

    protocol: int = PROTOCOL_VERSION


class SignExecution(msgspec.Struct, frozen=True, tag="sign_execution"):
    """Sign this call of the Executor, if the policy allows it."""

    wallet: WalletName
    intent: IntentId
    """For the signer's log alone; the policy believes nothing but `payload`."""
    payload: bytes
    """`TransactionFields.unsigned_payload()`."""


class SignCancellation(msgspec.Struct, frozen=True, tag="sign_cancellation"):
    """Sign this transfer of nothing to the wallet itself, which burns a nonce. The one kind signed after a halt."""

    wallet: WalletName
    payload: bytes


class ReportNonce(msgspec.Struct, frozen=True, tag="report_nonce"):
    """The chain's transaction count of the wallet: every nonce below is used, this one is open.

    Reported at every head, as block windows are judged by it. Both may go back after a reorg. Until they were
    reported once, nothing is signed for the wallet.
    """

    wallet: WalletName
    next_nonce: int
    block_number: int
    """The block at which the count was read."""


Request = Hello | SignExecution | SignCancellation | ReportNonce


class WalletStatus(msgspec.Struct, frozen=True):
    name: WalletName
    address: Address
    last_signed_nonce: int | None
    """The highest ever signed; None before the first signature."""
    next_nonce: int | None
    """As last reported; None before the first report."""
    counter: int
    """Signatures ever made with this wallet. A journal that knows of fewer has lost records."""
    nonce_jumps: int = 0
    """Reports that this signer's own signatures do not explain. Not 0: is the wallet used elsewhere, or the engine
    lying?"""


class HelloReply(msgspec.Struct, frozen=True, tag="hello_reply"):
    protocol: int
    chain_id: int
    wallets: tuple[WalletStatus, ...]
    halted: str | None
    """Why only cancellations are signed; None when there is no halt."""


class Signed(msgspec.Struct, frozen=True, tag="signed"):
    raw: bytes
    """The signed transaction, for the wire."""
    counter: int


class NonceNoted(msgspec.Struct, frozen=True, tag="nonce_noted"):
    next_nonce: int


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """No signature exists for this request: the rule, what it allows, and what was seen."""

    rule: str
    limit: str
    actual: str


Reply = HelloReply | Signed | NonceNoted | Refused

_ENCODER: Final = msgspec.msgpack.Encoder()
_REQUESTS: Final = msgspec.msgpack.Decoder(Request)
_REPLIES: Final = msgspec.msgpack.Decoder(Reply)


def encode_frame(message: Request | Reply) -> bytes:
    """The message with its length before it. Raises ValueError above MAX_FRAME_BYTES."""
    body = _ENCODER.encode(message)
    if len(body) > MAX_FRAME_BYTES:
        raise ValueError(f"a message of {len(body)} bytes: at most {MAX_FRAME_BYTES} go into a frame")
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def decode_frames(buffer: bytearray) -> list[bytes]:
    """Take the complete frames off the front of `buffer`; what is left there is the start of the next one.

    Raises ValueError when a length is 0 or above MAX_FRAME_BYTES: the stream is not ours and cannot be resumed.
    """
    frames: list[bytes] = []
    start = 0
    while len(buffer) - start >= LENGTH_BYTES:
        length = int.from_bytes(buffer[start : start + LENGTH_BYTES], "big")
        if not 0 < length <= MAX_FRAME_BYTES:
            raise ValueError(f"a frame of {length} bytes: 1 to {MAX_FRAME_BYTES} are allowed")
        end = start + LENGTH_BYTES + length
        if len(buffer) < end:
            break
        frames.append(bytes(buffer[start + LENGTH_BYTES : end]))
        start = end
    del buffer[:start]
    return frames


def decode_request(body: bytes) -> Request:
    """Raises ValueError (msgspec's own) for what is no request."""
    request: Request = _REQUESTS.decode(body)
    return request


def decode_reply(body: bytes) -> Reply:
    """Raises ValueError (msgspec's own) for what is no reply."""
    reply: Reply = _REPLIES.decode(body)
    return reply
