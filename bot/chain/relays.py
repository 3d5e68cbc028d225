"""Routes to block builders: core.ports.BundleRoute over HTTP, one warm connection each.

One relay's trouble stays its own: its session, connection, budget and standing are shared with no other. What is shared
is made before anything is sent: the bytes of a bundle, and the identity's signature over them (relay_bodies.py).
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from bot.chain.relay_answers import (
    CalledBundle,
    decode_bundle_hash,
    decode_called_bundle,
    decode_sent_hash,
)
from bot.chain.relay_bodies import BundleBodies, Prepared
from bot.chain.relay_codecs import cancel_params, ping_params, refusal
from bot.chain.relay_connection import RelayConnection
from bot.chain.relay_identity import RelayIdentity
from bot.chain.relay_row import CALL_BUNDLE, CANCEL_PRIVATE_TRANSACTION, RelayRow
from bot.chain.relay_troubles import malformed, silent
from bot.core.decisions import Bundle
from bot.core.errors import BadConfiguration
from bot.core.identity import TxHash, hex_bytes, hex_quantity, keccak
from bot.core.ports import Clock
from bot.core.result import Ok, Reverted, Unknown
from bot.core.route_standing import BidBy, RouteStanding
from bot.core.units import Nanoseconds

PING_AFTER: Final = Nanoseconds(25 * 10**9)
"""Load balancers close a connection after 60 s of silence, the more impatient after 30 s."""
_CANCELLABLE: Final = 64
"""Private transactions whose hashes are kept for a cancellation."""


class RelayRoute:
    """A relay as its row describes it."""

    def __init__(self, connection: RelayConnection, bodies: BundleBodies, clock: Clock) -> None:
        self._connection = connection
        self._bodies = bodies
        self._clock = clock
        self._sent: OrderedDict[str, TxHash] = OrderedDict()
        """By replacement uuid, of a route that takes single transactions."""
        self._is_warming = False

    @property
    def row(self) -> RelayRow:
        return self._connection.row

    @property
    def name(self) -> str:
        return self.row.name

    @property
    def drops_reverts(self) -> bool:
        return self.row.drops_reverts

    @property
    def takes_hints(self) -> bool:
        return self.row.takes_hints

    @property
    def honours(self) -> frozenset[BidBy]:
        return self.row.honours

    @property
    def is_usable(self) -> bool:
        return self._connection.standing.is_usable

    @property
    def standing(self) -> RouteStanding:
        return self._connection.standing.standing

    def why_refused(self, bundle: Bundle) -> str | None:
        refused = refusal(self.row, bundle)
        return None if refused is None else refused.reason

    def prepare(self, bundle: Bundle) -> Prepared | Reverted:
        """Make the bytes and the signature that `send` will write; what other routes have made is used."""
        prepared = self._bodies.of(bundle, self.row)
        if isinstance(prepared, Prepared) and self.row.signature != "none":
            self._bodies.signed(prepared)
        return prepared

    async def send(self, bundle: Bundle) -> Ok[str] | Reverted | Unknown:
        """Ok carries the relay's name for it. What was not handed over counts for nothing in `standing`."""
        prepared = self._bodies.of(bundle, self.row)
        if isinstance(prepared, Reverted):
            return prepared
        why_not = self._connection.standing.why_not
        if why_not:
            return Reverted(f"not sent: {why_not}")
        over = self._connection.why_over_budget(prepared.method)
        if over is not None:
            return Reverted(over)
        self._remember(bundle)
        started = self._clock.monotonic()
        answer: Ok[str] | Reverted | Unknown = Unknown("given up before it was answered")
        try:
            answer = self._read(bundle, await self._connection.post(prepared))
        except asyncio.CancelledError:
            self._connection.standing.troubled(silent(self._connection.host, "given up before it answered"))
            raise
        finally:
            self._connection.standing.answered(answer, Nanoseconds(self._clock.monotonic() - started))
        return answer

    async def cancel(self, replacement_uuid: str) -> Ok[None] | Reverted | Unknown:
        """Ok: the relay took note. A bid it already passed on can still land."""
        if self.row.cancel_by == "none":
            return Reverted(f"relay {self.name} takes nothing back")
        if self.row.cancel_by == CANCEL_PRIVATE_TRANSACTION:
            return await self._cancel_private(replacement_uuid)
        method, params = cancel_params(self.row, replacement_uuid)
        if method not in self.row.methods:
            return Reverted(f"not sent: relay {self.name} does not know {method}")
        answer = await self._connection.request(method, params)
        return Ok(None) if isinstance(answer, Ok) else answer

    async def call(
        self, transactions: Sequence[bytes], block: int, state_block: int
    ) -> Ok[CalledBundle] | Reverted | Unknown:
        """The relay's simulation in `block` on the state of `state_block`; counts against our reputation."""
        if CALL_BUNDLE not in self.row.methods:
            return Reverted(f"not sent: relay {self.name} does not know {CALL_BUNDLE}")
        fields = {
            "txs": [hex_bytes(raw) for raw in transactions],
            "blockNumber": hex_quantity(block),
            "stateBlockNumber": hex_quantity(state_block),
        }
        answer = await self._connection.request(CALL_BUNDLE, [fields])
        return decode_called_bundle(answer.value) if isinstance(answer, Ok) else answer

    async def warm(self) -> None:
        """Between blocks: a ping where the connection would go idle, or where what was wrong is due for another try.

        Never raises, and returns within the route's limit. A second call while one is under way does nothing.
        """
        standing = self._connection.standing
        is_due = standing.wants_a_try or (standing.is_usable and self._connection.is_idle_for(PING_AFTER))
        if self._is_warming or not is_due:
            return
        self._is_warming = True
        try:
            await self._connection.request(*ping_params(self.row))
        finally:
            self._is_warming = False

    async def close(self) -> None:
        await self._connection.close()

    def _read(self, bundle: Bundle, answer: Ok[Any] | Reverted | Unknown) -> Ok[str] | Reverted | Unknown:
        if not isinstance(answer, Ok):
            return answer
        if self.row.codec in ("private_transaction", "raw"):
            read = decode_sent_hash(answer.value, TxHash(keccak(bundle.transactions[-1])))
        else:
            read = decode_bundle_hash(answer.value)
        # A bare rbuilder says null to everything; anything else that is no hash is a lie about its type.
        if isinstance(read, Unknown) and answer.value is not None:
            self._connection.standing.belied(malformed(self._connection.host, read.cause))
        return read

    async def _cancel_private(self, replacement_uuid: str) -> Ok[None] | Reverted | Unknown:
        """By the hash of what was last sent under this uuid."""
        tx_hash = self._sent.get(replacement_uuid)
        if tx_hash is None:
            return Reverted(f"relay {self.name} was sent nothing under {replacement_uuid}")
        answer = await self._connection.request(CANCEL_PRIVATE_TRANSACTION, [{"txHash": hex_bytes(tx_hash)}])
        if not isinstance(answer, Ok):
            return answer
        return Ok(None) if answer.value is True else Reverted(f"relay {self.name} did not cancel")

    def _remember(self, bundle: Bundle) -> None:
        if self.row.cancel_by != CANCEL_PRIVATE_TRANSACTION:
            return
        self._sent[bundle.replacement_uuid] = TxHash(keccak(bundle.transactions[-1]))
        while len(self._sent) > _CANCELLABLE:
            self._sent.popitem(last=False)


def open_route(
    row: RelayRow,
    url: str,
    identity: RelayIdentity,
    clock: Clock,
    limit: Nanoseconds,
    *,
    bodies: BundleBodies | None = None,
    authorization: str | None = None,
    wall_clock: Callable[[], int] = time.time_ns,
) -> RelayRoute:
    """The route of a row, on a connection of its own. Routes that share `bodies` share the bytes of a bundle.

    `authorization`: the account's header, as relay_authorization.py reads it. Raises BadConfiguration where a row
    that needs one has none.
    """
    if row.needs_authorization and authorization is None:
        raise BadConfiguration(
            f"{row.variable}AUTHORIZATION_FILE is not set: relay {row.name} lets in accounts alone"
        )
    shared = bodies or BundleBodies(identity)
    return RelayRoute(
        RelayConnection(row, url, shared, clock, limit, authorization, wall_clock), shared, clock
    )


async def warm_all(routes: Sequence[RelayRoute]) -> None:
    """Each on its own; a slow one holds up no other."""
    await asyncio.gather(*(route.warm() for route in routes), return_exceptions=True)


def prepare_all(bundle: Bundle, routes: Iterable[RelayRoute]) -> dict[str, Prepared | Reverted]:
    """By route, before it is time to send: what is left of `send` is the write."""
    return {route.name: route.prepare(bundle) for route in routes}
