"""What was sent to the relay, read from its request log: JSON lines, each with raw transactions and the answer."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oracle.node import data
from oracle.transaction_decoder import DecodedTransaction, decode_transaction


@dataclass(frozen=True)
class RelayRequest:
    """One request that carried transactions."""

    endpoint: str
    method: str
    head: int
    """Latest block when it came."""
    target_block: int | None
    raws: tuple[bytes, ...]
    transactions: tuple[DecodedTransaction, ...]
    accepted: bool

    @property
    def is_bundle(self) -> bool:
        return self.method == "eth_sendBundle"


def read_requests(path: Path) -> list[RelayRequest]:
    """All requests with transactions, in order. Raises ValueError for a line that is cut or not JSON."""
    records = [json.loads(line) for line in path.read_text().splitlines()]
    return [_request(record) for record in records if record["raw_txs"]]


def from_sender(requests: Iterable[RelayRequest], sender: bytes) -> list[RelayRequest]:
    """Those that carry a transaction signed by `sender`."""
    return [one for one in requests if any(tx.sender == sender for tx in one.transactions)]


def _request(record: dict[str, Any]) -> RelayRequest:
    raws = tuple(data(raw) for raw in record["raw_txs"])
    return RelayRequest(
        endpoint=record["endpoint"],
        method=record["method"],
        head=record["head"],
        target_block=_target(record),
        raws=raws,
        transactions=tuple(decode_transaction(raw) for raw in raws),
        accepted="result" in record["answer"],
    )


def _target(record: dict[str, Any]) -> int | None:
    """From the request's own parameters; an empty block number means the next block (Flashbots' eth_sendBundle)."""
    options = record["params"][0] if record["params"] else None
    if not isinstance(options, dict) or "txs" not in options:
        return None
    named = options.get("blockNumber")
    return record["head"] + 1 if named in (None, "", "0x") else int(named, 16)
