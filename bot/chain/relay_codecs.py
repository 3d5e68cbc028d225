"""A bundle in each relay's own words. Pure: the same bundle and the same form are the same request.

`revertingTxHashes` and `canRevert` are never filled: a bundle of ours lands whole or not at all. What a form cannot
say is refused here, and nothing of it leaves.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from bot.chain.relay_row import (
    BLOXROUTE_BUNDLE,
    PRIVATE_TRANSACTION,
    RAW_TRANSACTION,
    SEND_BUNDLE,
    SHARE_BUNDLE,
    Codec,
    RelayRow,
)
from bot.core.decisions import Bundle
from bot.core.identity import hex_bytes, hex_quantity, keccak
from bot.core.result import Reverted

Params = Sequence[Any] | Mapping[str, Any]


class Form(msgspec.Struct, frozen=True):
    """All that a relay has to do with the bytes of a bundle's request: routes of one form share them."""

    codec: Codec
    has_uuid: bool


def encode_request(request_id: int, method: str, params: Params) -> bytes:
    """The body that is signed and sent."""
    return msgspec.json.encode({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})


def form_of(row: RelayRow, bundle: Bundle) -> Form:
    """A Flashbots relay is told of a hinted transaction as MEV-Share is."""
    codec: Codec = "mev_share" if bundle.behind_hash is not None and row.codec == "flashbots" else row.codec
    return Form(codec, row.uuid_rule != "none")


def refusal(row: RelayRow, bundle: Bundle) -> Reverted | None:
    """Why this relay is not handed this bundle; None: it may be.

    Law 7 once more, at the last door: also a caller's mistake hands nothing that can revert to who mines reverts.
    """
    count = len(bundle.transactions)
    if bundle.may_revert and not row.drops_reverts:
        return _not_sent(f"the plan may revert and relay {row.name} mines reverts")
    if not 1 <= count <= row.max_transactions:
        return _not_sent(f"{count} transactions, relay {row.name} takes 1 to {row.max_transactions}")
    if bundle.behind_hash is not None and row.hints is None:
        return _not_sent(f"relay {row.name} cannot put a bundle behind a hash")
    if bundle.behind_hash is not None and count > 1:
        return _not_sent(f"{count} transactions behind a hash: MEV-Share takes one back-run a bundle")
    if row.codec == "hash_first" and bundle.behind_hash is None and count != 2:
        return _not_sent(f"relay {row.name} takes back-runs alone: another's transaction, then ours")
    return None


def bundle_request(form: Form, bundle: Bundle) -> tuple[str, Params]:
    """Method and params of a bundle that was not refused."""
    return _ENCODERS[form.codec](bundle, bundle.replacement_uuid if form.has_uuid else None)


def cancel_params(row: RelayRow, replacement_uuid: str) -> tuple[str, Params]:
    """Method and params that take a bundle back by its uuid, where `cancel_by` is one of the two that can."""
    if row.cancel_by != "empty_bundle":
        return row.cancel_by, [{"replacementUuid": replacement_uuid}]
    if row.codec == "bloxroute":
        return BLOXROUTE_BUNDLE, {"transaction": [], "block_number": "0x1", "uuid": replacement_uuid}
    return SEND_BUNDLE, [{"txs": [], "replacementUuid": replacement_uuid}]


def ping_params(row: RelayRow) -> tuple[str, Params]:
    """A request that names no transaction, so that it costs neither gas nor reputation, and proves address, identity
    and method: a relay that knows the method says what is missing.
    """
    if row.codec == "raw":
        return "eth_chainId", []
    return row.sends_by, {} if row.codec == "bloxroute" else [{}]


def bundle_fields(
    transactions: Sequence[bytes], target_block: int, replacement_uuid: str | None
) -> dict[str, object]:
    """The one parameter of `eth_sendBundle`; `replacement_uuid` None where the relay knows none."""
    fields: dict[str, object] = {
        "txs": [hex_bytes(raw) for raw in transactions],
        "blockNumber": hex_quantity(target_block),
    }
    if replacement_uuid is not None:
        fields["replacementUuid"] = replacement_uuid
    return fields


def _flashbots(bundle: Bundle, uuid: str | None) -> tuple[str, Params]:
    return SEND_BUNDLE, [bundle_fields(bundle.transactions, bundle.target_block, uuid)]


def _mev_share(bundle: Bundle, uuid: str | None) -> tuple[str, Params]:
    """Version 0.1 of flashbots/mev-share: the hinted transaction first, then ours; for one block."""
    body: list[dict[str, object]] = []
    if bundle.behind_hash is not None:
        body.append({"hash": hex_bytes(bundle.behind_hash)})
    body += [{"tx": hex_bytes(raw), "canRevert": False} for raw in bundle.transactions]
    fields: dict[str, object] = {
        "version": "v0.1",
        "inclusion": {"block": hex_quantity(bundle.target_block)},
        "body": body,
    }
    if uuid is not None:
        fields["replacementUuid"] = uuid
    return SHARE_BUNDLE, [fields]


def _bloxroute(bundle: Bundle, uuid: str | None) -> tuple[str, Params]:
    """One object instead of a list, transactions without 0x; `all` names every builder it knows."""
    fields: dict[str, object] = {
        "transaction": [raw.hex() for raw in bundle.transactions],
        "block_number": hex_quantity(bundle.target_block),
        "mev_builders": {"all": ""},
    }
    if uuid is not None:
        fields["uuid"] = uuid
    return BLOXROUTE_BUNDLE, fields


def _hash_first(bundle: Bundle, uuid: str | None) -> tuple[str, Params]:
    """The hash of the transaction it follows, then ours; one that is known whole is named by its hash as well."""
    theirs = bundle.behind_hash if bundle.behind_hash is not None else keccak(bundle.transactions[0])
    fields: dict[str, object] = {
        "txs": [hex_bytes(theirs), hex_bytes(bundle.transactions[-1])],
        "blockNumber": hex_quantity(bundle.target_block),
    }
    if uuid is not None:
        fields["replacementUuid"] = uuid
    return SEND_BUNDLE, [fields]


def _private_transaction(bundle: Bundle, _: str | None) -> tuple[str, Params]:
    """Flashbots shares `hash` and `default_logs` with searchers where no hints are named: the logs name our pools.

    A list that names one takes the others away, and an empty one counts as none: the hash alone is the least that can
    be said. `fast` would share the whole transaction with every builder and with searchers in enclaves.
    (docs.flashbots.net, flashbots-protect/settings-guide)
    """
    [raw] = bundle.transactions
    fields: dict[str, object] = {
        "tx": hex_bytes(raw),
        "maxBlockNumber": hex_quantity(bundle.target_block),
        "preferences": {"fast": False, "privacy": {"hints": ["hash"]}},
    }
    return PRIVATE_TRANSACTION, [fields]


def _raw(bundle: Bundle, _: str | None) -> tuple[str, Params]:
    [raw] = bundle.transactions
    return RAW_TRANSACTION, [hex_bytes(raw)]


_ENCODERS: Final[Mapping[Codec, Callable[[Bundle, str | None], tuple[str, Params]]]] = {
    "flashbots": _flashbots,
    "mev_share": _mev_share,
    "bloxroute": _bloxroute,
    "hash_first": _hash_first,
    "private_transaction": _private_transaction,
    "raw": _raw,
}


def _not_sent(why: str) -> Reverted:
    return Reverted(f"not sent: {why}")
