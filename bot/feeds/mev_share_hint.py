"""One event of the MEV-Share stream, decoded by hand: what its sender lets be known of a transaction, or of a bundle.

Shape: docs.flashbots.net, MEV-Share, "Event Stream"; mev-share-node, `types.go`. The event's `hash` is the keccak of
the transaction's own (its "double hash"), of a bundle a name that nothing on chain bears.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from bot.core.ethereum_json import MalformedAnswer, decode_data
from bot.core.identity import Address, keccak
from bot.core.pending import HintLog, PendingSeen, PendingTransaction
from bot.core.raw_transaction_codec import HashMismatch, from_signed_json
from bot.core.units import Nanoseconds

MEV_SHARE: Final = "mev-share"
"""PendingSeen.source."""
MAX_LOGS: Final = 1024
"""Of one hint."""
_SIGNATURE: Final = ("r", "s")
_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def read_hint(data: bytes, seen_at: Nanoseconds) -> PendingSeen | None:
    """The event of one `data` field.

    A transaction whose every field is told comes whole, one with a part of them as that part, a bundle of several
    with its logs alone; None is what tells neither a log nor one transaction. Raises ValueError (MalformedAnswer) for what is no such event, HashMismatch where what is
    told is not the transaction that was announced.
    """
    try:
        document = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedAnswer(f"{len(data)} bytes that are not JSON ({error})") from None
    hint = _object(document, "the event")
    name = decode_data(hint.get("hash"), 32)
    shown, told = _list(hint, "logs"), _list(hint, "txs")
    if not shown and len(told) != 1:
        return None
    logs = tuple(_log(one) for one in shown)
    if len(told) != 1:
        return PendingSeen(MEV_SHARE, name, seen_at, logs=logs)
    body = _object(told[0], "txs")
    calldata, to = _data(body, "callData"), body.get("to")
    return PendingSeen(
        source=MEV_SHARE,
        hash=name,
        seen_at=seen_at,
        transaction=_whole(body, name),
        logs=logs,
        to=None if to is None else Address(decode_data(to, 20)),
        selector=_data(body, "functionSelector") or calldata[:4],
        data=calldata,
    )


def _whole(body: Mapping[str, Any], name: bytes) -> PendingTransaction | None:
    """The transaction where its signature is told; with its hash alone that is compared."""
    if body.get("hash") is not None:
        _must_be_named(decode_data(body["hash"], 32), name)
    if any(body.get(part) is None for part in _SIGNATURE):
        return None
    found = from_signed_json(body)
    _must_be_named(found.hash, name)
    return found


def _must_be_named(tx_hash: bytes, name: bytes) -> None:
    if keccak(tx_hash) != name:
        raise HashMismatch(keccak(tx_hash), name)


def _log(value: object) -> HintLog:
    log = _object(value, "logs")
    topics = _list(log, "topics")
    if len(topics) > 4:
        raise MalformedAnswer(f"a log with {len(topics)} topics, 4 at most")
    return HintLog(
        address=Address(decode_data(log.get("address"), 20)),
        topics=tuple(decode_data(topic, 32) for topic in topics),
        data=_data(log, "data"),
    )


def _data(body: Mapping[str, Any], name: str) -> bytes:
    """Empty where it is not told."""
    value = body.get(name)
    return b"" if value is None else decode_data(value)


def _object(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise MalformedAnswer(f"{what}: {str(value)[:80]!r} is not an object")
    return value


def _list(body: Mapping[str, Any], name: str) -> list[Any]:
    """Empty where it is null or missing: hidden."""
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > MAX_LOGS:
        raise MalformedAnswer(f"{name} is not a list of at most {MAX_LOGS}")
    return value
