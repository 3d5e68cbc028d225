"""What a searcher may ask of a relay, read from JSON and checked for its shape.

Fields and limits are those of the Flashbots relay (relays.md section 2), but for what a RelayKind says. Shape is all that is checked here: a bundle
that can never be mined is accepted like any other, as real relays do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from bot.core.identity import Address, TxHash
from bot.world.bundle_book import Submission
from bot.world.json_rpc import invalid_params
from bot.world.raw_transaction import RawTransaction, decode_hex, decode_raw
from bot.world.relay_fields import check_refund, check_versioned
from bot.world.relay_kinds import KINDS, RelayKind

MOST_TRANSACTIONS = 100
LARGEST_BUNDLE = 300_000
"""Bytes of all raw transactions together."""
PRIVATE_TRANSACTION_BLOCKS = 25
"""How long a private transaction is tried where its sender names no last block."""
_NEXT_BLOCK = (None, "", "0x")
_LONGEST_TEXT_UUID = 200
_UUID_VERSION = 4


def read_bundle(
    signer: Address, options: dict[str, Any], head: int, kind: RelayKind = KINDS["market"]
) -> Submission:
    """The parameter of eth_sendBundle. Raises RpcError."""
    if kind.checks_versions:
        check_versioned(options)
    elif kind.uuid_rule == "any_text":
        check_refund(options)
    transactions = read_transactions(options)
    target = read_target(options, head)
    return Submission(
        signer=signer,
        transactions=transactions,
        first_block=target,
        last_block=target,
        min_timestamp=read_seconds(options, "minTimestamp"),
        max_timestamp=read_seconds(options, "maxTimestamp"),
        may_revert=frozenset(TxHash(decode_hex(text)) for text in _texts(options, "revertingTxHashes")),
        replacement_uuid=read_uuid(options, kind),
    )


def read_transactions(options: dict[str, Any]) -> tuple[RawTransaction, ...]:
    """`txs`: 1 to 100, at most 300,000 bytes. Raises RpcError."""
    raws = [decode_hex(text) for text in _texts(options, "txs")]
    if not raws:
        raise invalid_params("bundle with no txs")
    if len(raws) > MOST_TRANSACTIONS:
        raise invalid_params(f"too many txs in bundle: {len(raws)}, at most {MOST_TRANSACTIONS}")
    size = sum(len(raw) for raw in raws)
    if size > LARGEST_BUNDLE:
        raise invalid_params(f"bundle too large: {size} bytes, at most {LARGEST_BUNDLE}")
    return tuple(decode_raw(raw) for raw in raws)


def read_private_transaction(
    signer: Address, params: Sequence[Any], head: int, blocks: int = PRIVATE_TRANSACTION_BLOCKS
) -> Submission:
    """The parameter of eth_sendPrivateTransaction, or a bare raw transaction. Raises RpcError."""
    first = params[0] if params else None
    options = first if isinstance(first, dict) else {"tx": first}
    last = options.get("maxBlockNumber")
    return Submission(
        signer=signer,
        transactions=(decode_raw(decode_hex(options.get("tx"))),),
        first_block=head + 1,
        last_block=head + blocks if last is None else _quantity(last, "maxBlockNumber"),
        is_private_transaction=True,
    )


def read_target(options: dict[str, Any], head: int) -> int:
    """`blockNumber` in hex; missing, null and "0x" mean the next block. Raises RpcError."""
    number = options.get("blockNumber")
    return head + 1 if number in _NEXT_BLOCK else _quantity(number, "blockNumber")


def read_uuid(options: dict[str, Any], kind: RelayKind = KINDS["market"]) -> str | None:
    """`replacementUuid`, or its alias `uuid`: a UUID in text, lower case, or as the kind's rule says. Raises RpcError."""
    texts = [options[name] for name in ("replacementUuid", "uuid") if options.get(name) is not None]
    if len(texts) > 1 and kind.one_uuid_name:
        raise invalid_params("one of uuid or replacementUuid fields should be empty")
    if not texts:
        return None
    if kind.uuid_rule == "any_text":
        return _text_uuid(texts[0])
    try:
        uuid = UUID(texts[0])
    except (ValueError, AttributeError, TypeError) as error:
        raise invalid_params(f"replacementUuid is not a UUID: {str(texts[0])[:60]}") from error
    if kind.uuid_rule == "uuid_v4" and uuid.version != _UUID_VERSION:
        raise invalid_params(f"replacementUuid is a UUID of version {uuid.version}, not 4: {uuid}")
    return str(uuid)


def _text_uuid(text: Any) -> str:
    if not isinstance(text, str) or not 0 < len(text) <= _LONGEST_TEXT_UUID:
        raise invalid_params(f"replacementUuid must be a text of 1 to {_LONGEST_TEXT_UUID} characters")
    return text


def only_object(params: Sequence[Any]) -> dict[str, Any]:
    """The one object most methods take. Raises RpcError."""
    if len(params) != 1 or not isinstance(params[0], dict):
        raise invalid_params("params must be a list of one object")
    return params[0]


def read_seconds(options: dict[str, Any], name: str) -> int:
    """A UTC time as a JSON number; 0 where there is none. Raises RpcError."""
    value = options.get(name)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise invalid_params(f"{name} must be a number of seconds, got {value!r}")
    return value


def _texts(options: dict[str, Any], name: str) -> list[Any]:
    values = options.get(name)
    if values is None:
        return []
    if not isinstance(values, list):
        raise invalid_params(f"{name} must be a list")
    return values


def _quantity(text: Any, name: str) -> int:
    if not isinstance(text, str) or not text.startswith("0x"):
        raise invalid_params(f"{name} must be a 0x-prefixed hex number, got {text!r}")
    try:
        return int(text, 16)
    except ValueError as error:
        raise invalid_params(f"{name} is not hex: {text!r}") from error
