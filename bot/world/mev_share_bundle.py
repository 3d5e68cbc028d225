"""A bundle of `mev_sendBundle`, read and checked by the rules of the MEV-Share node, in its words.

The rules are those of mevshare/bundle_validation.go (relays.md 3.2), and two of the relay in front of it: a bundle
behind a hinted transaction holds one back-run and nothing else, and shares no hints.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from bot.core.identity import TxHash, keccak
from bot.world.json_rpc import invalid_params, refused
from bot.world.raw_transaction import RawTransaction, decode_hex, decode_raw

VERSIONS = frozenset({"v0.1", "beta-1"})
MOST_BLOCKS_LONG = 30
MOST_BLOCKS_AHEAD = 5
MOST_TRANSACTIONS = 50
DEEPEST_NESTING = 1
_HASH_BYTES = 32
_MATCHED_BODY = 2
"""A hash and one back-run."""
_WHOLE_PERCENT = 100


class Inclusion(msgspec.Struct, frozen=True):
    """The blocks a bundle may be mined in, both ends included."""

    first_block: int
    last_block: int

    def overlap(self, other: Inclusion) -> Inclusion | None:
        first, last = max(self.first_block, other.first_block), min(self.last_block, other.last_block)
        return Inclusion(first, last) if first <= last else None


class ShareBundle(msgspec.Struct, frozen=True):
    """What is asked, before the hash has found its transaction."""

    inclusion: Inclusion
    matching_hash: bytes | None
    """32 bytes: the hinted transaction that goes first."""
    transactions: tuple[RawTransaction, ...]
    may_revert: frozenset[TxHash]
    hash: bytes
    """As the node answers it: the only element's, or the keccak of them all; of a hinted one the matching hash."""
    hints: tuple[str, ...] | None
    """What it lets be known of itself; None where it says nothing."""


def read_share_bundle(params: Sequence[Any], head: int) -> ShareBundle:
    """The first parameter of mev_sendBundle or mev_simBundle. Raises RpcError."""
    if not params or not isinstance(params[0], dict):
        raise invalid_params("params must be a list of one object")
    return _read(params[0], head, level=0)


class _Body(msgspec.Struct):
    """What the elements come to, one after the other."""

    inclusion: Inclusion
    matching_hash: bytes | None = None
    transactions: list[RawTransaction] = []
    may_revert: set[TxHash] = set()
    hashes: list[bytes] = []


def _read(options: dict[str, Any], head: int, *, level: int) -> ShareBundle:
    if level > DEEPEST_NESTING:
        raise refused("bundle too deep")
    if options.get("version") not in VERSIONS:
        raise refused("unsupported bundle version")
    body = _Body(_inclusion(options.get("inclusion"), head))
    elements = options.get("body")
    if not isinstance(elements, list) or not elements:
        raise refused("invalid bundle body size")
    for place, element in enumerate(elements):
        if not isinstance(element, dict):
            raise refused("invalid bundle body")
        if element.get("hash") is not None:
            body.matching_hash = _matching_hash(element["hash"], place, level, len(elements))
            body.hashes.append(body.matching_hash)
        else:
            _take(body, element, head, level)
    is_matched = body.matching_hash is not None
    if len(body.transactions) + is_matched > MOST_TRANSACTIONS:
        raise refused("invalid bundle body size")
    if is_matched and (len(elements) != _MATCHED_BODY or len(body.transactions) != 1):
        raise refused("invalid bundle body size")
    _check_validity(options.get("validity"), len(elements), is_matched=is_matched)
    hints = _hints(options.get("privacy"))
    if is_matched and hints:
        raise refused("invalid bundle privacy")
    return ShareBundle(
        inclusion=body.inclusion,
        matching_hash=body.matching_hash,
        transactions=tuple(body.transactions),
        may_revert=frozenset(body.may_revert),
        hash=body.hashes[0] if len(body.hashes) == 1 else keccak(b"".join(body.hashes)),
        hints=hints,
    )


def _take(body: _Body, element: dict[str, Any], head: int, level: int) -> None:
    """An element that is no hash: a transaction, or a bundle of its own."""
    if element.get("tx") is not None:
        tx = decode_raw(decode_hex(element["tx"]))
        body.transactions.append(tx)
        body.hashes.append(tx.hash)
        if _may_revert(element):
            body.may_revert.add(tx.hash)
        return
    if not isinstance(element.get("bundle"), dict):
        raise refused("invalid bundle body")
    inner = _read(element["bundle"], head, level=level + 1)
    merged = body.inclusion.overlap(inner.inclusion)
    if merged is None:
        raise refused("invalid inclusion")
    body.inclusion = merged
    body.transactions += inner.transactions
    body.may_revert |= inner.may_revert
    body.hashes.append(inner.hash)


def _inclusion(options: Any, head: int) -> Inclusion:
    if not isinstance(options, dict):
        raise refused("invalid inclusion")
    first = _number(options.get("block"))
    last = _number(options.get("maxBlock")) or first
    if last < first or last - first > MOST_BLOCKS_LONG or head >= last or first > head + MOST_BLOCKS_AHEAD:
        raise refused("invalid inclusion")
    return Inclusion(first, last)


def _number(text: Any) -> int:
    if text is None:
        return 0
    try:
        return int(text, 16)
    except (TypeError, ValueError) as error:
        raise invalid_params(f"a block is a 0x-prefixed hex number, got {str(text)[:40]!r}") from error


def _matching_hash(text: Any, place: int, level: int, elements: int) -> bytes:
    if place or level or elements == 1:  # nothing may stand before it, and a hash alone is no bundle
        raise refused("invalid bundle body")
    found = decode_hex(text)
    if len(found) != _HASH_BYTES:
        raise invalid_params(f"a hash has {_HASH_BYTES} bytes, got {len(found)}")
    return found


def _may_revert(element: dict[str, Any]) -> bool:
    mode = element.get("revertMode")
    if mode is not None and mode not in {"allow", "drop", "fail"}:
        raise refused("invalid bundle body")
    return mode == "allow" or (mode is None and element.get("canRevert") is True)


def _hints(privacy: Any) -> tuple[str, ...] | None:
    if not isinstance(privacy, dict) or privacy.get("hints") is None:
        return None
    names = privacy["hints"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise refused("invalid bundle privacy")
    return tuple(names)


def _check_validity(validity: Any, elements: int, *, is_matched: bool) -> None:
    if validity is None:
        return
    try:
        refunds, shares = validity.get("refund") or [], validity.get("refundConfig") or []
        places = [refund["bodyIdx"] for refund in refunds]
        sound = (
            not (is_matched and refunds)
            and len(set(places)) == len(places)
            and all(0 <= place < elements for place in places)
            and _are_percents([refund["percent"] for refund in refunds])
            and _are_percents([share["percent"] for share in shares])
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise refused("invalid bundle constraints") from error
    if not sound:
        raise refused("invalid bundle constraints")


def _are_percents(values: Sequence[int]) -> bool:
    return all(0 <= value <= _WHOLE_PERCENT for value in values) and sum(values) <= _WHOLE_PERCENT
