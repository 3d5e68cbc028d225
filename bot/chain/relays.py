"""Routes to block builders: core.ports.BundleRoute over HTTP, one warm connection each.

A request is serialised once; the very bytes that are signed are the bytes that are sent. No redirect is followed, no
proxy or cookie is used, and no answer is read beyond its cap.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final

import aiohttp
import msgspec

from bot.chain.bounded_read import read_at_most
from bot.chain.relay_answers import (
    CalledBundle,
    decode_answer,
    decode_bundle_hash,
    decode_called_bundle,
    decode_sent_hash,
)
from bot.chain.relay_auth import HEADER
from bot.chain.relay_budget import MinuteBudget
from bot.chain.relay_identity import RelayIdentity
from bot.chain.relay_rows import (
    CALL_BUNDLE,
    CANCEL_BUNDLE,
    CANCEL_PRIVATE_TRANSACTION,
    PRIVATE_TRANSACTION,
    RAW_TRANSACTION,
    SEND_BUNDLE,
    RelayRow,
)
from bot.core.decisions import Bundle
from bot.core.identity import TxHash, hex_bytes, hex_quantity, keccak
from bot.core.ports import Clock
from bot.core.result import Ok, Reverted, Unknown
from bot.core.route_standing import BidBy, RouteStanding
from bot.core.units import Nanoseconds

MAX_ANSWER_BYTES: Final = 1024 * 1024
_IDLE_SECONDS: Final = 75
"""A connection outlives several slots of 12 s, so that a bundle does not wait for a TLS handshake."""
_CANCELLABLE: Final = 64
"""Private transactions whose hashes are kept for a cancellation."""


def encode_request(request_id: int, method: str, params: Sequence[object]) -> bytes:
    """The body that is signed and sent."""
    return msgspec.json.encode({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})


def bundle_fields(
    transactions: Sequence[bytes], target_block: int, replacement_uuid: str | None
) -> dict[str, object]:
    """The one parameter of `eth_sendBundle`; `replacement_uuid` None where the relay knows none."""
    fields: dict[str, object] = {
        "txs": [hex_bytes(raw) for raw in transactions],
        "blockNumber": hex_quantity(target_block),
    }
    if replacement_uuid is not None:
        fields["replacementUuid"] = replacement_uuid
    return fields


class RelayConnection:
    """Signed requests to one relay, within its limits."""

    def __init__(
        self, row: RelayRow, url: str, identity: RelayIdentity, clock: Clock, limit: Nanoseconds
    ) -> None:
        """`limit`: longest wait for an answer. Made inside a running event loop."""
        self.row = row
        self._url = url
        self._identity = identity
        self._clock = clock
        self._limit = limit
        self._next_id = 1
        self._budgets: dict[str, MinuteBudget] = {}
        # Time-outs are the Clock's alone; aiohttp's own default would cut a request after five minutes.
        self._client = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None),
            connector=aiohttp.TCPConnector(keepalive_timeout=_IDLE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    @property
    def refused_by_budget(self) -> int:
        """Requests not made because the relay's limit per minute was reached."""
        return sum(budget.refused for budget in self._budgets.values())

    async def request(self, method: str, params: Sequence[object]) -> Ok[Any] | Reverted | Unknown:
        """Ok carries the `result` member. Reverted also for what we did not send: nothing of it left this machine."""
        if method not in self.row.methods:
            return Reverted(f"not sent: relay {self.row.name} does not know {method}")
        request_id, self._next_id = self._next_id, self._next_id + 1
        body = encode_request(request_id, method, params)
        if len(body) > self.row.max_bytes:
            return Reverted(f"not sent: {len(body)} bytes, relay {self.row.name} takes {self.row.max_bytes}")
        if not self._budget(method).take():
            return Reverted(
                f"not sent: {self.row.limit_per_minute(method)} {method} per minute to relay {self.row.name} are used"
            )
        posted = await self._clock.within(self._limit, self._post(body))
        answer = posted.value if isinstance(posted, Ok) else posted
        if isinstance(answer, Unknown):
            return Unknown(f"{method}: {answer.cause}")
        return decode_answer(*answer, request_id)

    async def close(self) -> None:
        await self._client.close()

    def _budget(self, method: str) -> MinuteBudget:
        if method not in self._budgets:
            self._budgets[method] = MinuteBudget(self.row.limit_per_minute(method), self._clock)
        return self._budgets[method]

    async def _post(self, body: bytes) -> tuple[int, bytes] | Unknown:
        """Once more after a disconnect: relays close idle connections, and the same bundle twice is the same bundle."""
        try:
            try:
                return await self._post_once(body)
            except aiohttp.ServerDisconnectedError:
                return await self._post_once(body)
        except (aiohttp.ClientError, OSError, RuntimeError, ValueError) as error:
            # RuntimeError: closed by us meanwhile. ValueError: a header or length no client can read.
            return Unknown(f"connection failed: {type(error).__name__}")

    async def _post_once(self, body: bytes) -> tuple[int, bytes] | Unknown:
        headers = {"Content-Type": "application/json", HEADER: self._identity.header(body)}
        async with self._client.post(
            self._url, data=body, headers=headers, allow_redirects=False
        ) as response:
            content = await read_at_most(response.content, MAX_ANSWER_BYTES)
        if content is None:
            return Unknown(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
        return response.status, content


class _Route:
    """What every route is: a row, and a connection of its own."""

    def __init__(self, connection: RelayConnection) -> None:
        self._connection = connection

    @property
    def name(self) -> str:
        return self._connection.row.name

    @property
    def drops_reverts(self) -> bool:
        return self._connection.row.drops_reverts

    @property
    def takes_hints(self) -> bool:
        return False

    @property
    def honours(self) -> frozenset[BidBy]:
        return frozenset({"payment", "priority_fee"})

    @property
    def is_usable(self) -> bool:
        return True

    @property
    def standing(self) -> RouteStanding:
        return RouteStanding(self.name, "", self.drops_reverts, is_usable=True)

    async def close(self) -> None:
        await self._connection.close()


class FlashbotsRoute(_Route):
    """A relay that takes bundles by the Flashbots methods, and drops what reverts."""

    async def send(self, bundle: Bundle) -> Ok[str] | Reverted | Unknown:
        """`revertingTxHashes` is never filled: a bundle of ours lands whole or not at all."""
        row = self._connection.row
        refusal = _refusal(row, bundle)
        if refusal is not None:
            return refusal
        uuid = bundle.replacement_uuid if row.takes_uuid else None
        fields = bundle_fields(bundle.transactions, bundle.target_block, uuid)
        answer = await self._connection.request(SEND_BUNDLE, [fields])
        return decode_bundle_hash(answer.value) if isinstance(answer, Ok) else answer

    async def cancel(self, replacement_uuid: str) -> Ok[None] | Reverted | Unknown:
        """Ok: the relay took note. A bid it already passed on can still land."""
        answer = await self._connection.request(CANCEL_BUNDLE, [{"replacementUuid": replacement_uuid}])
        return Ok(None) if isinstance(answer, Ok) else answer

    async def call(
        self, transactions: Sequence[bytes], block: int, state_block: int
    ) -> Ok[CalledBundle] | Reverted | Unknown:
        """The relay's simulation in `block` on the state of `state_block`; counts against our reputation."""
        fields = {
            "txs": [hex_bytes(raw) for raw in transactions],
            "blockNumber": hex_quantity(block),
            "stateBlockNumber": hex_quantity(state_block),
        }
        answer = await self._connection.request(CALL_BUNDLE, [fields])
        return decode_called_bundle(answer.value) if isinstance(answer, Ok) else answer


class PrivateTransactionRoute(_Route):
    """An endpoint that takes single transactions and keeps them out of the public pool, but mines reverts."""

    def __init__(self, connection: RelayConnection) -> None:
        super().__init__(connection)
        self._sent: OrderedDict[str, TxHash] = OrderedDict()

    async def send(self, bundle: Bundle) -> Ok[str] | Reverted | Unknown:
        """Ok carries the transaction's hash. `maxBlockNumber` is the bundle's block."""
        row = self._connection.row
        refusal = _refusal(row, bundle)
        if refusal is not None:
            return refusal
        [raw] = bundle.transactions
        tx_hash = TxHash(keccak(raw))
        self._remember(bundle.replacement_uuid, tx_hash)
        if PRIVATE_TRANSACTION in row.methods:
            fields = {"tx": hex_bytes(raw), "maxBlockNumber": hex_quantity(bundle.target_block)}
            answer = await self._connection.request(PRIVATE_TRANSACTION, [fields])
        else:
            answer = await self._connection.request(RAW_TRANSACTION, [hex_bytes(raw)])
        return decode_sent_hash(answer.value, tx_hash) if isinstance(answer, Ok) else answer

    async def cancel(self, replacement_uuid: str) -> Ok[None] | Reverted | Unknown:
        """By the hash of what was last sent under this uuid."""
        tx_hash = self._sent.get(replacement_uuid)
        if tx_hash is None:
            return Reverted(f"relay {self.name} was sent nothing under {replacement_uuid}")
        answer = await self._connection.request(CANCEL_PRIVATE_TRANSACTION, [{"txHash": hex_bytes(tx_hash)}])
        if not isinstance(answer, Ok):
            return answer
        return Ok(None) if answer.value is True else Reverted(f"relay {self.name} did not cancel")

    def _remember(self, replacement_uuid: str, tx_hash: TxHash) -> None:
        self._sent[replacement_uuid] = tx_hash
        while len(self._sent) > _CANCELLABLE:
            self._sent.popitem(last=False)


def open_route(
    row: RelayRow, url: str, identity: RelayIdentity, clock: Clock, limit: Nanoseconds
) -> FlashbotsRoute | PrivateTransactionRoute:
    """The route of a row, on a connection of its own: one relay's trouble stays its own."""
    connection = RelayConnection(row, url, identity, clock, limit)
    route: type[FlashbotsRoute | PrivateTransactionRoute] = (
        FlashbotsRoute if row.kind == "bundles" else PrivateTransactionRoute
    )
    return route(connection)


def _refusal(row: RelayRow, bundle: Bundle) -> Reverted | None:
    """Law 7 once more, at the last door: also a caller's mistake hands nothing that can revert to who mines reverts."""
    if bundle.may_revert and not row.drops_reverts:
        return Reverted(f"not sent: the plan may revert and relay {row.name} mines reverts")
    if not 1 <= len(bundle.transactions) <= row.max_transactions:
        return Reverted(
            f"not sent: {len(bundle.transactions)} transactions, relay {row.name} takes 1 to {row.max_transactions}"
        )
    return None
