"""What happened to everything that wanted into a block: one record a block, appended to `builder.jsonl`.

Amounts are decimal strings in wei, hashes and addresses 0x-hex, so that any reader gets them exactly.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

Fate = Literal["included", "dropped", "late"]
Origin = Literal["bundle", "public", "private", "unprotected"]


class BundleStory(msgspec.Struct, frozen=True):
    """One bundle the builder looked at."""

    bundle_hash: str
    signer: str
    is_competitor: bool
    replacement_uuid: str | None
    transactions: tuple[str, ...]
    fate: Fate
    reason: str
    """Empty where it was included."""
    value_wei: str | None = None
    """What it pays the builder, alone at the top of the block; None where it was never simulated."""
    gas: int | None = None
    position: int | None = None
    """Index in the block of its first transaction."""
    endpoints: tuple[str, ...] = ("market",)
    """Relays by which it came to this builder."""
    came_from: tuple[Origin, ...] = ()
    """Of each transaction: the pool it also waited in, `bundle` for one that came in bundles alone."""


class TransactionStory(msgspec.Struct, frozen=True):
    hash: str
    sender: str
    origin: Origin
    succeeded: bool
    gas_used: int


class CompetitorStory(msgspec.Struct, frozen=True):
    """What the market's other searcher did for this block."""

    bundle_hash: str
    pools: tuple[str, ...]
    expected_profit_wei: str
    """Before gas and bid."""
    bid_wei: str
    bid_share_bps: int
    """Part of the profit after gas that it bid."""


class LosingStory(msgspec.Struct, frozen=True):
    """The block another builder would have made; what is `included` there did not land by it."""

    builder: str
    coinbase: str
    value_wei: str
    bid_wei: str
    bundles: tuple[BundleStory, ...]


class BlockStory(msgspec.Struct, frozen=True):
    number: int
    hash: str
    parent_hash: str
    timestamp: int
    base_fee_wei: str
    coinbase: str
    gas_used: int
    is_reorg: bool
    """This block took the place of one that had been announced."""
    bundles: tuple[BundleStory, ...]
    transactions: tuple[TransactionStory, ...]
    competitor: CompetitorStory | None
    public_waiting: int
    """Transactions left in the public mempool."""
    builder: str = "builder-a"
    value_wei: str = "0"
    """What the block pays its builder: tips and direct payments."""
    bid_wei: str | None = None
    """Part of it that this builder offered to be the one who builds; None where he has no rival."""
    losing: LosingStory | None = None


class JsonLines:
    """A file of one JSON value a line, each complete once `append` returns."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)

    def append(self, record: Any) -> None:
        self._file.write(msgspec.json.encode(record) + b"\n")

    def close(self) -> None:
        self._file.close()
