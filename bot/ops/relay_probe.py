"""What an endpoint really supports, found out by requests that can do no harm.

Every transaction is of a key made for this one look, which holds nothing; every bundle is for block 1; every uuid is
new. Nothing is asked twice as fast as a person would mind: the requests go one after the other, three dozen in all.
"""

import json
import secrets
import uuid
from typing import Any, Final, Literal

import aiohttp
import msgspec
from coincurve import PrivateKey

from bot.chain.bounded_read import read_at_most
from bot.chain.relay_answers import error_of
from bot.chain.relay_auth import HEADER
from bot.chain.relay_codecs import Form, bundle_request, encode_request
from bot.chain.relay_identity import RelayIdentity
from bot.chain.relay_row import (
    BLOXROUTE_BUNDLE,
    CALL_BUNDLE,
    CANCEL_BUNDLE,
    CANCEL_PRIVATE_TRANSACTION,
    PRIVATE_TRANSACTION,
    RAW_TRANSACTION,
    SEND_BUNDLE,
    SHARE_BUNDLE,
    SIMULATE_SHARE_BUNDLE,
    Codec,
)
from bot.chain.relay_secrets import HeaderSecrets
from bot.core.decisions import Bundle
from bot.core.identity import Address, keccak
from bot.core.ports import Clock
from bot.core.result import Ok
from bot.core.transaction import TransactionFields
from bot.core.units import Gas, Nanoseconds, Wei, WeiPerGas

Signing = Literal["good", "none", "wrong"]

NO_SUCH_METHOD: Final = "relay_checkNoSuchMethod"
METHODS: Final[dict[str, Any]] = {
    SEND_BUNDLE: [{}],
    CALL_BUNDLE: [{}],
    CANCEL_BUNDLE: [{}],
    SHARE_BUNDLE: [{}],
    SIMULATE_SHARE_BUNDLE: [{}],
    BLOXROUTE_BUNDLE: {},
    PRIVATE_TRANSACTION: [{}],
    CANCEL_PRIVATE_TRANSACTION: [{}],
    RAW_TRANSACTION: ["0x"],
}
"""Asked for, each with nothing in it: who knows a method says what is missing."""
_BY_METHOD: Final[tuple[tuple[str, Codec], ...]] = (
    (SEND_BUNDLE, "flashbots"),
    (SHARE_BUNDLE, "mev_share"),
    (BLOXROUTE_BUNDLE, "bloxroute"),
    (PRIVATE_TRANSACTION, "private_transaction"),
    (RAW_TRANSACTION, "raw"),
)
LONG_PAST: Final = 1
_LARGEST_ANSWER: Final = 1 << 20
_NOISE: Final = 100_000
_FRAME: Final = 120
"""Characters: of one noisy transaction, and more than enough for what stands around it."""


class Reply(msgspec.Struct, frozen=True):
    """What came back; `status` 0 where nothing did."""

    status: int
    code: int | None
    """Of a JSON-RPC error; 0 for one without; None: no error."""
    words: str
    took: Nanoseconds
    date: str | None = None
    is_error_object: bool = False
    is_json_rpc: bool = False
    """An answer to the very request that was made."""

    @property
    def is_yes(self) -> bool:
        return self.status == 200 and self.code is None

    @property
    def needs_auth(self) -> bool:
        return self.status in (401, 403)

    def in_words(self) -> str:
        if self.status == 0:
            return f"no answer: {self.words}"
        return "accepted" if self.is_yes else f"refused: HTTP {self.status}: {self.words}"


class RelayProbe:
    """Asks one endpoint. Made inside a running event loop."""

    def __init__(
        self, url: str, identity: RelayIdentity, authorization: str | None, clock: Clock, limit: Nanoseconds
    ) -> None:
        self._url = url
        self._identity = identity
        self._authorization = authorization
        self._clock = clock
        self._limit = limit
        self._transaction = unfunded_transaction()
        self.replies: list[Reply] = []
        self._client = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None), cookie_jar=aiohttp.DummyCookieJar()
        )

    async def close(self) -> None:
        await self._client.close()

    async def ask(self, method: str, params: Any, signing: Signing = "good") -> Reply:
        number = len(self.replies) + 1
        return await self.post(encode_request(number, method, params), signing, number)

    async def bundle(
        self, codec: Codec, replacement_uuid: str | None = None, signing: Signing = "good"
    ) -> Reply:
        """A bundle for block 1, in this codec's words."""
        behind = secrets.token_bytes(32) if codec == "hash_first" else None
        whole = Bundle((self._transaction,), LONG_PAST, replacement_uuid or "", True, behind)
        method, params = bundle_request(Form(codec, replacement_uuid is not None), whole)
        return await self.ask(method, params, signing)

    async def post(self, body: bytes, signing: Signing = "good", number: int = 1) -> Reply:
        """`number`: the id in the body, which the answer must name."""
        started = self._clock.monotonic()
        answered = await self._clock.within(
            self._limit, self._post(body, number, self._headers(body, signing))
        )
        took = Nanoseconds(self._clock.monotonic() - started)
        if isinstance(answered, Ok):
            reply = msgspec.structs.replace(answered.value, took=took)
        else:
            reply = Reply(0, None, answered.cause, took)
        self.replies.append(reply)
        return reply

    async def _post(self, body: bytes, number: int, headers: dict[str, str]) -> Reply:
        nothing = Nanoseconds(0)
        try:
            async with self._client.post(
                self._url, data=body, headers=headers, allow_redirects=False
            ) as response:
                content = await read_at_most(response.content, _LARGEST_ANSWER)
                status, date = response.status, response.headers.get("Date")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Reply(0, None, f"{type(error).__name__}: {error}"[:200], nothing)
        if content is None:
            return Reply(status, 0, f"an answer longer than {_LARGEST_ANSWER} bytes", nothing, date)
        content = HeaderSecrets(self._authorization).hide(content, headers.get(HEADER))
        code, words = error_of(content)
        answer = _decoded(content, in_batch=body[:1] == b"[")
        stranger = _whose(answer, number)
        if stranger is not None and (status == 200 or answer is not None):
            code, words = 0, f"no JSON-RPC answer: {stranger or words}"
        elif code is None and status != 200:
            code = 0
        is_object = answer is not None and isinstance(answer.get("error"), dict)
        is_ours = stranger is None
        return Reply(status, code, words, nothing, date, is_object and is_ours, is_ours)

    def _headers(self, body: bytes, signing: Signing) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if signing != "none":
            headers[HEADER] = self._identity.header(body if signing == "good" else body + b" ")
        if self._authorization is not None:
            headers["Authorization"] = self._authorization
        return headers


def codec_of(known: set[str]) -> Codec | None:
    """How bundles are written for an endpoint of which only the methods are known; None: it takes none."""
    return next((codec for method, codec in _BY_METHOD if method in known), None)


def throwaway_identity() -> RelayIdentity:
    return RelayIdentity(PrivateKey().secret)


def unfunded_transaction() -> bytes:
    """A transfer of nothing to nobody, signed by a key that nobody has and that is forgotten at once."""
    fields = TransactionFields(
        chain_id=1,
        nonce=0,
        max_priority_fee_per_gas=WeiPerGas(1),
        max_fee_per_gas=WeiPerGas(1),
        gas_limit=Gas(21_000),
        to=Address(secrets.token_bytes(20)),
        value=Wei(0),
        data=b"",
        access_list=(),
    )
    signature = PrivateKey().sign_recoverable(fields.digest(), hasher=None)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    return fields.signed_payload(signature[64], r, s)


def uuids_to_try() -> dict[str, str]:
    """By their kind; each new, but for the text, which is no uuid at all."""
    return {
        "v4": str(uuid.uuid4()),
        "v1": "6ba7b810-9dad-11d1-80b4-" + keccak(secrets.token_bytes(8)).hex()[:12],
        "text": f"relay-check {secrets.token_hex(8)}",
    }


def oversized(size: int) -> bytes:
    """A body of a little less than `size` bytes: a bundle of noise, in transactions that no node finds too long."""
    count = -(-size // _NOISE)
    noise = [f"0x{secrets.token_hex((size // count - _FRAME) // 2)}" for _ in range(count)]
    return encode_request(1, SEND_BUNDLE, [{"txs": noise, "blockNumber": "0x1"}])


def _whose(answer: dict[str, Any] | None, number: int) -> str | None:
    """None: it answers request `number`. Else why it does not; empty where it is no answer at all.

    An error may come without an id: the relay could not read ours.
    """
    if answer is None:
        return ""
    answered, is_error = answer.get("id"), answer.get("error") is not None
    is_ours = answered == number and not isinstance(answered, bool)
    if is_error and (is_ours or answered is None):
        return None
    if not is_ours:
        return f"the answer is to request {json.dumps(answered)[:80]}, ours was {number}"
    return None if "result" in answer else ""


def _decoded(content: bytes, *, in_batch: bool) -> dict[str, Any] | None:
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if in_batch and isinstance(answer, list) and len(answer) == 1:
        [answer] = answer
    return answer if isinstance(answer, dict) else None
