"""The relay's methods on its two endpoints, whoever calls them: a bot over HTTP or the market's own competitor.

`market` drops what would revert. `market-unprotected` is a private RPC that mines whatever pays its gas, reverts
included. Every request is written to the request log with its raw transactions and its answer, so that somebody
else can judge later what was sent where.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

import msgspec

from bot.core.identity import ZERO_ADDRESS, Address, TxHash, hex_bytes, keccak, to_checksum
from bot.world.anvil import Anvil
from bot.world.block_simulation import BuildingBlock, SimulationRefusedError, simulate
from bot.world.block_story import JsonLines
from bot.world.bundle_book import BundleBook, bundle_hash
from bot.world.bundle_report import call_bundle_report
from bot.world.json_rpc import (
    METHOD_NOT_FOUND,
    Request,
    RpcError,
    error_reply,
    invalid_params,
    refused,
    result_reply,
)
from bot.world.mempool import Mempool
from bot.world.raw_transaction import decode_hex
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

Endpoint = Literal["market", "market-unprotected"]
Method = Callable[[Address, Sequence[Any]], Awaitable[Any]]


class RequestRecord(msgspec.Struct, frozen=True):
    """One line of the request log."""

    time_ns: int
    """UTC."""
    head: int
    """Number of the latest block when it came."""
    endpoint: Endpoint
    method: str
    signer: str | None
    tx_hashes: list[str]
    raw_txs: list[str]
    target_block: int | None
    params: list[Any]
    answer: dict[str, Any]


class Relay:
    """Holds what was sent for the builder to take. `next_block` tells the block being built on the head."""

    def __init__(
        self,
        anvil: Anvil,
        unprotected: Mempool,
        next_block: Callable[[], BuildingBlock],
        log: JsonLines,
        utc: Callable[[], int],
    ) -> None:
        self._anvil = anvil
        self._next_block = next_block
        self._log = log
        self._utc = utc
        self.book = BundleBook()
        self.unprotected = unprotected
        self._methods: dict[Endpoint, dict[str, Method]] = {
            "market": {
                "eth_sendBundle": self._send_bundle,
                "eth_callBundle": self._call_bundle,
                "eth_cancelBundle": self._cancel_bundle,
                "eth_sendPrivateTransaction": self._send_private,
                "eth_sendPrivateRawTransaction": self._send_private,
                "eth_sendRawTransaction": self._send_private,
                "eth_cancelPrivateTransaction": self._cancel_private,
            },
            "market-unprotected": {
                "eth_sendPrivateTransaction": self._send_unprotected,
                "eth_sendPrivateRawTransaction": self._send_unprotected,
                "eth_sendRawTransaction": self._send_unprotected,
            },
        }

    @property
    def _head(self) -> int:
        return self._next_block().number - 1

    async def handle(self, endpoint: Endpoint, request: Request, signer: Address | None) -> dict[str, Any]:
        """The JSON-RPC reply; logged before it is given."""
        method = self._methods[endpoint].get(request.method, _no_such_method)
        try:
            reply = result_reply(request.id, await method(signer or ZERO_ADDRESS, request.params))
        except RpcError as error:
            reply = error_reply(request.id, error)
        self._record(endpoint, request, signer, reply)
        return reply

    def record_refusal(self, endpoint: Endpoint, request: Request, reply: dict[str, Any]) -> None:
        """Log a request that was turned away at the door."""
        self._record(endpoint, request, None, reply)

    async def _send_bundle(self, signer: Address, params: Sequence[Any]) -> dict[str, str]:
        options = only_object(params)
        uuid = read_uuid(options)
        if uuid is not None and not options.get("txs"):
            self.book.cancel(signer, uuid)
            return {"bundleHash": hex_bytes(bundle_hash(()))}
        submission = read_bundle(signer, options, self._head)
        self.book.add(submission)
        return {"bundleHash": hex_bytes(submission.hash)}

    async def _cancel_bundle(self, signer: Address, params: Sequence[Any]) -> bool:
        uuid = read_uuid(only_object(params))
        if uuid is None:
            raise invalid_params("replacementUuid is missing")
        if not self.book.cancel(signer, uuid):
            raise refused(f"no bundle of {to_checksum(signer)} is open under {uuid}")
        return True

    async def _call_bundle(self, _: Address, params: Sequence[Any]) -> dict[str, Any]:
        options = only_object(params)
        transactions = read_transactions(options)
        block = self._next_block()
        target = read_target(options, self._head)
        block = msgspec.structs.replace(
            block, number=target, timestamp=read_seconds(options, "timestamp") or block.timestamp
        )
        try:
            outcomes = await simulate(self._anvil, block, [[tx] for tx in transactions])
        except SimulationRefusedError as error:
            raise refused(str(error)) from error
        return call_bundle_report(block, transactions, outcomes)

    async def _send_private(self, signer: Address, params: Sequence[Any]) -> str:
        submission = read_private_transaction(signer, params, self._head)
        self.book.add(submission)
        return hex_bytes(submission.transactions[0].hash)

    async def _cancel_private(self, signer: Address, params: Sequence[Any]) -> bool:
        return self.book.cancel_transaction(signer, TxHash(decode_hex(only_object(params).get("txHash"))))

    async def _send_unprotected(self, signer: Address, params: Sequence[Any]) -> str:
        tx = read_private_transaction(signer, params, self._head).transactions[0]
        accounts = await read_accounts(self._anvil, [tx.sender])
        self.unprotected.add(tx, accounts[tx.sender])
        return hex_bytes(tx.hash)

    def _record(
        self, endpoint: Endpoint, request: Request, signer: Address | None, reply: dict[str, Any]
    ) -> None:
        raws = [text for text in _raw_texts(request.params) if isinstance(text, str)]
        options = request.params[0] if request.params and isinstance(request.params[0], dict) else {}
        self._log.append(
            RequestRecord(
                time_ns=self._utc(),
                head=self._head,
                endpoint=endpoint,
                method=request.method,
                signer=None if signer is None else to_checksum(signer),
                tx_hashes=[text for text in map(_hash_of, raws) if text],
                raw_txs=raws,
                target_block=_target_of(options, self._head),
                params=request.params,
                answer={key: value for key, value in reply.items() if key in {"result", "error"}},
            )
        )


async def _no_such_method(_signer: Address, _params: Sequence[Any]) -> Any:
    raise RpcError(METHOD_NOT_FOUND, "the method does not exist on this endpoint")


def _raw_texts(params: Sequence[Any]) -> list[Any]:
    if not params:
        return []
    first = params[0]
    if not isinstance(first, dict):
        return [first]
    transactions = first.get("txs")
    return transactions if isinstance(transactions, list) else [first.get("tx")]


def _hash_of(text: str) -> str:
    try:
        return hex_bytes(keccak(decode_hex(text)))
    except RpcError:
        return ""


def _target_of(options: dict[str, Any], head: int) -> int | None:
    try:
        return read_target(options, head) if "txs" in options else None
    except RpcError:
        return None
