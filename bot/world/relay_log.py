"""The request log: what was asked of the relays, what they answered, and which fault struck.

Every request with its raw transactions, so that somebody else can judge later what was sent where.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from bot.core.identity import Address, hex_bytes, keccak, to_checksum
from bot.world.json_rpc import Request, RpcError
from bot.world.raw_transaction import decode_hex
from bot.world.relay_kinds import Endpoint
from bot.world.relay_requests import read_target


class RequestRecord(msgspec.Struct, frozen=True):
    """One line of the request log."""

    time_ns: int
    """UTC, when it was answered."""
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
    """What the relay made of it; `wire` says where something else was sent."""
    slot_fraction: float = 0.0
    """How far the slot of the block being built had gone; 0 in lockstep."""
    fault: str = ""
    """Kind of the fault that struck this request; empty where none did."""
    wire: str = ""
    """How the bytes sent differ from `answer`; empty where they do not."""
    kept: bool = False
    """The relay holds what was sent, for the builders it feeds."""
    note: str = ""
    """What the answer does not say: a duplicate ignored, a uuid left out."""


def request_record(
    request: Request,
    signer: Address | None,
    reply: dict[str, Any],
    *,
    time_ns: int,
    head: int,
    endpoint: Endpoint,
) -> RequestRecord:
    """The record of one request without a fault."""
    raws = [text for text in _raw_texts(request.params) if isinstance(text, str)]
    options = request.params[0] if request.params and isinstance(request.params[0], dict) else {}
    return RequestRecord(
        time_ns=time_ns,
        head=head,
        endpoint=endpoint,
        method=request.method,
        signer=None if signer is None else to_checksum(signer),
        tx_hashes=[text for text in map(_hash_of, raws) if text],
        raw_txs=raws,
        target_block=_target_of(options, head),
        params=request.params,
        answer={key: value for key, value in reply.items() if key in {"result", "error"}},
    )


def _raw_texts(params: Sequence[Any]) -> list[Any]:
    if not params:
        return []
    first = params[0]
    if not isinstance(first, dict):
        return [first]
    if isinstance(body := first.get("body"), list):  # mev_sendBundle
        return [element.get("tx") for element in body if isinstance(element, dict)]
    transactions = first.get("txs")
    return transactions if isinstance(transactions, list) else [first.get("tx")]


def _hash_of(text: str) -> str:
    try:
        return hex_bytes(keccak(decode_hex(text)))
    except RpcError:
        return ""


def _target_of(options: dict[str, Any], head: int) -> int | None:
    try:
        if isinstance(inclusion := options.get("inclusion"), dict):  # mev_sendBundle
            return read_target({"blockNumber": inclusion.get("block")}, head)
        return read_target(options, head) if "txs" in options else None
    except RpcError:
        return None
