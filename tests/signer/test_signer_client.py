"""The engine's side: what it takes for a signature, and what it makes of a signer that lies, stalls or dies."""

import asyncio
import contextlib

import msgspec
import pytest
from plan_samples import OPERATOR, OPERATOR_SECRET, plan, reservation_of, simulation_of
from signer_stage import (
    PASSWORD,
    running_signer,
    sample_transaction,
    signer_config,
    write_keystore,
    write_private,
)

from bot.chain.signer_client import SignerClient
from bot.clock import SystemClock
from bot.core.decisions import Approved
from bot.core.errors import BrokenInvariant
from bot.core.identity import keccak
from bot.core.result import Ok, Reverted, Unknown
from bot.core.signer_protocol import (
    NonceNoted,
    Signed,
    SignExecution,
    decode_frames,
    decode_request,
    encode_frame,
)
from bot.core.transaction import decode_signed
from bot.signer.wallet_key import WalletKey

SECOND = 10**9
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
KEY = WalletKey(OPERATOR_SECRET)


def approved(for_plan=None):
    candidate = for_plan or plan()
    return Approved(candidate, simulation_of(candidate), reservation_of(candidate), ())


@contextlib.asynccontextmanager
async def signer_that(folder, answer):
    """A signer whose every request is met by the bytes `answer(request)`, None for silence; and a client of it."""
    requests, asked = [], asyncio.Event()

    async def converse(reader, writer):
        buffer = bytearray()
        while chunk := await reader.read(65536):
            buffer += chunk
            for body in decode_frames(buffer):
                requests.append(decode_request(body))
                asked.set()
                reply = answer(requests[-1])
                if reply is not None:
                    writer.write(reply)
        writer.close()

    path = folder / "signer"
    server = await asyncio.start_unix_server(converse, path)
    client = SignerClient(path, SystemClock(), 20 * SECOND)
    client.requests, client.asked = requests, asked
    try:
        yield client
    finally:
        await client.close()
        server.close()


def signed(fields, key=KEY):
    return encode_frame(Signed(key.sign(fields).raw, 1))


async def test_with_the_real_signer(tmp_path):
    write_keystore(tmp_path / "main.json", throwaway=True)
    write_private(tmp_path / "password", PASSWORD)
    with running_signer(tmp_path):
        client = SignerClient(signer_config(tmp_path).socket_path, SystemClock(), 20 * SECOND)
        assert await client.addresses() == Ok({"main": OPERATOR})
        early = await client.sign(approved())
        assert isinstance(early, Reverted)
        assert early.reason.startswith("nonce: limit the chain's next nonce, which was not reported yet")
        assert await client.report_nonce("main", 7, 100) == Ok(None)
        answer = await client.sign(approved())
        assert answer == Ok(KEY.sign(plan().transaction))
        assert answer.value.hash == keccak(answer.value.raw)
        own = sample_transaction(to=OPERATOR, data=b"", gas_limit=21_000)
        assert await client.sign_cancellation("main", OPERATOR, own) == Ok(KEY.sign(own))
        (status,) = (await client.hello()).value.wallets
        assert (status.counter, status.last_signed_nonce) == (2, 7)
        together = await asyncio.gather(*(client.sign(approved()) for _ in range(5)))
        assert together == [answer] * 5
        await client.close()


async def test_the_bytes_that_go_out_are_those_of_the_plan(tmp_path):
    async with signer_that(tmp_path, lambda _: signed(plan().transaction)) as client:
        await client.sign(approved())
        sample = plan()
        assert client.requests == [SignExecution("main", sample.id, sample.transaction.unsigned_payload())]


async def test_a_plan_changed_after_its_simulation_is_never_asked_for(tmp_path):
    sample = plan()
    changed = msgspec.structs.replace(sample, transaction=sample_transaction(gas_limit=299_999))
    broken = Approved(changed, simulation_of(sample), reservation_of(sample), ())
    async with signer_that(tmp_path, lambda _: None) as client:
        with pytest.raises(BrokenInvariant, match="nothing was signed"):
            await client.sign(broken)
        assert client.requests == []


@pytest.mark.parametrize(
    "lie",
    [
        signed(sample_transaction(gas_limit=299_999)),
        signed(sample_transaction(nonce=8)),
        signed(sample_transaction(), WalletKey(keccak(b"attacker"))),
    ],
    ids=["other gas", "other nonce", "other key"],
)
async def test_a_signature_over_something_else_stops_the_bot(tmp_path, lie):
    async with signer_that(tmp_path, lambda _: lie) as client:
        with pytest.raises(BrokenInvariant, match="was not sent"):
            await client.sign(approved())


def with_parts(**changes):
    fields, *rest = decode_signed(KEY.sign(plan().transaction).raw)
    parts = dict(zip(("y_parity", "r", "s"), rest, strict=True)) | changes
    return encode_frame(Signed(fields.signed_payload(**parts), 1))


@pytest.mark.parametrize(
    "junk",
    [
        encode_frame(Signed(b"", 1)),
        encode_frame(Signed(plan().transaction.unsigned_payload(), 1)),
        encode_frame(Signed(KEY.sign(plan().transaction).raw + b"\0", 1)),
        with_parts(r=0),
        with_parts(s=0),
        with_parts(s=ORDER),
        with_parts(r=2**256),
        with_parts(y_parity=2),
        with_parts(s=ORDER - decode_signed(KEY.sign(plan().transaction).raw)[3], y_parity=0),
        with_parts(s=ORDER - decode_signed(KEY.sign(plan().transaction).raw)[3], y_parity=1),
        encode_frame(NonceNoted(7)),
        b"\0\0\0\0",
        b"\xff\xff\xff\xff",
        b"\0\0\0\x01\xc0",
        signed(plan().transaction) * 2,
        signed(plan().transaction) + b"\0",
    ],
)
async def test_junk_is_unknown_and_says_that_a_signature_may_exist(tmp_path, junk):
    async with signer_that(tmp_path, lambda _: junk) as client:
        answer = await client.sign(approved())
        assert isinstance(answer, Unknown)
        assert "a signature may exist" in answer.cause


async def test_no_signer_is_unknown_and_nothing_was_sent(tmp_path):
    answer = await SignerClient(tmp_path / "nobody", SystemClock(), SECOND).sign(approved())
    assert isinstance(answer, Unknown)
    assert "nothing was sent" in answer.cause
    assert "may exist" not in answer.cause


class ImpatientClock(SystemClock):
    """Gives up as soon as the work has had its turn."""

    async def within(self, limit, work):
        return await super().within(limit // 1000, work)


async def test_silence_is_unknown_and_a_late_reply_is_not_taken_for_the_next(tmp_path):
    """The reply of the first request comes when the second is asked."""
    replies = [None, signed(plan().transaction), signed(sample_transaction(gas_limit=1))]
    other = plan(transaction=sample_transaction(gas_limit=1))
    async with signer_that(tmp_path, lambda _: replies.pop(0)) as client:
        client._clock, client._limit = ImpatientClock(), 100 * SECOND
        answer = await client.sign(approved())
        assert isinstance(answer, Unknown)
        assert "a signature may exist" in answer.cause
        client._clock = SystemClock()
        assert await client.sign(approved()) == Ok(KEY.sign(plan().transaction))
        assert await client.sign(approved(other)) == Ok(KEY.sign(other.transaction))


async def test_a_signer_that_dies_in_between_is_unknown_then_found_again(tmp_path):
    write_keystore(tmp_path / "main.json", throwaway=True)
    write_private(tmp_path / "password", PASSWORD)
    client = SignerClient(signer_config(tmp_path).socket_path, SystemClock(), 20 * SECOND)
    with running_signer(tmp_path) as process:
        await client.report_nonce("main", 7, 100)
        process.terminate()
        process.wait()
    assert isinstance(await client.sign(approved()), Unknown)
    with running_signer(tmp_path):
        assert await client.sign(approved()) == Ok(KEY.sign(plan().transaction))
        await client.close()


async def test_a_cancelled_request_leaves_no_reply_behind(tmp_path):
    replies = [None, signed(plan().transaction)]
    async with signer_that(tmp_path, lambda _: replies.pop(0)) as client:
        task = asyncio.create_task(client.sign(approved()))
        await client.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await client.sign(approved()) == Ok(KEY.sign(plan().transaction))
