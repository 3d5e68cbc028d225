"""core.ports.Signer over the socket of the signer process.

What comes back is not believed: it is decoded, its digest must be the simulated one, its sender the plan's.
"""

import asyncio
from pathlib import Path

from coincurve import PublicKey

from bot.core.decisions import Approved
from bot.core.errors import BrokenInvariant
from bot.core.identity import Address, TxHash, WalletName, keccak, to_checksum
from bot.core.ports import Clock
from bot.core.result import Ok, Reverted, Unknown
from bot.core.signer_protocol import (
    MAX_FRAME_BYTES,
    PROTOCOL_VERSION,
    Hello,
    HelloReply,
    NonceNoted,
    Refused,
    Reply,
    ReportNonce,
    Request,
    SignCancellation,
    Signed,
    SignExecution,
    decode_frames,
    decode_reply,
    encode_frame,
)
from bot.core.transaction import (
    SECP256K1_HALF_ORDER,
    SignedTransaction,
    TransactionFields,
    decode_signed,
)
from bot.core.units import Nanoseconds

_MAY_EXIST = "a signature may exist: keep its budget reserved until its nonce is used"


class SignerClient:
    """One connection, one request at a time; opened at the first request, and anew after any failure."""

    def __init__(self, socket_path: Path, clock: Clock, limit: Nanoseconds) -> None:
        """`limit`: longest wait for a reply."""
        self._socket_path = socket_path
        self._clock = clock
        self._limit = limit
        self._turn = asyncio.Lock()
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def sign(self, approved: Approved) -> Ok[SignedTransaction] | Reverted | Unknown:
        """Reverted: refused, no signature exists. Unknown: no reply, its cause says whether a signature may exist.

        Raises BrokenInvariant when the plan is not what was simulated, or the signer signed something else.
        """
        plan = approved.plan
        if approved.simulation.digest != plan.transaction.digest():
            raise BrokenInvariant(
                f"intent {plan.id}: simulated {approved.simulation.digest.hex()}, to be signed"
                f" {plan.transaction.digest().hex()}; nothing was signed"
            )
        request = SignExecution(plan.wallet, plan.id, plan.transaction.unsigned_payload())
        return await self._signature(request, plan.transaction, plan.sender)

    async def sign_cancellation(
        self, wallet: WalletName, sender: Address, fields: TransactionFields
    ) -> Ok[SignedTransaction] | Reverted | Unknown:
        """A transfer of nothing to `sender` itself, at a nonce that was signed and is unused. Results as `sign`."""
        request = SignCancellation(wallet, fields.unsigned_payload())
        return await self._signature(request, fields, sender)

    async def report_nonce(
        self, wallet: WalletName, next_nonce: int, block_number: int
    ) -> Ok[None] | Reverted | Unknown:
        """Tell the chain's transaction count of a wallet as of a block: at every head.

        The signer signs at this nonce and no other, so that nonce n+1 waits until n is used, and for windows that
        begin within 64 blocks after this one.
        """
        reply = await self._ask(ReportNonce(wallet, next_nonce, block_number))
        if isinstance(reply, NonceNoted) and reply.next_nonce == next_nonce:
            return Ok(None)
        return _no(reply)

    async def hello(self) -> Ok[HelloReply] | Reverted | Unknown:
        """Chain id, wallets with their durable counters, and whether there is a halt."""
        reply = await self._ask(Hello())
        if isinstance(reply, HelloReply) and reply.protocol != PROTOCOL_VERSION:
            return Reverted(
                f"the signer speaks protocol {reply.protocol}, this bot {PROTOCOL_VERSION}: restart it"
            )
        return Ok(reply) if isinstance(reply, HelloReply) else _no(reply)

    async def addresses(self) -> Ok[dict[WalletName, Address]] | Reverted | Unknown:
        answer = await self.hello()
        if not isinstance(answer, Ok):
            return answer
        return Ok({wallet.name: wallet.address for wallet in answer.value.wallets})

    async def close(self) -> None:
        if self._connection is not None:
            self._connection[1].close()
            self._connection = None

    async def _signature(
        self, request: SignExecution | SignCancellation, fields: TransactionFields, sender: Address
    ) -> Ok[SignedTransaction] | Reverted | Unknown:
        reply = await self._ask(request)
        return _verified(reply.raw, fields, sender) if isinstance(reply, Signed) else _no(reply)

    async def _ask(self, request: Request) -> Reply | Unknown:
        async with self._turn:
            try:
                reader, writer = self._connection or await self._connect()
            except OSError as error:
                return Unknown(f"signer at {self._socket_path}: {error}; nothing was sent")
            answered = False
            try:
                reply = await self._clock.within(self._limit, _exchange(reader, writer, request))
                answered = isinstance(reply, Ok)
            except (OSError, EOFError, ValueError) as error:
                reply = Unknown(f"{type(error).__name__}: {error}")
            finally:
                if not answered:  # a late reply must never be taken for the next request's
                    await self.close()
        return (
            reply.value
            if isinstance(reply, Ok)
            else Unknown(f"no reply of the signer ({reply.cause}); {_MAY_EXIST}")
        )

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self._connection = await asyncio.open_unix_connection(self._socket_path, limit=MAX_FRAME_BYTES)
        return self._connection


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> Reply:
    writer.write(encode_frame(request))
    await writer.drain()
    buffer = bytearray()
    while True:
        chunk = await reader.read(MAX_FRAME_BYTES)
        if not chunk:
            raise EOFError("the signer closed the connection")
        buffer += chunk
        frames = decode_frames(buffer)
        if len(frames) > 1 or (frames and buffer):
            raise ValueError("more than one reply to one request")
        if frames:
            return decode_reply(frames[0])


def _no(reply: Reply | Unknown) -> Reverted | Unknown:
    if isinstance(reply, Refused):
        return Reverted(f"{reply.rule}: limit {reply.limit}, actual {reply.actual}")
    if isinstance(reply, Unknown):
        return reply
    return Unknown(f"the signer answered something else: {type(reply).__name__}; {_MAY_EXIST}")


def _verified(raw: bytes, wanted: TransactionFields, sender: Address) -> Ok[SignedTransaction] | Unknown:
    try:
        fields, signer = _read_signed(raw)
    except ValueError as error:
        return Unknown(f"the signer's reply is no signed transaction ({error}); {_MAY_EXIST}")
    if fields.digest() != wanted.digest() or signer != sender:
        raise BrokenInvariant(
            f"the signer signed {fields.digest().hex()} as {to_checksum(signer)}, asked for was"
            f" {wanted.digest().hex()} as {to_checksum(sender)}; it was not sent. Stop the signer and find out why"
        )
    return Ok(SignedTransaction(raw=raw, hash=TxHash(keccak(raw)), fields=fields))


def _read_signed(raw: bytes) -> tuple[TransactionFields, Address]:
    """Fields and signer of a raw transaction; raises ValueError unless it is the canonical encoding of one."""
    fields, y_parity, r, s = decode_signed(raw)
    if fields.signed_payload(y_parity, r, s) != raw:
        raise ValueError("not the canonical encoding")
    return fields, _recover(fields.digest(), y_parity, r, s)


def _recover(digest: bytes, y_parity: int, r: int, s: int) -> Address:
    """Address whose key made the signature. Raises ValueError when no key did."""
    if y_parity > 1 or r.bit_length() > 256 or s > SECP256K1_HALF_ORDER:
        raise ValueError(
            f"y parity {y_parity}, r of {r.bit_length()} bits, s of {s.bit_length()}: no node takes this"
        )
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([y_parity])
    try:
        public = PublicKey.from_signature_and_message(signature, digest, hasher=None)
    except Exception as error:  # coincurve raises plain Exception for a point that is not on the curve
        raise ValueError(f"no key made this signature: {error}") from error
    return Address(keccak(public.format(compressed=False)[1:])[-20:])
