"""What a relay would read of a request: shape by its own documentation, signer by eth-account, hashes computed anew.

Strict: a member that the relay's documentation does not name, or one of another type, is an error.
"""

import json
from dataclasses import dataclass

from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils import keccak

FLASHBOTS_LIKE = {
    "market", "market-titan", "market-buildernet", "flashbots", "titan", "buildernet", "quasar", "rsync",
}  # fmt: skip
HASH_FIRST = {"mevblocker", "merkle"}
PRIVATE = {"market-unprotected", "flashbots-protect"}
PLAIN = {"mevblocker-rpc", "public"}
SHARE = {"market-share"}
BLOXROUTE = {"bloxroute"}
NO_UUID = {"merkle"} | PRIVATE | PLAIN
SIGNED = {
    "market", "market-unprotected", "market-titan", "market-buildernet", "market-share", "flashbots", "titan",
    "buildernet", "flashbots-protect",
}  # fmt: skip
"""Who is sent X-Flashbots-Signature."""


@dataclass(frozen=True)
class Read:
    """One request as the relay understands it."""

    method: str
    request_id: int
    block: int | None
    """None where the method has no block."""
    follows: bytes | None
    """The hash that stands first where a transaction belongs."""
    raws: tuple[bytes, ...]
    hashes: tuple[bytes, ...]
    """Of the raw transactions."""
    bundle_hash: bytes
    """Keccak of all the hashes, `follows` first."""
    uuid: str | None
    signer: str | None
    """Recovered from the header; None where no header came."""


def read_request(relay: str, body: bytes, signature: str | None) -> Read:
    """`body`: the very bytes. Raises ValueError for anything the relay's documentation does not describe."""
    asked = json.loads(body)
    _expect(set(asked) == {"jsonrpc", "id", "method", "params"}, f"members {sorted(asked)}")
    _expect(asked["jsonrpc"] == "2.0" and type(asked["id"]) is int, "no JSON-RPC 2.0 request")
    block, follows, raws, uuid = _reader(relay, asked["method"])(asked["params"])
    _expect((uuid is not None) == (relay not in NO_UUID), f"uuid {uuid}")
    hashes = tuple(keccak(raw) for raw in raws)
    whole = b"".join([*([follows] if follows else []), *hashes])
    return Read(
        asked["method"],
        asked["id"],
        block,
        follows,
        raws,
        hashes,
        keccak(whole),
        uuid,
        _signer(body, signature),
    )


def _reader(relay: str, method: str):
    if relay in FLASHBOTS_LIKE and method == "eth_sendBundle":
        return _flashbots
    if relay in SHARE | {"flashbots"} and method == "mev_sendBundle":
        return _share
    if relay in HASH_FIRST and method == "eth_sendBundle":
        return _hash_first
    if relay in BLOXROUTE and method == "blxr_submit_bundle":
        return _bloxroute
    if relay in PRIVATE and method == "eth_sendPrivateTransaction":
        return _private
    if relay in PLAIN and method == "eth_sendRawTransaction":
        return lambda params: (None, None, (_data(_only(params)),), None)
    raise ValueError(f"{relay} does not document {method}")


def _flashbots(params):
    fields = _members(_only(params), {"txs", "blockNumber"}, {"replacementUuid"})
    return (
        _quantity(fields["blockNumber"]),
        None,
        tuple(_data(raw) for raw in fields["txs"]),
        fields.get("replacementUuid"),
    )


def _share(params):
    fields = _members(_only(params), {"version", "inclusion", "body"}, {"replacementUuid"})
    _expect(fields["version"] == "v0.1", "version")
    inclusion = _members(fields["inclusion"], {"block"}, {"maxBlock"})
    follows, raws = None, []
    for place, element in enumerate(fields["body"]):
        if "hash" in element:
            _expect(place == 0 and set(element) == {"hash"}, "a hash that is not first")
            follows = _data(element["hash"], 32)
        else:
            _members(element, {"tx", "canRevert"}, set())
            _expect(element["canRevert"] is False, "a transaction that may revert")
            raws.append(_data(element["tx"]))
    _expect(follows is None or len(raws) == 1, "more than one back-run")
    return _quantity(inclusion["block"]), follows, tuple(raws), fields.get("replacementUuid")


def _hash_first(params):
    fields = _members(_only(params), {"txs", "blockNumber"}, {"replacementUuid"})
    target, raw = fields["txs"]
    return (
        _quantity(fields["blockNumber"]),
        _data(target, 32),
        (_data(raw),),
        fields.get("replacementUuid"),
    )


def _bloxroute(params):
    """The parameter object itself, no list around it; hex without 0x."""
    fields = _members(params, {"transaction", "block_number", "mev_builders"}, {"uuid"})
    _expect(fields["mev_builders"] == {"all": ""}, "mev_builders")
    raws = tuple(bytes.fromhex(text) for text in fields["transaction"])
    return _quantity(fields["block_number"]), None, raws, fields.get("uuid")


def _private(params):
    """Without preferences searchers are told its logs: contracts and topics (settings guide of Flashbots Protect)."""
    fields = _members(_only(params), {"tx", "maxBlockNumber", "preferences"}, set())
    preferences = _members(fields["preferences"], {"privacy"}, {"fast"})
    _expect(preferences.get("fast", False) is False, "fast shows the whole transaction to others")
    _expect(preferences["privacy"] == {"hints": ["hash"]}, f"hints beyond the hash: {preferences['privacy']}")
    return _quantity(fields["maxBlockNumber"]), None, (_data(fields["tx"]),), None


def _signer(body: bytes, signature: str | None) -> str | None:
    if signature is None:
        return None
    said, _, signed = signature.partition(":")
    recovered = Account.recover_message(encode_defunct(text="0x" + keccak(body).hex()), signature=signed)
    _expect(recovered == said, f"signed by {recovered}, said {said}")
    return recovered


def _only(params):
    _expect(isinstance(params, list) and len(params) == 1, "params are not a list of one")
    return params[0]


def _members(fields, needed, optional):
    _expect(isinstance(fields, dict) and needed <= set(fields) <= needed | optional, f"members {fields}")
    return fields


def _data(text, size=None) -> bytes:
    _expect(isinstance(text, str) and text[:2] == "0x" and text == text.lower(), f"{text} is no data")
    raw = bytes.fromhex(text[2:])
    _expect(size is None or len(raw) == size, f"{len(raw)} bytes, not {size}")
    return raw


def _quantity(text) -> int:
    _expect(isinstance(text, str) and text == hex(int(text, 16)), f"{text} is no quantity")
    return int(text, 16)


def _expect(holds, words):
    if not holds:
        raise ValueError(words)
