"""What the probe's answers say about an endpoint, and where that is not what a row of ours says."""

import statistics
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

from bot.chain.relay_row import CANCEL_BUNDLE, SEND_BUNDLE, Codec, RelayRow
from bot.chain.relay_troubles import trouble_of_clock
from bot.core.errors import Unreachable
from bot.core.units import Nanoseconds
from bot.ops.relay_probe import (
    METHODS,
    NO_SUCH_METHOD,
    RelayProbe,
    Reply,
    codec_of,
    oversized,
    uuids_to_try,
)

SIZES: Final = (100_000, 300_000, 1_200_000)
"""Bytes of whole bodies."""
YES_TO_EVERYTHING: Final = "it says yes to everything"
NO_JSON_RPC: Final = "no answer of it is JSON-RPC"
CANNOT_BE_TOLD: Final = f"cannot be told: {YES_TO_EVERYTHING}"
_METHOD_NOT_FOUND: Final = -32601


class Findings(msgspec.Struct, frozen=True):
    """One endpoint, as it answered."""

    methods: dict[str, str]
    """known | unknown | needs auth | no answer | no JSON-RPC | cannot be told: …"""
    codec: Codec | None
    unsigned: str
    wrongly_signed: str
    needs_signature: bool | None
    """None: not to be told, because signed requests are not let in either, or because of `doubt`."""
    uuids: dict[str, str]
    uuid_rule: str
    """v4 | uuid | text | none | unknown: …"""
    cancel: str
    empty_bundle: str
    error_shape: str
    batch: str
    sizes: dict[int, str]
    largest_read: int
    """Of SIZES, the largest body that was not turned away for its size; 0: none."""
    clock: str
    latency_ms: float
    doubt: str = ""
    """Why nothing that it answers tells anything; empty: it does."""


async def find_out(
    probe: RelayProbe, row: RelayRow | None, host: str, wall_clock: Callable[[], int] = time.time_ns
) -> Findings:
    """Raises Unreachable when the very first request finds no answer."""
    asked = wall_clock()
    baseline = await probe.ask(NO_SUCH_METHOD, [])
    answered = wall_clock()
    if baseline.status == 0:
        raise Unreachable(f"{host} gives no answer: {baseline.words}")
    skew = trouble_of_clock(host, baseline.date, Nanoseconds(asked), Nanoseconds(answered))
    # A method that takes one object is set against an unknown one that is asked so: others refuse the form itself.
    by_object = await probe.ask(NO_SUCH_METHOD, {})
    methods = {
        method: _standing(
            await probe.ask(method, params), by_object if isinstance(params, dict) else baseline
        )
        for method, params in METHODS.items()
    }
    codec = (
        row.codec
        if row is not None
        else codec_of({name for name, is_ in methods.items() if is_ not in ("unknown", "no JSON-RPC")})
    )
    good = await probe.bundle(codec) if codec is not None else baseline
    unsigned = await probe.bundle(codec, signing="none") if codec is not None else baseline
    wrong = await probe.bundle(codec, signing="wrong") if codec is not None else baseline
    uuids, rule = await _uuid_rule(probe, codec, good)
    cancel = await probe.ask(CANCEL_BUNDLE, [{"replacementUuid": uuids_to_try()["v4"]}])
    empty = await probe.ask(SEND_BUNDLE, [{"txs": [], "replacementUuid": uuids_to_try()["v4"]}])
    batch = await probe.post(b'[{"jsonrpc":"2.0","id":1,"method":"eth_sendBundle","params":[{}]}]')
    sizes = {size: await probe.post(oversized(size)) for size in SIZES}
    doubt = _doubt(probe, baseline)
    return Findings(
        methods=methods,
        codec=codec,
        unsigned=unsigned.in_words(),
        wrongly_signed=wrong.in_words(),
        needs_signature=None if doubt or good.needs_auth else unsigned.needs_auth or _differs(unsigned, good),
        uuids=uuids,
        uuid_rule=f"unknown: {doubt}" if doubt else rule,
        cancel="unknown method" if methods[CANCEL_BUNDLE] == "unknown" else cancel.in_words(),
        empty_bundle="unknown method" if methods[SEND_BUNDLE] == "unknown" else empty.in_words(),
        error_shape=_shape(baseline),
        batch=batch.in_words(),
        sizes={size: reply.in_words() for size, reply in sizes.items()},
        largest_read=max((size for size, reply in sizes.items() if not _is_too_large(reply)), default=0),
        clock=skew.words if skew is not None else ("agrees" if baseline.date else "it sends no Date header"),
        latency_ms=round(statistics.median(reply.took for reply in probe.replies) / 10**6, 1),
        doubt=doubt,
    )


def differences(row: RelayRow, found: Findings) -> list[str]:
    """Each a line: what the row says, what the endpoint says. Empty: they agree, as far as answers can tell."""
    if found.doubt == YES_TO_EVERYTHING:
        return [f"methods: {CANNOT_BE_TOLD}"]
    said = [
        f"methods: the row has {method}, the endpoint says: {found.methods[method]}"
        for method in sorted(row.methods & set(found.methods))
        if found.methods[method] != "known"
    ]
    if found.needs_signature is not None and found.needs_signature != (row.signature == "required"):
        is_ = "required" if found.needs_signature else "not required"
        said.append(f"signature: the row says {row.signature}, the endpoint: {is_}")
    if not found.uuid_rule.startswith("unknown") and not _agree(row.uuid_rule, found.uuid_rule):
        said.append(f"uuid: the row says {row.uuid_rule}, the endpoint: {found.uuid_rule}")
    if row.cancel_by == "eth_cancelBundle" and found.cancel == "unknown method":
        said.append("cancel: the row says eth_cancelBundle, the endpoint does not know it")
    if row.cancel_by == "empty_bundle" and row.codec == "flashbots" and found.empty_bundle != "accepted":
        said.append(f"cancel: the row says empty_bundle, the endpoint: {found.empty_bundle}")
    too_large = [size for size in found.sizes if found.largest_read < size <= row.max_bytes]
    if too_large:
        said.append(
            f"size: the row says {row.max_bytes} bytes, the endpoint turns {too_large[0]} away: "
            f"{found.sizes[too_large[0]]}"
        )
    return said


def as_json(found: Findings) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(found)
    plain["sizes"] = {str(size): words for size, words in found.sizes.items()}
    return plain


def _standing(reply: Reply, baseline: Reply) -> str:
    if reply.status == 0:
        return "no answer"
    if reply.needs_auth:
        return "needs auth"
    if reply.status == 200 and not reply.is_json_rpc:
        return "no JSON-RPC"
    if reply.is_yes and baseline.is_yes:
        return CANNOT_BE_TOLD
    is_unknown = reply.code == _METHOD_NOT_FOUND or (
        reply.code is not None and not _differs(reply, baseline) and baseline.code is not None
    )
    return "unknown" if is_unknown else "known"


def _doubt(probe: RelayProbe, baseline: Reply) -> str:
    """Of an endpoint that knows a method which nobody has, or that answers as no relay does."""
    if baseline.is_yes:
        return YES_TO_EVERYTHING
    is_relay = baseline.needs_auth or any(reply.is_json_rpc for reply in probe.replies)
    return "" if is_relay else NO_JSON_RPC


async def _uuid_rule(probe: RelayProbe, codec: Codec | None, good: Reply) -> tuple[dict[str, str], str]:
    if codec is None or codec in ("private_transaction", "raw"):
        return {}, "none"
    replies = {kind: await probe.bundle(codec, text) for kind, text in uuids_to_try().items()}
    said = {kind: reply.in_words() for kind, reply in replies.items()}
    taken = {kind for kind, reply in replies.items() if not _differs(reply, good)}
    if not good.is_yes and len(taken) == len(replies):
        return said, f"unknown: every bundle is {good.in_words()}"
    if "v4" not in taken:
        return said, "none"
    if "text" in taken:
        return said, "text"
    return said, "uuid" if "v1" in taken else "v4"


def _agree(rule: str, seen: str) -> bool:
    """Ours are of version 4, so that an endpoint that takes any UUID does what a row of v4 needs."""
    return rule == seen or (rule == "v4" and seen == "uuid")


def _differs(one: Reply, other: Reply) -> bool:
    """By kind, not by words: they may quote what was asked."""
    return (one.status, one.code) != (other.status, other.code)


def _is_too_large(reply: Reply) -> bool:
    return reply.status in (0, 413) or "too large" in reply.words.lower()


def _shape(reply: Reply) -> str:
    if reply.is_yes:
        return "an unknown method is answered with a result"
    what = f"a JSON-RPC error object, code {reply.code}" if reply.is_error_object else f"text: {reply.words}"
    return f"HTTP {reply.status}, {what}"
