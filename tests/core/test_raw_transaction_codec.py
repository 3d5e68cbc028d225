"""Raw bytes re-encoded from a node's JSON: against eth-account for every type, against real blocks for every transaction."""

import gzip
import json

import pytest
import rlp
from eth_account import Account
from eth_utils import keccak, to_checksum_address
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.ethereum_json import MalformedAnswer
from bot.core.raw_transaction_codec import HashMismatch, from_json, from_raw, from_signed_json
from bot.core.signed_fields import signing_parts
from tests.oracle.node_transaction_json import node_json
from tests.oracle.transaction_decoder import decode_transaction

ACCOUNT = Account.from_key(keccak(b"somebody"))
SENDER = bytes.fromhex(ACCOUNT.address[2:])
KINDS = range(5)

words = st.binary(min_size=32, max_size=32)
addresses = st.binary(min_size=20, max_size=20)
amounts = st.integers(0, (1 << 128) - 1)
chain_ids = st.sampled_from([1, 10, 31337, 42161, (1 << 40) + 7])
access_lists = st.lists(
    st.fixed_dictionaries({"address": addresses.map(lambda a: "0x" + a.hex()),
                           "storageKeys": st.lists(words.map(lambda w: "0x" + w.hex()), max_size=3)}),
    max_size=3,
)  # fmt: skip


@st.composite
def signed_transactions(draw, kind):
    """(raw, node JSON) of a transaction signed by eth-account."""
    fields = {
        "nonce": draw(st.integers(0, (1 << 64) - 2)),
        "gas": draw(st.integers(21_000, 1 << 40)),
        "value": draw(st.integers(0, 3) | amounts),
        "data": draw(st.binary(max_size=3) | st.binary(min_size=50, max_size=300)),
    }
    to = draw(addresses if kind >= 3 else addresses | st.none())
    fields["to"] = to_checksum_address(to) if to is not None else ""
    if kind:
        fields |= {"type": kind, "chainId": draw(chain_ids), "accessList": draw(access_lists)}
    elif draw(st.booleans()):
        fields["chainId"] = draw(chain_ids)
    if kind < 2:
        fields["gasPrice"] = draw(amounts)
    else:
        fields |= {"maxFeePerGas": draw(amounts), "maxPriorityFeePerGas": draw(amounts)}
    if kind == 3:
        blobs = draw(st.lists(st.binary(min_size=31, max_size=31), min_size=1, max_size=6))
        fields |= {"maxFeePerBlobGas": draw(amounts), "blobVersionedHashes": [b"\x01" + one for one in blobs]}
    if kind == 4:
        fields["authorizationList"] = [
            ACCOUNT.sign_authorization({"chainId": chain_id, "address": address, "nonce": nonce})
            for chain_id, address, nonce in draw(
                st.lists(
                    st.tuples(chain_ids | st.just(0), addresses, st.integers(0, 1 << 40)),
                    min_size=1,
                    max_size=3,
                )
            )
        ]
    return bytes(ACCOUNT.sign_transaction(fields).raw_transaction)


@pytest.mark.parametrize("kind", KINDS)
def test_re_encodes_what_eth_account_signed(kind):
    met = []

    @settings(max_examples=40, deadline=None)
    @given(signed_transactions(kind), st.booleans())
    def check(raw, is_padded):
        body, read = node_json(raw, pads_signature=is_padded), decode_transaction(raw)
        found = from_json(body)
        assert found.raw == raw
        assert found == from_raw(raw, SENDER) == from_signed_json(body)
        assert (found.hash, found.type, found.sender, found.nonce) == (
            read.hash,
            kind,
            read.sender,
            read.nonce,
        )
        assert (found.to, found.value, found.data, found.gas_limit) == (
            read.to,
            read.value,
            read.data,
            read.gas_limit,
        )
        assert found.max_fee_per_gas == read.max_fee_per_gas
        assert found.max_priority_fee_per_gas == read.max_priority_fee_per_gas
        assert found.access_list == read.access_list
        assert len(found.authorizations) == len(body.get("authorizationList", ()))
        assert signing_parts(raw).digest == read.signing_hash
        met.append(found.type)

    check()
    assert len(met) >= 40


def test_both_legacy_forms_are_met():
    old = ACCOUNT.sign_transaction(
        {"nonce": 0, "gas": 21_000, "gasPrice": 1, "value": 0, "data": b"", "to": ACCOUNT.address}
    )
    new = ACCOUNT.sign_transaction(
        {
            "nonce": 0,
            "gas": 21_000,
            "gasPrice": 1,
            "value": 0,
            "data": b"",
            "to": ACCOUNT.address,
            "chainId": 1,
        }
    )
    assert old.v in (27, 28)
    assert new.v in (37, 38)
    for signed in (old, new):
        raw = bytes(signed.raw_transaction)
        parts = signing_parts(raw)
        assert (parts.r, parts.s, parts.y_parity) == (signed.r, signed.s, (signed.v - 1) % 2)
        assert from_raw(raw, SENDER).raw == raw


def test_every_transaction_of_the_recorded_blocks_re_encodes_to_its_hash(ground_truth):
    kinds = {}
    for path in sorted((ground_truth("mainnet_blocks") / "blocks").glob("*/block.json.gz")):
        block = json.loads(gzip.decompress(path.read_bytes()))
        for body in block["transactions"]:
            found = from_json(body)
            assert keccak(found.raw) == bytes.fromhex(body["hash"][2:])
            assert from_raw(found.raw, found.sender) == found
            kinds[found.type] = kinds.get(found.type, 0) + 1
    ground_truth.count(sum(kinds.values()))
    assert set(kinds) == {0, 1, 2}
    assert sum(kinds.values()) > 10_000


def _body(kind=2):
    fields = {"nonce": 7, "gas": 90_000, "value": 5, "data": b"\x01\x02", "to": ACCOUNT.address, "chainId": 1}
    fields |= {0: {"gasPrice": 9}, 2: {"type": 2, "maxFeePerGas": 9, "maxPriorityFeePerGas": 3}}[kind]
    return node_json(bytes(ACCOUNT.sign_transaction(fields).raw_transaction))


@pytest.mark.parametrize(
    ("name", "value"),
    [("nonce", "0x8"), ("value", "0x6"), ("input", "0x0103"), ("to", None), ("maxFeePerGas", "0xa"), ("yParity", None),
     ("accessList", [{"address": "0x" + "11" * 20, "storageKeys": []}]), ("chainId", "0x2"), ("gas", "0x1")],
)  # fmt: skip
def test_a_body_that_is_not_what_it_is_announced_as_says_both_hashes(name, value):
    body = _body()
    if name == "yParity":  # the parity alone turned over
        value = hex(1 - int(body["yParity"], 16))
    with pytest.raises(HashMismatch) as told:
        from_json(body | {name: value})
    assert body["hash"] in str(told.value)
    assert str(told.value).count("0x") == 2


@pytest.mark.parametrize(
    "name",
    ["hash", "nonce", "gas", "value", "input", "from", "r", "s", "maxFeePerGas", "chainId", "accessList"],
)
def test_a_missing_field_never_becomes_a_zero(name):
    body = _body()
    del body[name]
    with pytest.raises(MalformedAnswer):
        from_json(body)


@pytest.mark.parametrize(
    "changed",
    [{"type": "0x5"}, {"type": "0x7e"}, {"to": "0x12"}, {"nonce": "0x1" + "0" * 16}, {"yParity": "0x2"}, {"r": 5},
     {"accessList": [{"address": "0x12", "storageKeys": []}]}, {"accessList": "0x"}, {"accessList": [7]},
     {"accessList": [{"address": "0x" + "11" * 20, "storageKeys": ["0x01"]}]}, {"type": "0x3"}, {"type": "0x4"}],
)  # fmt: skip
def test_what_no_chain_knows_is_refused(changed):
    with pytest.raises(ValueError):
        from_json(_body() | changed)


@pytest.mark.parametrize(
    ("kind", "parity"), [(0, 0), (0, 1), (0, 26), (0, 29), (0, 34), (1, 2), (2, 2), (2, 27), (3, 2), (4, 27)]
)
def test_a_parity_that_no_signature_has_is_refused(kind, parity):
    to, lists = bytes(20), {1: [[]], 2: [[]], 3: [[], b"\1", []], 4: [[], []]}
    numbers = {0: 3, 1: 4}.get(kind, 5)
    fields = [b"\1"] * numbers + [to, b"\1", b""] + lists.get(kind, [])
    raws = [rlp.encode([*fields, one, b"\1", b"\1"]) for one in (parity, 27 if kind == 0 else 1)]
    wrong, right = (bytes([kind]) * bool(kind) + raw for raw in raws)
    assert from_raw(right, SENDER).type == kind
    with pytest.raises(ValueError, match=f"type {kind} with v = {parity}"):
        from_raw(wrong, SENDER)


def test_a_legacy_body_without_a_type_and_one_with_data_for_input():
    body = _body(0)
    del body["type"]
    body["data"] = body.pop("input")
    assert from_json(body).type == 0


def test_a_blob_transaction_in_its_network_form_is_refused():
    fields = {"nonce": 7, "gas": 90_000, "value": 5, "data": b"", "to": ACCOUNT.address, "chainId": 1, "type": 3,
              "maxFeePerGas": 9, "maxPriorityFeePerGas": 3, "maxFeePerBlobGas": 1,
              "blobVersionedHashes": [b"\x01" + bytes(31)]}  # fmt: skip
    raw = bytes(ACCOUNT.sign_transaction(fields).raw_transaction)
    assert from_raw(raw, SENDER).type == 3
    network = b"\x03" + rlp.encode([rlp.decode(raw[1:]), [b"blob"], [b"commitment"], [b"proof"]])
    with pytest.raises(ValueError, match="with its blobs"):
        from_raw(network, SENDER)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda body: b"\x02" + body))
def test_random_bytes_are_refused_or_read_as_they_are(raw):
    try:
        found = from_raw(raw, SENDER)
    except ValueError:
        return
    assert found.raw == raw


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(KINDS).flatmap(signed_transactions), st.data())
def test_a_changed_byte_is_refused_or_another_transaction(raw, data):
    place = data.draw(st.integers(0, len(raw) - 1))
    changed = raw[:place] + bytes([raw[place] ^ data.draw(st.integers(1, 255))]) + raw[place + 1 :]
    try:
        found = from_raw(changed, SENDER)
    except ValueError:
        return
    assert found.hash == keccak(changed) != keccak(raw)
    assert from_json(node_json(changed, sender=SENDER)).raw == changed
