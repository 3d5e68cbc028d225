"""The relays' methods, whoever calls them: a bot over HTTP or the market's own competitor.

Each endpoint has a table of methods, to which others may add (`serve`). A method takes the Call and the parameters;
what it takes in goes through `take`, which knows the endpoint, the arrival and the fault that strikes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from bot.core.identity import ZERO_ADDRESS, Address, TxHash, hex_bytes, to_checksum
from bot.world.anvil import Anvil
from bot.world.block_simulation import BuildingBlock, SimulationRefusedError, simulate
from bot.world.block_story import JsonLines
from bot.world.bundle_book import Arrival, BundleBook, Submission, bundle_hash
from bot.world.bundle_report import call_bundle_report, invented_report
from bot.world.json_rpc import (
    METHOD_NOT_FOUND,
    Request,
    RpcError,
    error_reply,
    invalid_params,
    refused,
    result_reply,
)
from bot.world.raw_transaction import decode_hex
from bot.world.relay_faults import Fault, FaultKind
from bot.world.relay_kinds import KINDS, Endpoint, RelayKind
from bot.world.relay_log import request_record
from bot.world.relay_requests import (
    only_object,
    read_bundle,
    read_private_transaction,
    read_seconds,
    read_target,
    read_transactions,
    read_uuid,
)
from bot.world.transaction_checks import read_accounts
from bot.world.transaction_pools import TransactionPools


class Call:
    """One request on its way through a method; a method leaves word here of what its answer does not say."""

    def __init__(
        self, kind: RelayKind, signer: Address | None, arrival: Arrival, fault: Fault | None
    ) -> None:
        self.kind = kind
        self.signer = signer or ZERO_ADDRESS
        self.arrival = arrival
        self.fault = fault
        self.kept = False
        self.note = ""

    @property
    def endpoint(self) -> Endpoint:
        return self.kind.name

    def suffers(self, fault: FaultKind) -> bool:
        return self.fault is not None and self.fault.kind == fault


Method = Callable[[Call, Sequence[Any]], Awaitable[Any]]


class Relay:
    """Holds what was sent for the builders to take. `next_block` tells the block being built on the head."""

    def __init__(
        self,
        anvil: Anvil,
        pools: TransactionPools,
        next_block: Callable[[], BuildingBlock],
        log: JsonLines,
        utc: Callable[[], int],
        slot_fraction: Callable[[int], float] = lambda _building: 0.0,
    ) -> None:
        self._anvil = anvil
        self._next_block = next_block
        self._log = log
        self._utc = utc
        self._slot_fraction = slot_fraction
        self._duplicates: dict[tuple[object, ...], Any] = {}
        self.book = BundleBook()
        self.pools = pools
        self._methods: dict[Endpoint, dict[str, Method]] = {name: {} for name in KINDS}
        self._serve_own()

    def _serve_own(self) -> None:
        bundles: dict[str, Method] = {
            "eth_sendBundle": self._send_bundle,
            "eth_cancelBundle": self._cancel_bundle,
        }
        private: dict[str, Method] = dict.fromkeys(_PRIVATE, self._send_private)
        self.serve(
            "market",
            bundles
            | private
            | {
                "eth_callBundle": self._call_bundle,
                "eth_cancelPrivateTransaction": self._cancel_private,
            },
        )
        self.serve("market-unprotected", dict.fromkeys(_PRIVATE, self._send_unprotected))
        self.serve("market-titan", bundles | private)
        self.serve("market-buildernet", bundles | {"eth_sendRawTransaction": self._send_private})

    def serve(self, endpoint: Endpoint, methods: Mapping[str, Method]) -> None:
        """Let `endpoint` answer these as well."""
        self._methods[endpoint].update(methods)

    @property
    def building(self) -> int:
        """Number of the block being built."""
        return self._next_block().number

    @property
    def _head(self) -> int:
        return self.building - 1

    def arrival(self, fraction: float | None = None) -> Arrival:
        """Of what comes now, or at `fraction` of the slot."""
        building = self.building
        return Arrival(building, self._slot_fraction(building) if fraction is None else fraction)

    async def handle(
        self,
        endpoint: Endpoint,
        request: Request,
        signer: Address | None,
        *,
        arrival: Arrival | None = None,
        fault: Fault | None = None,
        wire: str = "",
    ) -> dict[str, Any]:
        """The JSON-RPC reply; logged before it is given. `wire`: how the bytes will differ from it, for the log."""
        call = Call(KINDS[endpoint], signer, arrival or self.arrival(), fault)
        method = self._methods[endpoint].get(request.method, _no_such_method)
        try:
            reply = result_reply(request.id, await method(call, request.params))
        except RpcError as error:
            reply = error_reply(request.id, error)
        self._record(call, request, signer, reply, wire)
        return reply

    def record_refusal(
        self,
        endpoint: Endpoint,
        request: Request,
        reply: dict[str, Any],
        *,
        fault: Fault | None = None,
        wire: str = "",
    ) -> None:
        """Log a request that was turned away at the door."""
        self._record(Call(KINDS[endpoint], None, self.arrival(), fault), request, None, reply, wire)

    def take(self, call: Call, submission: Submission) -> None:
        """Put what came by `call` into the book, as the fault that strikes lets it."""
        if call.suffers("silent_drop"):
            call.note = "forgotten"
            return
        if call.suffers("uuid_ignored") and submission.replacement_uuid is not None:
            call.note = f"uuid {submission.replacement_uuid} ignored"
            submission = msgspec.structs.replace(submission, replacement_uuid=None)
        self.book.add(
            msgspec.structs.replace(
                submission,
                endpoints=(call.endpoint,),
                arrival=call.arrival,
                is_never_built=call.suffers("never_built"),
            )
        )
        call.kept = True

    def cancel(self, call: Call, uuid: str) -> bool:
        """Whether the caller had something open under `uuid`."""
        if call.suffers("uuid_ignored"):
            call.note = f"uuid {uuid} ignored"
            return True
        return self.book.cancel(call.signer, uuid, call.endpoint, call.arrival)

    async def _send_bundle(self, call: Call, params: Sequence[Any]) -> dict[str, Any]:
        options = only_object(params)
        uuid = read_uuid(options, call.kind)
        answer: dict[str, Any] = {}
        if uuid is not None and not options.get("txs"):
            self.cancel(call, uuid)
            answer["bundleHash"] = hex_bytes(bundle_hash(()))
        else:
            submission = read_bundle(call.signer, options, self._head, call.kind)
            answer["bundleHash"] = hex_bytes(submission.hash)
            if not self._is_duplicate(call, submission):
                self.take(call, submission)
        if options.get("builders"):
            answer["smart"] = "true"
        if call.kind.stamps_arrival:
            answer["receivedTimestampMs"] = self._utc() / 1e6
        return answer

    def _is_duplicate(self, call: Call, submission: Submission) -> bool:
        """Whether this very bundle came before, for an endpoint that ignores it then."""
        if not call.kind.ignores_duplicates:
            return False
        key = (
            call.endpoint,
            submission.signer,
            submission.hash,
            submission.first_block,
            submission.replacement_uuid,
        )
        if key in self._duplicates:
            call.note = "duplicate ignored"
            return True
        self._duplicates = {old: block for old, block in self._duplicates.items() if block > self._head}
        self._duplicates[key] = submission.last_block
        return False

    async def _cancel_bundle(self, call: Call, params: Sequence[Any]) -> bool:
        uuid = read_uuid(only_object(params), call.kind)
        if uuid is None:
            raise invalid_params("replacementUuid is missing")
        if not self.cancel(call, uuid):
            raise refused(f"no bundle of {to_checksum(call.signer)} is open under {uuid}")
        return True

    async def _call_bundle(self, call: Call, params: Sequence[Any]) -> dict[str, Any]:
        options = only_object(params)
        transactions = read_transactions(options)
        block = self._next_block()
        target = read_target(options, self._head)
        block = msgspec.structs.replace(
            block, number=target, timestamp=read_seconds(options, "timestamp") or block.timestamp
        )
        if call.suffers("lying_simulation"):
            call.note = "invented"
            return invented_report(block, transactions)
        try:
            outcomes = await simulate(self._anvil, block, [[tx] for tx in transactions])
        except SimulationRefusedError as error:
            raise refused(str(error)) from error
        return call_bundle_report(block, transactions, outcomes)

    async def _send_private(self, call: Call, params: Sequence[Any]) -> str:
        submission = read_private_transaction(call.signer, params, self._head, call.kind.private_blocks)
        self.take(call, submission)
        return hex_bytes(submission.transactions[0].hash)

    async def _cancel_private(self, call: Call, params: Sequence[Any]) -> bool:
        tx_hash = TxHash(decode_hex(only_object(params).get("txHash")))
        return self.book.cancel_transaction(call.signer, tx_hash, call.endpoint, call.arrival)

    async def _send_unprotected(self, call: Call, params: Sequence[Any]) -> str:
        tx = read_private_transaction(call.signer, params, self._head).transactions[0]
        accounts = await read_accounts(self._anvil, [tx.sender])
        if call.suffers("silent_drop") or call.suffers("never_built"):
            call.note = "forgotten"
        else:
            self.pools.unprotected.add(tx, accounts[tx.sender])
            call.kept = True
        return hex_bytes(tx.hash)

    def _record(
        self, call: Call, request: Request, signer: Address | None, reply: dict[str, Any], wire: str
    ) -> None:
        record = request_record(
            request,
            signer,
            reply,
            time_ns=self._utc(),
            head=call.arrival.block - 1,
            endpoint=call.endpoint,
        )
        self._log.append(
            msgspec.structs.replace(
                record,
                slot_fraction=call.arrival.fraction,
                fault="" if call.fault is None else call.fault.kind,
                wire=wire,
                kept=call.kept,
                note=call.note,
            )
        )


_PRIVATE = ("eth_sendPrivateTransaction", "eth_sendPrivateRawTransaction", "eth_sendRawTransaction")


async def _no_such_method(_call: Call, _params: Sequence[Any]) -> Any:
    raise RpcError(METHOD_NOT_FOUND, "the method does not exist on this endpoint")
