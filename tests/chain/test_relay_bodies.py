"""The bytes for every relay, read back by somebody who knows only the relays' documentation; and made once."""

from collections import Counter

import pytest
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.chain import relay_bodies
from bot.chain.relay_bodies import BundleBodies, Prepared
from bot.chain.relay_identity import RelayIdentity
from bot.chain.relay_rows import FLASHBOTS, MARKET, MARKET_TITAN, MERKLE, MEVBLOCKER, QUASAR, ROWS, TITAN
from bot.chain.relays import open_route, prepare_all
from bot.clock import SystemClock
from bot.core.decisions import Bundle
from bot.core.identity import to_checksum
from bot.core.result import Reverted
from tests.oracle.relay_decoder import SIGNED, read_request

IDENTITY = RelayIdentity(keccak(b"relay identity of the bodies"))
UUID = "01234567-89ab-4cde-8f01-23456789abcd"
RAW = st.binary(min_size=1, max_size=300)
BUNDLES = st.builds(
    Bundle,
    transactions=st.lists(RAW, min_size=1, max_size=3).map(tuple),
    target_block=st.integers(1, 2**40),
    replacement_uuid=st.uuids(version=4).map(str),
    may_revert=st.booleans(),
    behind_hash=st.none() | st.binary(min_size=32, max_size=32),
)
REASONS = (
    "mines reverts",
    "takes 1 to",
    "behind a hash",
    "takes back-runs alone",
)


def prepared_for(bodies, bundle, rows):
    """Through routes that share their bodies; none is ever connected."""
    at = "http://127.0.0.1:1/"
    routes = [
        open_route(row, at, IDENTITY, SystemClock(), 10**9, bodies=bodies, authorization="account")
        for row in rows
    ]
    return prepare_all(bundle, routes)


def expected(bundle, row):
    """Which hash stands first and which raw transactions follow, by the documentation; None: it cannot be said."""
    count, hint = len(bundle.transactions), bundle.behind_hash
    if bundle.may_revert and row.name in ("market-unprotected", "public"):
        return None
    if row.name in ("mevblocker", "merkle"):
        if hint is not None:
            return (hint, bundle.transactions) if count == 1 else None
        return (keccak(bundle.transactions[0]), bundle.transactions[1:]) if count == 2 else None
    if hint is not None:
        return (
            (hint, bundle.transactions) if row.name in ("flashbots", "market-share") and count == 1 else None
        )
    if row.name in ("market-unprotected", "flashbots-protect", "mevblocker-rpc", "public"):
        return (None, bundle.transactions) if count == 1 else None
    if row.name == "bloxroute" and count > 2:
        return None
    return None, bundle.transactions


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
@settings(max_examples=25, deadline=None)
@given(bundle=BUNDLES)
def test_each_relay_reads_what_was_meant_or_is_sent_nothing(row, bundle):
    bodies = BundleBodies(IDENTITY)
    prepared = prepared_for(bodies, bundle, [row])[row.name]
    meant = expected(bundle, row)
    if meant is None:
        assert isinstance(prepared, Reverted)
        assert prepared.reason.startswith("not sent: ")
        assert any(reason in prepared.reason for reason in REASONS), prepared.reason
        return
    assert isinstance(prepared, Prepared), prepared
    read = read_request(row.name, prepared.body, prepared.signature)
    assert (read.follows, read.raws) == (meant[0], tuple(meant[1]))
    assert read.block in (bundle.target_block, None)
    assert (read.block is None) == (row.codec == "raw")
    assert read.uuid in (bundle.replacement_uuid, None)
    assert read.signer == (to_checksum(IDENTITY.address) if row.name in SIGNED else None)
    assert (read.method, read.request_id) == (prepared.method, prepared.request_id)


def test_every_kind_of_bundle_can_be_said_to_somebody():
    """The property is not about refusals alone."""
    kinds = {
        "ours": Bundle((b"\x02a",), 1, UUID, False),
        "theirs, ours": Bundle((b"\x02a", b"\x02b"), 1, UUID, True),
        "hash, ours": Bundle((b"\x02a",), 1, UUID, True, bytes(32)),
    }
    said = {kind: [row.name for row in ROWS.values() if expected(b, row)] for kind, b in kinds.items()}
    assert {kind: len(names) for kind, names in said.items()} == {
        "ours": 14,
        "theirs, ours": 12,
        "hash, ours": 4,
    }
    assert set().union(*said.values()) == set(ROWS)


def test_the_decoder_sees_what_is_wrong():
    prepared = prepared_for(BundleBodies(IDENTITY), Bundle((b"\x02a",), 1, UUID, True), [MARKET])["market"]
    for spoiled in (
        prepared.body.replace(b'"0x1"', b'"0x01"'),
        prepared.body.replace(b"blockNumber", b"block_number"),
        prepared.body.replace(b"replacementUuid", b"replacementUUID"),
        prepared.body + b" ",  # other bytes than those signed
    ):
        with pytest.raises(ValueError):
            read_request("market", spoiled, prepared.signature)


def test_routes_of_one_form_share_bytes_and_one_signature(monkeypatch):
    made = Counter()
    plain = relay_bodies.encode_request
    monkeypatch.setattr(
        relay_bodies, "encode_request", lambda *asked: made.update(["bodies"]) or plain(*asked)
    )
    monkeypatch.setattr(RelayIdentity, "header", lambda *_: made.update(["signatures"]) or "0x:0x")
    bodies, bundle = BundleBodies(IDENTITY), Bundle((b"\x02a",), 1, UUID, True)
    rows = [row for row in ROWS.values() if row.drops_reverts]
    for _ in range(3):
        prepared = {
            name: one for name, one in prepared_for(bodies, bundle, rows).items() if isinstance(one, Prepared)
        }
    same = [prepared[row.name] for row in (MARKET, MARKET_TITAN, FLASHBOTS, TITAN, QUASAR)]
    assert all(one is same[0] for one in same)
    forms = {id(one) for one in prepared.values()}
    assert made == {
        "bodies": len(forms),
        "signatures": len({row.codec for row in rows if row.name in SIGNED}),
    }
    assert len({one.request_id for one in prepared.values()}) == len(forms)
    assert len(forms) < len(prepared)


def test_a_row_without_uuids_is_another_form():
    bundle = Bundle((b"\x02a", b"\x02b"), 1, UUID, True)
    prepared = prepared_for(BundleBodies(IDENTITY), bundle, [MEVBLOCKER, MERKLE])
    assert prepared["mevblocker"].body != prepared["merkle"].body
    assert UUID.encode() not in prepared["merkle"].body


def test_only_the_last_bundles_are_kept():
    bodies = BundleBodies(IDENTITY)
    first = Bundle((b"\x02a",), 0, UUID, True)
    was = bodies.of(first, MARKET)
    assert bodies.of(first, MARKET) is was
    for block in range(1, 40):
        bodies.of(replace(first, target_block=block), MARKET)
    assert bodies.of(first, MARKET) is not was
    assert len(bodies._kept) == 16
